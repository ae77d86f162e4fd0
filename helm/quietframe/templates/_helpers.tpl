{{- define "quietframe.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "quietframe.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{- define "quietframe.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: quietframe
{{- end }}

{{- define "quietframe.selector" -}}
app.kubernetes.io/name: {{ include "quietframe.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: service
{{- end }}

{{- define "quietframe.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "quietframe.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "quietframe.image" -}}
{{- $image := .Values.image }}
{{- if $image.digest }}
{{- printf "%s@%s" $image.repository $image.digest }}
{{- else }}
{{- printf "%s:%s%s" $image.repository (default .Chart.AppVersion $image.tag) (ternary .Values.gpu.tagSuffix "" .Values.gpu.enabled) }}
{{- end }}
{{- end }}

{{/* Of a container. */}}
{{- define "quietframe.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop: [ALL]
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{/* Of a container: what a frame takes, and a GPU where there is one. */}}
{{- define "quietframe.resources" -}}
{{- $resources := deepCopy .Values.resources }}
{{- if .Values.gpu.enabled }}
{{- $gpu := dict .Values.gpu.resourceName .Values.gpu.count }}
{{- $_ := set $resources "limits" (merge $gpu (default (dict) $resources.limits)) }}
{{- end }}
{{- toYaml $resources }}
{{- end }}

{{/* What keeps the pods: with volumes of their own they have names of their own. */}}
{{- define "quietframe.workload" -}}
{{- ternary "StatefulSet" "Deployment" .Values.persistence.enabled }}
{{- end }}

{{/* Bytes of a quantity of Kubernetes, such as 10Gi. */}}
{{- define "quietframe.bytes" -}}
{{- $text := toString . }}
{{- $suffix := regexFind "[A-Za-z]*$" $text }}
{{- $factor := get (dict "" 1 "k" 1000 "M" 1000000 "G" 1000000000 "T" 1000000000000 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776) $suffix }}
{{- if not $factor }}
{{- fail (printf "Expected bytes, or a number with k, M, G, T, Ki, Mi, Gi or Ti, for resources.limits.memory but received %s" $text) }}
{{- end }}
{{- int64 (mulf (float64 (trimSuffix $suffix $text)) $factor) }}
{{- end }}

{{/*
Bytes of the process. The sizes that are given, and the shares of the others, have to fit it as they have to when the service
starts (src/memory-shares.ts); frames get what is left.
*/}}
{{- define "quietframe.memory" -}}
{{- $limit := int64 (include "quietframe.bytes" (required "Expected a number for resources.limits.memory but received nothing" (default (dict) .Values.resources.limits).memory)) }}
{{- $settings := .Values.settings }}
{{- $memory := int64 (default $limit $settings.memory) }}
{{- if gt $memory $limit }}
{{- fail (printf "Expected at most resources.limits.memory (%d) for settings.memory but received %d" $limit $memory) }}
{{- end }}
{{- $sixteenth := div $memory 16 }}
{{- $upload := max (div $memory 8) (int64 (default 0 $settings.maxUpload)) }}
{{- $usual := dict "memoryBudget" (min 536870912 $sixteenth) "featureCache" (div $memory 8) "decodedCache" $sixteenth "frameCache" $sixteenth "answerMemory" (min 536870912 $sixteenth) "uploadMemory" $upload }}
{{- $sum := max $sixteenth (min 268435456 (div $memory 4)) }}
{{- range $name, $bytes := $usual }}
{{- $given := get $settings $name }}
{{- $isSet := not (or (kindIs "invalid" $given) (kindIs "string" $given)) }}
{{- $sum = add $sum (int64 (ternary $given $bytes $isSet)) }}
{{- end }}
{{- $sum = add $sum (default 67108864 $settings.frameMemory | int64) }}
{{- $uploads := int64 (default $upload $settings.uploadMemory) }}
{{- if gt (int64 (default 0 $settings.maxUpload)) $uploads }}
{{- fail (printf "Expected at most settings.uploadMemory (%d) for settings.maxUpload but received %d" $uploads (int64 $settings.maxUpload)) }}
{{- end }}
{{- if gt $sum $memory }}
{{- fail (printf "Expected at most %d, the memory of the container, for the sum of the sizes in settings but received %d" $memory $sum) }}
{{- end }}
{{- $memory }}
{{- end }}

{{/* Of a pod: where it runs. */}}
{{- define "quietframe.placement" -}}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- if and .Values.gpu.enabled .Values.gpu.runtimeClassName }}
runtimeClassName: {{ .Values.gpu.runtimeClassName }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Of a pod: on which nodes pods of a selector are. */}}
{{- define "quietframe.spread" -}}
{{- $spread := .root.Values.topologySpread }}
{{- if $spread.keys }}
topologySpreadConstraints:
  {{- range $spread.keys }}
  - topologyKey: {{ . }}
    maxSkew: {{ $spread.maxSkew }}
    whenUnsatisfiable: {{ $spread.whenUnsatisfiable }}
    labelSelector:
      matchLabels:
        {{- $.selector | nindent 8 }}
  {{- end }}
{{- end }}
{{- end }}
