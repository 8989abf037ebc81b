//! Runs a Vault with a role for as long as standard input stays open; prints its address, the role id and the secret id.
#![allow(clippy::print_stdout, clippy::expect_used, reason = "a tool of the benchmarks")]

use std::io::{Read, stdin};

use snapline_integration::vault::{SNAPSHOT_POLICY, Vault};

fn main() {
    let vault = Vault::start();
    let role = vault.app_role(SNAPSHOT_POLICY);
    println!("{}\n{}\n{}", vault.address(), role.role_id, role.secret_id);
    stdin()
        .read_to_end(&mut Vec::new())
        .expect("wait for the end of standard input");
}
