# Everything that integration/test and the documentation need, except a container engine.
{
  lib,
  stdenv,
  pkgsStatic,
  linkFarm,
  mkShell,
  busybox,
  cargo-deny,
  clippy,
  curl,
  dash,
  deadnix,
  docker-client,
  go,
  jq,
  kubectl,
  kubernetes-helm,
  mandoc,
  nixfmt,
  python3,
  rustfmt,
  shellcheck,
  snapline,
}:
let
  static = pkgsStatic.stdenv;
  staticCompiler = lib.getExe' static.cc "${static.cc.targetPrefix}cc";
in
mkShell {
  inputsFrom = [ snapline ];

  packages = [
    cargo-deny
    clippy
    curl
    dash
    deadnix
    docker-client
    go
    jq
    kubectl
    kubernetes-helm
    mandoc
    nixfmt
    python3
    rustfmt
    shellcheck
  ]
  # By its name only: its other names would hide those of coreutils.
  ++ lib.optional stdenv.hostPlatform.isLinux (
    linkFarm "busybox-alone" { "bin/busybox" = lib.getExe busybox; }
  );

  env = lib.optionalAttrs stdenv.hostPlatform.isLinux {
    # This compiler also knows the target of the static programs; the tests run those.
    RUSTC = lib.getExe' pkgsStatic.buildPackages.rustc "rustc";
    "CARGO_TARGET_${static.hostPlatform.rust.cargoEnvVarTarget}_LINKER" = staticCompiler;
    "CC_${lib.replaceStrings [ "-" ] [ "_" ] static.hostPlatform.rust.rustcTarget}" = staticCompiler;
  };
}
