//! What breaks, breaks the pipe: a status that is not 0 without pipefail, no new object, nothing deleted, no upload
//! left, and through snap-pipe the code that says why.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::sync::Arc;

use snapline_integration::bucket::Bucket;
use snapline_integration::line::Line;
use snapline_integration::minio::Minio;
use snapline_integration::name::snapshot_name;
use snapline_integration::program::{Environment, nowhere};
use snapline_integration::running::{Outcome, Running, terminate};
use snapline_integration::vault::{SNAPSHOT_POLICY, Vault};
use snapline_integration::wait::{PATIENCE, wait_for};
use time::{Duration, OffsetDateTime};

/// The part of an 8 MiB part that a held connection lets through.
const SOME: usize = 6 << 20;

/// A bucket with backups that a successful run would prune.
struct Scene {
    bucket: Bucket,
    environment: Environment,
    uri: String,
}

/// The two ways to run a pipe.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Runner {
    Dash,
    SnapPipe,
}

const BOTH: [Runner; 2] = [Runner::Dash, Runner::SnapPipe];

impl Scene {
    fn new(vault: &Vault, minio: &Minio, name: &str) -> Self {
        Self::with_policy(vault, minio, name, SNAPSHOT_POLICY)
    }

    fn with_policy(vault: &Vault, minio: &Minio, name: &str, policy: &str) -> Self {
        let bucket = minio.bucket(name);
        for hours in 1..=5 {
            let name = snapshot_name(OffsetDateTime::now_utc() - Duration::hours(hours));
            bucket.put(&format!("vault/{name}"), b"old");
        }
        let environment = Environment::new().vault(vault, &vault.app_role(policy)).minio(minio);
        let uri = bucket.uri("vault/");
        Self {
            bucket,
            environment,
            uri,
        }
    }

    fn set(mut self, name: &str, value: &str) -> Self {
        self.environment = self.environment.set(name, value);
        self
    }

    fn start(&self, runner: Runner) -> Running {
        let uri = &self.uri;
        let line = format!("vault-login | vault-snapshot --revoke | s3-put {uri} | snap-prune --keep-last 3");
        match runner {
            Runner::Dash => self.environment.spawn("dash", &["-c", &line]),
            Runner::SnapPipe => self
                .environment
                .spawn("snap-pipe", &line.split(' ').collect::<Vec<_>>()),
        }
    }

    /// The pipe fails in both ways, and nothing is changed.
    fn fails(&self, code: i32) {
        for runner in BOTH {
            let outcome = self.start(runner).end();
            self.failed(runner, &outcome, &[code]);
            self.untouched(&outcome);
        }
    }

    fn failed(&self, runner: Runner, outcome: &Outcome, codes: &[i32]) {
        match runner {
            Runner::Dash => assert_ne!(outcome.status, 0, "{}", outcome.stderr),
            Runner::SnapPipe => assert!(codes.contains(&outcome.status), "{} {}", outcome.status, outcome.stderr),
        }
        assert_eq!(outcome.text(), "", "nothing is reported as deleted");
    }

    fn untouched(&self, outcome: &Outcome) {
        let keys = self.bucket.keys();
        assert_eq!(keys.len(), 5, "{keys:?} {}", outcome.stderr);
        assert!(
            self.bucket.uploads().is_empty(),
            "{:?} {}",
            self.bucket.uploads(),
            outcome.stderr
        );
    }
}

fn servers() -> (Arc<Vault>, Arc<Minio>) {
    (Vault::shared(), Minio::shared())
}

#[test]
fn wrong_secret_id() {
    let (vault, minio) = servers();
    let scene = Scene::new(&vault, &minio, "wrong-secret-id");
    scene
        .set("VAULT_APPROLE_SECRET_ID", "00000000-0000-0000-0000-000000000000")
        .fails(77);
}

#[test]
fn unreachable_vault() {
    let (vault, minio) = servers();
    Scene::new(&vault, &minio, "unreachable-vault")
        .set("VAULT_ADDR", &nowhere())
        .fails(69);
}

#[test]
fn sealed_vault() {
    let (vault, minio) = (Vault::start(), Minio::shared());
    let scene = Scene::new(&vault, &minio, "sealed-vault");
    vault.seal();
    scene.fails(69);
}

#[test]
fn policy_without_read() {
    let (vault, minio) = servers();
    let policy = r#"path "sys/storage/raft/snapshot" { capabilities = ["update"] }"#;
    Scene::with_policy(&vault, &minio, "policy", policy).fails(77);
}

#[test]
fn missing_bucket() {
    let (vault, minio) = servers();
    let mut scene = Scene::new(&vault, &minio, "missing-bucket");
    scene.uri = "s3://no-such-bucket/vault/".into();
    scene.fails(78);
}

#[test]
fn wrong_s3_secret() {
    let (vault, minio) = servers();
    Scene::new(&vault, &minio, "wrong-s3-secret")
        .set("AWS_SECRET_ACCESS_KEY", "not-the-secret")
        .fails(77);
}

#[test]
fn unknown_s3_access_key() {
    let (vault, minio) = servers();
    Scene::new(&vault, &minio, "wrong-s3-key")
        .set("AWS_ACCESS_KEY_ID", "AKIANOBODY")
        .fails(77);
}

#[test]
fn unreachable_s3() {
    let (vault, minio) = servers();
    Scene::new(&vault, &minio, "unreachable-s3")
        .set("AWS_ENDPOINT_URL", &nowhere())
        .fails(69);
}

#[test]
fn vault_killed_in_mid_stream() {
    for runner in BOTH {
        let (vault, minio) = (large_vault(), Minio::shared());
        let line = Line::new(&minio.address(), SOME);
        let scene = Scene::new(&vault, &minio, "vault-killed").set("AWS_ENDPOINT_URL", &line.url());
        let mut running = scene.start(runner);
        in_mid_upload(&scene, &line);
        vault.container().kill();
        line.release();
        let outcome = running.end();
        scene.failed(runner, &outcome, &[69, 65]);
        scene.untouched(&outcome);
    }
}

#[test]
fn minio_killed_in_mid_upload() {
    let vault = large_vault();
    for runner in BOTH {
        let minio = Minio::start();
        let line = Line::new(&minio.address(), SOME);
        let scene = Scene::new(&vault, &minio, "minio-killed").set("AWS_ENDPOINT_URL", &line.url());
        let mut running = scene.start(runner);
        in_mid_upload(&scene, &line);
        minio.container().kill();
        drop(line);
        // Its data went with it; what is left to see is the status.
        scene.failed(runner, &running.end(), &[69]);
    }
}

#[test]
fn s3_put_terminated_in_mid_upload() {
    let (vault, minio) = (large_vault(), Minio::shared());
    for runner in BOTH {
        let line = Line::new(&minio.address(), SOME);
        let scene = Scene::new(&vault, &minio, "put-terminated").set("AWS_ENDPOINT_URL", &line.url());
        let mut running = scene.start(runner);
        in_mid_upload(&scene, &line);
        terminate(running.stage("s3-put"));
        let outcome = running.wait(PATIENCE);
        scene.failed(runner, &outcome, &[143]);
        scene.untouched(&outcome);
    }
}

#[test]
fn snap_pipe_terminated_in_mid_upload() {
    let (vault, minio) = (large_vault(), Minio::shared());
    let line = Line::new(&minio.address(), SOME);
    let scene = Scene::new(&vault, &minio, "pipe-terminated").set("AWS_ENDPOINT_URL", &line.url());
    let mut running = scene.start(Runner::SnapPipe);
    in_mid_upload(&scene, &line);
    running.terminate();
    let outcome = running.wait(PATIENCE).expect(143);
    scene.untouched(&outcome);
}

/// Its snapshot is larger than all buffers on the way together, so that a held upload stops Vault as well.
fn large_vault() -> Vault {
    let vault = Vault::start();
    vault.fill(96);
    vault
}

fn in_mid_upload(scene: &Scene, line: &Line) {
    wait_for("parts are held on the line", || (line.held() > 0).then_some(()));
    assert_eq!(scene.bucket.uploads().len(), 1, "one upload has begun");
}
