# What `nix flake check` builds. The tests that need a container engine are not here: integration/test runs them.
{
  lib,
  pkgs,
  self,
}:
let
  inherit (pkgs.stdenv.hostPlatform) system;
  packages = self.packages.${system};
  inherit (packages) snapline;

  # nixpkgs as an importer gets it who adds the overlay.
  overlaid = import pkgs.path {
    inherit system;
    overlays = [ self.overlays.default ];
  };

  sources = lib.fileset.toSource {
    root = ../.;
    fileset = lib.fileset.unions [
      ../Cargo.lock
      ../Cargo.toml
      # A test of the manifests has it compiled in.
      ../README.md
      ../bins
      ../clippy.toml
      ../crates
      ../deny.toml
      ../docs/retention.md
      ../integration
      ../nix/image.json
      ../rustfmt.toml
    ];
  };

  # A command on the whole workspace, beside the package's own compiler and vendored crates.
  onSources =
    name: tools: command:
    snapline.overrideAttrs (previous: {
      pname = "snapline-${name}";
      src = sources;
      nativeBuildInputs = previous.nativeBuildInputs ++ tools;
      buildPhase = command;
      doCheck = false;
      installPhase = "touch $out";
      dontFixup = true;
      doInstallCheck = false;
    });

  # Only where it is Linux that is built for.
  inherit (packages) snapline-static;
  canRunStatic = pkgs.stdenv.buildPlatform.canExecute snapline-static.stdenv.hostPlatform;

  # The image as a container engine would get it; the comparison is the one that integration/test makes with its own.
  imageCheck =
    name: image:
    pkgs.runCommand "${name}-image-check"
      {
        nativeBuildInputs = [ pkgs.jq ];
      }
      ''
        ${image} > image.tar
        bash ${sources}/integration/images/snapline/compare ${name} image.tar

        mkdir image rootfs
        tar -xf image.tar -C image
        jq -r '.[0].Layers[]' image/manifest.json | while read -r layer; do
          tar -xf "image/$layer" -C rootfs
        done
        test "$(jq -r .architecture "image/$(jq -r '.[0].Config' image/manifest.json)")" \
          = ${snapline-static.stdenv.hostPlatform.go.GOARCH}
        test "$(jq -r '.[0].RepoTags[0]' image/manifest.json)" = ${name}:${snapline.version}
        ${lib.optionalString canRunStatic ''
          for program in rootfs/bin/*; do
            # Through the entry point, with no other variable than the PATH.
            env --ignore-environment PATH="$PWD/rootfs/bin" \
              rootfs/bin/snap-pipe "$(basename "$program")" --version | grep -F ${snapline.version}
          done
        ''}
        touch $out
      '';
in
{
  inherit snapline;

  clippy = onSources "clippy" [ pkgs.clippy ] ''
    cargo clippy --offline --workspace --all-targets --all-features -- -D warnings
  '';

  fmt = onSources "fmt" [ pkgs.rustfmt ] ''
    cargo fmt --all --check
  '';

  # Not the advisories: their database is not part of this flake.
  deny = onSources "deny" [ pkgs.cargo-deny ] ''
    export HOME=$TMPDIR
    cargo deny --offline check bans licenses sources
  '';

  overlay = pkgs.runCommand "snapline-overlay-check" { } ''
    for program in ${toString snapline.programs}; do
      test -x ${overlaid.snapline}/bin/$program
    done
    touch $out
  '';

  apps = pkgs.runCommand "snapline-apps-check" { } ''
    ${lib.concatMapStrings (app: "test -x ${app.program}\n") (lib.attrValues self.apps.${system})}
    touch $out
  '';
}
// lib.optionalAttrs pkgs.stdenv.hostPlatform.isLinux {
  static =
    pkgs.runCommand "snapline-static-check"
      {
        nativeBuildInputs = [ pkgs.binutils-unwrapped ];
      }
      ''
        for program in ${toString snapline-static.programs}; do
          file=${snapline-static}/bin/$program
          test -x "$file"
          if readelf --program-headers --wide "$file" | grep -w INTERP; then
            echo "$program is not static" >&2
            exit 1
          fi
          ${lib.optionalString canRunStatic ''"$file" --version | grep -F ${snapline.version}''}
        done
        touch $out
      '';

  image = imageCheck "snapline" packages.image;
  image-s3 = imageCheck "snapline-s3" packages.image-s3;
  image-vault = imageCheck "snapline-vault" packages.image-vault;

  module = import ./test.nix {
    inherit lib;
    module = self.nixosModules.default;
    # Vault is not free software, and MinIO is no longer maintained; both only serve the test.
    pkgs = import pkgs.path {
      inherit system;
      config = {
        allowUnfreePredicate = package: lib.getName package == "vault";
        allowInsecurePredicate = package: lib.getName package == "minio";
      };
    };
  };
}
