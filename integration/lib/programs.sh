# shellcheck shell=bash
# Builds the static programs. Needs lib/say.sh and $root (the checkout).

: "${root:?}"

musl_target() { printf '%s-unknown-linux-musl\n' "$(uname -m)"; }

# Where cargo puts what it builds.
target_directory() {
    cargo metadata --locked --no-deps --format-version 1 --manifest-path "$root/Cargo.toml" |
        sed 's/.*"target_directory":"\([^"]*\)".*/\1/'
}

# build_programs dev|release: all programs, and SNAPLINE_BIN_DIR set to where they are.
build_programs() {
    local profile=$1 target folder
    target=$(musl_target)
    folder=$profile
    if [ "$profile" = dev ]; then folder=debug; fi
    # ring has C parts; for these the host's compiler is good enough.
    env "CC_${target//-/_}=gcc" cargo build --locked --bins --profile "$profile" --target "$target" \
        --manifest-path "$root/Cargo.toml" || return
    SNAPLINE_BIN_DIR=$(target_directory)/$target/$folder
    export SNAPLINE_BIN_DIR
}
