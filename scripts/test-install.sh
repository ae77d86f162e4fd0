#!/usr/bin/env bash
# Installs the package as users do, from its archive into empty folders, with each supported version of Node and the npm that
# comes with it, and uses what was installed. Fails on any warning of npm, and where a package has an install script: such a
# script may ask other hosts than the registry. Node and npm are packages from the registry.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
if [ ! -f dist/viewer/index.html ]; then npm run -s build; fi
npm run -s build:package
# A folder of links cannot be bundled.
if [ -L node_modules ]; then
  echo "Expected node_modules to be a folder but it is a link: run npm ci" >&2
  exit 1
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
npm pack --silent --pack-destination "$work" >"$work/name"
archive=$work/$(tail -n 1 "$work/name")
system=$(node -p 'process.platform.replace("win32", "win") + "-" + process.arch')
case $system in darwin-arm64) system=bin-$system ;; esac

# Versions of Node and npm.
for pair in 20:10 22:10 24:11; do
  node=${pair%:*} npm=${pair#*:}
  mkdir -p "$work/tools-$node" "$work/empty-$node"
  (cd "$work/tools-$node" && npm install --silent --no-fund --no-audit --no-save --ignore-scripts "node-$system@$node" "npm@$npm")
  (
    export PATH="$work/tools-$node/node_modules/node-$system/bin:$work/tools-$node/node_modules/.bin:$PATH"
    cd "$work/empty-$node"
    echo "Node $(node --version), npm $(npm --version)"
    npm install "$archive" 2>&1 | tee "$work/log"
    # Warnings about the settings of whoever runs this are theirs.
    if grep -vE 'Unknown (user|global|env|cli) config' "$work/log" | grep -qiE 'npm (warn|error)|deprecated'; then
      echo "npm has warned" >&2
      exit 1
    fi
    if grep -q hasInstallScript node_modules/.package-lock.json; then
      echo "Expected packages without install scripts but there are some" >&2
      exit 1
    fi
    node_modules/.bin/quietframe --version
    node_modules/.bin/quietframe denoise "$root/examples/window/frame.0004.exr" -o clean.exr
    node_modules/.bin/quietframe compare clean.exr "$root/examples/window/reference.0004.exr"
    node "$root/scripts/test-service.mjs" node node_modules/quietframe/dist/cli/main.js
  )
  rm -rf "$work/empty-$node" "$work/tools-$node"
done
