//! The pipe from a real Vault to a real S3 store, five times over, and the newest backup read back by foreign programs.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "it shows what it does, and ends at the first surprise"
)]

use snapline_integration::bucket::Bucket;
use snapline_integration::minio::Minio;
use snapline_integration::program::Environment;
use snapline_integration::vault::{SNAPSHOT_POLICY, Vault, inspect};
use snapline_integration::wait::next_second;

const PIPE: &str = "vault-login | vault-snapshot --revoke | s3-put s3://backups/vault/ | snap-prune --keep-last 3";

fn main() {
    step("a real Vault on Raft storage, and a real MinIO, in containers");
    let (vault, minio) = std::thread::scope(|scope| {
        let vault = scope.spawn(Vault::start);
        (vault.join().expect("Vault"), Minio::start())
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

    step("that is all; the containers go now");
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
