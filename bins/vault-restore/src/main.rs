//! Proves a Raft snapshot whole, then restores it into Vault or OpenBao.

fn main() -> std::process::ExitCode {
    snapline_cli::main(vault_restore::PROGRAM, vault_restore::run)
}
