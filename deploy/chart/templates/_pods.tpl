{{/* What the pods of both parts have in common: name, placed (their part of the values), rollout (the label of one roll-out). */}}
{{- define "coffre.pod" -}}
serviceAccountName: {{ .name }}
priorityClassName: coffre-critical
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- with .root.Values.images.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ quote . }}
  {{- end }}
{{- end }}
topologySpreadConstraints:
  {{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: {{ eq $.root.Values.spread "required" | ternary "DoNotSchedule" "ScheduleAnyway" }}
    labelSelector:
      matchLabels:
        app.kubernetes.io/name: {{ $.name }}
    matchLabelKeys:
      - {{ $.rollout }}
  {{- end }}
{{- with .placed.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .placed.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "coffre.container" -}}
image: {{ quote .root.Values.images.coffre }}
imagePullPolicy: IfNotPresent
resources:
  {{- toYaml .placed.resources | nindent 2 }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop:
      - ALL
readinessProbe:
  httpGet:
    path: /ready
    port: health
  periodSeconds: 2
  failureThreshold: 2
livenessProbe:
  httpGet:
    path: /live
    port: health
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
lifecycle:
  preStop:
    sleep:
      seconds: 5
{{- end }}

{{/* At any address of the pod: the port. */}}
{{- define "coffre.listen" -}}
{{ eq .root.Values.ipFamily "IPv6" | ternary "[::]" "0.0.0.0" }}:{{ .port }}
{{- end }}
