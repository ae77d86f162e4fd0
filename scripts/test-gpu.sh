#!/usr/bin/env bash
# Tests WebGPU: by the Vulkan driver in software that comes with Chromium (Debian's package; name another folder in
# CHROMIUM_FOLDER), or with --system by the machine's own driver. In software it takes minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
npm run -s build:wasm
npm run -s build:ts
if [ "${1:-}" != --system ]; then
  chromium=${CHROMIUM_FOLDER:-/usr/lib/chromium}
  for file in libvulkan.so.1 vk_swiftshader_icd.json; do
    if [ ! -e "$chromium/$file" ]; then
      echo "NOT TESTED: WebGPU. Expected $file in $chromium, where Debian's Chromium is installed, but there is none." >&2
      exit 0
    fi
  done
  # The loader alone: the folder has other libraries, which must not take the place of the system's.
  loader=$(mktemp -d)
  trap 'rm -r "$loader"' EXIT
  ln -s "$chromium/libvulkan.so.1" "$loader/"
  export LD_LIBRARY_PATH=$loader VK_ICD_FILENAMES=$chromium/vk_swiftshader_icd.json
fi
npx vitest run --config test/gpu/vitest.config.ts
