#!/usr/bin/env bash
# Checks the figures of a service that has denoised a frame, and the alert rules, with Prometheus' own code: what `promtool
# check metrics` and `promtool check rules` do. It is built from test/prometheus in build/prometheus at the first run.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$PWD/build/prometheus
mkdir -p "$folder"
if ! command -v go >/dev/null; then
  echo "######################################################################" >&2
  echo "## FIGURES AND ALERT RULES WERE NOT CHECKED: there is no Go to build it" >&2
  echo "######################################################################" >&2
  exit 0
fi
(cd test/prometheus && go build -trimpath -o "$folder/check" .)
if [ ! -f dist/cli/main.js ]; then npm run -s build; fi

node dist/cli/main.js serve --port 0 --threads 1 --log error >"$folder/out" &
service=$!
trap 'kill "$service" 2>/dev/null' EXIT
origin=
until [ -n "$origin" ] && curl -sf -o "$folder/ready" "$origin/healthz/ready"; do
  kill -0 "$service"
  sleep 0.2
  origin=$(sed -n 's/^quietframe listening on //p' "$folder/out")
done
curl -sf -o "$folder/clean.exr" -H 'content-type: image/x-exr' --data-binary @helm/quietframe/files/tiny.exr "$origin/v1/denoise"
curl -sf -o "$folder/metrics.txt" "$origin/metrics"
"$folder/check" "$folder/metrics.txt" deploy/prometheus/rules.yaml

# A check that finds nothing wrong anywhere is none.
printf '# TYPE wrong_total gauge\nwrong_total 1\n' >"$folder/wrong.txt"
printf 'groups: [{name: wrong, rules: [{alert: Wrong, expr: "sum(("}]}]\n' >"$folder/wrong.yaml"
for wrong in "$folder/wrong.txt deploy/prometheus/rules.yaml" "$folder/metrics.txt $folder/wrong.yaml"; do
  # shellcheck disable=SC2086
  if "$folder/check" $wrong 2>/dev/null; then
    echo "The check takes $wrong" >&2
    exit 1
  fi
done
echo "$(grep -c '^# TYPE' "$folder/metrics.txt") metrics and $(grep -cE '^ +- (alert|record):' deploy/prometheus/rules.yaml) rules are as Prometheus wants them"
