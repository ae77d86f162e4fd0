#!/usr/bin/env bash
# Builds the Blender extension, installs it in real Blenders (the package bpy, a few hundred megabytes each, in virtual
# environments of their own, plugins/blender/.venv-VERSION) and tests it with small renders and a service. Blender's modules
# are made for one version of Python each: 3.11 for Blender 4.2 to 5.0. With arguments, tests these versions of bpy alone.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3.11}
if ! "$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
  echo "The tests with Blender need Python 3.11 as python3.11 (or name it in PYTHON)." >&2
  exit 1
fi
if [ ! -f dist/cli/main.js ]; then npm run -s build; fi
"$python" plugins/blender/build.py
# The newest long-term support release, and the newest.
for version in "${@:-}"; do
  for each in ${version:-4.5.15 5.0.1}; do
    venv=plugins/blender/.venv-$each
    if [ ! -f "$venv/.installed" ]; then
      "$python" -m venv "$venv"
      "$venv/bin/python" -m pip install --quiet "bpy==$each" pytest OpenEXR
      touch "$venv/.installed"
    fi
    user=$(mktemp -d)
    trap 'rm -rf "$user"' EXIT
    (cd plugins/blender && BLENDER_USER_RESOURCES=$user ".venv-$each/bin/python" -m pytest -q -p no:cacheprovider tests_blender)
    rm -rf "$user"
  done
done
