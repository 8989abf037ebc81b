# integration/demo with everything compiled beforehand. It still needs a container engine that answers.
{
  lib,
  rustPlatform,
  writeShellApplication,
  bash,
  curl,
  dash,
  docker-client,
  snapline-static,
}:
let
  src = lib.fileset.toSource {
    root = ../.;
    fileset = lib.fileset.unions [
      ../Cargo.lock
      ../Cargo.toml
      ../bins
      ../crates
      ../integration
    ];
  };

  harness = rustPlatform.buildRustPackage {
    pname = "snapline-demo-harness";
    inherit (snapline-static) version;
    inherit src;
    cargoLock.lockFile = ../Cargo.lock;
    cargoBuildFlags = [
      "--package=snapline-integration"
      "--bin=demo"
    ];
    buildType = "debug";
    # Its tests are the ones that need a container engine.
    doCheck = false;
    meta.mainProgram = "demo";
  };
in
writeShellApplication {
  name = "snapline-demo";
  runtimeInputs = [
    bash
    curl
    dash
    # Only the client; it talks to the engine of the machine.
    docker-client
  ];
  runtimeEnv = {
    SNAPLINE_BIN_DIR = "${snapline-static}/bin";
    SNAPLINE_DEMO = lib.getExe harness;
  };
  text = ''
    exec bash ${src}/integration/demo
  '';
  meta.description = "Shows the whole pipe at work against a real Vault and a real MinIO in containers";
}
