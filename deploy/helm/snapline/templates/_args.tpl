{{/* Where the bucket's name goes, as a JSON list of words. */}}
{{- define "snapline.styleWords" -}}
{{- $style := .Values.backup.addressingStyle -}}
{{- ternary (list) (list "--addressing-style" $style) (eq $style "auto") | toJson -}}
{{- end }}

{{/* snap-prune without its series, as a JSON list of words. Takes the root and one of the schedules, whose own values come first. */}}
{{- define "snapline.pruneWords" -}}
{{- $values := .root.Values -}}
{{- /* Not merge: a 0 of the schedule's own would count as missing. */ -}}
{{- $policy := deepCopy $values.prune -}}
{{- range $key, $value := .schedule -}}
{{- $_ := set $policy $key $value -}}
{{- end -}}
{{- $rules := list -}}
{{- range list "keepWithin" "keepYearly" "keepMonthly" "keepWeekly" "keepDaily" "keepHourly" "keepLast" -}}
{{- $rules = concat $rules (include "snapline.optionWords" (dict "policy" $policy "key" .) | fromJsonArray) -}}
{{- end -}}
{{- if not (or $rules (contains "--keep-" (join " " $values.extraArgs.prune))) -}}
{{- fail (printf "prune: there is no rule what to keep of %s: set prune.keepDaily or another one, or prune.enabled=false" (default $values.backup.uri .schedule.uri)) -}}
{{- end -}}
{{- $guards := list -}}
{{- range list "maxDelete" "maxShrink" "abortUploadsOlderThan" -}}
{{- $guards = concat $guards (include "snapline.optionWords" (dict "policy" $policy "key" .) | fromJsonArray) -}}
{{- end -}}
{{- if $policy.trustNames -}}
{{- $guards = append $guards "--trust-names" -}}
{{- end -}}
{{- if $values.prune.dryRun -}}
{{- $guards = append $guards "--dry-run" -}}
{{- end -}}
{{- concat (list "snap-prune") (include "snapline.styleWords" .root | fromJsonArray) $guards $rules $values.extraArgs.prune | toJson -}}
{{- end }}

{{/* keepDaily: 7 as ["--keep-daily","7"], and nothing for 0 or an empty text. */}}
{{- define "snapline.optionWords" -}}
{{- $value := get .policy .key -}}
{{- $words := list -}}
{{- if $value -}}
{{- $words = list (printf "--%s" (kebabcase .key)) (kindIs "string" $value | ternary $value (toString (int64 $value))) -}}
{{- end -}}
{{- $words | toJson -}}
{{- end }}

{{/* The pipe, as a list: the words after the image's entry point. Takes the root and one of the schedules. */}}
{{- define "snapline.args" -}}
{{- $values := .root.Values -}}
{{- $schedule := .schedule -}}
{{- $metrics := list -}}
{{- with $values.metrics.file -}}
{{- $suffix := ternary (printf "-%s.prom" $schedule.name) ".prom" (not (empty $schedule.name)) -}}
{{- $metrics = list "--metrics-file" (printf "%s%s" (trimSuffix ".prom" .) $suffix) -}}
{{- end -}}
{{- $style := include "snapline.styleWords" .root | fromJsonArray -}}
{{- $args := concat (list "vault-login") $values.extraArgs.login -}}
{{- $args = concat $args (list "|" "vault-snapshot" "--revoke") $values.extraArgs.snapshot -}}
{{- $args = concat $args (list "|" "s3-put") $style $metrics $values.extraArgs.put (list (default $values.backup.uri $schedule.uri)) -}}
{{- if and $values.prune.enabled (not (include "snapline.prunesApart" .root)) -}}
{{- $args = concat $args (list "|") (include "snapline.pruneWords" . | fromJsonArray) -}}
{{- end -}}
{{- range $args }}
- {{ . | quote }}
{{- end }}
{{- end }}

{{/* The same for a job that only prunes. */}}
{{- define "snapline.pruneArgs" -}}
{{- range include "snapline.pruneWords" . | fromJsonArray }}
- {{ . | quote }}
{{- end }}
- "--series"
- {{ default .root.Values.backup.uri .schedule.uri | quote }}
{{- end }}
