# shellcheck shell=bash
# Builds the static programs, and names the images that hold them. Needs lib/say.sh and $root (the checkout).

: "${root:?}"

musl_target() { printf '%s-unknown-linux-musl\n' "$(uname -m)"; }

# Where cargo puts what it builds.
target_directory() {
    cargo metadata --locked --no-deps --format-version 1 --manifest-path "$root/Cargo.toml" |
        sed 's/.*"target_directory":"\([^"]*\)".*/\1/'
}

# build_programs dev|release: all programs, and SNAPLINE_BIN_DIR set to where they are.
build_programs() {
    local profile=$1 target folder compiler
    target=$(musl_target)
    compiler=CC_${target//-/_}
    folder=$profile
    if [ "$profile" = dev ]; then folder=debug; fi
    # aws-lc-sys is C; for that the host's compiler is good enough.
    env "$compiler=${!compiler:-gcc}" cargo build --locked --bins --profile "$profile" --target "$target" \
        --manifest-path "$root/Cargo.toml" || return
    SNAPLINE_BIN_DIR=$(target_directory)/$target/$folder
    export SNAPLINE_BIN_DIR
}

version() { sed -n '/^\[workspace.package\]/,/^\[/ s/^version = "\(.*\)"/\1/p' "$root/Cargo.toml"; }

# What is in the images, for those here and for those that Nix builds.
image_facts=$root/nix/image.json

image_names() { jq -r '.programs | keys[]' "$image_facts"; }

# image_tag NAME: the local name of an image; SNAPLINE_IMAGE renames the one that holds all programs, and the others with it.
image_tag() {
    local whole=${SNAPLINE_IMAGE:-localhost/snapline:$(version)}
    printf '%s%s:%s\n' "${whole%:*}" "${1#snapline}" "${whole##*:}"
}
