//! The image: snap-pipe as process 1, without a shell, a writable file or a privilege.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::time::{Duration, Instant};

use snapline_archive::synthetic::Synthetic;
use snapline_integration::authority::{Authority, Validity};
use snapline_integration::bucket::Bucket;
use snapline_integration::image::Job;
use snapline_integration::minio::{ACCESS_KEY, Minio, SECRET_KEY};
use snapline_integration::vault::{AppRole, SNAPSHOT_POLICY, Vault, inspect};
use snapline_integration::wait::{PATIENCE, wait_for};

fn s3(minio: &Minio) -> Vec<(&'static str, String)> {
    vec![
        (
            "AWS_ENDPOINT_URL",
            format!("http://{}", minio.container().inner_address()),
        ),
        ("AWS_REGION", "us-east-1".into()),
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY.into()),
        ("AWS_SECRET_ACCESS_KEY", SECRET_KEY.into()),
    ]
}

fn start(variables: &[(&'static str, String)], line: &str) -> Job {
    let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Job::start(&variables, &line.split(' ').collect::<Vec<_>>())
}

fn whole_pipe(vault: &Vault, minio: &Minio, role: &AppRole, bucket: &Bucket) -> Job {
    let mut variables = s3(minio);
    variables.push(("VAULT_ADDR", format!("http://{}", vault.container().inner_address())));
    variables.push(("VAULT_APPROLE_ROLE_ID", role.role_id.clone()));
    variables.push(("VAULT_APPROLE_SECRET_ID", role.secret_id.clone()));
    let uri = bucket.uri("vault/");
    start(
        &variables,
        &format!("vault-login | vault-snapshot --revoke | s3-put {uri} | snap-prune --keep-last 3"),
    )
}

#[test]
fn the_whole_pipe_works() {
    let (vault, minio) = (Vault::shared(), Minio::shared());
    let bucket = minio.bucket("image");
    let mut job = whole_pipe(&vault, &minio, &vault.app_role(SNAPSHOT_POLICY), &bucket);
    job.client.end().expect(0);
    let keys = bucket.keys();
    assert_eq!(keys.len(), 1);
    assert!(inspect(&bucket.get(&keys[0]).unwrap()).status.success());
    assert_eq!(
        job.inspect("{{.Config.User}} {{.HostConfig.ReadonlyRootfs}} {{.Path}}"),
        "65532:65532 true /bin/snap-pipe"
    );
}

#[test]
fn the_failing_stage_is_the_last_line() {
    let (vault, minio) = (Vault::shared(), Minio::shared());
    let bucket = minio.bucket("image-fails");
    let mut role = vault.app_role(SNAPSHOT_POLICY);
    role.secret_id = "no-such-secret-id".into();
    let mut job = whole_pipe(&vault, &minio, &role, &bucket);
    let outcome = job.client.end().expect(77);
    assert!(outcome.last_line().starts_with("snap-pipe: "), "{}", outcome.stderr);
    assert!(outcome.last_line().contains("vault-login"), "{}", outcome.stderr);
    assert!(outcome.last_line().contains("77"), "{}", outcome.stderr);
    assert!(bucket.keys().is_empty());
}

#[test]
fn stopped_in_mid_upload_it_aborts_the_upload_and_ends_soon() {
    let minio = Minio::shared();
    let bucket = minio.bucket("image-stop");
    let line = format!("s3-put {} | snap-prune --keep-last 3", bucket.uri("vault/"));
    let mut job = start(&s3(&minio), &line);
    let archive = Synthetic::new(40 << 20).to_vec();
    job.client.write(&archive[..20 << 20]);
    wait_for("the upload has begun", || (bucket.uploads().len() == 1).then_some(()));

    let start = Instant::now();
    job.stop();
    let outcome = job.client.wait(PATIENCE);
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    assert_eq!(outcome.status, 143, "{}", outcome.stderr);
    assert_eq!(job.inspect("{{.State.ExitCode}}"), "143");
    assert!(bucket.uploads().is_empty(), "{}", outcome.stderr);
    assert!(bucket.keys().is_empty(), "{}", outcome.stderr);
}

#[test]
fn the_image_trusts_the_authorities_that_the_programs_carry() {
    let authority = Authority::new("Snapline Test Authority");
    let pair = authority.server(&["127.0.0.1"], Validity::Now);
    let minio = Minio::start_with_tls(&pair.certificate, &pair.key);
    let mut variables = s3(&minio);
    variables[0].1 = variables[0].1.replace("http://", "https://");
    let mut job = start(&variables, "s3-get --list s3://bucket/vault/");
    let outcome = job.client.end().expect(78);
    // They were there to be compared with: it is this one that is unknown to them.
    assert!(
        outcome.stderr.contains("unknown authority, 'Snapline Test Authority'"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn a_stage_that_is_not_in_the_image_fails_the_pipe() {
    // No init process but snap-pipe itself: a stage that is not found must not hang the others.
    let minio = Minio::shared();
    let mut job = start(&s3(&minio), "no-such-program | s3-put s3://nowhere/vault/");
    let outcome = job.client.end();
    assert_ne!(outcome.status, 0, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("no-such-program"), "{}", outcome.stderr);
}
