//! Archives that are broken at each gate, and stored all the same: nothing plausible comes back.

use std::process::Command;

use snapline_archive::Gate;
use snapline_archive::synthetic::broken;
use snapline_integration::container::pipe_through;
use snapline_integration::minio::Minio;
use snapline_integration::program::Environment;
use snapline_integration::vault::{Vault, inspect};

/// How many of the last bytes are held back.
const HELD: usize = 64 << 10;

fn gzip_accepts(bytes: &[u8]) -> bool {
    pipe_through(Command::new("gzip").arg("-t"), bytes).status.success()
}

#[test]
fn of_an_archive_that_is_broken_at_any_gate_nothing_plausible_comes_back() {
    let minio = Minio::shared();
    let environment = Environment::new().minio(&minio);
    let bucket = minio.bucket("gates");
    // The measure measures.
    let vault = Vault::shared().snapshot();
    assert!(gzip_accepts(&vault) && inspect(&vault).status.success());
    assert!(!inspect(b"").status.success());
    let mut beginnings = 0;
    // What is smaller than what is held back leaves whole or not at all; of a larger one, the beginning leaves.
    for state_bytes in [3000, 1 << 20] {
        // What s3-put --raw does not store either, and what is no gate of s3-get.
        let cases = broken(state_bytes)
            .into_iter()
            .filter(|case| !case.archive.is_empty() && case.gate != Gate::Entries);
        for (number, case) in cases.enumerate() {
            let what = format!("{}, {}", case.gate, case.what);
            let uri = bucket.uri(&format!("{state_bytes}-{number}.snap"));
            environment.run("s3-put", &["--raw", &uri], &case.archive).expect(0);
            let outcome = environment.run("s3-get", &[&uri], b"").expect(65);
            assert!(
                outcome.stderr.contains(&format!("check '{uri}'")),
                "{what}: {}",
                outcome.stderr
            );
            let left = &outcome.stdout;
            assert!(case.archive.starts_with(left), "{what}");
            assert!(left.len() <= case.archive.len().saturating_sub(HELD), "{what}");
            if !left.is_empty() {
                beginnings += 1;
                assert!(!gzip_accepts(left) && !inspect(left).status.success(), "{what}");
            }
        }
    }
    assert!(beginnings >= 8, "{beginnings}");
}
