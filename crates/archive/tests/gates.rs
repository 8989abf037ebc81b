//! Which gate an archive fails at, and which it had passed by then.
// clippy.toml allows these in test functions only, not in what they share.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{FIXTURE, Parts, meta_json};
use snapline_archive::synthetic::{Broken, Encoding, Synthetic, broken, gzip};
use snapline_archive::{Error, Foreign, Gate, Inspection, Inspector, Verifier};
use snapline_failure::Fail as _;

/// The codes of the gates that were passed before the end, and the verdict.
fn inspect(archive: &[u8]) -> (String, Result<Inspection, Error>) {
    let mut inspector = Inspector::default();
    let pushed = archive.chunks(1000).try_for_each(|chunk| inspector.push(chunk));
    let passed: Vec<_> = Gate::ALL
        .into_iter()
        .filter(|gate| inspector.has_passed(*gate))
        .collect();
    let verdict = inspector.finish();
    if let Err(err) = pushed {
        assert_eq!(verdict.as_ref().unwrap_err(), &err);
    }
    let codes: Vec<_> = passed.into_iter().map(Gate::code).collect();
    (codes.join(" "), verdict)
}

fn failed_at(archive: &[u8]) -> (String, Gate) {
    let (passed, verdict) = inspect(archive);
    (passed, verdict.unwrap_err().gate())
}

/// An archive of entries, unlike that of `Parts::good`, whose state is no state.
fn good() -> Parts {
    let archive = Synthetic::new(3000).to_vec();
    let mut state = Vec::new();
    Verifier::new()
        .push_with(&archive, &mut |part| state.extend_from_slice(part))
        .unwrap();
    Parts::of(meta_json(state.len()).as_bytes(), &state)
}

#[test]
fn a_whole_archive_passes_all_gates() {
    for archive in [FIXTURE.to_vec(), good().stored(), good().deflated()] {
        let (passed, verdict) = inspect(&archive);
        // The ninth is the end itself.
        assert_eq!(passed, "V1 V2 V3 V4 V5 V6 V7 V8 entries");
        assert!(verdict.is_ok());
    }
}

#[test]
fn every_gate_is_named_by_an_archive_that_fails_there() {
    const END: &str = "V1 V2 V3 V4 V5 V6 V7 V8 entries";
    let broken = broken(3000);
    for Broken { what, gate, archive } in &broken {
        let (passed, at) = failed_at(archive);
        assert_eq!(at, *gate, "{what}");
        let expected = match *what {
            "a member too many" => "V1 V3 V4 V5 V6 entries",
            "no state.bin" => "V1 V5 V6",
            "an empty object as meta.json" | "a meta.json that no server restores" => "V1",
            "a bit of state.bin turned" => "V1 V3 V5 entries",
            "SHA256SUMS without a sum" => "V1 V3 entries",
            "no SHA256SUMS.sealed" | "an empty SHA256SUMS.sealed" => "V1 V3 V4 V5 entries",
            "one zero block at the end" | "a byte behind the zero blocks" => "V1 V2 V3 V4 V5 V6 entries",
            "a wrong gzip checksum" | "a wrong gzip length" | "the last byte missing" => "V1 V2 V3 V4 V5 V6 V7 entries",
            "cut in state.bin" => "V1 V3",
            "a byte behind the archive" | "the archive twice" => END,
            "keys that do not ascend" | "the last entry cut" => "V1 V2 V3 V4 V5 V6 V7 V8",
            _ => "",
        };
        assert_eq!(passed, expected, "{what}");
    }
    for gate in Gate::ALL {
        assert!(
            broken.iter().any(|broken| broken.gate == gate),
            "no archive fails at {gate}"
        );
    }
}

#[test]
fn damage_of_compressed_data_is_that_of_gate_v8() {
    let mut archive = good().deflated();
    archive[10] = 0x07;
    assert_eq!(failed_at(&archive), ("V1".to_owned(), Gate::GzipChecksum));
}

#[test]
fn damage_of_the_state_is_that_of_its_checksum_even_where_entries_break() {
    let mut parts = good();
    parts.member("state.bin").data[0] ^= 0x7f;
    let archive = parts.stored();
    let mut inspector = Inspector::default();
    assert!(inspector.push(&archive).is_err());
    assert!(matches!(inspector.entry_error(), Some(Error::Entry { number: 1, .. })));
    assert!(!inspector.has_passed(Gate::Entries));
    assert_eq!(inspector.finish().unwrap_err().gate(), Gate::Digests);
}

#[test]
fn what_a_filter_made_is_called_by_its_name_in_every_slicing() {
    let inputs: [(&[u8], Error); 6] = [
        (
            b"age-encryption.org/v1\n-> X25519 x",
            Error::Foreign { format: Foreign::Age },
        ),
        (b"\x28\xb5\x2f\xfd\x04\x00", Error::Foreign { format: Foreign::Zstd }),
        (
            b"\x8c\x0d\x04\x09\x03\x08",
            Error::Foreign {
                format: Foreign::OpenPgp,
            },
        ),
        (b"agency", Error::NotGzip { at: 0, found: b'a' }),
        (b"age-encryption.org/v", Error::NotGzip { at: 0, found: b'a' }),
        (b"-----BEGIN CERTIFICATE-----", Error::NotGzip { at: 0, found: b'-' }),
    ];
    for (input, expected) in inputs {
        for length in 1..=input.len() {
            let verdict = common::verify_chunks(input.chunks(length));
            assert_eq!(verdict, Err(expected.clone()), "{}", input.escape_ascii());
        }
    }
    let err = common::verify(b"age-encryption.org/v1\n").unwrap_err();
    assert_eq!(
        err.to_string(),
        "the input is not a snapshot archive but data encrypted by age"
    );
    assert_eq!(err.gate(), Gate::GzipHeader);
    assert_eq!(
        err.hint(),
        Some("decrypt it first: pipe it through 'age -d -i KEYFILE'")
    );
}

#[test]
fn the_digest_of_the_archive_is_there_only_where_it_was_asked_for() {
    use sha2::{Digest as _, Sha256};
    let archive = good().deflated();
    assert_eq!(common::verify(&archive).unwrap().archive_sha256, None);
    let expected: [u8; 32] = Sha256::digest(&archive).into();
    let mut verifier = Verifier::new().with_digest();
    let mut guard = snapline_archive::Guard::new().with_digest();
    for chunk in archive.chunks(777) {
        verifier.push(chunk).unwrap();
        let _ = guard.push(chunk).unwrap();
    }
    assert_eq!(verifier.finish().unwrap().archive_sha256, Some(expected));
    assert_eq!(guard.finish().unwrap().0.archive_sha256, Some(expected));
}

#[test]
fn time_and_encoding_are_told() {
    let summary = common::verify(FIXTURE).unwrap();
    assert_eq!((summary.taken, summary.stored), (Some(1_795_491_793), true));
    let summary = common::verify(&good().deflated()).unwrap();
    assert_eq!((summary.taken, summary.stored), (Some(0o15_000_000_000), false));
    // A writer without a clock.
    let mut tar = good().tar();
    for start in [0, 1024] {
        tar[start + 136..start + 148].fill(0);
        let header = &mut tar[start..start + 512];
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
    assert_eq!(common::verify(&gzip(&tar, Encoding::Stored)).unwrap().taken, None);
}
