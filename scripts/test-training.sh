#!/usr/bin/env bash
# Lints and tests the training package in a virtual environment of its own, training/.venv, made at the first run.
set -euo pipefail
cd "$(dirname "$0")/../training"
python=${PYTHON:-python3}
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
  echo "The tests of the training package need Python 3.10 or newer as python3 (or name one in PYTHON)." >&2
  exit 1
fi
stamp=.venv/.installed
if [ ! -f "$stamp" ] || [ pyproject.toml -nt "$stamp" ]; then
  "$python" -m venv .venv
  .venv/bin/python -m pip install --quiet --editable '.[test]'
  touch "$stamp"
fi
export PATH="$PWD/.venv/bin:$PATH"
ruff check .
ruff format --check .
python -m pytest -q -W ignore::DeprecationWarning
