//! Filters as people use them, between a real Vault and a real S3 store: what is stored can be had back, or nothing is stored.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use snapline_archive::synthetic::Synthetic;
use snapline_integration::bucket::Bucket;
use snapline_integration::minio::{Minio, SECRET_KEY};
use snapline_integration::program::Environment;
use snapline_integration::vault::{SNAPSHOT_POLICY, Vault, inspect};

/// Makes a key pair of age in the home directory, and returns the recipient.
fn recipient(environment: &Environment) -> String {
    let key = environment.home().join("key.txt");
    environment
        .run("age-keygen", &["-o", key.to_str().unwrap()], b"")
        .expect(0);
    let text = fs::read_to_string(key).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("# public key: "));
    line.expect("a public key").to_owned()
}

/// Decrypts with the key of [`recipient`].
fn decrypted(environment: &Environment, bytes: &[u8]) -> Vec<u8> {
    undone(environment, &["age", "-d", "-i", "key.txt"], bytes)
}

/// What a program makes of `bytes`.
fn undone(environment: &Environment, words: &[&str], bytes: &[u8]) -> Vec<u8> {
    let mut child = Command::new(words[0])
        .args(&words[1..])
        .current_dir(environment.home())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let bytes = bytes.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&bytes).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success(), "{words:?}");
    output.stdout
}

fn only_object(bucket: &Bucket) -> Vec<u8> {
    let keys = bucket.keys();
    assert_eq!(keys.len(), 1, "{keys:?}");
    assert!(bucket.uploads().is_empty());
    bucket.get(&keys[0]).unwrap()
}

#[test]
fn the_whole_pipe_with_age_stores_what_decrypts_to_a_snapshot_and_prunes() {
    let (vault, minio) = (Vault::shared(), Minio::shared());
    let bucket = minio.bucket("age");
    let environment = Environment::new()
        .vault(&vault, &vault.app_role(SNAPSHOT_POLICY))
        .minio(&minio)
        .set("SNAPLINE_NAME", "raft_%Y%m%d_%H%M%S.snap.age");
    let recipient = recipient(&environment);
    let line = format!(
        "vault-login | vault-snapshot --revoke | s3-put {} -- age -r {recipient} | snap-prune --keep-last 2",
        bucket.uri("vault/")
    );
    for run in 1..=3_usize {
        environment.shell(&line).expect(0);
        assert_eq!(bucket.keys().len(), run.min(2));
    }
    let keys = bucket.keys();
    assert!(keys.iter().all(|key| key.ends_with(".snap.age")), "{keys:?}");
    let stored = bucket.get(&keys[0]).unwrap();
    assert!(stored.starts_with(b"age-encryption.org/v1"));
    let report = inspect(&decrypted(&environment, &stored));
    assert!(report.status.success(), "{report:?}");
    // And back, by the words of docs/filters.md.
    let series = bucket.uri("vault/");
    let outcome = environment.run("s3-get", &["--latest", &series], b"").expect(65);
    assert!(outcome.stdout.is_empty());
    for words in ["data encrypted by age", "s3-get --raw", "age -d"] {
        assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
    }
    let line = format!("s3-get --raw --latest {series} | age -d -i key.txt");
    let back = environment.shell(&line).expect(0).stdout;
    assert!(back == decrypted(&environment, &bucket.get(&keys[1]).unwrap()));
    assert!(inspect(&back).status.success());
}

#[test]
fn age_and_zstd_over_several_parts_give_the_same_bytes_back() {
    let minio = Minio::shared();
    let environment = Environment::new().minio(&minio);
    let recipient = recipient(&environment);
    let archive = Synthetic::new(20 << 20).to_vec();
    for (name, filter, back) in [
        (
            "age-parts",
            &["age", "-r", &recipient][..],
            &["age", "-d", "-i", "key.txt"][..],
        ),
        (
            "age-armor",
            &["age", "-a", "-r", &recipient],
            &["age", "-d", "-i", "key.txt"],
        ),
        ("zstd-parts", &["zstd", "-q", "-1"], &["zstd", "-q", "-d"]),
    ] {
        let bucket = minio.bucket(name);
        let uri = bucket.uri("one.snap.x");
        let words = [&[uri.as_str(), "--"], filter].concat();
        let outcome = environment.run("s3-put", &words, &archive).expect(0);
        assert_eq!(outcome.text(), format!("{uri}\n"));
        let stored = only_object(&bucket);
        assert!(stored != archive);
        assert!(undone(&environment, back, &stored) == archive, "{name}: other bytes");
    }
}

#[test]
fn a_cut_snapshot_stores_nothing_although_age_ended_its_part_validly() {
    let minio = Minio::shared();
    let bucket = minio.bucket("age-cut");
    let environment = Environment::new().minio(&minio);
    let recipient = recipient(&environment);
    let uri = bucket.uri("vault/");
    for archive in [Synthetic::new(20_000).to_vec(), Synthetic::new(20 << 20).to_vec()] {
        for length in [archive.len() - 1, archive.len() / 2] {
            let words = [uri.as_str(), "--", "age", "-r", &recipient];
            let outcome = environment.run("s3-put", &words, &archive[..length]).expect(65);
            assert_eq!(outcome.text(), "");
        }
    }
    assert!(bucket.keys().is_empty() && bucket.uploads().is_empty());
}

#[test]
fn a_filter_that_fails_leaves_nothing_in_the_store() {
    let minio = Minio::shared();
    let bucket = minio.bucket("filter-fails");
    let environment = Environment::new().minio(&minio);
    let uri = bucket.uri("vault/");
    for archive in [Synthetic::new(20_000).to_vec(), Synthetic::new(20 << 20).to_vec()] {
        for (words, code) in [
            (&["false"][..], 74),
            (&["true"], 74),
            (&["head", "-c", "100"], 74),
            (&["sleep", "1000"], 74),
            (&["sh", "-c", "cat >/dev/null"], 74),
            (&["age", "-r", "age1wrong"], 74),
            (&["no-such-filter"], 64),
        ] {
            let words = [&[uri.as_str(), "--stall-timeout", "2s", "--"], words].concat();
            let outcome = environment.run("s3-put", &words, &archive).expect(code);
            assert_eq!(outcome.text(), "");
            assert!(outcome.last_line().starts_with("s3-put: "), "{}", outcome.stderr);
        }
    }
    assert!(bucket.keys().is_empty() && bucket.uploads().is_empty());
}

#[test]
fn the_filter_sees_nothing_of_the_stores_and_the_metrics_parse() {
    let minio = Minio::shared();
    let bucket = minio.bucket("filter-metrics");
    let environment = Environment::new().minio(&minio);
    let file = environment.home().join("vault.prom");
    let uri = bucket.uri("one.snap.env");
    let words = [
        uri.as_str(),
        "--metrics-file",
        file.to_str().unwrap(),
        "--",
        "sh",
        "-c",
        "cat >/dev/null; env",
    ];
    environment
        .run("s3-put", &words, &Synthetic::new(20_000).to_vec())
        .expect(0);
    let stored = String::from_utf8(only_object(&bucket)).unwrap();
    assert!(
        stored.contains("HOME=") && !stored.contains("AWS_") && !stored.contains(SECRET_KEY),
        "{stored}"
    );

    let text = fs::read_to_string(&file).unwrap();
    let scrape = prometheus_parse::Scrape::parse(text.lines().map(|line| Ok(line.to_owned()))).unwrap();
    let mut names = Vec::new();
    for sample in &scrape.samples {
        let prometheus_parse::Value::Gauge(value) = sample.value else {
            unreachable!("{} is no gauge", sample.metric);
        };
        assert!(value > 0.0, "{}: {value}", sample.metric);
        assert_eq!(sample.labels.get("series"), Some(uri.as_str()));
        assert!(
            scrape.docs.contains_key(&sample.metric),
            "{} has no help",
            sample.metric
        );
        names.push(sample.metric.as_str());
    }
    names.sort_unstable();
    let expected = [
        "snapline_last_success_timestamp_seconds",
        "snapline_snapshot_index",
        "snapline_snapshot_size_bytes",
        "snapline_snapshot_term",
        "snapline_upload_duration_seconds",
    ];
    assert_eq!(names, expected);
}
