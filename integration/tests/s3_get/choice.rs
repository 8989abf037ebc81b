//! Which object of a series is fetched, and what is said where there is none.

use snapline_archive::synthetic::Synthetic;
use snapline_integration::bucket::Bucket;
use snapline_integration::minio::Minio;
use snapline_integration::program::Environment;

/// The `n`th of its series, from the oldest: hours apart, and long ago. The bucket has just received it, as one that was copied.
fn key(n: u64) -> String {
    format!("vault/vault_raft_20240101_{n:02}0000.snap")
}

fn archive(n: u64) -> Vec<u8> {
    Synthetic {
        seed: n,
        ..Synthetic::new(30_000)
    }
    .to_vec()
}

fn series(minio: &Minio, name: &str, numbers: impl IntoIterator<Item = u64>) -> Bucket {
    let bucket = minio.bucket(name);
    for n in numbers {
        bucket.put(&key(n), &archive(n));
    }
    bucket
}

#[test]
fn the_newest_is_told_by_its_name_and_not_by_when_the_store_received_it() {
    let minio = Minio::shared();
    let environment = Environment::new().minio(&minio);
    // Received in the reverse order, two years later.
    let bucket = series(&minio, "copied", [3, 2, 1]);
    let uri = bucket.uri("vault/");
    let outcome = environment.run("s3-get", &["--latest", &uri], b"").expect(0);
    assert!(outcome.stdout == archive(3));
    assert!(!outcome.stderr.contains("warning"), "{}", outcome.stderr);
    for (time, n) in [
        ("2024-01-01T02:59:59Z", 2),
        ("2024-01-01T02:00:00Z", 2),
        ("2024-01-01T02:00:00+01:00", 1),
    ] {
        let outcome = environment.run("s3-get", &["--before", time, &uri], b"").expect(0);
        assert!(outcome.stdout == archive(n), "{time}");
    }
    let outcome = environment.run("s3-get", &["--list", &uri], b"").expect(0);
    let lines: String = [3, 2, 1].map(|n| format!("{}\n", bucket.uri(&key(n)))).concat();
    assert_eq!(outcome.text(), lines);
}

#[test]
fn twins_the_future_and_the_empty_are_never_the_newest() {
    let minio = Minio::shared();
    let environment = Environment::new().minio(&minio);
    let bucket = series(&minio, "twins", [1, 2]);
    for twin in [
        "vault/vault_raft_20240101_230000.snap.bak",
        "vault/vault_raft_20240101_230000.snap.age",
        "vault/vault_raft_20240101_2300.snap",
        "vault/vault_raft_20240132_230000.snap",
        "vault/sub/vault_raft_20240101_230000.snap",
        "vault-staging/vault_raft_20240101_230000.snap",
        "vaultvault_raft_20240101_230000.snap",
        "vault_raft_20240101_230000.snap",
    ] {
        bucket.put(twin, b"a twin");
    }
    bucket.put(&key(22), b"");
    bucket.put("vault/vault_raft_29990101_000000.snap", &archive(9));
    let uri = bucket.uri("vault/");
    let outcome = environment.run("s3-get", &["--latest", &uri], b"").expect(0);
    assert!(outcome.stdout == archive(2));
    for words in ["is empty", "vault_raft_29990101_000000.snap' is from the future"] {
        assert!(outcome.stderr.contains(words), "{}", outcome.stderr);
    }
    let outcome = environment.run("s3-get", &["--list", &uri], b"").expect(0);
    assert_eq!(outcome.text().lines().count(), 2);
    // By its key, anybody gets what he asks for.
    let future = bucket.uri("vault/vault_raft_29990101_000000.snap");
    assert!(environment.run("s3-get", &[&future], b"").expect(0).stdout == archive(9));
}

#[test]
fn what_s3_put_stored_is_listed_with_its_index_and_comes_back() {
    let minio = Minio::shared();
    let environment = Environment::new().minio(&minio);
    let bucket = minio.bucket("there-and-back");
    let whole = archive(1);
    environment.run("s3-put", &[&bucket.uri("vault/")], &whole).expect(0);
    let outcome = environment
        .run("s3-get", &["-v", "--list", &bucket.uri("vault/")], b"")
        .expect(0);
    let columns: Vec<_> = outcome.text().trim_end().split('\t').collect();
    let (size, uri) = (whole.len().to_string(), bucket.uri(&bucket.keys()[0]));
    assert_eq!(
        [columns[0], columns[1], columns[3], columns[4]],
        [&*uri, &*size, "592", "3"]
    );
    let outcome = environment
        .run("s3-get", &["--latest", &bucket.uri("vault/")], b"")
        .expect(0);
    assert!(outcome.stdout == whole);
    let line = format!("s3-get: got '{uri}' bytes={size} index=592 term=3 sha256=");
    assert!(outcome.last_line().starts_with(&line), "{}", outcome.stderr);
}

#[test]
fn what_is_missing_is_66_and_a_bucket_that_is_missing_78() {
    let minio = Minio::shared();
    let environment = Environment::new().minio(&minio);
    let bucket = series(&minio, "missing", [1]);
    let get = |words: &[&str], code| {
        let outcome = environment.run("s3-get", words, b"").expect(code);
        assert!(outcome.stdout.is_empty());
        outcome.stderr
    };
    assert!(get(&[&bucket.uri("vault/none.snap")], 66).contains("NoSuchKey"));
    let other = bucket.uri("other/");
    for choice in [&["--latest"][..], &["--list"], &["--before", "2099-01-01T00:00:00Z"]] {
        let words = [choice, &[&*other]].concat();
        assert!(get(&words, 66).contains("there is no object of this series"));
    }
    let oldest = get(&["--before", "2023-01-01T00:00:00Z", &bucket.uri("vault/")], 66);
    assert!(
        oldest.contains(&format!("the oldest is '{}'", bucket.uri(&key(1)))),
        "{oldest}"
    );
    get(&["s3://no-such-bucket/vault/one.snap"], 78);
    get(&["--latest", "s3://no-such-bucket/vault/"], 78);
}

#[test]
fn if_the_newest_is_truncated_the_hint_names_the_one_before() {
    let minio = Minio::shared();
    let environment = Environment::new().minio(&minio);
    let bucket = series(&minio, "truncated", [1, 2]);
    bucket.put(&key(5), &archive(5)[..20_000]);
    bucket.put(&key(4), b"");
    let outcome = environment
        .run("s3-get", &["--latest", &bucket.uri("vault/")], b"")
        .expect(65);
    assert!(outcome.stdout.is_empty());
    let hint = format!("s3-get: hint: the snapshot before it: s3-get '{}'", bucket.uri(&key(2)));
    assert_eq!(outcome.last_line(), hint, "{}", outcome.stderr);
    // The hint is a command.
    let command = hint.rsplit(": ").next().unwrap();
    assert!(environment.shell(command).expect(0).stdout == archive(2));
}
