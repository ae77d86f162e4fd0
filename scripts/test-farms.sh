#!/usr/bin/env bash
# Tests what connects quietframe to render farms and pipelines, with their own Python packages, in a virtual environment that is
# made at the first run in build/farms. Needs the built command line (npm run build).
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
  echo "The tests of the farms need Python 3.10 or newer as python3 (or name one in PYTHON)." >&2
  exit 1
fi
requirements=test/farms/requirements.txt
venv=build/farms/venv
if ! cmp -s "$requirements" "$venv/installed.txt"; then
  "$python" -m venv "$venv"
  "$venv/bin/python" -m pip install --quiet --requirement "$requirements"
  cp "$requirements" "$venv/installed.txt"
fi
export PATH="$PWD/$venv/bin:$PATH"
ruff check --config test/farms/pyproject.toml test/farms test/farms/blender deploy plugins/usd examples/hosts
ruff format --check --config test/farms/pyproject.toml test/farms test/farms/blender deploy plugins/usd examples/hosts
python -m pytest -q --durations=5 -p no:cacheprovider test/farms "$@"
