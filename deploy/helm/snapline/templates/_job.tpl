{{/* What the CronJobs have in common. */}}

{{/* When jobs start, and how many are kept to look at. Takes the root, `when` and `timeZone`. */}}
{{- define "snapline.cron" -}}
schedule: {{ .when | quote }}
{{- with .timeZone }}
timeZone: {{ . | quote }}
{{- end }}
suspend: {{ .root.Values.job.suspend }}
startingDeadlineSeconds: {{ int64 .root.Values.job.startingDeadlineSeconds }}
concurrencyPolicy: Forbid
successfulJobsHistoryLimit: {{ int64 .root.Values.job.successfulJobsHistoryLimit }}
failedJobsHistoryLimit: {{ int64 .root.Values.job.failedJobsHistoryLimit }}
{{- end }}

{{/* How long a job takes, and how often it is tried. Takes the root, the `final` exit codes, and what they mean. */}}
{{- define "snapline.tries" -}}
backoffLimit: {{ int64 .root.Values.job.backoffLimit }}
activeDeadlineSeconds: {{ int64 .root.Values.job.activeDeadlineSeconds }}
# Needs restartPolicy Never: a pod has to fail for the Job to see its exit code.
podFailurePolicy:
  rules:
    # {{ .meaning }}: another try changes nothing.
    - action: FailJob
      onExitCodes:
        operator: In
        values: [{{ join ", " .final }}]
    # A drained node is no failure of the job.
    - action: Ignore
      onPodConditions:
        - type: DisruptionTarget
          status: "True"
{{- end }}

{{/* Of a pod's metadata. Takes the root and the `labels` that the chart sets. */}}
{{- define "snapline.podMetadata" -}}
{{- with .root.Values.podAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
labels:
  {{- .labels | nindent 2 }}
  {{- with .root.Values.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{/* Of a pod: who it is, what it may do, and where it runs. Takes the root and the service account's name. */}}
{{- define "snapline.pod" -}}
serviceAccountName: {{ .serviceAccountName }}
automountServiceAccountToken: false
enableServiceLinks: false
restartPolicy: Never
terminationGracePeriodSeconds: {{ int64 .root.Values.job.terminationGracePeriodSeconds }}
{{- with .root.Values.hostAliases }}
hostAliases:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.dnsPolicy }}
dnsPolicy: {{ . }}
{{- end }}
{{- with .root.Values.dnsConfig }}
dnsConfig:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  {{- toYaml .root.Values.securityContext.pod | nindent 2 }}
{{- with .root.Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "snapline.image" -}}
image: "{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}"
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- end }}

{{/* The store's variables, without credentials, and the form of the messages. */}}
{{- define "snapline.storeEnv" -}}
{{- with .Values.backup.endpointUrl }}
- name: AWS_ENDPOINT_URL_S3
  value: {{ . | quote }}
{{- end }}
{{- with .Values.backup.region }}
- name: AWS_REGION
  value: {{ . | quote }}
{{- end }}
{{- with .Values.backup.name }}
- name: SNAPLINE_NAME
  value: {{ . | quote }}
{{- end }}
{{- if ne .Values.logFormat "text" }}
- name: SNAPLINE_LOG_FORMAT
  value: {{ .Values.logFormat | quote }}
{{- end }}
{{- end }}

{{/* What a container may do and use. */}}
{{- define "snapline.container" -}}
securityContext:
  {{- toYaml .Values.securityContext.container | nindent 2 }}
terminationMessagePolicy: FallbackToLogsOnError
resources:
  {{- toYaml .Values.resources | nindent 2 }}
{{- end }}
