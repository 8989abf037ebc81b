# shellcheck shell=bash
# The container engine: one that answers is used as it is; only root on Debian or Ubuntu is offered a new one.
#
# Exports DOCKER_HOST, which the test harness reads, and SNAPLINE_ENGINE, the command that talks to it: docker or podman.
# Needs lib/say.sh; ensure_engine needs lib/tools.sh as well.

engine() { "$SNAPLINE_ENGINE" "$@"; }

docker_answers() {
    command -v docker >/dev/null && timeout 20 docker version --format '{{.Server.Version}}' >/dev/null 2>&1
}

# Podman's own socket, where its service runs; without the service there is nothing for the harness to talk to.
podman_socket() {
    local socket
    command -v podman >/dev/null || return 1
    for socket in "${XDG_RUNTIME_DIR:-/nonexistent}/podman/podman.sock" /run/podman/podman.sock; do
        if [ -S "$socket" ] && [ -w "$socket" ]; then
            printf 'unix://%s\n' "$socket"
            return
        fi
    done
    return 1
}

# Succeeds if an engine answers, and then has exported how to reach it.
find_engine() {
    local socket
    if docker_answers; then
        export SNAPLINE_ENGINE=docker
        # The command line follows contexts, the harness does not.
        if [ -z "${DOCKER_HOST:-}" ]; then
            DOCKER_HOST=$(docker context inspect --format '{{.Endpoints.docker.Host}}' 2>/dev/null || true)
            export DOCKER_HOST="${DOCKER_HOST:-unix:///var/run/docker.sock}"
        fi
    elif socket=$(podman_socket); then
        export SNAPLINE_ENGINE=podman DOCKER_HOST="${DOCKER_HOST:-$socket}"
    else
        return 1
    fi
}

debian_like() { [ -r /etc/os-release ] && grep -qE '^ID(_LIKE)?=.*(debian|ubuntu)' /etc/os-release; }

start_dockerd() {
    local log=/var/log/dockerd.snapline.log pid_file=/var/run/docker.pid pid
    # A pid file whose process is gone keeps dockerd from starting.
    if pid=$(cat "$pid_file" 2>/dev/null) && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" != dockerd ]; then
        rm -f "$pid_file"
    fi
    say "starting dockerd in the background (a few seconds; its output goes to $log)"
    PATH="$PATH:/usr/sbin:/sbin" setsid dockerd >"$log" 2>&1 </dev/null &
    wait_for 60 docker_answers || die "start dockerd: no answer after 60 s" "read $log"
}

ensure_engine() {
    if ! find_engine; then
        if [ -n "${DOCKER_HOST:-}" ]; then
            die "reach the container engine at DOCKER_HOST '$DOCKER_HOST': no answer" "start it, or unset DOCKER_HOST"
        fi
        if [ "$(id -u)" -ne 0 ] || ! debian_like; then
            die "no container engine answers" \
                "start Docker and get access to it, or start podman.socket; root on Debian or Ubuntu gets Docker installed"
        fi
        if ! PATH="$PATH:/usr/sbin:/sbin" command -v dockerd >/dev/null; then install_packages docker.io iptables; fi
        # Where systemd runs, installing has started the service, which only needs a moment.
        if ! { [ -d /run/systemd/system ] && wait_for 30 docker_answers; }; then start_dockerd; fi
        find_engine || die "no container engine answers, although dockerd was started"
    fi
    say "container engine: $SNAPLINE_ENGINE $(engine version --format '{{.Server.Version}}' 2>/dev/null) at $DOCKER_HOST"
}
