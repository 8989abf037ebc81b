//! snap-prune deletes what the rule names, and nothing else.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::sync::{Arc, OnceLock};

use snapline_integration::bucket::Bucket;
use snapline_integration::minio::Minio;
use snapline_integration::name::snapshot_name;
use snapline_integration::program::Environment;
use snapline_integration::running::Outcome;
use time::{Duration, OffsetDateTime};

struct Scene {
    minio: Arc<Minio>,
    bucket: Bucket,
    environment: Environment,
}

impl Scene {
    fn new(name: &str) -> Self {
        let minio = Minio::shared();
        let bucket = minio.bucket(name);
        let environment = Environment::new().minio(&minio);
        Self {
            minio,
            bucket,
            environment,
        }
    }

    /// Backups under `vault/`, every ten minutes.
    fn with(name: &str, count: u8) -> Self {
        let scene = Self::new(name);
        for number in 1..=count {
            scene.bucket.put(&nth(number), b"snapshot");
        }
        scene
    }

    fn prune(&self, options: &[&str], input: &str) -> Outcome {
        self.environment.run("snap-prune", options, input.as_bytes())
    }

    fn line(&self, key: &str) -> String {
        format!("{}\n", self.bucket.uri(key))
    }

    /// Refused with `code`, and nothing deleted.
    fn refuses(&self, input: &str, code: i32) {
        let before = self.bucket.keys();
        let outcome = self.prune(&["--keep-last", "1"], input).expect(code);
        assert_eq!(outcome.text(), "");
        assert_eq!(self.bucket.keys(), before, "{}", outcome.stderr);
    }
}

/// The key of the `number`th backup. Each is so young that the store received it within a day of the time in its name.
fn nth(number: u8) -> String {
    static FIRST: OnceLock<OffsetDateTime> = OnceLock::new();
    let first = FIRST.get_or_init(|| OffsetDateTime::now_utc() - Duration::hours(20));
    name_of(*first + Duration::minutes(10) * i32::from(number))
}

fn name_of(time: OffsetDateTime) -> String {
    format!("vault/{}", snapshot_name(time))
}

#[test]
fn the_oldest_go_and_are_told_oldest_first() {
    let scene = Scene::with("oldest", 6);
    let outcome = scene.prune(&["--keep-last", "3"], &scene.line(&nth(6))).expect(0);
    assert_eq!(
        outcome.text(),
        [scene.line(&nth(1)), scene.line(&nth(2)), scene.line(&nth(3))].concat()
    );
    assert_eq!(scene.bucket.keys(), [nth(4), nth(5), nth(6)]);
}

#[test]
fn a_dry_run_tells_the_same_and_deletes_nothing() {
    let scene = Scene::with("dry-run", 4);
    let before = scene.bucket.keys();
    let dry = scene
        .prune(&["--keep-last", "2", "--dry-run"], &scene.line(&nth(4)))
        .expect(0);
    assert_eq!(scene.bucket.keys(), before);
    let real = scene.prune(&["--keep-last", "2"], &scene.line(&nth(4))).expect(0);
    assert_eq!(dry.text(), real.text());
    assert_eq!(scene.bucket.keys(), [nth(3), nth(4)]);
}

#[test]
fn a_series_can_be_named_instead_of_standard_input() {
    let scene = Scene::with("series", 4);
    let uri = scene.bucket.uri("vault/");
    scene.prune(&["--keep-last", "1", "--series", &uri], "").expect(0);
    assert_eq!(scene.bucket.keys(), [nth(4)]);
}

#[test]
fn an_empty_series_is_no_input() {
    let scene = Scene::with("no-series", 2);
    let uri = scene.bucket.uri("nothing/");
    scene.prune(&["--keep-last", "1", "--series", &uri], "").expect(66);
    assert_eq!(scene.bucket.keys().len(), 2);
}

#[test]
fn a_rule_is_required() {
    let scene = Scene::with("no-rule", 2);
    scene.prune(&[], &scene.line(&nth(2))).expect(64);
    scene.prune(&["--keep-last", "0"], &scene.line(&nth(2))).expect(64);
    assert_eq!(scene.bucket.keys().len(), 2);
}

#[test]
fn empty_standard_input() {
    Scene::with("empty", 3).refuses("", 66);
}

#[test]
fn two_lines() {
    let scene = Scene::with("two-lines", 3);
    scene.refuses(&scene.line(&nth(3)).repeat(2), 65);
    scene.refuses(&[scene.line(&nth(2)), scene.line(&nth(3))].concat(), 65);
}

#[test]
fn a_line_that_is_not_whole() {
    let scene = Scene::with("no-newline", 3);
    scene.refuses(scene.line(&nth(3)).trim_end(), 65);
    scene.refuses(&scene.line(&nth(3))[..20], 65);
    scene.refuses("\n", 65);
    scene.refuses("no URI\n", 65);
}

#[test]
fn an_object_that_is_not_there() {
    let scene = Scene::with("not-there", 3);
    scene.refuses(&scene.line(&nth(4)), 66);
}

#[test]
fn an_object_in_another_bucket() {
    let scene = Scene::with("this", 3);
    let other = scene.minio.bucket("other");
    scene.refuses(&format!("{}\n", other.uri(&nth(3))), 66);
    scene.refuses(&format!("s3://no-such-bucket/{}\n", nth(3)), 78);
}

#[test]
fn an_object_of_no_bytes_confirms_nothing() {
    let scene = Scene::with("hollow", 3);
    scene.bucket.put(&nth(4), b"");
    scene.refuses(&scene.line(&nth(4)), 66);
}

#[test]
fn an_object_of_no_bytes_neither_counts_nor_goes() {
    let scene = Scene::with("no-bytes", 4);
    scene.bucket.put(&nth(2), b"");
    scene.prune(&["--keep-last", "2"], &scene.line(&nth(4))).expect(0);
    assert_eq!(scene.bucket.keys(), [nth(2), nth(3), nth(4)]);
}

#[test]
fn the_named_object_stays_even_if_the_rule_would_not_keep_it() {
    let scene = Scene::with("named", 5);
    scene.prune(&["--keep-last", "1"], &scene.line(&nth(2))).expect(0);
    assert_eq!(scene.bucket.keys(), [nth(2), nth(5)]);
}

#[test]
fn neighbours_with_the_same_beginning_stay() {
    let scene = Scene::with("twins", 3);
    let twins = [
        "vault-staging/vault_raft_20240101_020000.snap",
        "vault/eu/vault_raft_20240101_020000.snap",
        "vault/vault_raft_20240101_020000.snap.bak",
        "vault_raft_20240101_020000.snap",
        "vaultvault_raft_20240101_020000.snap",
    ];
    for key in twins {
        scene.bucket.put(key, b"somebody else's");
    }
    scene.prune(&["--keep-last", "1"], &scene.line(&nth(3))).expect(0);
    let keys = scene.bucket.keys();
    for key in twins {
        assert!(keys.iter().any(|present| present == key), "{key} is gone");
    }
    assert_eq!(keys.len(), twins.len() + 1);
}

#[test]
fn foreign_names_stay() {
    let scene = Scene::with("foreign", 3);
    let foreign = [
        "vault/README",
        "vault/vault_raft_20240101.snap",
        "vault/vault_raft_20240101_02000.snap",
        "vault/vault_raft_20240132_020000.snap",
        "vault/vault_raft_20240101_250000.snap",
        "vault/vault_raft_20240230_020000.snap",
        "vault/VAULT_RAFT_20240101_020000.snap",
        "vault/vault_raft_+0240101_020000.snap",
    ];
    for key in foreign {
        scene.bucket.put(key, b"foreign");
    }
    let outcome = scene.prune(&["--keep-last", "1"], &scene.line(&nth(3))).expect(0);
    assert_eq!(outcome.text().lines().count(), 2);
    assert_eq!(scene.bucket.keys().len(), foreign.len() + 1);
}

#[test]
fn an_object_from_the_future_is_neither_newest_nor_deleted() {
    let scene = Scene::with("future", 3);
    let now = OffsetDateTime::now_utc();
    let future = [
        name_of(now + Duration::hours(2)),
        "vault/vault_raft_29991231_235959.snap".to_owned(),
    ];
    for key in &future {
        scene.bucket.put(key, b"from the future");
    }
    let newest = name_of(now);
    scene.bucket.put(&newest, b"snapshot");
    let outcome = scene.prune(&["--keep-last", "2"], &scene.line(&newest)).expect(0);
    let keys = scene.bucket.keys();
    assert_eq!(
        keys,
        [nth(3), newest, future[0].clone(), future[1].clone()],
        "{}",
        outcome.stderr
    );
    assert!(
        outcome.stderr.contains("29991231"),
        "it is reported: {}",
        outcome.stderr
    );
}

#[test]
fn more_objects_than_a_page_holds() {
    let scene = Scene::new("pages");
    let start = OffsetDateTime::from_unix_timestamp(1_704_067_200).unwrap();
    let keys: Vec<String> = (0..1100).map(|hour| name_of(start + Duration::hours(hour))).collect();
    // Foreign names between, so that a page also ends among those.
    let foreign: Vec<String> = (0..1100)
        .map(|number| format!("vault/vault_raft_20240115_{number:04}.txt"))
        .collect();
    scene.bucket.put_many(keys.iter().chain(&foreign).map(String::as_str));
    let outcome = scene
        .prune(
            &["--keep-last", "1050", "--trust-names"],
            &scene.line(keys.last().unwrap()),
        )
        .expect(0);
    let told: Vec<String> = keys[..50].iter().map(|key| scene.bucket.uri(key)).collect();
    assert_eq!(outcome.text().lines().collect::<Vec<_>>(), told);
    let mut left = [&keys[50..], &foreign[..]].concat();
    left.sort();
    assert_eq!(scene.bucket.keys(), left);
}

#[test]
fn a_refused_credential_deletes_nothing() {
    let mut scene = Scene::with("refused", 3);
    scene.environment = scene.environment.set("AWS_SECRET_ACCESS_KEY", "not-the-secret");
    scene.refuses(&scene.line(&nth(3)), 77);
}
