#!/usr/bin/env bash
# Tests TensorFlow.js's native packages behind the engine: their own code, installed at the first run in build/tfjs-node without
# their install scripts, and a stand-in for the native library that these would download. Needs the built command line.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=build/tfjs-node
version=4.22.0
if [ ! -d "$folder/node_modules/@tensorflow/tfjs-node-gpu" ]; then
  mkdir -p "$folder"
  echo '{ "private": true }' > "$folder/package.json"
  npm install --prefix "$folder" --ignore-scripts --no-audit --no-fund --loglevel error \
    "@tensorflow/tfjs-node@$version" "@tensorflow/tfjs-node-gpu@$version"
fi
for package in tfjs-node tfjs-node-gpu; do
  library=$folder/node_modules/@tensorflow/$package/lib/napi-v8
  mkdir -p "$library"
  cp test/tfjs-node/binding.cjs "$library/tfjs_binding.node"
done
node test/tfjs-node/main.mjs "$PWD/$folder/node_modules"
