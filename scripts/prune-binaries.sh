#!/bin/sh
# Removes the libraries of other systems and processors from onnxruntime-node, most of its size.
# Usage: prune-binaries.sh NODE_MODULES
set -eu
binaries=$1/onnxruntime-node/bin
system=$(node -p process.platform)
processor=$(node -p process.arch)
# bin/napi-v6/linux/x64
find "$binaries" -mindepth 2 -maxdepth 2 ! -name "$system" -exec rm -rf {} +
find "$binaries" -mindepth 3 -maxdepth 3 ! -name "$processor" -exec rm -rf {} +
# A layout that is not the one above would leave nothing, or everything.
[ -n "$(find "$binaries" -path "*/$system/$processor/*" -name '*.node')" ] || {
  echo "There is no library for $system/$processor below $binaries" >&2
  exit 1
}
