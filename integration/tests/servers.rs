//! The harness itself: the real servers come up, and the oracles see what is there and miss what is not.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::net::TcpStream;

use snapline_integration::line::Line;
use snapline_integration::minio::Minio;
use snapline_integration::vault::{SNAPSHOT_POLICY, Vault, inspect};
use snapline_integration::wait::wait_for;

#[test]
fn vault_gives_a_snapshot_that_its_own_inspect_reads() {
    let vault = Vault::start();
    let snapshot = vault.snapshot();
    assert!(snapshot.starts_with(&[0x1f, 0x8b]), "a gzip archive");
    let report = inspect(&snapshot);
    assert!(report.status.success(), "{report:?}");
    assert!(
        String::from_utf8_lossy(&report.stdout).contains("bolt-snapshot"),
        "{report:?}"
    );

    let cut = inspect(&snapshot[..snapshot.len() - 100]);
    assert!(!cut.status.success(), "{cut:?}");
}

#[test]
fn vault_knows_its_roles_and_tokens() {
    let vault = Vault::start();
    let token = &vault.token(SNAPSHOT_POLICY);
    assert!(vault.accepts(token));
    assert!(!vault.accepts("hvs.no-such-token"));
    assert_eq!(
        vault.send("GET", "sys/mounts", token, None).0,
        403,
        "the policy allows one thing only"
    );
    vault.seal();
    wait_for("Vault is sealed", || {
        (vault.send("GET", "sys/mounts", token, None).0 == 503).then_some(())
    });
}

#[test]
fn a_filled_vault_has_a_large_snapshot() {
    let vault = Vault::start();
    vault.fill(4);
    vault.fill(4);
    assert!(vault.snapshot().len() > 4 << 20);
}

#[test]
fn a_bucket_tells_its_objects() {
    let minio = Minio::start();
    let bucket = minio.bucket("oracle");
    assert!(bucket.keys().is_empty());
    bucket.put("a/with space+plus&more.snap", b"content");
    bucket.put("b", b"");
    assert_eq!(bucket.keys(), ["a/with space+plus&more.snap", "b"]);
    assert_eq!(bucket.get("a/with space+plus&more.snap").unwrap(), b"content");
    assert!(bucket.head("b").unwrap().contains("Content-Length: 0"));
    assert!(bucket.get("c").is_none());
    bucket.delete("b");
    assert!(bucket.head("b").is_none());
}

#[test]
fn a_bucket_tells_more_objects_than_a_page_holds() {
    let minio = Minio::start();
    let bucket = minio.bucket("pages");
    let keys: Vec<String> = (0..1100).map(|number| format!("many/{number:04}")).collect();
    bucket.put_many(keys.iter().map(String::as_str));
    assert_eq!(bucket.keys(), keys);
}

#[test]
fn a_bucket_tells_unfinished_uploads() {
    let minio = Minio::start();
    let bucket = minio.bucket("uploads");
    assert!(bucket.uploads().is_empty());
    bucket.begin_upload("deep/er/key.snap");
    assert_eq!(bucket.uploads(), ["deep/er/key.snap"]);
    assert!(bucket.keys().is_empty());
}

#[test]
fn a_line_holds_what_exceeds_its_allowance_until_it_is_released() {
    let minio = Minio::start();
    let bucket = minio.bucket("line");
    let line = Line::new(&minio.address(), 1 << 20);
    let far = bucket.through(&line.url());
    far.put("small", &[0; 1000]);
    let large = vec![0; 4 << 20];
    std::thread::scope(|scope| {
        let put = scope.spawn(|| far.put("large", &large));
        wait_for("the line holds", || (line.held() == 1).then_some(()));
        assert!(!put.is_finished());
        assert_eq!(bucket.keys(), ["small"]);
        line.release();
    });
    assert_eq!(bucket.get("large").unwrap(), large);
    assert_eq!(far.keys(), ["large", "small"], "replies are not limited");
    let address = line.url();
    drop(line);
    wait_for("the line is gone", || {
        TcpStream::connect(address.trim_start_matches("http://")).err()
    });
}

#[test]
fn a_killed_server_is_gone() {
    let minio = Minio::start();
    let bucket = minio.bucket("kill");
    minio.container().kill();
    let refused = TcpStream::connect(minio.container().address());
    assert!(refused.is_err(), "{refused:?}");
    drop(bucket);
}
