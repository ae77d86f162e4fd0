#!/usr/bin/env bash
# Lints, type-checks and tests the Python client, the Mitsuba plugin and what of the Blender extension needs no Blender
# (scripts/test-blender.sh tests the rest) in a virtual environment of their own,
# plugins/.venv, made at the first run. With --render also what needs Mitsuba 3, which needs a shared library of LLVM
# (DRJIT_LIBLLVM_PATH where it is not found).
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
  echo "The tests of the plugins need Python 3.10 or newer as python3 (or name one in PYTHON)." >&2
  exit 1
fi
render=${1:-}
venv=plugins/.venv
install() {
  local stamp=$venv/.installed-$1
  shift
  if [ ! -f "$stamp" ] || [ clients/python/pyproject.toml -nt "$stamp" ] || [ plugins/mitsuba/pyproject.toml -nt "$stamp" ]; then
    "$python" -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet "$@"
    touch "$stamp"
  fi
}
install base --editable 'clients/python[test]' --editable 'plugins/mitsuba[test]'
export PATH="$PWD/$venv/bin:$PATH"
python plugins/blender/build.py
for package in clients/python plugins/mitsuba plugins/blender; do
  (cd "$package" && ruff check . && ruff format --check . && mypy && python -m pytest -q)
done
ruff check examples/adaptive bench/adaptive
ruff format --check examples/adaptive bench/adaptive
bash scripts/test-wheel.sh
if [ "$render" = --render ]; then
  install render mitsuba
  (cd plugins/mitsuba && python -m pytest -q tests_mitsuba)
fi
