# shellcheck shell=bash
# Checks of what is in deploy/, and the tools for them: kubectl (only as a client), helm, kubernetes-validate.
#
# A machine without one of the tools is told so, and the checks that need it are not counted.
# Needs lib/say.sh, lib/steps.sh for the checks, and $root (the checkout).

: "${root:?}"

helm_version=v3.22.0
kubernetes_validate_version=1.37.0
# The oldest Kubernetes that is claimed (Chart.yaml says so as well), and the newest whose schemas are there.
oldest_kubernetes=1.29
newest_kubernetes=1.37

chart=$root/deploy/helm/snapline
tools_directory=${XDG_CACHE_HOME:-$HOME/.cache}/snapline
validator=$tools_directory/kubernetes-validate-$kubernetes_validate_version/bin/kubernetes-validate

# A helm of the user's own is as good, if it reads the same charts.
find_helm() {
    if [ -x "$tools_directory/helm-$helm_version/helm" ]; then
        SNAPLINE_HELM=$tools_directory/helm-$helm_version/helm
    elif [[ "$(helm version --template '{{.Version}}' 2>/dev/null)" =~ ^v(3\.(1[89]|[2-9][0-9])|4)\. ]]; then
        SNAPLINE_HELM=helm
    else
        return 1
    fi
}

ensure_helm() {
    if find_helm; then return; fi
    if ! command -v go >/dev/null; then
        say "no helm (3.18 or newer) and no Go to build one: the chart will not be checked"
        return
    fi
    say "building helm $helm_version from its Go module (about 4 minutes, once)"
    mkdir -p "$tools_directory/helm-$helm_version"
    CGO_ENABLED=0 GOBIN="$tools_directory/helm-$helm_version" quietly go install -trimpath -ldflags "-s -w" \
        "helm.sh/helm/v3/cmd/helm@$helm_version" || say "helm could not be built: the chart will not be checked"
}

ensure_validator() {
    if [ -x "$validator" ]; then return; fi
    if ! command -v python3 >/dev/null; then
        say "no python3 to run kubernetes-validate: manifests will not be checked against the schemas of Kubernetes"
        return
    fi
    say "installing kubernetes-validate $kubernetes_validate_version into $tools_directory (seconds)"
    mkdir -p "$tools_directory"
    if ! { quietly python3 -m venv "$(dirname "$(dirname "$validator")")" &&
        quietly "$(dirname "$validator")/pip" install --quiet "kubernetes-validate==$kubernetes_validate_version"; }; then
        rm -rf "$(dirname "$(dirname "$validator")")"
        say "kubernetes-validate could not be installed: manifests will not be checked against the schemas of Kubernetes"
    fi
}

kustomizations() { (cd "$root/deploy/kubernetes" && find . -name kustomization.yaml -exec dirname {} + | grep -vx ./common | sort); }

# valid FILE…: strictly, against both ends of what is claimed; what the schemas do not know is an error, too.
valid() {
    local report
    report=$("$validator" --strict --kubernetes-version "$oldest_kubernetes" --kubernetes-version "$newest_kubernetes" "$@" 2>&1) ||
        { grep -v '^INFO' <<<"$report"; return 1; }
    if grep -v '^INFO' <<<"$report"; then return 1; fi
    # Empty input is valid for everybody.
    [ "$(grep -c '^INFO' <<<"$report")" -ge $((2 * $#)) ]
}

kustomizations_are_valid() {
    local folder out status=0
    out=$(mktemp -d)
    while IFS= read -r folder; do
        if ! { kubectl kustomize "$root/deploy/kubernetes/$folder" >"$out/${folder//\//-}.yaml" &&
            valid "$out/${folder//\//-}.yaml"; }; then
            printf 'deploy/kubernetes/%s is not valid\n' "$folder"
            status=1
        fi
    done < <(kustomizations)
    rm -rf "$out"
    return "$status"
}

plain_manifests_are_valid() {
    local files=()
    while IFS= read -r file; do files+=("$file"); done < <(
        find "$root/deploy/kubernetes" -name '*.yaml' ! -name kustomization.yaml | sort
    )
    valid "${files[@]}"
}

value_files() { (cd "$chart/ci" && ls -- *-values.yaml); }

# render VALUES-FILE: as a release "snapline" in the namespace "vault".
render() {
    "$SNAPLINE_HELM" template snapline "$chart" --namespace vault --kube-version "$oldest_kubernetes.0" --values "$1"
}

chart_passes_lint() {
    local file
    "$SNAPLINE_HELM" lint --strict --quiet "$chart" || return
    while IFS= read -r file; do
        "$SNAPLINE_HELM" lint --strict --quiet "$chart" --values "$chart/ci/$file" || return
    done < <(value_files)
}

chart_renders_as_committed() {
    local file status=0 out
    out=$(mktemp)
    while IFS= read -r file; do
        if ! { render "$chart/ci/$file" >"$out" && diff -u "$chart/ci/golden/${file%-values.yaml}.yaml" "$out"; }; then status=1; fi
    done < <(value_files)
    rm -f "$out"
    if [ "$status" -ne 0 ]; then printf 'integration/chart writes the output anew; look at what changes\n'; fi
    # A file that is left over from a value file that is gone proves nothing.
    [ "$(value_files | wc -l)" -eq "$(find "$chart/ci/golden" -name '*.yaml' | wc -l)" ] && return "$status"
}

rendered_charts_are_valid() { valid "$chart"/ci/golden/*.yaml; }

# taken HELM-OPTION…: rendering succeeds with values that people have for good reasons.
taken() {
    "$SNAPLINE_HELM" template snapline "$chart" --kube-version "$oldest_kubernetes.0" "$@" >/dev/null
}

# A parent chart's `condition: snapline.enabled` sets a value that is no value of ours, and Kubernetes takes more than one blank.
chart_takes_what_is_right() {
    taken --set enabled=true &&
        taken --set 'schedules[0].schedule=0  3 *  * *' &&
        taken --set securityContext.pod.runAsUser=null,securityContext.pod.runAsGroup=null,securityContext.pod.fsGroup=null
}

# refused WORD HELM-OPTION…: rendering fails, and the message has the word in it.
refused() {
    local word=$1 message
    shift
    if message=$("$SNAPLINE_HELM" template snapline "$chart" --kube-version "$oldest_kubernetes.0" "$@" 2>&1 >/dev/null); then
        printf 'accepted: %s\n' "$*"
        return 1
    fi
    if ! grep -qF -- "$word" <<<"$message"; then
        printf 'refused %s without "%s": %s\n' "$*" "$word" "$message"
        return 1
    fi
}

# Each with what the message must name: where the value is, or what is wrong with it.
chart_refuses_wrong_values() {
    refused /prune/keepLast --set prune.keepLast=-1 &&
        refused /prune/keepLast --set prune.keepLast=many &&
        refused /prune/keepDaily --set prune.keepDaily=1.5 &&
        refused /prune/keepWithin --set prune.keepWithin=30 &&
        refused /prune/maxShrink --set prune.maxShrink=100 &&
        refused /prune/maxDelete --set prune.maxDelete=unlimited &&
        refused /prune/abortUploadsOlderThan --set prune.abortUploadsOlderThan=2d &&
        refused /prune/schedule --set prune.schedule=daily &&
        refused /prune/extraEnv/0 --set-json 'prune.extraEnv=[{"name": "AWS_SECRET_ACCESS_KEY", "value": "plain"}]' &&
        refused keepDayly --set prune.keepDayly=7 &&
        refused 'no rule what to keep of s3://backups/vault/' --set prune.keepLast=0,prune.keepDaily=0,prune.keepWeekly=0,prune.keepMonthly=0 &&
        refused 'no rule what to keep of s3://b/hourly/' --set-json \
            'schedules=[{"schedule": "@hourly", "uri": "s3://b/hourly/", "keepLast": 0, "keepDaily": 0, "keepWeekly": 0, "keepMonthly": 0}]' &&
        refused /schedules/0/keepHourly --set-json 'schedules=[{"schedule": "@hourly", "keepHourly": "all"}]' &&
        refused /schedules/0/pruneSchedule --set-json 'schedules=[{"schedule": "@hourly", "pruneSchedule": "often"}]' &&
        refused 'belongs to the job that prunes' --set prune.existingSecret=pruner \
            --set-json 'schedules=[{"schedule": "@daily"}, {"name": "prune", "schedule": "@hourly"}]' &&
        refused /metrics/file --set metrics.file=metrics.prom --set 'extraVolumeMounts[0].name=x' &&
        refused /metrics/file --set metrics.file=/metrics/vault.txt --set 'extraVolumeMounts[0].name=x' &&
        refused /extraVolumeMounts --set metrics.file=/metrics/vault.prom &&
        refused /backup/uri --set backup.uri=backups/vault &&
        refused /backup/uri --set backup.uri=s3://backups/vault.snap &&
        refused /vault/address --set vault.address=vault:8200 &&
        refused /vault/address --set vault.address=http://root:token@vault:8200 &&
        refused /vault/auth/method --set vault.auth.method=github &&
        refused /vault/auth --set vault.auth.method=kubernetes &&
        refused /vault/auth --set vault.auth.method=ldap &&
        refused vaultAddress --set vaultAddress=http://vault:8200 &&
        refused /approle/secretId --set approle.roleId=only-one-half &&
        refused /approle/existingSecret --set approle.existingSecret= &&
        refused existingSecret --set approle.existingSecret=null &&
        refused /backup/secretAccessKey --set backup.accessKeyId=only-one-half &&
        refused /schedules/0/schedule --set-json 'schedules=[{"schedule": "twice a day"}]' &&
        refused 'used twice' --set-json 'schedules=[{"schedule": "@daily"}, {"schedule": "@hourly"}]' &&
        refused /schedules --set-json 'schedules=[]' &&
        refused /extraEnv/0 --set-json 'extraEnv=[{"name": "VAULT_APPROLE_SECRET_ID", "value": "plain"}]' &&
        refused /vault/ca --set vault.ca.existingConfigMap=a --set vault.ca.existingSecret=b
}

# chart_readme: the README of the chart, whose table is made from values.yaml and the comments in it.
chart_readme() {
    local begin='<!-- values -->' end='<!-- /values -->'
    awk -v begin="$begin" '{ print } $0 == begin { exit }' "$chart/README.md"
    printf '\n| value | default | what it is |\n|---|---|---|\n'
    # A row for every value that is no section; a section's comment, or a comment on another line, belongs to nobody else.
    awk '
        /^ *#/ { text = $0; sub(/^ *# ?/, "", text); comment = comment (comment == "" ? "" : " ") text; next }
        /^ *$/ { comment = ""; next }
        {
            match($0, /^ */); depth = RLENGTH / 2
            line = substr($0, RLENGTH + 1)
            if (inner && depth > inner_depth) { next }
            if (inner && line ~ /^- /) { next }
            inner = 0
            key = line; sub(/:.*/, "", key)
            value = line; sub(/^[^:]*: */, "", value)
            path[depth] = key
            name = path[0]; for (i = 1; i <= depth; i++) name = name "." path[i]
            if (value == "" && comment == "") { next }
            if (value == "") { inner = 1; inner_depth = depth; value = "see values.yaml" } else value = "`" value "`"
            if (comment == "") { print "without a comment: " name > "/dev/stderr"; bad = 1 }
            gsub(/\|/, "\\|", comment)
            printf "| `%s` | %s | %s |\n", name, value, comment
            comment = ""
        }
        END { exit bad }
    ' "$chart/values.yaml" || return
    printf '\n'
    awk -v end="$end" '$0 == end { found = 1 } found { print }' "$chart/README.md"
}

chart_readme_tells_every_value() { diff -u "$chart/README.md" <(chart_readme); }

# Every value that the schema allows is in values.yaml and the reverse: helm refuses unknown ones, and defaults are values.
schema_and_values_agree() {
    "$(dirname "$validator")/python" - "$chart" <<'END'
import json, sys, yaml
chart = sys.argv[1]
schema = json.load(open(chart + "/values.schema.json"))
values = yaml.safe_load(open(chart + "/values.yaml"))
wrong = []
def compare(path, schema, values):
    known, given = set(schema.get("properties", {})), set(values)
    wrong.extend(f"{path}{key}: only in the schema" for key in known - given - {"global"})
    wrong.extend(f"{path}{key}: only in values.yaml" for key in given - known)
    for key in known & given:
        if isinstance(values[key], dict) and schema["properties"][key].get("additionalProperties") is False and key != "resources":
            compare(f"{path}{key}.", schema["properties"][key], values[key])
compare("", schema, values)
print("\n".join(sorted(wrong)), end="")
sys.exit(bool(wrong))
END
}

# All of it; a check whose tool is missing is said and does not count.
check_manifests() {
    local validates="kubernetes-validate $kubernetes_validate_version" between="Kubernetes $oldest_kubernetes and $newest_kubernetes"
    if [ -x "$validator" ]; then validates=$validator; fi
    find_helm || SNAPLINE_HELM="helm 3.18 or newer"
    check "the chart's README tells every value" chart_readme_tells_every_value
    check_with "$validates" "manifests are valid for $between" plain_manifests_are_valid
    check_with "$validates" "rendered charts are valid for $between" rendered_charts_are_valid
    check_with "$validates" "the chart's schema and values agree" schema_and_values_agree
    if [ -x "$validator" ]; then
        check_with kubectl "kustomizations are valid for $between" kustomizations_are_valid
    else
        check_with "$validates" "kustomizations are valid for $between" false
    fi
    check_with "$SNAPLINE_HELM" "helm lint" chart_passes_lint
    check_with "$SNAPLINE_HELM" "the chart renders as committed" chart_renders_as_committed
    check_with "$SNAPLINE_HELM" "the chart takes what is right" chart_takes_what_is_right
    check_with "$SNAPLINE_HELM" "the chart refuses wrong values" chart_refuses_wrong_values
}
