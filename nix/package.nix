# All programs, with their man pages and completions.
{
  lib,
  stdenv,
  rustPlatform,
  installShellFiles,
  util-linux,
  versionCheckHook,
}:

let
  inherit (lib) fileset;
  programs = import ./programs.nix { inherit lib; };
in
rustPlatform.buildRustPackage {
  pname = "snapline";
  inherit ((lib.importTOML ../Cargo.toml).workspace.package) version;

  src = fileset.toSource {
    root = ../.;
    fileset = fileset.unions [
      ../Cargo.lock
      ../Cargo.toml
      ../bins
      ../crates
      # A test runs its examples.
      ../docs/retention.md
      # Cargo wants the manifest of every member of the workspace, and something there to compile.
      ../integration/Cargo.toml
      ../integration/src/lib.rs
      ../integration/bench/Cargo.toml
      ../integration/bench/src/lib.rs
      (fileset.maybeMissing ../completions)
      (fileset.maybeMissing ../man)
    ];
  };

  cargoLock.lockFile = ../Cargo.lock;

  cargoBuildFlags = map (program: "--package=${program}") programs;

  # The profile for releases optimises across all crates: that is for what ships, and would take minutes for each test.
  checkType = "debug";
  cargoTestFlags = [
    "--workspace"
    "--all-features"
    # Needs a container engine.
    "--exclude=snapline-integration"
  ];
  checkFlags = [
    # Needs the right to make a PID namespace, which a sandbox may have or not.
    "--skip=as_process_1_it_hears_term_and_reaps_orphans"
  ];
  # The tests look at /proc, and at devices that only Linux has.
  doCheck = stdenv.hostPlatform.isLinux;
  # For setsid; the other foreign programs of the tests are those of stdenv.
  nativeCheckInputs = lib.optional stdenv.hostPlatform.isLinux util-linux;

  nativeBuildInputs = [ installShellFiles ];
  postInstall = ''
    if [ -d man ]; then installManPage man/*; fi
    if [ -d completions ]; then installShellCompletion completions/*.{bash,fish,zsh}; fi
  '';

  doInstallCheck = stdenv.buildPlatform.canExecute stdenv.hostPlatform;
  nativeInstallCheckInputs = [ versionCheckHook ];

  passthru = { inherit programs; };

  meta = {
    description = "Small static programs that back up the Raft storage of Vault and OpenBao to S3, as one Unix pipe";
    license = [
      lib.licenses.mit
      lib.licenses.asl20
    ];
    mainProgram = "snap-pipe";
    platforms = lib.platforms.linux ++ [ "aarch64-darwin" ];
  };
}
