//! The policies in `docs/s3.md` are enough for what they are for, and for nothing else: a real server enforces each.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use snapline_archive::synthetic::Synthetic;
use snapline_integration::bucket::{Bucket, Signer};
use snapline_integration::minio::Minio;
use snapline_integration::name::snapshot_name;
use snapline_integration::page::Page;
use snapline_integration::program::Environment;
use snapline_integration::running::Outcome;
use snapline_integration::wait::next_second;
use time::OffsetDateTime;

/// One part, and three.
const SIZES: [u64; 2] = [100_000, 11 << 20];
const WRITER: &str = "The writer: `s3-put`";
const PRUNER: &str = "The pruner: `snap-prune`";
const READER: &str = "The reader: `s3-get` and `snap-check`";
const OLD: &str = "vault/vault_raft_20240101_020000.snap";
const NEW: &str = "vault/vault_raft_20240102_020000.snap";
const ELSEWHERE: &str = "other/vault_raft_20240101_020000.snap";

/// The policy below the heading, for this bucket.
fn policy(title: &str, bucket: &Bucket) -> String {
    let block = Page::open("docs/s3.md").json(&format!("### {title}"));
    let policy = block.replace("backups", &bucket.name);
    assert_ne!(policy, block);
    policy
}

fn put(environment: &Environment, uri: &str, state_bytes: u64) -> Outcome {
    let words = ["-v", "--part-size", "5MiB", uri];
    environment.run("s3-put", &words, &Synthetic::new(state_bytes).to_vec())
}

/// Whether the signer may do this with an object.
fn may(bucket: &Bucket, signer: &Signer, method: &str, key: &str) -> bool {
    let reply = bucket.ask(signer, method, key, "", b"x");
    // No other reason may keep it from happening.
    let is_denied = format!("{}{}", reply.headers, String::from_utf8_lossy(&reply.body)).contains("AccessDenied");
    assert!(
        is_denied || [200, 204].contains(&reply.status),
        "{method} {key}: {}",
        reply.headers
    );
    !is_denied
}

fn may_list(bucket: &Bucket, signer: &Signer, prefix: &str) -> bool {
    // Encoded as it is signed: curl leaves that to its caller.
    let query = format!("?list-type=2&prefix={}", prefix.replace('/', "%2F"));
    let reply = bucket.ask(signer, "GET", "", &query, b"");
    let body = String::from_utf8_lossy(&reply.body);
    assert!(reply.status == 200 || body.contains("AccessDenied"), "{body}");
    reply.status == 200
}

fn bucket_with_objects(minio: &Minio, name: &str) -> Bucket {
    let bucket = minio.bucket(name);
    for key in [OLD, NEW, ELSEWHERE] {
        bucket.put(key, b"snapshot");
    }
    bucket
}

#[test]
fn the_writer_stores_and_does_nothing_else() {
    let minio = Minio::shared();
    let bucket = bucket_with_objects(&minio, "writer");
    let writer = minio.session(&policy(WRITER, &bucket));
    let environment = Environment::new().minio(&minio).signer(&writer);
    for size in SIZES {
        let outcome = put(&environment, &bucket.uri("vault/"), size).expect(0);
        let key = outcome.text().trim_end().strip_prefix(&*bucket.uri("")).unwrap();
        assert!(bucket.get(key) == Some(Synthetic::new(size).to_vec()));
        // It sees who else is uploading.
        assert!(!outcome.stderr.contains("list the uploads"), "{}", outcome.stderr);
        let outcome = put(&environment, &bucket.uri(OLD), size).expect(77);
        assert!(
            outcome.stderr.contains("there is an object already"),
            "{}",
            outcome.stderr
        );
        put(&environment, &bucket.uri("other/"), size).expect(77);
    }
    assert_eq!(bucket.uploads(), Vec::<String>::new());
    for (method, key) in [
        ("GET", OLD),
        ("HEAD", OLD),
        ("DELETE", OLD),
        ("GET", ELSEWHERE),
        ("PUT", ELSEWHERE),
    ] {
        assert!(!may(&bucket, &writer, method, key), "{method} {key}");
    }
    assert!(!may_list(&bucket, &writer, "other/"));
    let line = format!("{}\n", bucket.uri(NEW));
    environment
        .run("snap-prune", &["--keep-last=1", "--trust-names"], line.as_bytes())
        .expect(77);
    assert!(bucket.keys().contains(&OLD.to_owned()));
}

/// Switches versions on.
fn keep_versions(bucket: &Bucket) {
    let body = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    let reply = bucket.ask(&Signer::root(), "PUT", "", "?versioning=", body);
    assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
}

/// The ids of all versions of a key, and of the markers on top of it.
fn versions(bucket: &Bucket, key: &str) -> (Vec<String>, Vec<String>) {
    let listing = bucket.told("", &format!("?prefix={}&versions=", key.replace('/', "%2F")));
    let ids = |element: &str| {
        let start = format!("<{element}>");
        let elements = listing.split(&start).skip(1);
        let id = |text: &str| Some(text.split_once("<VersionId>")?.1.split_once('<')?.0.to_owned());
        elements.map(|text| id(text).unwrap()).collect()
    };
    (ids("Version"), ids("DeleteMarker"))
}

/// What `docs/s3.md` says of the right to write: by itself, it is enough to destroy.
#[test]
fn without_versions_the_writers_policy_is_enough_to_replace_a_snapshot() {
    let minio = Minio::shared();
    let bucket = bucket_with_objects(&minio, "replaced");
    let writer = minio.session(&policy(WRITER, &bucket));
    assert!(may(&bucket, &writer, "PUT", OLD));
    assert_eq!(bucket.get(OLD).unwrap(), b"x", "what was there is gone");
}

#[test]
fn with_versions_neither_writer_nor_pruner_can_destroy_a_snapshot() {
    let minio = Minio::shared();
    let bucket = minio.bucket("versions");
    keep_versions(&bucket);
    for key in [OLD, NEW] {
        bucket.put(key, b"snapshot");
    }
    let writer = minio.session(&policy(WRITER, &bucket));
    let pruner = minio.session(&policy(PRUNER, &bucket));
    let (first, _) = versions(&bucket, OLD);
    let [first] = &first[..] else { panic!("one version") };

    assert!(may(&bucket, &writer, "PUT", OLD));
    assert_eq!(bucket.get(OLD).unwrap(), b"x");
    let series = bucket.uri("vault/");
    let environment = Environment::new().minio(&minio).signer(&pruner);
    let words = ["--keep-last=1", "--trust-names", "--series", &series];
    let outcome = environment.run("snap-prune", &words, b"").expect(0);
    assert_eq!(outcome.text(), format!("{}\n", bucket.uri(OLD)));
    assert_eq!(bucket.keys(), [NEW]);

    let (all, markers) = versions(&bucket, OLD);
    assert!(
        all.contains(first) && all.len() == 2 && markers.len() == 1,
        "{all:?} {markers:?}"
    );
    let version = format!("?versionId={first}");
    for signer in [&writer, &pruner] {
        for method in ["DELETE", "GET"] {
            let reply = bucket.ask(signer, method, OLD, &version, b"");
            let body = String::from_utf8_lossy(&reply.body);
            assert!(
                reply.status == 403 && body.contains("AccessDenied"),
                "{method}: {}{body}",
                reply.headers
            );
        }
    }
    assert_eq!(bucket.told(OLD, &version), "snapshot");
    // The way back that the page shows: without the marker, the key is there again.
    let reply = bucket.ask(
        &Signer::root(),
        "DELETE",
        OLD,
        &format!("?versionId={}", markers[0]),
        b"",
    );
    assert_eq!(reply.status, 204);
    assert!(bucket.get(OLD).is_some());

    // Why the page denies it by name: to this server, the right to delete is the right to delete versions.
    let block = policy(PRUNER, &bucket);
    let undenied = block.replace("s3:DeleteObjectVersion", "s3:DeleteObjectVersionTagging");
    assert_ne!(undenied, block);
    let reply = bucket.ask(&minio.session(&undenied), "DELETE", OLD, &version, b"");
    assert_eq!(reply.status, 204, "{}", reply.headers);
}

/// AWS's way to forbid replacing. The day that this server takes it, the page has to say so.
#[test]
fn minio_refuses_the_policy_by_which_nothing_is_replaced() {
    let minio = Minio::shared();
    let bucket = minio.bucket("unconditional");
    let block = policy("The bucket: nothing is replaced", &bucket);
    let put = |policy: &str| {
        let reply = bucket.ask(&Signer::root(), "PUT", "", "?policy=", policy.as_bytes());
        (reply.status, String::from_utf8_lossy(&reply.body).into_owned())
    };
    let without = |line: &str| {
        let rest = block.replace(line, "");
        assert_ne!(rest, block);
        rest
    };
    let (status, body) = put(&block);
    assert!(
        status == 400 && body.contains("invalid condition key"),
        "{status} {body}"
    );
    let (null, bool) = (
        r#""Null": {"s3:if-none-match": "true"},"#,
        ",\n        \"Bool\": {\"s3:ObjectCreationOperation\": \"true\"}",
    );
    let (status, body) = put(&without(bool));
    assert!(status == 400 && body.contains("s3:if-none-match"), "{status} {body}");
    let (status, body) = put(&without(null));
    assert!(
        status == 400 && body.contains("s3:ObjectCreationOperation"),
        "{status} {body}"
    );
    // The conditions alone are what it does not take.
    let known = without(null).replace("s3:ObjectCreationOperation", "aws:SecureTransport");
    let (status, body) = put(&known);
    assert_eq!(status, 204, "{body}");
}

#[test]
fn the_pruner_lists_and_deletes_and_does_nothing_else() {
    let minio = Minio::shared();
    let bucket = bucket_with_objects(&minio, "pruner");
    let pruner = minio.session(&policy(PRUNER, &bucket));
    for (method, key) in [("GET", OLD), ("PUT", OLD), ("DELETE", ELSEWHERE), ("GET", ELSEWHERE)] {
        assert!(!may(&bucket, &pruner, method, key), "{method} {key}");
    }
    assert!(!may_list(&bucket, &pruner, "other/"));
    let environment = Environment::new().minio(&minio).signer(&pruner);
    let series = bucket.uri("vault/");
    let outcome = environment
        .run(
            "snap-prune",
            &["--keep-last=1", "--trust-names", "--series", &series],
            b"",
        )
        .expect(0);
    assert_eq!(outcome.text(), format!("{}\n", bucket.uri(OLD)));
    assert_eq!(bucket.keys(), [ELSEWHERE, NEW]);
}

#[test]
fn the_reader_lists_and_reads_and_does_nothing_else() {
    let minio = Minio::shared();
    let bucket = bucket_with_objects(&minio, "reader");
    let reader = minio.session(&policy(READER, &bucket));
    assert!(may(&bucket, &reader, "GET", OLD) && may(&bucket, &reader, "HEAD", OLD));
    assert!(may_list(&bucket, &reader, "vault/"));
    for (method, key) in [("PUT", OLD), ("DELETE", OLD), ("GET", ELSEWHERE)] {
        assert!(!may(&bucket, &reader, method, key), "{method} {key}");
    }
    assert!(!may_list(&bucket, &reader, "other/"));
    let archive = Synthetic::new(SIZES[1]).to_vec();
    bucket.put(NEW, &archive);
    let environment = Environment::new().minio(&minio).signer(&reader);
    let series = bucket.uri("vault/");
    assert!(environment.run("s3-get", &["--latest", &series], b"").expect(0).stdout == archive);
    let listed = environment.run("s3-get", &["-v", "--list", &series], b"").expect(0);
    assert_eq!(listed.text().lines().count(), 2);
    assert!(!listed.stderr.contains("warning"), "{}", listed.stderr);
    let outcome = environment.run("s3-get", &[&bucket.uri(ELSEWHERE)], b"").expect(77);
    assert!(outcome.stderr.contains("s3:GetObject"), "{}", outcome.stderr);
    environment
        .run("s3-get", &["--latest", &bucket.uri("other/")], b"")
        .expect(77);
}

#[test]
fn who_may_only_read_names_the_key_and_who_may_only_list_sees_no_index() {
    let minio = Minio::shared();
    let bucket = bucket_with_objects(&minio, "halves");
    let archive = Synthetic::new(SIZES[0]).to_vec();
    bucket.put(NEW, &archive);
    let with = |action: &str, resource: &str| {
        let policy = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"{action}","Resource":"arn:aws:s3:::{}{resource}"}}]}}"#,
            bucket.name
        );
        Environment::new().minio(&minio).signer(&minio.session(&policy))
    };
    let (key, series) = (bucket.uri(NEW), bucket.uri("vault/"));
    let environment = with("s3:GetObject", "/*");
    assert!(environment.run("s3-get", &[&key], b"").expect(0).stdout == archive);
    environment.run("s3-get", &["--latest", &series], b"").expect(77);
    let environment = with("s3:ListBucket", "");
    environment.run("s3-get", &[&key], b"").expect(77);
    let listed = environment.run("s3-get", &["-v", "--list", &series], b"").expect(0);
    assert!(listed.text().starts_with(&format!("{key}\t{}\t", archive.len())));
    assert!(listed.stderr.contains("warning"), "{}", listed.stderr);
}

#[test]
fn the_reader_checks_the_series_and_needs_the_right_to_read_only_to_verify() {
    let minio = Minio::shared();
    let bucket = bucket_with_objects(&minio, "checker");
    let newest = format!("vault/{}", snapshot_name(OffsetDateTime::now_utc()));
    let whole = Environment::new().minio(&minio);
    put(&whole, &bucket.uri(&newest), SIZES[0]).expect(0);
    let series = bucket.uri("vault/");
    let check = |signer: &Signer, more: &[&str]| {
        let words = [&[&*series, "--max-age", "1h"], more].concat();
        let environment = Environment::new().minio(&minio).signer(signer);
        environment.run("snap-check", &words, b"")
    };
    let reader = policy(READER, &bucket);
    let outcome = check(&minio.session(&reader), &["--verify", "latest"]).expect(0);
    assert!(
        outcome.text().ends_with(" index=592 count=3 verified=1\n"),
        "{}",
        outcome.text()
    );
    let outcome = check(&minio.session(&reader), &[]).expect(0);
    assert!(outcome.text().ends_with(" index=592 count=3\n"), "{}", outcome.text());

    let lister = reader.replace("s3:GetObject", "s3:GetObjectTagging");
    let outcome = check(&minio.session(&lister), &[]).expect(0);
    assert!(
        outcome.text().ends_with(" count=3\n") && !outcome.text().contains("index"),
        "{}",
        outcome.text()
    );
    assert!(!outcome.stderr.contains("warning"), "{}", outcome.stderr);
    check(&minio.session(&lister), &["--verify", "latest"]).expect(77);
    let outcome = Environment::new().minio(&minio).signer(&minio.session(&reader)).run(
        "snap-check",
        &[&bucket.uri("other/"), "--max-age", "1h"],
        b"",
    );
    outcome.expect(77);
}

#[test]
fn the_right_to_put_and_to_abort_is_enough_to_store() {
    let minio = Minio::shared();
    let bucket = bucket_with_objects(&minio, "least");
    let least = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":["s3:PutObject","s3:AbortMultipartUpload"],
        "Resource":"arn:aws:s3:::{}/vault/*"}}]}}"#,
        bucket.name
    );
    let environment = Environment::new().minio(&minio).signer(&minio.session(&least));
    for size in SIZES {
        let outcome = put(&environment, &bucket.uri("vault/"), size).expect(0);
        let key = outcome.text().trim_end().strip_prefix(&*bucket.uri("")).unwrap();
        assert!(bucket.get(key) == Some(Synthetic::new(size).to_vec()));
        // Its name may not be seen to be taken, so the next run has to have another one.
        next_second();
        // The condition alone keeps what is there.
        put(&environment, &bucket.uri(OLD), size).expect(77);
        assert_eq!(bucket.get(OLD).unwrap(), b"snapshot");
    }
    assert_eq!(bucket.uploads(), Vec::<String>::new());
}

#[test]
fn what_cannot_be_seen_to_be_kept_is_a_warning() {
    let minio = Minio::shared();
    let bucket = minio.bucket("unseen");
    let writer = policy(WRITER, &bucket).replace("\"s3:PutObject\"", "\"s3:PutObject\", \"s3:PutObjectTagging\"");
    let environment = Environment::new().minio(&minio).signer(&minio.session(&writer));
    let archive = Synthetic::new(SIZES[0]).to_vec();
    let words = ["--tag", "a=b", &bucket.uri("vault/one.snap")];
    let outcome = environment.run("s3-put", &words, &archive).expect(0);
    assert!(
        outcome.stderr.contains("warning") && outcome.stderr.contains("cannot be seen"),
        "{}",
        outcome.stderr
    );
    assert!(bucket.get("vault/one.snap") == Some(archive));
}
