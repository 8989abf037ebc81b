//! What holds for every archive, every slicing, every cut and every damage.
// clippy.toml allows these in test functions only, not in what they share.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::io::Read;

use common::{FIXTURE, Parts, slices, verify, verify_chunks};
use flate2::read::DeflateDecoder;
use proptest::prelude::*;
use snapline_archive::synthetic::{Content, Encoding, Synthetic};
use snapline_archive::{Error, Guard, Held, Summary, largest_archive};

fn archives() -> impl Strategy<Value = Vec<u8>> {
    let content = prop_oneof![Just(Content::Incompressible), Just(Content::Mixed)];
    let encoding = prop_oneof![Just(Encoding::Stored), Just(Encoding::Deflated)];
    (any::<u64>(), 0_u64..400_000, content, encoding, 1_u64.., 1_u64..).prop_map(
        |(seed, state_bytes, content, encoding, index, term)| {
            Synthetic {
                seed,
                state_bytes,
                content,
                encoding,
                index,
                term,
            }
            .to_vec()
        },
    )
}

fn lengths() -> impl Strategy<Value = Vec<usize>> {
    let length = prop_oneof![0_usize..20, 0_usize..2_000, 60_000_usize..200_000];
    // At least one is not 0, or a slicing would never end.
    (prop::collection::vec(length, 0..6), 1_usize..70_000).prop_map(|(mut lengths, last)| {
        lengths.push(last);
        lengths
    })
}

/// Everything that left a guard before the verdict, and the verdict.
fn guarded(chunks: &[&[u8]]) -> (Vec<u8>, Result<(Summary, Held), Error>) {
    let (mut guard, mut left, mut total) = (Guard::new(), Vec::new(), 0);
    for chunk in chunks {
        let had_ended = guard.member_ended();
        let ready = match guard.push(chunk) {
            Ok(ready) => ready,
            Err(err) => return (left, Err(err)),
        };
        total += chunk.len();
        assert!(
            !had_ended || ready.is_empty(),
            "nothing leaves after the end of the gzip stream"
        );
        assert_eq!(ready.len(), ready.slices().concat().len());
        for slice in ready {
            left.extend_from_slice(slice);
        }
        assert!(
            left.len() <= total.saturating_sub(Guard::HOLD_BACK),
            "the end is held back"
        );
    }
    (left, guard.finish())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn good_archive_is_good_in_any_slicing(archive in archives(), lengths in lengths()) {
        let summary = verify_chunks(slices(&archive, &lengths)).unwrap();
        prop_assert_eq!(&summary, &verify(&archive).unwrap());
        prop_assert_eq!(summary.bytes, archive.len() as u64);
        prop_assert!(archive.len() as u64 <= largest_archive(summary.meta.size));
    }

    #[test]
    fn guard_releases_the_archive_and_nothing_else(archive in archives(), lengths in lengths()) {
        let (mut left, verdict) = guarded(&slices(&archive, &lengths));
        prop_assert_eq!(left.len(), archive.len().saturating_sub(Guard::HOLD_BACK));
        let (summary, held) = verdict.unwrap();
        prop_assert_eq!(summary.bytes, archive.len() as u64);
        left.extend_from_slice(held.as_ref());
        prop_assert!(left == archive);
    }

    #[test]
    fn every_proper_prefix_is_refused(archive in archives(), cut in any::<prop::sample::Index>(), lengths in lengths()) {
        let prefix = &archive[..cut.index(archive.len())];
        let (left, verdict) = guarded(&slices(prefix, &lengths));
        prop_assert!(left.len() <= prefix.len().saturating_sub(Guard::HOLD_BACK));
        match verdict {
            Err(Error::Empty) => prop_assert!(prefix.is_empty()),
            Err(Error::Truncated { .. }) => {}
            other => prop_assert!(false, "{other:?}"),
        }
    }

    #[test]
    fn damage_is_refused_and_the_verdict_does_not_depend_on_the_slicing(
        archive in archives(), at in any::<prop::sample::Index>(), mask in 1_u8.., lengths in lengths(),
    ) {
        let mut damaged = archive.clone();
        let position = at.index(archive.len());
        damaged[position] ^= mask;
        let verdict = verify(&damaged);
        prop_assert_eq!(&verify_chunks(slices(&damaged, &lengths)), &verdict);
        prop_assert!(verdict.is_err() || is_irrelevant(&archive, &damaged, position));
    }

    #[test]
    fn anything_behind_the_archive_is_refused(archive in archives(), more in prop::collection::vec(any::<u8>(), 1..99)) {
        let (left, verdict) = guarded(&[&archive, &more]);
        prop_assert_eq!(verdict.unwrap_err(), Error::TrailingData { doubled: more[0] == 0x1f });
        prop_assert!(left.len() <= archive.len().saturating_sub(Guard::HOLD_BACK));
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..2_000), lengths in lengths()) {
        let behind_magic = [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255], bytes.as_slice()].concat();
        for input in [bytes, behind_magic] {
            prop_assert_eq!(verify_chunks(slices(&input, &lengths)), verify(&input));
        }
    }
}

/// Whether a changed byte changes nothing that anybody restores: it is one of the gzip header that tells of time,
/// system or kind of text, or the tar stream is byte for byte the same (bits that fill up a byte before a stored
/// block, or another way to write the same run of bytes).
fn is_irrelevant(archive: &[u8], damaged: &[u8], position: usize) -> bool {
    match position {
        3 => archive[3] ^ damaged[3] == 1,
        4..10 => true,
        _ => position >= 10 && plain(archive) == plain(damaged),
    }
}

fn plain(archive: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    DeflateDecoder::new(&archive[10..]).read_to_end(&mut plain).unwrap();
    plain
}

#[test]
fn fixture_cut_at_every_byte_is_refused() {
    assert_eq!(verify(&FIXTURE[..0]), Err(Error::Empty));
    for cut in 1..FIXTURE.len() {
        assert!(
            matches!(verify(&FIXTURE[..cut]), Err(Error::Truncated { .. })),
            "cut at {cut}"
        );
    }
}

#[test]
fn compressed_archive_cut_at_every_byte_is_refused() {
    let archive = Parts::good().deflated();
    for cut in 1..archive.len() {
        assert!(
            matches!(verify(&archive[..cut]), Err(Error::Truncated { .. })),
            "cut at {cut}"
        );
    }
}

#[test]
fn fixture_with_any_byte_flipped_is_refused_but_for_time_and_system() {
    let mut damaged = FIXTURE.to_vec();
    for position in 0..FIXTURE.len() {
        damaged[position] ^= 0xff;
        assert_eq!(verify(&damaged).is_ok(), (4..10).contains(&position), "byte {position}");
        damaged[position] = FIXTURE[position];
    }
}

#[test]
fn archives_with_any_bit_flipped_are_refused_or_the_same() {
    // Every bit of a small compressed archive, and every eighth byte's bits of the fixture, whose ends count most.
    let small = Parts::good().deflated();
    let fixture_positions = (0..600)
        .chain((600..FIXTURE.len()).step_by(41))
        .chain(FIXTURE.len() - 300..FIXTURE.len());
    let sweeps: [(&[u8], Vec<usize>); 2] = [
        (&small, (0..small.len()).collect()),
        (FIXTURE, fixture_positions.collect()),
    ];
    for (archive, positions) in sweeps {
        let mut damaged = archive.to_vec();
        for position in positions {
            for bit in 0..8 {
                damaged[position] ^= 1 << bit;
                let is_good = verify(&damaged).is_ok();
                assert!(
                    !is_good || is_irrelevant(archive, &damaged, position),
                    "byte {position} bit {bit}"
                );
                damaged[position] = archive[position];
            }
        }
    }
}

#[test]
fn bound_of_the_length_holds_for_both_encodings() {
    for encoding in [Encoding::Stored, Encoding::Deflated] {
        for state_bytes in [64, 65_535, 1 << 20, 5_000_000] {
            let archive = Synthetic {
                encoding,
                ..Synthetic::new(state_bytes)
            }
            .to_vec();
            assert!(archive.len() as u64 <= largest_archive(state_bytes));
            assert!(
                archive.len() as u64 > state_bytes * 9 / 10,
                "it hardly shrank, or this tests nothing"
            );
        }
    }
}
