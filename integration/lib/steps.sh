# shellcheck shell=bash
# Steps of a test run, and the count of what passed and failed. Needs lib/say.sh.

passed=0
failed=0
failures=()
skips=()

pass() { passed=$((passed + $1)); }

fail() {
    failed=$((failed + $1))
    failures+=("$2")
}

# check NAME COMMAND…: one thing that passes or fails.
check() {
    local name=$1
    shift
    say "$name"
    if "$@"; then pass 1; else fail 1 "$name"; fi
}

# check_with PROGRAM NAME COMMAND…: the same, where this machine has the program; else it is said, and counts as nothing.
check_with() {
    local program=$1
    shift
    if command -v "$program" >/dev/null; then
        check "$@"
    else
        skips+=("$1: there is no $program here")
        say "not run: $1: there is no $program here"
    fi
}

# cargo_tests NAME COMMAND…: runs cargo test, and adds up what its test programs report.
cargo_tests() {
    local name=$1 log status=0 ok bad ignored
    shift
    say "$name"
    log=$(mktemp)
    "$@" 2>&1 | tee "$log" || status=1
    ok=$(count passed "$log")
    bad=$(count failed "$log")
    ignored=$(count ignored "$log")
    rm -f "$log"
    pass "$ok"
    if [ "$bad" -gt 0 ]; then fail "$bad" "$name"; fi
    # A test that is skipped has not passed.
    if [ "$ignored" -gt 0 ]; then fail "$ignored" "$name: ignored tests"; fi
    # What did not even compile, or died, reports no result of its own.
    if [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then fail 1 "$name: did not run to its end"; fi
    if [ "$ok" -eq 0 ] && [ "$bad" -eq 0 ]; then fail 1 "$name: no test ran"; fi
}

# count WORD LOG: the sum of "N WORD" over all result lines.
count() { sed -n "s/^test result: .*[ ;]\([0-9][0-9]*\) $1.*/\1/p" "$2" | awk '{ sum += $1 } END { print sum + 0 }'; }

# The last line, and the status of the run.
verdict() {
    local name
    for name in ${skips[@]+"${skips[@]}"}; do say "not run: $name"; done
    for name in ${failures[@]+"${failures[@]}"}; do say "failed: $name"; done
    printf '%s passed, %s failed\n' "$passed" "$failed"
    [ "$failed" -eq 0 ]
}
