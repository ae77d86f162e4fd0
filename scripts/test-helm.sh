#!/usr/bin/env bash
# Checks the Helm chart: lint, templates of every file in helm/quietframe/ci, values that the schema must refuse, the
# schemas of Kubernetes, and what each pod must be like. Helm is built from its Go module and Python packages are
# installed, both in build/helm, at the first run.
set -euo pipefail
cd "$(dirname "$0")/.."

helm_version=v3.22.0
kubernetes=1.33.0
requirements=(kubernetes-validate==1.37.0 PyYAML==6.0.3 'fakeredis[lua]==2.37.1')
cache=$PWD/build/helm
chart=helm/quietframe

helm=$cache/$helm_version/helm
if [ ! -x "$helm" ]; then
  if ! command -v go >/dev/null; then
    echo "##############################################################" >&2
    echo "## THE HELM CHART WAS NOT TESTED: there is no Go to build Helm" >&2
    echo "##############################################################" >&2
    exit 0
  fi
  echo "Building Helm $helm_version (once, some minutes)"
  GOBIN=$cache/$helm_version GOFLAGS=-trimpath go install "helm.sh/helm/v3/cmd/helm@$helm_version"
fi
if [ "$(cat "$cache/venv/.installed" 2>/dev/null)" != "${requirements[*]}" ]; then
  "${PYTHON:-python3}" -m venv "$cache/venv"
  "$cache/venv/bin/python" -m pip install --quiet "${requirements[@]}"
  echo "${requirements[*]}" >"$cache/venv/.installed"
fi

# No settings, plug-ins or clusters of the user.
export HELM_CONFIG_HOME=$cache/home HELM_CACHE_HOME=$cache/home HELM_DATA_HOME=$cache/home KUBECONFIG=/dev/null

rendered=$cache/rendered
rm -rf "$rendered"
mkdir -p "$rendered"
for values in "$chart"/ci/*-values.yaml "$chart"/*-values.yaml; do
  name=$(basename "$values" -values.yaml)
  "$helm" lint --strict --quiet --kube-version "$kubernetes" --values "$values" "$chart"
  "$helm" template studio "$chart" --namespace render --kube-version "$kubernetes" --values "$values" \
    >"$rendered/$name.yaml"
done
"$cache/venv/bin/python" test/helm/check_chart.py "$rendered"

# Frames of a list, as the command line counts them, are one index each where a pod has one.
while read -r frames count; do
  rendered_count=$("$helm" template studio "$chart" --kube-version "$kubernetes" --show-only templates/shot-job.yaml \
    --set shot.enabled=true,shot.existingClaim=a,shot.framesPerPod=1 --set-string "shot.frames=${frames//,/\\,}" |
    sed -n 's/^  completions: //p')
  if [ "$rendered_count" != "$count" ]; then
    echo "The chart counts ${rendered_count:-no} frames in $frames, which has $count" >&2
    exit 1
  fi
done <test/helm/frame-counts.txt

refused=0
while read -r flag value reason; do
  [ -n "$flag" ] || continue
  if message=$("$helm" template studio "$chart" --kube-version "$kubernetes" "$flag" "$value" 2>&1); then
    echo "The chart takes $flag $value" >&2
    exit 1
  fi
  if ! grep -qiE "$reason" <<<"$message"; then
    printf 'The chart refuses %s %s, but does not say %s:\n%s\n' "$flag" "$value" "$reason" "$message" >&2
    exit 1
  fi
  refused=$((refused + 1))
done <test/helm/refused-values.txt
echo "$refused values that the chart must refuse are refused"
