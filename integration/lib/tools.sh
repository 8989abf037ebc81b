# shellcheck shell=bash
# What the demo and the tests need beside the servers: system programs, Rust components, cargo-deny.

cargo_deny_version=0.20.2

install_packages() {
    say "installing $* from the distribution (seconds)"
    quietly apt-get update || die "refresh the package lists: apt-get update failed"
    DEBIAN_FRONTEND=noninteractive quietly apt-get install -y --no-install-recommends "$@" ||
        die "install $*: apt-get failed"
}

may_install() { [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; }

# ensure_programs PROGRAM…: each has the name of its package.
ensure_programs() {
    local program missing=()
    for program in "$@"; do
        # Not command -v: "time" is also a word of the shell's.
        type -P "$program" >/dev/null || missing+=("$program")
    done
    if [ ${#missing[@]} -eq 0 ]; then return; fi
    may_install || die "missing programs: ${missing[*]}" "install the packages of these names"
    install_packages "${missing[@]}"
}

# The system's trust roots as one file, for the image of our programs.
certificates() {
    local bundle
    for bundle in "${SSL_CERT_FILE:-}" /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt; do
        if [ -r "$bundle" ]; then printf '%s\n' "$bundle" && return; fi
    done
    return 1
}

ensure_certificates() {
    if certificates >/dev/null; then return; fi
    may_install || die "no file of trusted certificates on this machine" "install the package ca-certificates"
    install_packages ca-certificates
}

ensure_rust() {
    command -v cargo >/dev/null || die "no cargo on the PATH" "install Rust 1.88 or newer, for example with rustup"
    # ring has C parts, and Rust links with it. Its package only recommends the C library's own files.
    if may_install && ! type -P gcc >/dev/null; then install_packages gcc libc6-dev; fi
    ensure_programs gcc
    if command -v rustup >/dev/null; then
        quietly rustup component add rustfmt clippy || die "add the components rustfmt and clippy"
        quietly rustup target add "$(uname -m)-unknown-linux-musl" || die "add the target for static programs"
    fi
}

ensure_cargo_deny() {
    if [ "$(cargo deny --version 2>/dev/null)" = "cargo-deny $cargo_deny_version" ]; then return; fi
    say "installing cargo-deny $cargo_deny_version (3 CPU minutes, once)"
    quietly cargo install --locked "cargo-deny@$cargo_deny_version" || die "install cargo-deny"
}
