//! Streams a verified Raft snapshot out of Vault or OpenBao.

fn main() -> std::process::ExitCode {
    snapline_cli::main(vault_snapshot::PROGRAM, vault_snapshot::run)
}
