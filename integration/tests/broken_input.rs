//! What is fed to s3-put and is not one whole archive never becomes an object.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use snapline_archive::Verifier;
use snapline_archive::synthetic::Synthetic;
use snapline_integration::bucket::Bucket;
use snapline_integration::minio::Minio;
use snapline_integration::program::Environment;
use snapline_integration::vault::Vault;

/// How many programs run at once: they wait for the disk and the server, too.
const AT_ONCE: usize = 4;

/// Feeds each input to an s3-put of its own; all must end with `code`, say nothing on standard output, and store
/// nothing.
fn refused(bucket: &Bucket, minio: &Minio, inputs: &[(String, Vec<u8>)], code: i32) {
    let environment = Environment::new().minio(minio);
    let uri = bucket.uri("vault/");
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some((what, input)) = inputs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcome = environment.run("s3-put", &[&uri], input);
                    assert_eq!(outcome.status, code, "{what}: {}", outcome.stderr);
                    assert_eq!(outcome.text(), "", "{what}");
                    assert!(
                        outcome.last_line().starts_with("s3-put: "),
                        "{what}: {}",
                        outcome.stderr
                    );
                }
            });
        }
    });
    assert!(next.into_inner() >= inputs.len(), "all were tried");
    assert!(bucket.keys().is_empty(), "{:?}", bucket.keys());
    assert!(bucket.uploads().is_empty(), "{:?}", bucket.uploads());
}

fn one(what: &str, input: impl Into<Vec<u8>>) -> Vec<(String, Vec<u8>)> {
    vec![(what.into(), input.into())]
}

#[test]
fn the_whole_archive_is_stored() {
    let minio = Minio::shared();
    let bucket = minio.bucket("whole");
    let snapshot = Vault::shared().snapshot();
    let environment = Environment::new().minio(&minio);
    let outcome = environment.run("s3-put", &[&bucket.uri("vault/")], &snapshot).expect(0);
    let keys = bucket.keys();
    assert_eq!(outcome.text(), format!("{}\n", bucket.uri(&keys[0])), "one whole line");
    assert_eq!(keys.len(), 1);
    assert_eq!(bucket.get(&keys[0]).unwrap(), snapshot);
}

#[test]
fn empty_input() {
    let minio = Minio::shared();
    refused(&minio.bucket("empty"), &minio, &one("nothing", ""), 66);
}

#[test]
fn a_snapshot_cut_at_300_points() {
    let minio = Minio::shared();
    let snapshot = Vault::shared().snapshot();
    let last = snapshot.len() - 1;
    let cut: Vec<_> = (0..300)
        .map(|number| 1 + number * (last - 1) / 299)
        .map(|length| {
            (
                format!("cut to {length} of {}", snapshot.len()),
                snapshot[..length].to_vec(),
            )
        })
        .collect();
    assert_eq!(cut.last().unwrap().1.len(), last, "down to the last byte");
    refused(&minio.bucket("cut"), &minio, &cut, 65);
}

#[test]
fn a_snapshot_cut_at_every_byte_is_refused_by_the_parser() {
    let snapshot = Vault::shared().snapshot();
    let judge = |archive: &[u8]| {
        let mut verifier = Verifier::new();
        verifier.push(archive)?;
        verifier.finish()
    };
    assert!(judge(&snapshot).is_ok(), "whole, it is accepted");
    for length in 0..snapshot.len() {
        assert!(judge(&snapshot[..length]).is_err(), "{length} of {}", snapshot.len());
    }
}

#[test]
fn a_flipped_byte_anywhere_in_the_data() {
    let minio = Minio::shared();
    let snapshot = Vault::shared().snapshot();
    // The first ten bytes are gzip's header: times and the like there mean nothing.
    let flipped: Vec<_> = (10..snapshot.len())
        .step_by(snapshot.len() / 60)
        .chain([0, 1, 2, snapshot.len() - 1])
        .map(|place| {
            let mut broken = snapshot.clone();
            broken[place] ^= 0xff;
            (format!("byte {place} of {}", snapshot.len()), broken)
        })
        .collect();
    assert!(flipped.len() > 60);
    refused(&minio.bucket("flipped"), &minio, &flipped, 65);
}

#[test]
fn an_error_that_a_server_wrote() {
    let minio = Minio::shared();
    let body = r#"{"errors":["1 error occurred:\n\t* permission denied\n\n"]}"#;
    refused(&minio.bucket("json"), &minio, &one("a JSON error", body), 65);
}

#[test]
fn the_archive_twice() {
    let minio = Minio::shared();
    let snapshot = Vault::shared().snapshot();
    refused(&minio.bucket("twice"), &minio, &one("twice", snapshot.repeat(2)), 65);
}

#[test]
fn one_trailing_byte() {
    let minio = Minio::shared();
    let snapshot = Vault::shared().snapshot();
    let inputs = [b"\0", b"\n", b"x"].map(|byte| (format!("and {byte:?}"), [&snapshot[..], byte].concat()));
    refused(&minio.bucket("trailing"), &minio, &inputs, 65);
}

#[test]
fn an_archive_of_many_parts_is_refused_as_well_and_its_upload_aborted() {
    let minio = Minio::shared();
    let archive = Synthetic::new(20 << 20).to_vec();
    let mut flipped = archive.clone();
    flipped[10 << 20] ^= 1;
    let inputs = [
        ("one byte less", archive[..archive.len() - 1].to_vec()),
        ("8 MiB, one whole part", archive[..8 << 20].to_vec()),
        ("half", archive[..archive.len() / 2].to_vec()),
        ("one byte more", [&archive[..], b"\0"].concat()),
        ("a flipped bit", flipped),
        ("twice", archive.repeat(2)),
    ]
    .map(|(what, input)| (what.to_owned(), input));
    refused(&minio.bucket("parts"), &minio, &inputs, 65);

    let whole = minio.bucket("parts-whole");
    let environment = Environment::new().minio(&minio);
    environment.run("s3-put", &[&whole.uri("vault/")], &archive).expect(0);
    assert_eq!(
        whole.get(&whole.keys()[0]).unwrap(),
        archive,
        "the same archive, whole, is stored"
    );
}
