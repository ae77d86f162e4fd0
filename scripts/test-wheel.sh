#!/usr/bin/env bash
# Builds the wheel of the Python client and tests what it installs, in an empty environment and with a real service.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ ! -f dist/cli/main.js ]; then npm run -s build; fi
work=$(mktemp -d)
service=
trap 'if [ -n "$service" ]; then kill "$service" && wait "$service" || true; fi; rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
# A copy: setuptools writes beside its sources, and would put what lies there into the wheel.
cp -r clients/python "$work/source"
rm -rf "$work/source/build"
"$work/venv/bin/python" -m pip wheel --quiet --no-deps --wheel-dir "$work" "$work/source"
wheel=$(echo "$work"/*.whl)
"$work/venv/bin/python" -m pip install --quiet "$wheel[arrays]" pytest
node dist/cli/main.js serve --port 0 --log error >"$work/address" &
service=$!
until grep -q http "$work/address"; do
  kill -0 "$service"
  sleep 0.2
done
QUIETFRAME_URL=$(grep -o 'http://.*' "$work/address" | head -n 1)
export QUIETFRAME_URL
until node -e 'fetch(`${process.env.QUIETFRAME_URL}/healthz/ready`).then((a) => process.exit(a.ok ? 0 : 1))'; do sleep 0.2; done
# Away from the sources: what is imported is what was installed.
cp -r clients/python/tests "$work/tests"
cd "$work"
"$work/venv/bin/python" -c "import quietframe, pathlib; assert 'site-packages' in quietframe.__file__
assert (pathlib.Path(quietframe.__file__).parent / 'py.typed').exists()"
"$work/venv/bin/python" -m pytest -q "$work/tests"
echo "The wheel $(basename "$wheel") works"
