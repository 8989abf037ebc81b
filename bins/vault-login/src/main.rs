//! Logs in to Vault or OpenBao and prints the token.

fn main() -> std::process::ExitCode {
    snapline_cli::main(vault_login::PROGRAM, vault_login::run)
}
