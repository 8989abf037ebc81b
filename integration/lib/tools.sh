# shellcheck shell=bash
# What the demo and the tests need beside the servers: system programs, Rust components, cargo-deny, what checks Nix files.

cargo_deny_version=0.20.2
nixfmt_version=0.5.3
deadnix_version=1.3.1

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

ensure_rust() {
    command -v cargo >/dev/null || die "no cargo on the PATH" "install Rust 1.88 or newer, for example with rustup"
    # aws-lc-sys is C, and Rust links with the compiler. Its package only recommends the C library's own files.
    if may_install && ! type -P gcc >/dev/null; then install_packages gcc libc6-dev; fi
    ensure_programs gcc
    if command -v rustup >/dev/null; then
        quietly rustup component add rustfmt clippy || die "add the components rustfmt and clippy"
        quietly rustup target add "$(uname -m)-unknown-linux-musl" || die "add the target for static programs"
    fi
}

# Tests of names have a network namespace of their own, whose loopback device is down at first.
ensure_ip() {
    if type -P ip >/dev/null; then return; fi
    may_install || die "no program ip on the PATH" "install the package iproute2"
    install_packages iproute2
}

# ensure_aws FOLDER: `aws` on the PATH, if need be from the folder.
ensure_aws() {
    if command -v aws >/dev/null; then return; fi
    say "installing aws-cli into a temporary folder (a minute)"
    quietly python3 -m venv "$1/venv" || die "make a virtual environment of Python"
    quietly "$1/venv/bin/pip" install --quiet awscli || die "install aws-cli"
    PATH="$1/venv/bin:$PATH"
}

ensure_cargo_deny() {
    if [ "$(cargo deny --version 2>/dev/null)" = "cargo-deny $cargo_deny_version" ]; then return; fi
    say "installing cargo-deny $cargo_deny_version (3 CPU minutes, once)"
    quietly cargo install --locked "cargo-deny@$cargo_deny_version" || die "install cargo-deny"
}

# What checks Nix files without building anything: the parser, where the distribution has it, and two programs of crates.
ensure_nix_tools() {
    if ! command -v nix-instantiate >/dev/null && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
        say "installing nix-bin from the distribution (seconds); it fetches and builds nothing"
        quietly apt-get update || die "refresh the package lists: apt-get update failed"
        DEBIAN_FRONTEND=noninteractive quietly apt-get install -y --no-install-recommends nix-bin || true
    fi
    # Wanted, not needed: the test run says what it could not do.
    command -v nix-instantiate >/dev/null || say "no nix on the PATH: the Nix files will not be parsed, nor their lock read"
    # Those that are there are good enough: in the flake's own shell they come from nixpkgs.
    if ! command -v nixfmt >/dev/null; then
        say "installing nixfmt_rs $nixfmt_version (1 CPU minute, once)"
        quietly cargo install --locked "nixfmt_rs@$nixfmt_version" || die "install nixfmt_rs"
    fi
    if ! command -v deadnix >/dev/null; then
        say "installing deadnix $deadnix_version (2 CPU minutes, once)"
        quietly cargo install --locked "deadnix@$deadnix_version" || die "install deadnix"
    fi
}
