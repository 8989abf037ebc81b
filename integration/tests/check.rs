//! snap-check against a real store: what it finds in a series is what is there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "../../bins/snap-check/tests/support/nagios.rs"]
mod nagios;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Arc;

use prometheus_parse::{Scrape, Value};
use snapline_archive::synthetic::Synthetic;
use snapline_integration::bucket::Bucket;
use snapline_integration::minio::Minio;
use snapline_integration::name::snapshot_name;
use snapline_integration::page::Page;
use snapline_integration::program::Environment;
use snapline_integration::running::Outcome;
use time::{Duration, OffsetDateTime};

struct Scene {
    bucket: Bucket,
    environment: Environment,
    begin: OffsetDateTime,
    /// Holds the bucket.
    _minio: Arc<Minio>,
}

impl Scene {
    fn new(name: &str) -> Self {
        let minio = Minio::shared();
        Self {
            bucket: minio.bucket(name),
            environment: Environment::new().minio(&minio),
            begin: OffsetDateTime::now_utc(),
            _minio: minio,
        }
    }

    /// With whole snapshots of these ages in hours.
    fn with(name: &str, ages: &[i64]) -> Self {
        let scene = Self::new(name);
        for age in ages {
            scene.bucket.put(&scene.key(*age), &archive(*age));
        }
        scene
    }

    /// The key of a snapshot that many hours old.
    fn key(&self, hours: i64) -> String {
        format!("vault/{}", snapshot_name(self.begin - Duration::hours(hours)))
    }

    fn uri(&self, hours: i64) -> String {
        self.bucket.uri(&self.key(hours))
    }

    fn check(&self, max_age: &str, more: &[&str]) -> Outcome {
        let series = self.bucket.uri("vault/");
        let words = [&[&*series, "--max-age", max_age], more].concat();
        self.environment.run("snap-check", &words, b"")
    }

    /// It ends with this code, and calls this the newest.
    fn finds(&self, max_age: &str, more: &[&str], code: i32, newest: i64) -> Outcome {
        let outcome = self.check(max_age, more).expect(code);
        let expected = format!(" newest='{}' age=", self.uri(newest));
        assert!(outcome.text().contains(&expected), "{}", outcome.text());
        outcome
    }
}

/// Each differs from the others.
fn archive(seed: i64) -> Vec<u8> {
    Synthetic {
        seed: seed.unsigned_abs(),
        index: 1000 + seed.unsigned_abs(),
        ..Synthetic::new(200_000)
    }
    .to_vec()
}

fn says(outcome: &Outcome, part: &str) {
    assert!(outcome.stderr.contains(part), "no {part} in {}", outcome.stderr);
}

#[test]
fn nothing_is_66_also_beside_other_series() {
    let scene = Scene::new("nothing");
    says(&scene.check("1h", &[]).expect(66), "there is no snapshot");
    for twin in ["vault-staging/", "vault/sub/", "vaul/"] {
        let key = scene.key(0).replace("vault/", twin);
        scene.bucket.put(&key, &archive(1));
    }
    let outcome = scene.check("1h", &["--verify", "all"]).expect(66);
    assert_eq!(
        outcome.text(),
        "failed problems=missing newest=none count=0 verified=0\n"
    );
}

#[test]
fn one_fresh_snapshot_is_enough_and_one_old_is_not() {
    let scene = Scene::with("fresh", &[2]);
    let outcome = scene.finds("3h", &["--verify", "latest"], 0, 2);
    assert!(
        outcome.text().ends_with(" index=1002 count=1 verified=1\n"),
        "{}",
        outcome.text()
    );
    let outcome = scene.finds("1h", &["--verify", "latest"], 66, 2);
    says(&outcome, "is 2h0m old, more than 1h0m");
    says(&scene.finds("3h", &["--min-count", "2"], 66, 2), "there must be 2");
}

#[test]
fn a_newest_snapshot_that_is_broken_is_65_and_the_one_before_is_named() {
    let scene = Scene::with("broken", &[2, 3]);
    let whole = archive(1);
    scene.bucket.put(&scene.key(1), &whole[..whole.len() - 8]);
    let outcome = scene.finds("3h", &["--verify", "latest"], 65, 1);
    says(&outcome, "is broken: the archive is truncated");
    says(&outcome, &format!("hint: the one before it is '{}'", scene.uri(2)));
    // Without --verify nobody looks.
    scene.finds("3h", &[], 0, 1);
    let outcome = scene.finds("3h", &["--verify", "all"], 65, 1);
    assert!(
        outcome.text().ends_with(" count=3 verified=2 broken=1\n"),
        "{}",
        outcome.text()
    );
}

#[test]
fn an_empty_object_and_one_from_the_future_are_never_the_newest() {
    let scene = Scene::with("odd", &[2, -3]);
    scene.bucket.put(&scene.key(1), b"");
    let outcome = scene.finds("3h", &["--verify", "latest"], 0, 2);
    says(&outcome, &format!("'{}' is empty", scene.uri(1)));
    says(&outcome, &format!("'{}' is from the future", scene.uri(-3)));
    assert!(
        outcome.text().contains(" count=1 future=1 empty=1 "),
        "{}",
        outcome.text()
    );
    scene.finds("90m", &[], 66, 2);
}

/// The store received all of them just now, the oldest last.
#[test]
fn in_a_bucket_that_was_copied_the_names_decide() {
    let scene = Scene::with("copied", &[100, 200, 300]);
    says(&scene.finds("26h", &[], 66, 100), "is 4d4h old");
    let outcome = scene.finds("101h", &["--verify", "latest", "--min-count", "3"], 0, 100);
    assert!(outcome.text().contains(" age=4d4h "), "{}", outcome.text());
}

#[test]
fn as_many_as_asked_for_are_verified_each_once_and_the_newest_among_them() {
    let ages: Vec<i64> = (1..=9).collect();
    let scene = Scene::with("drawn", &ages);
    let mut drawn = BTreeSet::new();
    for _ in 0..3 {
        let outcome = scene.finds("3h", &["--verify", "3", "-v"], 0, 1);
        let verified: Vec<_> = outcome
            .stderr
            .lines()
            .filter(|line| line.contains("verifying '"))
            .collect();
        assert_eq!(verified.len(), 3, "{}", outcome.stderr);
        assert_eq!(verified.iter().collect::<BTreeSet<_>>().len(), 3, "{verified:?}");
        assert!(verified[0].contains(&scene.uri(1)), "{verified:?}");
        assert!(outcome.text().ends_with(" count=9 verified=3\n"), "{}", outcome.text());
        drawn.extend(verified.into_iter().map(str::to_owned));
    }
    // The same three each time would be one chance in 784.
    assert!(drawn.len() > 3, "{drawn:?}");
}

#[test]
fn what_a_filter_made_is_fresh_but_cannot_be_verified() {
    let scene = Scene::new("filtered");
    let uri = scene.uri(0);
    let words = [&*uri, "--", "gzip", "-c"];
    scene.environment.run("s3-put", &words, &archive(1)).expect(0);
    scene.finds("1h", &[], 0, 0);
    let outcome = scene.finds("1h", &["--verify", "latest"], 65, 0);
    says(&outcome, "through a filter or with --raw");
    says(&outcome, "hint: leave out --verify");
}

#[test]
fn a_plugin_gets_its_line_and_its_codes() {
    let scene = Scene::with("nagios", &[1, 2]);
    let plugin = |max_age: &str, more: &[&str], code: i32| {
        let words = [&["--format", "nagios"], more].concat();
        nagios::parse(scene.check(max_age, &words).expect(code).text())
    };
    let line = plugin("3h", &["--verify", "all"], 0);
    assert_eq!(line.status, "OK");
    assert_eq!(line.data["verified"].value, Some(2.0));
    assert!(line.data.values().all(|datum| !datum.is_critical()), "{line:?}");
    let line = plugin("30m", &[], 2);
    assert_eq!((&*line.status, line.data["age"].is_critical()), ("CRITICAL", true));
    let line = plugin(
        "3h",
        &[
            "--endpoint-url",
            &snapline_integration::program::nowhere(),
            "--max-attempts",
            "1",
        ],
        3,
    );
    assert_eq!(line.status, "UNKNOWN");
}

fn gauges(text: &str) -> BTreeMap<String, f64> {
    let scrape = Scrape::parse(text.lines().map(|line| Ok(line.to_owned()))).unwrap();
    let gauge = |sample: prometheus_parse::Sample| match sample.value {
        Value::Gauge(value) => (sample.metric, value),
        other => panic!("{} is {other:?}", sample.metric),
    };
    scrape.samples.into_iter().map(gauge).collect()
}

#[test]
fn prometheus_gets_a_file_whatever_was_found() {
    let scene = Scene::with("prometheus", &[1, 2]);
    let file = scene.environment.home().join("check.prom");
    let form = ["--format", "prometheus", "--output", "check.prom", "--verify", "latest"];
    let read = || gauges(&fs::read_to_string(&file).unwrap());
    scene.check("3h", &form).expect(0);
    let good = read();
    assert_eq!(
        (good["snapline_check_ok"], good["snapline_check_newest_index"]),
        (1.0, 1001.0)
    );
    scene.check("30m", &form).expect(66);
    assert_eq!(read()["snapline_check_ok"], 0.0);
    scene
        .check("3h", &[&form[..], &["--endpoint-url", "x"]].concat())
        .expect(78);
    assert_eq!(read()["snapline_check_exit_code"], 78.0);
}

/// What docs/check.md shows is what its commands print, but for the values.
#[test]
fn the_page_of_the_check_shows_what_it_prints() {
    let minio = Minio::start();
    let bucket = minio.bucket_named("backups");
    let environment = Environment::new().minio(&minio);
    let time = OffsetDateTime::now_utc() - Duration::hours(9);
    let key = format!("vault/{}", snapshot_name(time));
    bucket.put(&key, &archive(1));
    let page = Page::open("docs/check.md");
    let shape = |text: &str| -> Vec<String> {
        let words = text.trim_end().split([' ', '|', ';']);
        words
            .map(|word| word.split('=').next().unwrap().to_owned())
            .filter(|word| !word.contains("s3://"))
            .collect()
    };
    let run = |heading: &str, number: usize| {
        let line = page.blocks(heading)[number].replace("/var/lib/node_exporter/", "");
        environment.shell(&line).expect(0)
    };

    let shown = &page.blocks("# Is there a fresh, whole backup?")[1];
    assert_eq!(shape(run("# Is there a fresh, whole backup?", 0).text()), shape(shown));

    let heading = "## Nagios, Icinga, and their like";
    let (printed, shown) = (run(heading, 0), &page.blocks(heading)[1]);
    let (printed, shown) = (nagios::parse(printed.text()), nagios::parse(shown));
    assert_eq!(
        printed.data.keys().collect::<Vec<_>>(),
        shown.data.keys().collect::<Vec<_>>()
    );
    assert_eq!((printed.status, shown.status), ("OK".to_owned(), "OK".to_owned()));

    run("## Prometheus", 0);
    let written = gauges(&fs::read_to_string(environment.home().join("vault-check.prom")).unwrap());
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/check.md")).unwrap();
    for name in written.keys() {
        let short = name.strip_prefix("snapline_check_").unwrap();
        assert!(text.contains(&format!("`{short}`")), "{short} is not in the page");
    }
    for rule in page.blocks("## Prometheus")[1].lines() {
        let name = rule
            .split([' ', '('])
            .find(|word| word.starts_with("snapline_"))
            .unwrap();
        assert!(written.contains_key(name), "{rule}");
    }

    let told = run("## JSON", 0);
    let mut lines = told.text().lines();
    assert_eq!(lines.next(), Some("ok"));
    assert!(lines.next().unwrap().parse::<u64>().unwrap() > 9 * 3599);
}
