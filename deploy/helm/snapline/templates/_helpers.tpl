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

{{- define "snapline.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
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

{{/* The pipe, as a list: the words after the image's entry point. Takes the root and one of the schedules. */}}
{{- define "snapline.args" -}}
{{- $values := .root.Values -}}
{{- $schedule := .schedule -}}
{{- $style := list -}}
{{- if ne $values.backup.addressingStyle "auto" -}}
{{- $style = list "--addressing-style" $values.backup.addressingStyle -}}
{{- end -}}
{{- $metrics := list -}}
{{- with $values.metrics.file -}}
{{- $suffix := ternary (printf "-%s.prom" $schedule.name) ".prom" (not (empty $schedule.name)) -}}
{{- $metrics = list "--metrics-file" (printf "%s%s" (trimSuffix ".prom" .) $suffix) -}}
{{- end -}}
{{- $args := concat (list "vault-login") $values.extraArgs.login -}}
{{- $args = concat $args (list "|" "vault-snapshot" "--revoke") $values.extraArgs.snapshot -}}
{{- $args = concat $args (list "|" "s3-put") $style $metrics $values.extraArgs.put (list (default $values.backup.uri .schedule.uri)) -}}
{{- if $values.prune.enabled -}}
{{- $keep := default $values.prune.keepLast .schedule.keepLast -}}
{{- $args = concat $args (list "|" "snap-prune") $style (list "--keep-last" (toString (int64 $keep))) -}}
{{- if ne (int64 $values.prune.maxDelete) 100 -}}
{{- $args = concat $args (list "--max-delete" (toString (int64 $values.prune.maxDelete))) -}}
{{- end -}}
{{- if $values.prune.dryRun -}}
{{- $args = append $args "--dry-run" -}}
{{- end -}}
{{- $args = concat $args $values.extraArgs.prune -}}
{{- end -}}
{{- range $args }}
- {{ . | quote }}
{{- end }}
{{- end }}
