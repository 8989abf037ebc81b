//! The pipe from a real Vault to a real S3 store, five times over, the newest backup read by foreign programs; then the cluster
//! is destroyed, and what it held comes back.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "it shows what it does, and ends at the first surprise"
)]

use serde_json::json;
use snapline_integration::bucket::Bucket;
use snapline_integration::minio::Minio;
use snapline_integration::program::Environment;
use snapline_integration::vault::{SNAPSHOT_POLICY, Vault, inspect};
use snapline_integration::wait::{next_second, wait_for};
use tempfile::TempDir;

const PIPE: &str = "vault-login | vault-snapshot --revoke | s3-put s3://backups/vault/ | snap-prune --keep-last 3";

const RESTORE: &str = "s3-get --latest s3://backups/vault/ | vault-restore --force --yes";

fn main() {
    step("a real Vault on Raft storage, and a real MinIO, in containers");
    let folder = TempDir::new().expect("a folder for Vault's data");
    let (vault, unseal_keys, minio) = std::thread::scope(|scope| {
        let vault = scope.spawn(|| {
            let mut vault = Vault::uninitialised(folder.path());
            let keys = vault.initialise_with(1, 1);
            (vault, keys)
        });
        let minio = Minio::start();
        let (vault, keys) = vault.join().expect("Vault");
        (vault, keys, minio)
    });
    let bucket = minio.bucket_named("backups");
    bucket.put("vault-staging/vault_raft_20200101_000000.snap", b"somebody else's");
    println!("Vault  {}\nMinIO  {}", vault.address(), minio.endpoint());

    step("AppRole, and the one line of policy that a backup needs");
    println!("{SNAPSHOT_POLICY}");
    let role = vault.app_role(SNAPSHOT_POLICY);
    let environment = Environment::new().vault(&vault, &role).minio(&minio);
    for name in [
        "VAULT_ADDR",
        "VAULT_APPROLE_ROLE_ID",
        "AWS_ENDPOINT_URL",
        "AWS_ACCESS_KEY_ID",
    ] {
        println!("{name}={}", environment.get(name));
    }
    println!("VAULT_APPROLE_SECRET_ID=… AWS_SECRET_ACCESS_KEY=…");

    for number in 1..=5 {
        step(&format!("backup {number} of 5"));
        vault.fill(1);
        println!("(1 MiB of secrets written to Vault)");
        back_up(&environment, &bucket);
    }

    step("the newest object, fetched by curl, read by Vault's own command");
    let keys = bucket.keys();
    let newest = keys.iter().rfind(|key| key.starts_with("vault/")).expect("a backup");
    println!(
        "$ curl --aws-sigv4 aws:amz:us-east-1:s3 … {}/backups/{newest} > newest.snap",
        minio.endpoint()
    );
    println!("$ vault operator raft snapshot inspect newest.snap");
    let report = inspect(&bucket.get(newest).expect("the newest backup"));
    print!("{}", String::from_utf8_lossy(&report.stdout));
    assert!(
        report.status.success(),
        "Vault refuses it: {}",
        String::from_utf8_lossy(&report.stderr)
    );
    assert_eq!(
        keys.iter().filter(|key| key.starts_with("vault/")).count(),
        3,
        "three are kept"
    );
    assert!(
        keys.iter().any(|key| key.starts_with("vault-staging/")),
        "the neighbour is untouched"
    );

    drill(vault, &unseal_keys[0], &minio, &bucket);
    step("that is all; the containers go now");
}

/// A secret is written and backed up, its cluster is destroyed, and a fresh one has it again.
fn drill(vault: Vault, key: &str, minio: &Minio, bucket: &Bucket) {
    step("the drill: a secret, and a backup of it");
    vault.call("POST", "sys/mounts/secret", Some(&json!({"type": "kv"})));
    vault.call("POST", "secret/app", Some(&json!({"value": "swordfish"})));
    println!("$ vault write secret/app value=swordfish");
    let environment = Environment::new()
        .vault(&vault, &vault.app_role(SNAPSHOT_POLICY))
        .minio(minio);
    back_up(&environment, bucket);
    let token = vault.root_token().to_owned();

    step("the cluster is destroyed, with all that it held");
    drop(vault);
    let fresh = Vault::start();
    println!("a fresh Vault with keys of its own: {}", fresh.address());

    step("the newest backup goes into the fresh Vault");
    let environment = Environment::new()
        .minio(minio)
        .set("VAULT_ADDR", &fresh.address())
        .set("VAULT_TOKEN", fresh.root_token());
    println!("$ {RESTORE}");
    let outcome = environment.shell(RESTORE);
    print!("{}", outcome.stderr);
    assert_eq!(outcome.status, 0, "the restore failed");

    step("unsealed with the old cluster's key, the secret read with its token");
    fresh.unseal(key);
    let secret = wait_for("the secret can be read", || {
        let (status, reply) = fresh.send("GET", "secret/app", &token, None);
        (status == 200).then(|| reply["data"]["value"].clone())
    });
    println!(
        "$ vault read -field=value secret/app\n{}",
        secret.as_str().unwrap_or_default()
    );
    assert_eq!(secret, "swordfish");
}

fn back_up(environment: &Environment, bucket: &Bucket) {
    println!("$ {PIPE}");
    let outcome = environment.shell(PIPE);
    print!("{}{}", outcome.stderr, outcome.text());
    assert_eq!(outcome.status, 0, "the pipe failed");
    println!("the bucket now, listed by curl:");
    for object in bucket.objects() {
        println!("{:>10}  {}", object.size, object.key);
    }
    next_second();
}

fn step(title: &str) {
    println!("\n== {title}");
}
