#!/usr/bin/env bash
# Makes the bundle of this system and uses it as it is: unpacked from its archive into a folder whose name has a space, without
# any environment and thus without another Node, called directly and through a link.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
case $(uname -sm) in
  'Linux x86_64') target=linux-x64 ;;
  'Linux aarch64') target=linux-arm64 ;;
  'Darwin arm64') target=darwin-arm64 ;;
  *)
    echo "NOT TESTED: there is no bundle for $(uname -sm)" >&2
    exit 0
    ;;
esac
if [ ! -f dist/viewer/index.html ]; then npm run -s build; fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
node scripts/bundle.mjs --target "$target" --output "$work"
mkdir "$work/my programs"
tar -xzf "$work"/quietframe-*-"$target".tar.gz -C "$work/my programs"
folder=$(echo "$work/my programs"/quietframe-*)
du -sh "$folder"
cd "$work"
ln -s "$folder/quietframe" "$work/link"
for program in "$folder/quietframe" "$work/link"; do
  env -i PATH= "$program" --version
done
env -i PATH= "$folder/quietframe" denoise "$root/examples/window/frame.0004.exr" -o clean.exr
env -i PATH= "$folder/quietframe" compare clean.exr "$root/examples/window/reference.0004.exr"
env -i PATH= "$folder/runtime/node" "$root/scripts/test-service.mjs" "$folder/quietframe"
