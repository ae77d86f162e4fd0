#!/usr/bin/env bash
# Builds the Blender extension, installs it in real Blenders (the package bpy, a few hundred megabytes each, in virtual
# environments of their own, plugins/blender/.venv-VERSION) and tests it with small renders and a service: the oldest
# Blender that it is for, the long-term support releases and the last one before the newest. With arguments, tests these
# versions of bpy alone. Blender's modules are made for one version of Python each, 3.11 up to Blender 5.0 and 3.13 from
# 5.1 on: python3.11 and python3.13, or what PYTHON311 and PYTHON313 name.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ $# -eq 0 ]; then set -- 4.2.23 4.5.15 5.0.1 5.2.3; fi
python_of() {
  case $1 in
    4.* | 5.0.*) python=${PYTHON311:-python3.11} minor=11 ;;
    *) python=${PYTHON313:-python3.13} minor=13 ;;
  esac
  if ! "$python" -c "import sys; sys.exit(sys.version_info[:2] != (3, $minor))" 2>/dev/null; then
    echo "The tests with Blender $1 need Python 3.$minor as python3.$minor (or name it in PYTHON3$minor)." >&2
    exit 1
  fi
}
for version in "$@"; do python_of "$version"; done
if [ ! -f dist/cli/main.js ]; then npm run -s build; fi
"$python" plugins/blender/build.py
user=$(mktemp -d)
trap 'rm -rf "$user"' EXIT
for version in "$@"; do
  python_of "$version"
  venv=plugins/blender/.venv-$version
  if [ ! -f "$venv/.installed" ]; then
    "$python" -m venv --clear "$venv"
    "$venv/bin/python" -m pip install --quiet "bpy==$version" pytest OpenEXR
    touch "$venv/.installed"
  fi
  echo "Blender $version"
  (cd plugins/blender && BLENDER_USER_RESOURCES=$user/$version ".venv-$version/bin/python" -m pytest -q -p no:cacheprovider tests_blender)
done
