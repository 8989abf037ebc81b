//! What `s3-put` asks a real store for is there afterwards, asked by another client.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::sync::{Arc, Barrier};
use std::thread;

use snapline_archive::synthetic::Synthetic;
use snapline_integration::bucket::{Bucket, Signer};
use snapline_integration::minio::Minio;
use snapline_integration::program::Environment;
use snapline_integration::running::Outcome;
use snapline_integration::shared::Shared;

const SMALL: u64 = 100_000;
/// More than two parts of the smallest size.
const LARGE: u64 = 11 << 20;

/// A MinIO that can encrypt, and insists on its region.
fn encrypting() -> Arc<Minio> {
    static SHARED: Shared<Minio> = Shared::new();
    SHARED.get(|| {
        Minio::start_with(&[
            (
                "MINIO_KMS_SECRET_KEY",
                "backups:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
            ),
            ("MINIO_SITE_REGION", "us-east-1"),
        ])
    })
}

fn snapshot(state_bytes: u64) -> Vec<u8> {
    Synthetic::new(state_bytes).to_vec()
}

fn put(environment: &Environment, words: &[&str], state_bytes: u64) -> Outcome {
    let words = [&["--part-size", "5MiB"], words].concat();
    environment.run("s3-put", &words, &snapshot(state_bytes))
}

/// Stored under this key, whole, with nothing to warn of.
#[track_caller]
fn stored(bucket: &Bucket, outcome: Outcome, key: &str, state_bytes: u64) {
    let outcome = outcome.expect(0);
    assert_eq!(outcome.text(), format!("{}\n", bucket.uri(key)));
    assert!(!outcome.stderr.contains("warning"), "{}", outcome.stderr);
    assert!(
        bucket.get(key) == Some(snapshot(state_bytes)),
        "{key} is another object"
    );
    assert_eq!(bucket.uploads(), Vec::<String>::new());
}

#[track_caller]
fn refused(bucket: &Bucket, outcome: Outcome, status: i32, words: &str) {
    let outcome = outcome.expect(status);
    assert_eq!(outcome.text(), "");
    assert!(outcome.stderr.contains(words), "no {words} in {}", outcome.stderr);
    assert_eq!((bucket.keys(), bucket.uploads()), (Vec::new(), Vec::new()));
}

#[track_caller]
fn has_lines(text: &str, lines: &[&str]) {
    for line in lines {
        let line = line.to_lowercase();
        let found = text.lines().any(|found| found.trim().to_lowercase() == line);
        assert!(found, "no {line} in {text}");
    }
}

#[test]
fn tags_metadata_and_content_type_are_kept() {
    let minio = Minio::shared();
    let (bucket, environment) = (minio.bucket("tags"), Environment::new().minio(&minio));
    for (key, size) in [("small", SMALL), ("large", LARGE)] {
        let words = [
            "--tag=cluster name=a b+c-d.e_f:g/h@i",
            "--tag=env=",
            "--metadata=Note=a  b; \"c\" %&+=\\ <d>'~",
            "--content-type=application/x-snapshot; v=1",
            &bucket.uri(key),
        ];
        stored(&bucket, put(&environment, &words, size), key, size);
        has_lines(
            &bucket.head(key).unwrap(),
            &[
                "x-amz-meta-note: a  b; \"c\" %&+=\\ <d>'~",
                "x-amz-tagging-count: 2",
                "content-type: application/x-snapshot; v=1",
            ],
        );
        let tags = bucket.told(key, "?tagging=");
        for (name, value) in [("cluster name", "a b+c-d.e_f:g/h@i"), ("env", "")] {
            let tag = format!("<Key>{name}</Key><Value>{value}</Value>");
            assert!(tags.contains(&tag), "no {tag} in {tags}");
        }
    }
}

#[test]
fn encryption_is_kept_whoever_has_the_key() {
    let minio = encrypting();
    let (bucket, environment) = (minio.bucket("sse"), Environment::new().minio(&minio));
    for (name, size) in [("small", SMALL), ("large", LARGE)] {
        let key = format!("{name}-s3");
        stored(
            &bucket,
            put(&environment, &["--sse=AES256", &bucket.uri(&key)], size),
            &key,
            size,
        );
        has_lines(&bucket.head(&key).unwrap(), &["x-amz-server-side-encryption: AES256"]);
        let key = format!("{name}-kms");
        let words = ["--sse=aws:kms", "--sse-kms-key-id=backups", &bucket.uri(&key)];
        stored(&bucket, put(&environment, &words, size), &key, size);
        has_lines(
            &bucket.head(&key).unwrap(),
            &[
                "x-amz-server-side-encryption: aws:kms",
                "x-amz-server-side-encryption-aws-kms-key-id: arn:aws:kms:backups",
            ],
        );
    }
}

#[test]
fn what_the_store_does_not_have_is_refused_in_its_words() {
    let (plain, encrypting) = (Minio::shared(), encrypting());
    let lock = ["--object-lock-mode=GOVERNANCE", "--object-lock-days=1"];
    let cases: [(&Minio, &[&str], i32, &str); 6] = [
        (&plain, &["--sse=AES256"], 78, "KMS is not configured"),
        (
            &encrypting,
            &["--sse=aws:kms", "--sse-kms-key-id=other"],
            78,
            "KeyNotFound",
        ),
        (&plain, &lock, 78, "ObjectLockConfiguration"),
        (
            &plain,
            &["--legal-hold"],
            78,
            "hint: a bucket gets object lock when it is created",
        ),
        (&plain, &["--storage-class=GLACIER"], 78, "InvalidStorageClass"),
        (&plain, &["--tag=a=b&c"], 78, "InvalidTag"),
    ];
    for (minio, words, status, said) in cases {
        let (bucket, environment) = (minio.bucket("refused"), Environment::new().minio(minio));
        for size in [SMALL, LARGE] {
            let uri = bucket.uri("key");
            let words = [words, &[&*uri]].concat();
            refused(&bucket, put(&environment, &words, size), status, said);
        }
    }
}

#[test]
fn a_storage_class_is_kept() {
    let minio = Minio::shared();
    let (bucket, environment) = (minio.bucket("classes"), Environment::new().minio(&minio));
    for (key, size) in [("small", SMALL), ("large", LARGE)] {
        let words = ["--storage-class=REDUCED_REDUNDANCY", &bucket.uri(key)];
        stored(&bucket, put(&environment, &words, size), key, size);
        has_lines(&bucket.head(key).unwrap(), &["x-amz-storage-class: REDUCED_REDUNDANCY"]);
    }
    let words = ["--storage-class=STANDARD", &bucket.uri("standard")];
    stored(&bucket, put(&environment, &words, SMALL), "standard", SMALL);
}

#[test]
fn a_lock_and_a_hold_are_kept() {
    let minio = Minio::shared();
    let (bucket, environment) = (minio.locked_bucket("locks"), Environment::new().minio(&minio));
    for (name, size) in [("small", SMALL), ("large", LARGE)] {
        for mode in ["GOVERNANCE", "COMPLIANCE"] {
            let key = format!("{name}-{mode}");
            let mode_option = format!("--object-lock-mode={mode}");
            let words = [&*mode_option, "--object-lock-days=2", &bucket.uri(&key)];
            stored(&bucket, put(&environment, &words, size), &key, size);
            let retention = bucket.told(&key, "?retention=");
            assert!(retention.contains(&format!("<Mode>{mode}</Mode>")), "{retention}");
            let head = bucket.head(&key).unwrap().to_lowercase();
            assert!(head.contains("x-amz-object-lock-retain-until-date: 20"), "{head}");
        }
        let key = format!("{name}-hold");
        stored(
            &bucket,
            put(&environment, &["--legal-hold", &bucket.uri(&key)], size),
            &key,
            size,
        );
        let hold = bucket.told(&key, "?legal-hold=");
        assert!(hold.contains("<Status>ON</Status>"), "{hold}");
    }
}

#[test]
fn pruning_hides_locked_objects_and_keeps_their_versions() {
    let minio = Minio::shared();
    let (bucket, environment) = (minio.locked_bucket("locked-series"), Environment::new().minio(&minio));
    let keys = [1, 2, 3].map(|day| format!("vault/vault_raft_2024010{day}_020000.snap"));
    let lock = ["--object-lock-mode=COMPLIANCE", "--object-lock-days=1"];
    for key in &keys {
        let uri = bucket.uri(key);
        let words = [&lock[..], &[&*uri]].concat();
        put(&environment, &words, SMALL).expect(0);
    }
    let line = format!("{}\n", bucket.uri(&keys[2]));
    let outcome = environment
        .run("snap-prune", &["--keep-last", "1", "--trust-names"], line.as_bytes())
        .expect(0);
    assert_eq!(outcome.text().lines().count(), 2);
    assert_eq!(bucket.keys(), keys[2..]);
    let versions = bucket.told("", "?versions=");
    assert_eq!(versions.matches("<Version>").count(), 3, "{versions}");
    assert_eq!(versions.matches("<DeleteMarker>").count(), 2, "{versions}");
    // Each of the three is still there, and cannot be removed.
    for version in versions.split("<Version>").skip(1) {
        let key = version.split("<Key>").nth(1).unwrap().split('<').next().unwrap();
        let id = version.split("<VersionId>").nth(1).unwrap().split('<').next().unwrap();
        let query = format!("?versionId={id}");
        let reply = bucket.ask(&Signer::root(), "DELETE", key, &query, b"");
        assert!(reply.status >= 400, "{key} could be removed: {}", reply.headers);
        assert_eq!(
            bucket.ask(&Signer::root(), "GET", key, &query, b"").body,
            snapshot(SMALL)
        );
    }
}

#[test]
fn an_object_of_a_locked_bucket_is_replaced_by_a_new_version() {
    let minio = Minio::shared();
    let (bucket, environment) = (minio.locked_bucket("replaced"), Environment::new().minio(&minio));
    for (size, words) in [(SMALL, &[][..]), (LARGE, &["--overwrite", "--legal-hold"])] {
        let uri = bucket.uri("one.snap");
        let words = [words, &[&*uri]].concat();
        stored(&bucket, put(&environment, &words, size), "one.snap", size);
    }
    assert_eq!(bucket.told("", "?versions=").matches("<Version>").count(), 2);
}

#[test]
fn a_bucket_that_locks_by_default_takes_what_asks_for_nothing() {
    let minio = Minio::shared();
    let (bucket, environment) = (minio.locked_bucket("default-lock"), Environment::new().minio(&minio));
    let rule = "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention>\
                <Mode>GOVERNANCE</Mode><Days>1</Days></DefaultRetention></Rule></ObjectLockConfiguration>";
    let reply = bucket.ask(&Signer::root(), "PUT", "", "?object-lock=", rule.as_bytes());
    assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
    for (key, size) in [("small", SMALL), ("large", LARGE)] {
        stored(&bucket, put(&environment, &[&bucket.uri(key)], size), key, size);
        let retention = bucket.told(key, "?retention=");
        assert!(retention.contains("<Mode>GOVERNANCE</Mode>"), "{retention}");
    }
}

#[test]
fn odd_characters_in_keys_survive_the_whole_way() {
    let minio = Minio::shared();
    let (bucket, environment) = (minio.bucket("odd-keys"), Environment::new().minio(&minio));
    let odd = "a b+c&d=e;f,g@h!i'(j)*k~l:m$n#o?p/größe 東京";
    for (name, size) in [("small", SMALL), ("large", LARGE)] {
        let key = format!("{odd} {name}");
        stored(&bucket, put(&environment, &[&bucket.uri(&key)], size), &key, size);
        assert!(bucket.keys().contains(&key), "{:?}", bucket.keys());
    }
    let series = bucket.uri(&format!("{odd}/100%% of %Y-%m-%d+%H %M %S.snap"));
    let mut keys = Vec::new();
    for size in [SMALL, LARGE] {
        let outcome = put(&environment, &[&series], size).expect(0);
        let key = outcome
            .text()
            .trim_end()
            .strip_prefix(&*bucket.uri(""))
            .unwrap()
            .to_owned();
        assert!(key.starts_with(&format!("{odd}/100% of 20")), "{key}");
        assert!(bucket.get(&key) == Some(snapshot(size)));
        keys.push(key);
    }
    let outcome = environment.run("snap-prune", &["--keep-last=1", "--series", &series], b"");
    assert_eq!(outcome.expect(0).text(), format!("{}\n", bucket.uri(&keys[0])));
    assert_eq!((bucket.get(&keys[0]), bucket.keys().len()), (None, 3));
}

#[test]
fn runs_that_start_in_the_same_second_leave_a_whole_object_each() {
    let minio = Minio::shared();
    let (bucket, environment) = (minio.bucket("same-second"), Environment::new().minio(&minio));
    // Each run has another content, so that a mixture would show.
    let sizes = [LARGE, LARGE + 1_000_000, SMALL];
    for round in 1..=6 {
        let series = bucket.uri(&format!("round-{round}/"));
        // The third, small one takes part in every other round.
        let runs = &sizes[..2 + round % 2];
        let start = Barrier::new(runs.len());
        let outcomes: Vec<Outcome> = thread::scope(|scope| {
            let run = |size: u64| {
                let (environment, start, series) = (&environment, &start, &series);
                scope.spawn(move || {
                    start.wait();
                    put(environment, &["-v", series], size)
                })
            };
            let running: Vec<_> = runs.iter().map(|size| run(*size)).collect();
            running.into_iter().map(|run| run.join().unwrap()).collect()
        });
        let mut keys: Vec<String> = Vec::new();
        for (outcome, size) in outcomes.into_iter().zip(runs) {
            let outcome = outcome.expect(0);
            let key = outcome
                .text()
                .trim_end()
                .strip_prefix(&*bucket.uri(""))
                .unwrap()
                .to_owned();
            assert!(
                bucket.get(&key) == Some(snapshot(*size)),
                "{key} is another's: {}",
                outcome.stderr
            );
            assert!(!keys.contains(&key));
            keys.push(key);
        }
        assert_eq!(bucket.uploads(), Vec::<String>::new());
    }
}

#[test]
fn the_region_that_the_store_insists_on_is_taken_from_its_answer() {
    let minio = encrypting();
    let bucket = minio.bucket("region");
    let environment = Environment::new().minio(&minio).set("AWS_REGION", "eu-west-1");
    for (key, size) in [("small", SMALL), ("large", LARGE)] {
        let outcome = put(&environment, &["-v", &bucket.uri(key)], size);
        let told = "asking in region 'us-east-1'";
        assert_eq!(outcome.stderr.matches(told).count(), 1, "{}", outcome.stderr);
        stored(&bucket, outcome, key, size);
    }
}
