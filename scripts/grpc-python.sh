#!/usr/bin/env bash
# Makes a virtual environment with grpcio in build/grpc-python and the stubs of proto/ in its folder `stubs`, where they
# are missing or old, and prints the path of the folder.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$PWD/build/grpc-python
requirements=(grpcio==1.76.0 grpcio-tools==1.76.0)
if [ "$(cat "$folder/.installed" 2>/dev/null)" != "${requirements[*]}" ]; then
  "${PYTHON:-python3}" -m venv "$folder" >&2
  "$folder/bin/python" -m pip install --quiet "${requirements[@]}" >&2
  echo "${requirements[*]}" >"$folder/.installed"
fi
rm -rf "$folder/stubs"
mkdir -p "$folder/stubs"
"$folder/bin/python" -m grpc_tools.protoc --proto_path=proto --python_out="$folder/stubs" \
  --grpc_python_out="$folder/stubs" quietframe/v1/denoiser.proto >&2
echo "$folder"
