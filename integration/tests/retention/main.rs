//! Retention on a real store: exactly the right objects remain, whatever lies beside them, and no matter who may write.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod faults;
mod history;

use std::collections::BTreeSet;
use std::sync::Arc;

use history::{Rules, key_of};
use snapline_archive::synthetic::Synthetic;
use snapline_integration::bucket::{Bucket, Signer};
use snapline_integration::minio::Minio;
use snapline_integration::program::Environment;
use snapline_integration::running::Outcome;
use snapline_integration::wait::next_second;
use time::{Duration, OffsetDateTime};

pub(crate) struct Scene {
    pub(crate) minio: Arc<Minio>,
    pub(crate) bucket: Bucket,
    pub(crate) environment: Environment,
}

impl Scene {
    fn new(name: &str) -> Self {
        let minio = Minio::shared();
        let bucket = minio.bucket(name);
        Self::of(minio, bucket)
    }

    fn of(minio: Arc<Minio>, bucket: Bucket) -> Self {
        let environment = Environment::new().minio(&minio);
        Self {
            minio,
            bucket,
            environment,
        }
    }

    /// Stores an object for each time.
    fn store(&self, times: impl IntoIterator<Item = OffsetDateTime>) -> Vec<String> {
        let keys: Vec<_> = times.into_iter().map(key_of).collect();
        self.bucket.put_many(keys.iter().map(String::as_str));
        keys
    }

    fn prune(&self, words: &[&str]) -> Outcome {
        let series = self.bucket.uri("vault/");
        self.environment
            .run("snap-prune", &[&["--series", &series], words].concat(), b"")
    }

    fn keys(&self) -> BTreeSet<String> {
        self.bucket.keys().into_iter().collect()
    }
}

fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc().replace_nanosecond(0).unwrap()
}

fn ago(hours: i64) -> OffsetDateTime {
    now() - Duration::hours(hours)
}

/// A snapshot an hour for sixty days, one a day for three years before.
fn three_years() -> Vec<OffsetDateTime> {
    let newest = now() - Duration::minutes(5);
    let hourly = (0..60 * 24).map(|hour| newest - Duration::hours(hour));
    let daily = (61..3 * 365).map(|day| newest - Duration::days(day));
    hourly.chain(daily).collect()
}

#[test]
fn of_three_years_exactly_what_five_rules_keep_remains() {
    let scene = Scene::new("three-years");
    let history = three_years();
    let keys = scene.store(history.iter().copied());
    assert!(keys.len() >= 2_400, "three pages of a listing: {}", keys.len());
    // Nothing of this is a snapshot of the series that counts.
    let twins = keys[..40].iter().flat_map(|key| {
        let name = key.strip_prefix("vault/").unwrap();
        [
            format!("vault-staging/{name}"),
            format!("vault/old/{name}"),
            format!("vault{name}"),
            format!("{key}.sha256"),
            format!("vault/x{name}"),
        ]
    });
    let future = (1..=20).map(|day| key_of(now() + Duration::days(day)));
    let decoys: Vec<_> = twins.chain(future).collect();
    scene.bucket.put_many(decoys.iter().map(String::as_str));
    let empty = [
        key_of(ago(3) + Duration::minutes(1)),
        key_of(ago(9000) + Duration::minutes(1)),
    ];
    for key in &empty {
        scene.bucket.put(key, b"");
    }
    let before = scene.keys();

    let words = [
        "--keep-last=10",
        "--keep-daily=30",
        "--keep-weekly=8",
        "--keep-monthly=12",
        "--keep-yearly=3",
    ];
    // The names are long past: those of the last day alone count, and a run that trusts them all needs consent.
    let guarded = scene.prune(&[&words[..], &["--dry-run"]].concat()).expect(0);
    let lately: BTreeSet<_> = keys.iter().take(25).map(|key| scene.bucket.uri(key)).collect();
    assert!(
        guarded.text().lines().all(|line| lately.contains(line)),
        "{}",
        guarded.text()
    );
    assert!(
        guarded.stderr.contains("objects were stored more than a day after"),
        "{}",
        guarded.stderr
    );
    let trusting = [&words[..], &["--trust-names"]].concat();
    let refused = scene.prune(&trusting).expect(65);
    assert!(refused.stderr.contains("--max-delete"), "{}", refused.stderr);
    assert_eq!(refused.text(), "");
    assert_eq!(scene.keys(), before);

    let rules = Rules {
        last: 10,
        daily: 30,
        weekly: 8,
        monthly: 12,
        yearly: 3,
    };
    let kept: BTreeSet<_> = rules.kept(&history).into_iter().map(key_of).collect();
    let gone: BTreeSet<_> = keys.iter().filter(|key| !kept.contains(*key)).cloned().collect();
    let consent = format!("--max-delete={}", gone.len());
    let outcome = scene.prune(&[&trusting[..], &[&consent]].concat()).expect(0);
    let told: Vec<_> = outcome.text().lines().map(str::to_owned).collect();
    assert_eq!(told, gone.iter().map(|key| scene.bucket.uri(key)).collect::<Vec<_>>());
    let expected: BTreeSet<_> = before.difference(&gone).cloned().collect();
    assert_eq!(scene.keys(), expected);
    let summary = outcome.last_line();
    let figures = format!(
        "kept={} deleted={} future=20 empty=2 seconds=",
        kept.len() + 20,
        gone.len()
    );
    assert!(summary.contains(&figures), "{summary}");
    // A second run finds nothing to do.
    assert_eq!(scene.prune(&trusting).expect(0).text(), "");
}

/// Who may only write plants thirty objects; the thirty real ones are what they would cost.
#[test]
fn a_writer_cannot_delete_by_planting_objects() {
    for (name, planted) in [
        (
            "planted-now",
            (0..30)
                .map(|second| now() - Duration::seconds(second))
                .collect::<Vec<_>>(),
        ),
        (
            "planted-past",
            (0..30).map(|day| ago(25) - Duration::days(day)).collect(),
        ),
        (
            "planted-future",
            (1..=30).map(|hour| now() + Duration::hours(hour)).collect(),
        ),
    ] {
        let scene = Scene::new(name);
        // As many as the rule keeps, each stored within a day of its name.
        let real: Vec<_> = scene.store((1..=30).map(|number| now() - Duration::minutes(number * 40)));
        scene.prune(&["--keep-last", "30"]).expect(0);
        let (bucket, minio) = (&scene.bucket, &scene.minio);
        let policy = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"s3:PutObject","Resource":"arn:aws:s3:::{}/*"}}]}}"#,
            bucket.name
        );
        let writer = minio.session(&policy);
        for time in planted {
            assert_eq!(bucket.ask(&writer, "PUT", &key_of(time), "", b"x").status, 200);
        }
        let left = |code: i32| {
            let outcome = scene.prune(&["--keep-last", "30"]).expect(code);
            let keys = scene.keys();
            assert!(real.iter().all(|key| keys.contains(key)), "{}", outcome.stderr);
            outcome.stderr
        };
        let stderr = match name {
            "planted-now" => left(65),
            _ => left(0),
        };
        let words = match name {
            "planted-now" => "30 of 60 snapshots would go",
            "planted-past" => "30 objects were stored more than a day after the time in their names",
            _ => "30 objects are from the future",
        };
        assert!(stderr.contains(words), "{stderr}");
    }
}

#[test]
fn versions_stay_behind_delete_markers_and_the_summary_says_so() {
    let scene = Scene::new("versions");
    let enabled = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    let reply = scene.bucket.ask(&Signer::root(), "PUT", "", "?versioning=", enabled);
    assert_eq!(reply.status, 200);
    let keys = scene.store((1..=6).map(ago));
    let outcome = scene.prune(&["--keep-last", "3", "-v"]).expect(0);
    assert!(
        outcome.last_line().contains("kept=3 deleted=3 delete_markers=3")
            || outcome.stderr.contains("delete_markers=3")
    );
    assert!(
        outcome.stderr.contains("the bucket keeps versions"),
        "{}",
        outcome.stderr
    );
    assert_eq!(scene.keys(), keys[..3].iter().cloned().collect());
    let versions = scene.bucket.told("", "?versions=");
    assert_eq!(versions.matches("<Version>").count(), 6, "{versions}");
    assert_eq!(versions.matches("<DeleteMarker>").count(), 3, "{versions}");
    // The markers are not deleted in turn.
    assert_eq!(scene.prune(&["--keep-last", "3"]).expect(0).text(), "");
}

#[test]
fn one_object_that_may_not_be_deleted_does_not_stop_the_rest() {
    let scene = Scene::new("denied");
    let keys = scene.store((1..=7).map(ago));
    let (denied, bucket) = (&keys[4], &scene.bucket.name);
    let policy = format!(
        r#"{{"Version":"2012-10-17","Statement":[
            {{"Effect":"Allow","Action":["s3:ListBucket"],"Resource":"arn:aws:s3:::{bucket}"}},
            {{"Effect":"Allow","Action":["s3:DeleteObject"],"Resource":"arn:aws:s3:::{bucket}/*"}},
            {{"Effect":"Deny","Action":["s3:DeleteObject"],"Resource":"arn:aws:s3:::{bucket}/{denied}"}}]}}"#
    );
    let pruner = scene.minio.session(&policy);
    let series = scene.bucket.uri("vault/");
    let environment = Environment::new().minio(&scene.minio).signer(&pruner);
    let outcome = environment
        .run("snap-prune", &["--keep-last=3", "--series", &series, "-v"], b"")
        .expect(77);
    assert!(
        outcome.stderr.contains("kept=3 deleted=3 failed=1"),
        "{}",
        outcome.stderr
    );
    assert!(outcome.last_line().contains("AccessDenied"), "{}", outcome.stderr);
    // It may not read either: that is said, and no reason to stop.
    assert!(
        outcome.stderr.contains("the Raft index is not compared"),
        "{}",
        outcome.stderr
    );
    assert_eq!(outcome.text().lines().count(), 3);
    let expected: BTreeSet<_> = keys[..3].iter().chain([denied]).cloned().collect();
    assert_eq!(scene.keys(), expected);
}

#[test]
fn two_series_in_one_prefix_do_not_see_each_other() {
    let scene = Scene::new("two-series");
    let ours = scene.store((1..=4).map(ago));
    let others: Vec<_> = ours.iter().map(|key| key.replace("vault_raft_", "bao_raft_")).collect();
    scene.bucket.put_many(others.iter().map(String::as_str));
    scene.prune(&["--keep-last", "1"]).expect(0);
    let name = "bao_raft_%Y%m%d_%H%M%S.snap";
    let expected: BTreeSet<_> = others.iter().chain([&ours[0]]).cloned().collect();
    assert_eq!(scene.keys(), expected);
    scene.prune(&["--keep-last", "2", "--name", name]).expect(0);
    let expected: BTreeSet<_> = others[..2].iter().chain([&ours[0]]).cloned().collect();
    assert_eq!(scene.keys(), expected);
}

#[test]
fn two_runs_at_once_leave_what_one_leaves() {
    let scene = Scene::new("at-once");
    let keys = scene.store((1..=15).map(ago));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| scene.prune(&["--keep-last", "10"]).expect(0));
        }
    });
    assert_eq!(scene.keys(), keys[..10].iter().cloned().collect());
}

/// A store that lost most of a cluster's data, and one that is another cluster's: s3-put wrote down where each snapshot stands.
#[test]
fn a_raft_index_that_fell_deletes_nothing() {
    let scene = Scene::new("history");
    let archive = |index| {
        let synthetic = Synthetic {
            index,
            ..Synthetic::new(50_000)
        };
        synthetic.to_vec()
    };
    let put = |index| {
        next_second();
        let outcome = scene
            .environment
            .run("s3-put", &[&scene.bucket.uri("vault/")], &archive(index))
            .expect(0);
        outcome.text().to_owned()
    };
    for index in [500, 600, 700] {
        put(index);
    }
    let line = put(12);
    let prune = |line: &str| {
        scene
            .environment
            .run("snap-prune", &["--keep-last", "2", "-v"], line.as_bytes())
    };
    let outcome = prune(&line).expect(65);
    assert!(outcome.stderr.contains("is 12, but that of"), "{}", outcome.stderr);
    assert_eq!(scene.keys().len(), 4);
    // The next one of the same cluster is no surprise any more.
    let line = put(13);
    assert_eq!(prune(&line).expect(0).text().lines().count(), 3);
}
