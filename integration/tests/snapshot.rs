//! What vault-snapshot hands on when Vault goes away.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::io::Read;
use std::process::Command;

use snapline_integration::container::pipe_through;
use snapline_integration::program::Environment;
use snapline_integration::vault::{Vault, inspect};

fn gunzip_accepts(archive: &[u8]) -> bool {
    pipe_through(Command::new("gzip").arg("-t"), archive).status.success()
}

#[test]
fn a_whole_snapshot_is_what_curl_gets() {
    let vault = Vault::shared();
    let environment = Environment::new().set("VAULT_ADDR", &vault.address());
    let token = format!("{}\n", vault.root_token());
    let outcome = environment.run("vault-snapshot", &[], token.as_bytes()).expect(0);
    assert!(gunzip_accepts(&outcome.stdout));
    assert!(inspect(&outcome.stdout).status.success());
    assert!(vault.accepts(vault.root_token()), "without --revoke the token lives on");
}

#[test]
fn what_leaves_it_when_vault_is_killed_in_mid_stream_is_refused_by_everybody() {
    let vault = Vault::start();
    vault.fill(96);
    let whole = vault.snapshot();
    assert!(whole.len() > 64 << 20);
    assert!(
        gunzip_accepts(&whole) && inspect(&whole).status.success(),
        "whole, it is accepted"
    );

    let environment = Environment::new().set("VAULT_ADDR", &vault.address());
    let mut running = environment.spawn_raw("vault-snapshot", &[]);
    running.write(format!("{}\n", vault.root_token()).as_bytes());
    running.close();
    let mut left = vec![0; 16 << 20];
    running.output().read_exact(&mut left).unwrap();
    vault.container().kill();
    running.output().read_to_end(&mut left).unwrap();
    let outcome = running.end();
    assert!(
        [69, 65].contains(&outcome.status),
        "{} {}",
        outcome.status,
        outcome.stderr
    );
    assert!(left.len() < whole.len(), "it was in mid-stream");
    assert!(!gunzip_accepts(&left), "gzip");
    assert!(!inspect(&left).status.success(), "Vault");
}

#[test]
fn an_output_file_appears_whole_or_not_at_all() {
    let vault = Vault::start();
    let environment = Environment::new().set("VAULT_ADDR", &vault.address());
    let token = format!("{}\n", vault.root_token());
    environment
        .run("vault-snapshot", &["--output", "whole.snap"], token.as_bytes())
        .expect(0);
    let archive = std::fs::read(environment.home().join("whole.snap")).unwrap();
    assert!(inspect(&archive).status.success());

    vault.seal();
    environment
        .run("vault-snapshot", &["--output", "none.snap"], token.as_bytes())
        .expect(69);
    let left: Vec<_> = std::fs::read_dir(environment.home())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["whole.snap"]);
}
