//! Starts a Vault and a MinIO, prints the variables that `integration/kubernetes` wants, and ends them when standard input
//! ends.
#![allow(clippy::print_stdout, reason = "that is what it is for")]

use std::io::{Read as _, stdin};

use snapline_integration::minio::{ACCESS_KEY, Minio, SECRET_KEY};
use snapline_integration::vault::{SNAPSHOT_POLICY, Vault};

fn main() {
    let (vault, minio) = (Vault::start(), Minio::start());
    let bucket = minio.bucket_named("backups");
    let role = vault.app_role(SNAPSHOT_POLICY);
    // The containers' own addresses: right where pods and containers share a machine, and the engine's network is open to pods.
    println!("export VAULT_ADDR=http://{}", vault.container().inner_address());
    println!("export VAULT_APPROLE_ROLE_ID={}", role.role_id);
    println!("export VAULT_APPROLE_SECRET_ID={}", role.secret_id);
    println!("export AWS_ENDPOINT_URL=http://{}", minio.container().inner_address());
    println!("export SNAPLINE_S3_URL={}", minio.endpoint());
    println!("export SNAPLINE_BUCKET={}", bucket.name);
    println!("export AWS_ACCESS_KEY_ID={ACCESS_KEY}");
    println!("export AWS_SECRET_ACCESS_KEY={SECRET_KEY}");
    // Whatever it reads, and even a failure to read, is the end in the end.
    let _ = stdin().read_to_end(&mut Vec::new());
}
