//! Through a proxy that goes wrong on schedule.

use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use snapline_archive::synthetic::Synthetic;
use snapline_integration::bucket::Bucket;
use snapline_integration::minio::Minio;
use snapline_integration::program::Environment;
use snapline_integration::running::Outcome;
use snapline_integration::s3_proxy::{Answer, Call, Edit, Fault, Rule, S3Proxy, Seen};

use crate::sha256;

const LARGE: u64 = 20 << 20;
const KEY: &str = "vault/vault_raft_20260101_000000.snap";

/// A bucket with one object.
struct Scene {
    minio: Arc<Minio>,
    bucket: Bucket,
    archive: Vec<u8>,
}

impl Scene {
    fn new(name: &str) -> Self {
        let minio = Minio::shared();
        let bucket = minio.bucket(name);
        Self::with(minio, bucket)
    }

    fn with(minio: Arc<Minio>, bucket: Bucket) -> Self {
        let archive = Synthetic::new(LARGE).to_vec();
        bucket.put(KEY, &archive);
        Self { minio, bucket, archive }
    }

    fn proxy(&self, rules: Vec<Rule>) -> S3Proxy {
        S3Proxy::new(&self.minio.address(), rules)
    }

    fn environment(&self, proxy: &S3Proxy) -> Environment {
        Environment::new()
            .minio(&self.minio)
            .set("AWS_ENDPOINT_URL", &proxy.url())
    }

    /// What s3-get makes of such a store, and the downloads that it asked for. `words` come before the URI.
    fn get(&self, rules: Vec<Rule>, words: &[&str], uri: &str) -> (Outcome, Vec<Seen>) {
        let proxy = self.proxy(rules);
        let outcome = self
            .environment(&proxy)
            .run("s3-get", &[words, &["-v", uri]].concat(), b"");
        let mut seen = proxy.seen();
        seen.retain(|seen| seen.call == Call::Get);
        (outcome, seen)
    }

    fn by_key(&self, rules: Vec<Rule>) -> (Outcome, Vec<Seen>) {
        self.get(rules, &[], &self.bucket.uri(KEY))
    }

    fn latest(&self, rules: Vec<Rule>) -> (Outcome, Vec<Seen>) {
        self.get(rules, &["--latest"], &self.bucket.uri("vault/"))
    }

    #[track_caller]
    fn whole(&self, outcome: Outcome) {
        let outcome = outcome.expect(0);
        assert!(outcome.stdout == self.archive, "another object");
        let digest = format!("sha256={}", sha256(&self.archive));
        assert!(outcome.last_line().contains(&digest), "{}", outcome.stderr);
    }

    /// It failed, and what left is nothing that a reader takes for an archive.
    #[track_caller]
    fn fails(&self, outcome: Outcome, status: i32, words: &str) -> Outcome {
        let outcome = outcome.expect(status);
        assert!(outcome.stderr.contains(words), "no {words} in {}", outcome.stderr);
        assert!(outcome.stdout.len() <= self.archive.len() - (64 << 10));
        assert!(self.archive.starts_with(&outcome.stdout));
        outcome
    }
}

#[test]
fn a_download_that_is_reset_at_any_of_twenty_points_is_whole() {
    let scene = Scene::new("reset");
    let length = scene.archive.len();
    for number in 0..20 {
        let place = number * (length - 1) / 19;
        let (outcome, seen) = scene.by_key(vec![Rule::once(Call::Get, Fault::ResetAt(place))]);
        scene.whole(outcome);
        assert_eq!(seen.len(), 2, "reset at {place}");
        assert!(seen[1].condition.is_some());
    }
    // And at all of them in one download.
    let rules = (1..=20).map(|number| Rule::nth(Call::Get, number, Fault::EndAt(length / 40)));
    let (outcome, seen) = scene.latest(rules.collect());
    scene.whole(outcome);
    assert_eq!(seen.len(), 21);
    assert_eq!(seen[20].range, Some(format!("bytes={}-", 20 * (length / 40))));
}

#[test]
fn a_store_that_breaks_off_without_end_is_given_up() {
    let scene = Scene::new("cut");
    let (outcome, seen) = scene.by_key(vec![
        Rule::once(Call::Get, Fault::EndAt(10 << 20)),
        Rule::from(Call::Get, 2, Fault::EndAt(0)),
    ]);
    let outcome = scene.fails(outcome, 69, "the connection ended too early");
    assert!(!outcome.stdout.is_empty());
    assert_eq!(seen.len(), 5, "five attempts without progress");
    let (outcome, seen) = scene.by_key(vec![Rule::always(
        Call::Get,
        Fault::Instead(Answer::error("503 Slow Down", "SlowDown")),
    )]);
    scene.fails(outcome, 69, "SlowDown");
    assert_eq!(seen.len(), 5);
}

/// The reader takes a part and waits until the object is another one. The connection ends before the download is complete, so
/// that the rest is asked for afterwards.
fn replaced_in_mid_download(scene: &Scene, key: &str) -> (Outcome, Vec<Seen>) {
    let proxy = scene.proxy(vec![Rule::once(Call::Get, Fault::EndAt(16 << 20))]);
    let environment = scene.environment(&proxy);
    let mut running = environment.spawn_raw("s3-get", &["-v", &scene.bucket.uri(key)]);
    let mut stdout = vec![0; 1 << 20];
    running.output().read_exact(&mut stdout).unwrap();
    let other = Synthetic {
        seed: 2,
        ..Synthetic::new(LARGE)
    };
    scene.bucket.put(key, &other.to_vec());
    running.output().read_to_end(&mut stdout).unwrap();
    let outcome = running.wait(Duration::from_secs(60));
    let mut seen = proxy.seen();
    seen.retain(|seen| seen.call == Call::Get);
    (Outcome { stdout, ..outcome }, seen)
}

#[test]
fn an_object_that_is_replaced_in_mid_download_is_never_mixed() {
    let scene = Scene::new("replaced");
    let (outcome, seen) = replaced_in_mid_download(&scene, KEY);
    scene.fails(outcome, 69, "replaced while it was downloaded");
    assert_eq!((seen.len(), seen[1].status), (2, Some(412)));
}

#[test]
fn in_a_bucket_with_versions_the_one_that_was_begun_is_finished() {
    let minio = Minio::shared();
    let bucket = minio.locked_bucket("versions");
    let scene = Scene::with(minio, bucket);
    let (outcome, seen) = replaced_in_mid_download(&scene, KEY);
    scene.whole(outcome);
    assert!(seen[1].target.contains("?versionId="), "{}", seen[1].target);
}

#[test]
fn a_store_that_answers_a_range_with_everything_is_understood() {
    let scene = Scene::new("anew");
    let (outcome, seen) = scene.by_key(vec![
        Rule::once(Call::Get, Fault::EndAt(10 << 20)),
        Rule::nth(Call::Get, 2, Fault::Again),
    ]);
    scene.whole(outcome);
    assert_eq!(seen.len(), 2);
}

#[test]
fn a_rest_of_something_else_is_refused() {
    let scene = Scene::new("else");
    let total = scene.archive.len();
    let cut = 10 << 20;
    for (name, value, words) in [
        ("etag", Some("\"0\"".to_owned()), "replaced while"),
        ("etag", None, "replaced while"),
        (
            "content-range",
            Some(format!("bytes 0-{}/{total}", total - cut - 1)),
            "from 10485760 on",
        ),
        (
            "content-range",
            Some(format!("bytes {cut}-{}/{}", total - 1, total + 1)),
            "from 10485760 on",
        ),
        ("content-range", None, "from 10485760 on"),
        ("content-length", Some("5".to_owned()), "from 10485760 on"),
    ] {
        let (outcome, seen) = scene.by_key(vec![
            Rule::once(Call::Get, Fault::EndAt(cut)),
            Rule::nth(Call::Get, 2, Fault::Header(name, value.clone())),
        ]);
        scene.fails(outcome, 69, words);
        assert_eq!(seen.len(), 2, "{name} {value:?}");
    }
}

#[test]
fn a_store_that_lies_about_the_length_is_found_out() {
    let scene = Scene::new("lies");
    let total = scene.archive.len();
    let length = |length: usize| {
        vec![Rule::always(
            Call::Get,
            Fault::Header("content-length", Some(length.to_string())),
        )]
    };
    // Against its own listing.
    for told in [0, 100, total - 1, total + 1] {
        let (outcome, _) = scene.latest(length(told));
        let outcome = scene.fails(
            outcome,
            69,
            &format!("sends {told} bytes, but its listing says {total}"),
        );
        assert!(outcome.stdout.is_empty());
    }
    for told in [1, 20_u64 << 20, u64::MAX] {
        let (outcome, seen) = scene.latest(vec![Rule::always(Call::List, Fault::Edited(Edit::Size(told)))]);
        let outcome = scene.fails(outcome, 69, &format!("its listing says {told}"));
        assert!(outcome.stdout.is_empty());
        assert_eq!(seen.len(), 1);
    }
    // By the archive alone.
    let (outcome, _) = scene.by_key(length(total - 1));
    scene.fails(outcome, 65, "truncated");
    let (outcome, _) = scene.by_key(length(total + 1));
    scene.fails(outcome, 69, "get 's3://");
    let none = vec![Rule::always(Call::Get, Fault::Header("content-length", None))];
    let (outcome, _) = scene.by_key(none);
    assert!(scene.fails(outcome, 69, "no Content-Length").stdout.is_empty());
}

/// The limit is no option, so this takes as long.
#[test]
fn a_reader_that_takes_nothing_for_two_minutes_ends_it() {
    let scene = Scene::new("asleep");
    let environment = Environment::new().minio(&scene.minio);
    let mut running = environment.spawn_raw("s3-get", &["-q", &scene.bucket.uri(KEY)]);
    let mut stdout = vec![0; 1000];
    running.output().read_exact(&mut stdout).unwrap();
    let outcome = running.wait(Duration::from_secs(180));
    assert_eq!(outcome.status, 74, "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("nothing was taken for 120 s"),
        "{}",
        outcome.stderr
    );
}
