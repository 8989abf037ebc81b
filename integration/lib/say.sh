# shellcheck shell=bash
# How the scripts of this directory talk: what is being done and how long it may take; one line when they give up.

say() { printf '== %s\n' "$*"; }

die() {
    printf '%s: error: %s\n' "$(basename "$0")" "$1" >&2
    if [ $# -gt 1 ]; then printf '%s: hint: %s\n' "$(basename "$0")" "$2" >&2; fi
    exit 1
}

# Runs a noisy command with its output kept back: shown only if it fails.
quietly() {
    local log status=0
    log=$(mktemp)
    "$@" >"$log" 2>&1 || status=$?
    if [ "$status" -ne 0 ]; then
        printf '== failed with status %s: %s\n' "$status" "$*" >&2
        tail -n 40 "$log" >&2
    fi
    rm -f "$log"
    return "$status"
}

# Polls a condition: wait_for SECONDS COMMAND…
wait_for() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        if [ "$SECONDS" -ge "$deadline" ]; then return 1; fi
        sleep 0.2
    done
}
