{{/* How many frames a list has, such as 1-9x2,12: at least as many as there are, where its ranges overlap. */}}
{{- define "quietframe.countFrames" -}}
{{- $text := . }}
{{- $count := 0 }}
{{- range splitList "," $text }}
{{- $range := trim . }}
{{- if not (regexMatch "^-?[0-9]+(-(-?[0-9]+)([xy:]-?[0-9]+)?)?$" $range) }}
{{- fail (printf "Expected frames, such as 1001-1096, 1,3,7-9 or 1-100x2, for shot.frames but received %s" $text) }}
{{- end }}
{{- $first := regexFind "^-?[0-9]+" $range }}
{{- $rest := trimPrefix "-" (trimPrefix $first $range) }}
{{- $last := default $first (regexFind "^-?[0-9]+" $rest) }}
{{- $sign := regexFind "[xy:]" $rest }}
{{- $step := int64 (default "1" (regexReplaceAll "^0+" (regexFind "[0-9]+$" (regexFind "[xy:]-?[0-9]+$" $rest)) "")) }}
{{- $span := sub (include "quietframe.frame" $last | int64) (include "quietframe.frame" $first | int64) }}
{{- $span = add1 (max $span (sub 0 $span)) }}
{{- $strides := div (sub (add $span $step) 1) $step }}
{{- $count = add $count (ternary (sub $span $strides) (ternary $strides $span (eq $sign "x")) (eq $sign "y")) }}
{{- end }}
{{- $count }}
{{- end }}

{{/* A frame's number without the zeros before it, which mark another base. */}}
{{- define "quietframe.frame" -}}
{{- regexReplaceAll "^(-?)0+([0-9])" . "${1}${2}" }}
{{- end }}

{{/* The frames of the shot of an Indexed Job. */}}
{{- define "quietframe.shotFrames" -}}
{{- if .frames }}
{{- .frames }}
{{- else }}
{{- if lt (int64 .lastFrame) (int64 .firstFrame) }}
{{- fail (printf "Expected at least %d for shot.lastFrame but received %d" (int64 .firstFrame) (int64 .lastFrame)) }}
{{- end }}
{{- printf "%d-%d" (int64 .firstFrame) (int64 .lastFrame) }}
{{- end }}
{{- end }}

{{- define "quietframe.shotSelector" -}}
app.kubernetes.io/name: {{ include "quietframe.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: shot
{{- end }}

{{/* What follows the failure of a pod of a shot. */}}
{{- define "quietframe.shotFailures" -}}
rules:
  # A pod that had to leave its node costs no try.
  - action: Ignore
    onPodConditions:
      - type: DisruptionTarget
        status: "True"
  # The command line is wrong: so it would be next time.
  - action: {{ . }}
    onExitCodes:
      containerName: sequence
      operator: In
      values: [2]
{{- end }}

{{/* The template of the pods that denoise a shot; `script` calls quietframe, `env` is what it reads. */}}
{{- define "quietframe.shotPod" -}}
{{- $root := .root }}
{{- with $root.Values.shot }}
metadata:
  labels:
    {{- include "quietframe.labels" $root | nindent 4 }}
    {{- include "quietframe.shotSelector" $root | nindent 4 }}
spec:
  serviceAccountName: {{ include "quietframe.serviceAccount" $root }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  restartPolicy: Never
  securityContext:
    runAsNonRoot: true
    runAsUser: {{ int64 .runAsUser }}
    runAsGroup: {{ int64 .runAsGroup }}
    seccompProfile:
      type: RuntimeDefault
  {{- with include "quietframe.placement" $root }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- include "quietframe.spread" (dict "root" $root "selector" (include "quietframe.shotSelector" $root)) | trim | nindent 2 }}
  {{- if .queue.enabled }}
  initContainers:
    - name: take
      image: {{ required "Expected an image for shot.queue.image but received nothing" .queue.image }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      command:
        - sh
        - -c
        - '"$@" >/task/entry'
        - take
        {{- range required "Expected a command for shot.queue.command but received nothing" .queue.command }}
        - {{ . | quote }}
        {{- end }}
      env:
        # The same for all pods of a job: one that tries again takes the entry of the one that failed.
        - name: JOB_NAME
          valueFrom:
            fieldRef:
              fieldPath: metadata.labels['batch.kubernetes.io/job-name']
        {{- with .queue.env }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      resources:
        requests:
          cpu: 50m
          memory: 64Mi
        limits:
          cpu: 500m
          memory: 128Mi
      securityContext:
        {{- include "quietframe.containerSecurity" $root | nindent 8 }}
      volumeMounts:
        - name: task
          mountPath: /task
  {{- end }}
  containers:
    - name: sequence
      image: {{ include "quietframe.image" $root }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      command:
        - sh
        - -c
        - |
          {{- $.script | nindent 10 }}
        - sequence
        {{- range .options }}
        - {{ . | quote }}
        {{- end }}
      {{- with $.env }}
      env:
        {{- range $name, $value := . }}
        - name: {{ $name }}
          value: {{ $value | toString | quote }}
        {{- end }}
      {{- end }}
      envFrom:
        - configMapRef:
            name: {{ include "quietframe.fullname" $root }}
      resources:
        {{- include "quietframe.resources" $root | nindent 8 }}
      securityContext:
        {{- include "quietframe.containerSecurity" $root | nindent 8 }}
      volumeMounts:
        - name: shot
          mountPath: {{ .mountPath | quote }}
        - name: tmp
          mountPath: /tmp
        {{- if .queue.enabled }}
        - name: task
          mountPath: /task
          readOnly: true
        {{- end }}
        {{- if $root.Values.models.existingClaim }}
        - name: models
          mountPath: /models
          readOnly: true
        {{- end }}
  volumes:
    - name: shot
      persistentVolumeClaim:
        claimName: {{ required "Expected the claim of a volume for shot.existingClaim but received nothing" .existingClaim }}
    - name: tmp
      emptyDir:
        sizeLimit: 512Mi
    {{- if .queue.enabled }}
    - name: task
      emptyDir:
        sizeLimit: 1Mi
    {{- end }}
    {{- with $root.Values.models.existingClaim }}
    - name: models
      persistentVolumeClaim:
        claimName: {{ . }}
        readOnly: true
    {{- end }}
{{- end }}
{{- end }}
