{{- define "snapline.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{/* At most 40 characters: a CronJob's name has room for 52, and a schedule adds its own. */}}
{{- define "snapline.fullname" -}}
{{- $name := include "snapline.name" . -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- default $full .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{- define "snapline.selectorLabels" -}}
app.kubernetes.io/name: {{ include "snapline.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "snapline.chart" -}}
{{- printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" -}}
{{- end }}

{{- define "snapline.labels" -}}
helm.sh/chart: {{ include "snapline.chart" . }}
{{ include "snapline.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "snapline.serviceAccountName" -}}
{{- default (ternary (include "snapline.fullname" .) "default" .Values.serviceAccount.create) .Values.serviceAccount.name -}}
{{- end }}

{{/* The Secret to log in to Vault with: the chart's own where ids are given, else the existing one. */}}
{{- define "snapline.approleSecret" -}}
{{- if .Values.approle.roleId -}}
{{ include "snapline.fullname" . }}-approle
{{- else -}}
{{ .Values.approle.existingSecret }}
{{- end -}}
{{- end }}

{{/* The Secret with what the method needs, or nothing where the pod has another identity. */}}
{{- define "snapline.vaultSecret" -}}
{{- $auth := .Values.vault.auth -}}
{{- if eq $auth.method "approle" -}}
{{ include "snapline.approleSecret" . }}
{{- else if has $auth.method (list "userpass" "ldap") -}}
{{ $auth.existingSecret }}
{{- end -}}
{{- end }}

{{/* Not empty where the pod shows a token of its service account to Vault. */}}
{{- define "snapline.usesJwt" -}}
{{- if has .Values.vault.auth.method (list "kubernetes" "jwt") -}}
yes
{{- end -}}
{{- end }}

{{/* Not empty where the pod has a volume. */}}
{{- define "snapline.hasVolumes" -}}
{{- $vault := .Values.vault -}}
{{- if or $vault.ca.existingConfigMap $vault.ca.existingSecret $vault.clientCert.existingSecret .Values.extraVolumes (include "snapline.usesJwt" .) -}}
yes
{{- end -}}
{{- end }}

{{/* The Secret with the store's keys, or nothing where the pod has another identity. */}}
{{- define "snapline.s3Secret" -}}
{{- if .Values.backup.accessKeyId -}}
{{ include "snapline.fullname" . }}-s3
{{- else -}}
{{ .Values.backup.existingSecret }}
{{- end -}}
{{- end }}

{{/* The port of a URL, which its scheme tells where it is not written out. */}}
{{- define "snapline.port" -}}
{{- $url := urlParse . -}}
{{- $port := regexFind ":[0-9]+$" $url.host | trimPrefix ":" -}}
{{- default (ternary "80" "443" (eq $url.scheme "http")) $port -}}
{{- end }}

{{/* Not empty where a CronJob of its own prunes, with an identity of its own. */}}
{{- define "snapline.prunesApart" -}}
{{- if and .Values.prune.enabled (or .Values.prune.existingSecret .Values.prune.serviceAccount.annotations) -}}
yes
{{- end -}}
{{- end }}

{{/* At most 40 characters again: a schedule adds its own. */}}
{{- define "snapline.pruneName" -}}
{{- include "snapline.fullname" . | trunc 34 | trimSuffix "-" -}}-prune
{{- end }}

{{- define "snapline.pruneServiceAccountName" -}}
{{- default (ternary (include "snapline.pruneName" .) "default" .Values.serviceAccount.create) .Values.prune.serviceAccount.name -}}
{{- end }}

{{/* Other labels than those of the backup: its NetworkPolicy, which leads to Vault, must not match. */}}
{{- define "snapline.pruneSelectorLabels" -}}
app.kubernetes.io/name: {{ include "snapline.name" . }}-prune
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "snapline.pruneLabels" -}}
helm.sh/chart: {{ include "snapline.chart" . }}
{{ include "snapline.pruneSelectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}
