//! What vault-snapshot hands on, and what becomes of the token, when Vault, the reader or the program itself goes away.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::io::Read;
use std::process::Command;

use snapline_integration::container::pipe_through;
use snapline_integration::program::Environment;
use snapline_integration::running::Running;
use snapline_integration::vault::{SNAPSHOT_POLICY, Vault, inspect};
use snapline_integration::wait::PATIENCE;

fn gunzip_accepts(archive: &[u8]) -> bool {
    pipe_through(Command::new("gzip").arg("-t"), archive).status.success()
}

/// A run that has begun to hand on, and stands still because nobody reads on.
fn in_mid_stream(environment: &Environment, token: &str, options: &[&str]) -> Running {
    let mut running = environment.spawn_raw("vault-snapshot", options);
    running.write(format!("{token}\n").as_bytes());
    running.close();
    running
}

fn read(running: &mut Running, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    running.output().read_exact(&mut bytes).unwrap();
    bytes
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
    let mut running = in_mid_stream(&environment, vault.root_token(), &[]);
    let mut left = read(&mut running, 16 << 20);
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

#[test]
fn terminated_in_mid_stream_it_revokes_its_token_and_hands_on_nothing_plausible() {
    let vault = Vault::start();
    vault.fill(96);
    let environment = Environment::new().set("VAULT_ADDR", &vault.address());
    let token = vault.token(SNAPSHOT_POLICY);
    let mut running = in_mid_stream(&environment, &token, &["--revoke"]);
    let mut left = read(&mut running, 1 << 20);
    assert!(vault.accepts(&token));
    running.terminate();
    running.output().read_to_end(&mut left).unwrap();
    running.wait(PATIENCE).expect(143);
    assert!(!vault.accepts(&token), "the token is revoked");
    assert!(!gunzip_accepts(&left) && !inspect(&left).status.success());
}

#[test]
fn without_a_reader_it_revokes_its_token_and_says_141() {
    let vault = Vault::start();
    vault.fill(16);
    let environment = Environment::new().set("VAULT_ADDR", &vault.address());
    let token = vault.token(SNAPSHOT_POLICY);
    let mut running = in_mid_stream(&environment, &token, &["--revoke"]);
    read(&mut running, 1000);
    running.close_output();
    running.wait(PATIENCE).expect(141);
    assert!(!vault.accepts(&token), "the token is revoked");
}

#[test]
fn refused_by_vault_it_revokes_its_token_and_hands_on_nothing() {
    let vault = Vault::shared();
    let environment = Environment::new().set("VAULT_ADDR", &vault.address());
    let token = vault.token(r#"path "sys/storage/raft/snapshot" { capabilities = ["update"] }"#);
    let outcome = environment
        .run("vault-snapshot", &["--revoke"], token.as_bytes())
        .expect(77);
    assert!(outcome.stdout.is_empty());
    assert!(!vault.accepts(&token), "the token is revoked");
}

#[test]
fn a_token_that_nobody_takes_is_revoked_by_the_login() {
    let vault = Vault::start();
    let environment = Environment::new().vault(&vault, &vault.app_role(SNAPSHOT_POLICY));
    let before = vault.token_count();
    let mut running = environment.spawn_raw("vault-login", &[]);
    running.close_output();
    running.wait(PATIENCE).expect(141);
    assert_eq!(vault.token_count(), before);
}
