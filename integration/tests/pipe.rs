//! The whole pipe from a real Vault to a real S3 store, when nothing is wrong.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use snapline_integration::bucket::Bucket;
use snapline_integration::minio::{Minio, SECRET_KEY};
use snapline_integration::program::Environment;
use snapline_integration::vault::{SNAPSHOT_POLICY, Vault, inspect};
use snapline_integration::wait::next_second;

fn pipe(bucket: &Bucket) -> String {
    let uri = bucket.uri("vault/");
    format!("vault-login | vault-snapshot --revoke | s3-put {uri} | snap-prune --keep-last 3")
}

#[test]
fn five_backups_leave_the_newest_three() {
    let (vault, minio) = (Vault::shared(), Minio::shared());
    let bucket = minio.bucket("rotation");
    let environment = Environment::new()
        .vault(&vault, &vault.app_role(SNAPSHOT_POLICY))
        .minio(&minio);
    let mut seen = Vec::new();
    for run in 1..=5 {
        // Within one second a name that was just pruned would be free again, and the newest object not the last.
        next_second();
        let outcome = environment.shell(&pipe(&bucket)).expect(0);
        let keys = bucket.keys();
        assert_eq!(keys.len(), run.min(3), "{}", outcome.stderr);
        let newest = keys.last().unwrap().clone();
        assert!(!seen.contains(&newest), "{newest} is new");
        let gone: Vec<String> = seen
            .iter()
            .filter(|key| !keys.contains(key))
            .map(|key| bucket.uri(key))
            .collect();
        if run > 3 {
            let deleted: Vec<&str> = outcome.text().lines().collect();
            assert_eq!(deleted, [gone.last().unwrap()], "what went is what is told");
        } else {
            assert_eq!(outcome.text(), "");
        }
        seen.push(newest);
    }
    for key in bucket.keys() {
        let report = inspect(&bucket.get(&key).unwrap());
        assert!(report.status.success(), "{report:?}");
    }
    assert!(bucket.uploads().is_empty());
}

#[test]
fn snap_pipe_runs_the_same_pipe() {
    let (vault, minio) = (Vault::shared(), Minio::shared());
    let bucket = minio.bucket("snap-pipe");
    let environment = Environment::new()
        .vault(&vault, &vault.app_role(SNAPSHOT_POLICY))
        .minio(&minio);
    let line = pipe(&bucket);
    let words: Vec<&str> = line.split(' ').collect();
    environment.run("snap-pipe", &words, b"").expect(0);
    let keys = bucket.keys();
    assert_eq!(keys.len(), 1);
    assert!(keys[0].starts_with("vault/vault_raft_20"), "{keys:?}");
}

#[test]
fn a_snapshot_of_many_parts_arrives_whole() {
    let vault = Vault::start();
    vault.fill(40);
    let minio = Minio::shared();
    let bucket = minio.bucket("parts");
    let environment = Environment::new()
        .vault(&vault, &vault.app_role(SNAPSHOT_POLICY))
        .minio(&minio);
    let outcome = environment.shell(&pipe(&bucket)).expect(0);
    let objects = bucket.objects();
    assert_eq!(objects.len(), 1, "{}", outcome.stderr);
    assert!(objects[0].size > 40 << 20, "{objects:?}");
    assert!(inspect(&bucket.get(&objects[0].key).unwrap()).status.success());
    assert!(bucket.uploads().is_empty());
}

#[test]
fn the_token_is_revoked_and_no_secret_is_printed_at_any_verbosity() {
    let (vault, minio) = (Vault::start(), Minio::shared());
    let bucket = minio.bucket("secrets");
    let role = vault.app_role(SNAPSHOT_POLICY);
    let environment = Environment::new().vault(&vault, &role).minio(&minio);
    let before = vault.token_count();
    let token = environment.run("vault-login", &["-vvv"], b"").expect(0);
    let line = token.text();
    assert_eq!(line.lines().count(), 1, "one line, the token");
    assert!(line.ends_with('\n'));
    let secret = line.trim_end();
    assert!(vault.accepts(secret));

    // Each stage by hand, so that what each one prints is seen, at its most talkative, in both formats.
    for format in ["text", "json"] {
        let talk = ["-v", "-v", "-v", "--log-format", format];
        let login = environment.run("vault-login", &talk, b"").expect(0);
        let own = login.text().trim_end().to_owned();
        let snapshot = environment
            .run("vault-snapshot", &[&talk[..], &["--revoke"]].concat(), &login.stdout)
            .expect(0);
        assert!(!vault.accepts(&own), "the token is revoked");
        let uri = bucket.uri("vault/");
        let put = environment
            .run("s3-put", &[&talk[..], &[&uri]].concat(), &snapshot.stdout)
            .expect(0);
        let prune = environment
            .run("snap-prune", &[&talk[..], &["--keep-last", "3"]].concat(), &put.stdout)
            .expect(0);
        for outcome in [&token, &login, &snapshot, &put, &prune] {
            assert!(!outcome.stderr.is_empty(), "it does talk");
            for word in [
                secret,
                &own,
                &role.secret_id,
                SECRET_KEY,
                "Signature=",
                "X-Amz-Signature",
            ] {
                assert!(!outcome.stderr.contains(word), "'{word}' in {}", outcome.stderr);
            }
        }
        for outcome in [&put, &prune] {
            assert!(!outcome.text().contains(SECRET_KEY) && !outcome.text().contains(&own));
        }
    }
    assert_eq!(
        vault.token_count(),
        before + 1,
        "only the token that nobody revoked is left"
    );
    assert!(vault.accepts(secret), "nobody else's token is revoked");
}

#[test]
fn an_exact_key_that_exists_is_refused() {
    let minio = Minio::shared();
    let bucket = minio.bucket("exact");
    let environment = Environment::new().minio(&minio);
    let snapshot = Vault::shared().snapshot();
    let uri = bucket.uri("vault/exact.snap");
    let first = environment.run("s3-put", &[&uri], &snapshot).expect(0);
    assert_eq!(first.text(), format!("{uri}\n"));
    bucket.put("vault/exact.snap", b"somebody's");
    let second = environment.run("s3-put", &[&uri], &snapshot).expect(77);
    assert_eq!(second.text(), "");
    assert_eq!(bucket.get("vault/exact.snap").unwrap(), b"somebody's");
}

#[test]
fn two_runs_within_one_second_make_two_objects() {
    let minio = Minio::shared();
    let bucket = minio.bucket("second");
    let environment = Environment::new().minio(&minio);
    let snapshot = Vault::shared().snapshot();
    let uri = bucket.uri("vault/");
    // One after the other, faster than the clock that names them; six so that some share a second.
    let told: Vec<String> = (0..6)
        .map(|_| {
            environment
                .run("s3-put", &[&uri], &snapshot)
                .expect(0)
                .text()
                .trim_end()
                .to_owned()
        })
        .collect();
    let stored: Vec<String> = bucket.keys().iter().map(|key| bucket.uri(key)).collect();
    assert_eq!(told, stored, "each run made its own object, in order");
}
