# shellcheck shell=bash
# The servers' images: an image of the wanted tag is used; else it is pulled; else built from the published Go module.
#
# All three ways end in the same local tag, with the server program as entry point, so that the harness need not know.
# Needs lib/say.sh, lib/engine.sh, images/versions.env, and $here (the directory that holds images/).

: "${here:?}"

# The label says on every later run where the image came from.
origin_label=org.snapline.origin

# Gives up early where no registry is in reach, but lets a slow pull finish.
pull() {
    local log pid status=0
    log=$(mktemp)
    engine pull "$1" >"$log" 2>&1 &
    pid=$!
    if ! wait_for 20 pull_is_moving "$pid" "$log"; then kill "$pid" 2>/dev/null || true; fi
    wait "$pid" || status=$?
    rm -f "$log"
    return "$status"
}

# The first layer line appears once the registry has answered.
pull_is_moving() { ! kill -0 "$1" 2>/dev/null || grep -qiE 'pulling|copying|getting' "$2"; }

# wrap IMAGE PULLED PROGRAM: the published images start through a shell script; ours start the program.
wrap() {
    printf 'FROM %s\nLABEL %s=pulled\nENTRYPOINT ["%s"]\n' "$2" "$origin_label" "$3" | quietly engine build -t "$1" -
}

# pack IMAGE DIRECTORY PROGRAM: an image with nothing but one static program.
pack() {
    cat >"$2/Dockerfile" <<END
FROM scratch
LABEL $origin_label=built
COPY $3 /bin/$3
ENTRYPOINT ["/bin/$3"]
END
    quietly engine build -t "$1" "$2"
}

build_vault() {
    say "building Vault $VAULT_VERSION from its Go module (5 to 10 minutes the first time)"
    (cd "$here/images/vault" && CGO_ENABLED=0 quietly go build -trimpath -ldflags "-s -w" -o "$1/vault" .)
}

build_minio() {
    say "building MinIO $MINIO_VERSION from its Go module (about 5 minutes the first time)"
    CGO_ENABLED=0 GOBIN="$1" quietly go install -trimpath -tags kqueue -ldflags "-s -w" \
        "github.com/minio/minio@$MINIO_MODULE_VERSION"
}

# ensure_image NAME IMAGE PULLED PROGRAM: NAME is also that of the build function and of the built program.
ensure_image() {
    local name=$1 image=$2 pulled=$3 program=$4 dir
    if ! engine image inspect "$image" >/dev/null 2>&1; then
        say "pulling $pulled (about a minute; at most 20 s if no registry answers)"
        if pull "$pulled"; then
            wrap "$image" "$pulled" "$program" || die "tag the pulled image '$pulled'"
        else
            command -v go >/dev/null ||
                die "no image for $name: the pull of '$pulled' failed and there is no Go to build it" \
                    "allow the pull, or install Go 1.25 or newer"
            dir=$(mktemp -d)
            if ! "build_$name" "$dir" || ! pack "$image" "$dir" "$name"; then
                rm -rf "$dir"
                die "build the image of $name"
            fi
            rm -rf "$dir"
        fi
    fi
    say "$name: $image, $(engine image inspect --format "{{index .Config.Labels \"$origin_label\"}}" "$image")"
}

# Debian's slapd, of which no image is published: installed into Debian's own image where that can be pulled, else unpacked from
# the packages of this machine's Debian. Never installed here: its package would start a directory server.
ensure_openldap() {
    local dir
    if ! engine image inspect "$OPENLDAP_IMAGE" >/dev/null 2>&1; then
        dir=$(mktemp -d)
        say "pulling $OPENLDAP_PULL (seconds; at most 20 s if no registry answers)"
        if pull "$OPENLDAP_PULL"; then install_openldap "$dir"; else unpack_openldap "$dir" || true; fi
        if ! quietly engine build -t "$OPENLDAP_IMAGE" "$dir"; then
            rm -rf "$dir"
            die "build the image of a directory server" \
                "allow the pull of '$OPENLDAP_PULL', or run this on Debian or Ubuntu with apt-get"
        fi
        rm -rf "$dir"
    fi
    say "openldap: $OPENLDAP_IMAGE, $(engine image inspect --format "{{index .Config.Labels \"$origin_label\"}}" "$OPENLDAP_IMAGE")"
}

# install_openldap DIRECTORY: what the image is built from.
install_openldap() {
    cat >"$1/Dockerfile" <<END
FROM $OPENLDAP_PULL
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends slapd ldap-utils
LABEL $origin_label=pulled
ENTRYPOINT ["/usr/sbin/slapd"]
END
}

# unpack_openldap DIRECTORY: the same, from the packages' files alone: no script of theirs runs.
unpack_openldap() {
    local packages=() package
    command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || return
    if may_install; then quietly apt-get update || return; fi
    # The libraries; what only the packages' scripts use (Perl, PAM, dialogs) is not needed.
    while IFS= read -r package; do packages+=("$package"); done < <(
        apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances \
            slapd ldap-utils | grep -E '^(lib[a-z0-9.+-]+|slapd|ldap-utils)$' |
            grep -vE 'perl|pam|newt|slang|semanage|debian-installer|textwrap|readline|tinfo|audit|sepol|gdbm' | sort -u
    )
    mkdir "$1/packages" "$1/files"
    (cd "$1/packages" && quietly apt-get download "${packages[@]}") || return
    for package in "$1"/packages/*.deb; do dpkg-deb --extract "$package" "$1/files" || return; done
    rm -rf "$1/packages" "$1/files/usr/share"
    [ -x "$1/files/usr/sbin/slapd" ] || return
    cat >"$1/Dockerfile" <<END
FROM scratch
COPY files /
LABEL $origin_label=built
ENTRYPOINT ["/usr/sbin/slapd"]
END
}

ensure_images() {
    ensure_image vault "$VAULT_IMAGE" "$VAULT_PULL" /bin/vault
    ensure_image minio "$MINIO_IMAGE" "$MINIO_PULL" /usr/bin/minio
}
