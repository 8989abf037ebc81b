//! What is accepted and what is refused, one deviation at a time; the upstream vectors among them.
// clippy.toml allows these in test functions only, not in what they share.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{FIXTURE, Part, Parts, meta_json, meta_json_of, sum_line, verify};
use snapline_archive::synthetic::{Encoding, gzip};
use snapline_archive::{Error, Member, Place, Verifier};

#[test]
fn archive_of_openbao_is_good() {
    let summary = verify(FIXTURE).unwrap();
    assert_eq!(
        (summary.meta.index, summary.meta.term, summary.meta.size),
        (29, 3, 11_940)
    );
    assert_eq!((summary.bytes, summary.plain_bytes), (16_921, 16_896));
    assert!(summary.sealed);
    assert_eq!(summary.meta.servers[0].address, "127.0.0.1:18301");
    assert_eq!(summary.state_sha256[..4], [0x10, 0x88, 0x83, 0x0f]);
}

#[test]
fn good_archive_is_good_stored_and_compressed() {
    assert_eq!(Parts::good().verdict(), Ok(()));
    let deflated = Parts::good().deflated();
    assert_eq!(deflated[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);
}

#[test]
fn members_come_in_any_order() {
    for shift in 0..4 {
        for swap in [false, true] {
            let mut parts = Parts::good();
            parts.members.rotate_left(shift);
            if swap {
                parts.members.swap(1, 2);
            }
            assert_eq!(parts.verdict(), Ok(()));
        }
    }
}

#[test]
fn empty_input_is_its_own_error() {
    assert_eq!(verify(b""), Err(Error::Empty));
}

#[test]
fn replies_that_are_no_archive_are_named() {
    let err = verify(br#"{"errors":["permission denied"]}"#).unwrap_err();
    assert_eq!(
        err.to_string(),
        "the input looks like a JSON reply, not like a snapshot archive"
    );
    let err = verify(b"<html>").unwrap_err();
    assert_eq!(
        err.to_string(),
        "the input looks like an HTML or XML page, not like a snapshot archive"
    );
    let err = verify(&Parts::good().tar()).unwrap_err();
    assert_eq!(
        err.to_string(),
        "the input is not a snapshot archive: byte 0 is 0x6d, which is not gzip"
    );
}

#[test]
fn doubled_padded_and_shortened_archives_are_told_apart() {
    let doubled = [FIXTURE, FIXTURE].concat();
    let err = verify(&doubled).unwrap_err();
    assert_eq!(
        err.to_string(),
        "another gzip stream seems to follow the archive; was it written twice?"
    );
    let longer = [FIXTURE, b"\n"].concat();
    assert_eq!(
        verify(&longer).unwrap_err().to_string(),
        "the archive is followed by other data"
    );
    let shorter = &FIXTURE[..FIXTURE.len() - 1];
    assert_eq!(
        verify(shorter).unwrap_err().to_string(),
        "the archive is truncated: the input ends in the gzip trailer, 1 byte is missing"
    );
}

#[test]
fn upstream_vector_extra() {
    let mut parts = Parts::good();
    parts.members.push(Part::new("nope", "x"));
    assert_eq!(
        parts.verdict(),
        Err(Error::UnexpectedMember {
            name: "nope".to_owned()
        })
    );
}

#[test]
fn upstream_vectors_missing() {
    let vectors = [
        ("meta.json", Member::Meta),
        ("state.bin", Member::State),
        ("SHA256SUMS", Member::Sums),
        ("SHA256SUMS.sealed", Member::Sealed),
    ];
    for (name, member) in vectors {
        assert_eq!(
            Parts::good().without(name).verdict(),
            Err(Error::MissingMember { member }),
            "{name}"
        );
    }
}

#[test]
fn upstream_vectors_corrupt() {
    let mut parts = Parts::good();
    let meta = parts.member("meta.json");
    meta.data = String::from_utf8(meta.data.clone())
        .unwrap()
        .replace("\"Index\":29", "\"Index\":28")
        .into_bytes();
    assert_eq!(parts.verdict(), Err(Error::Digest { member: Member::Meta }));

    let mut parts = Parts::good();
    parts.member("state.bin").data[5000] ^= 1;
    let err = parts.verdict().unwrap_err();
    assert_eq!(err.to_string(), "checksum of 'state.bin' differs from SHA256SUMS");

    let mut parts = Parts::good();
    let sums = parts.member("SHA256SUMS");
    sums.data.extend_from_slice(sum_line(b"", "nope").as_bytes());
    let err = parts.verdict().unwrap_err();
    assert_eq!(err.to_string(), "'SHA256SUMS' is damaged: it lists 'nope'");
}

#[test]
fn upstream_vector_truncated_before_compression() {
    let tar = Parts::good().tar();
    for cut in (0..tar.len()).step_by(64).chain([tar.len() - 1]) {
        let archive = gzip(&tar[..cut], Encoding::Deflated);
        assert!(
            matches!(verify(&archive), Err(Error::Incomplete { .. })),
            "cut at {cut}"
        );
    }
}

#[test]
fn digest_is_compared_as_early_as_it_can_be() {
    // The sums come first; the error must come with the last byte of the member, not at the end.
    let mut parts = Parts::good();
    parts.members.swap(0, 2);
    parts.member("state.bin").data[0] ^= 1;
    let tar = parts.tar();
    let end_of_state = 1024 + 512 + parts.member("state.bin").data.len();
    let stored = gzip(&tar, Encoding::Stored);
    let mut verifier = Verifier::new();
    assert_eq!(verifier.push(&stored[..15 + end_of_state - 1]), Ok(()));
    assert_eq!(
        verifier.push(&stored[15 + end_of_state - 1..15 + end_of_state]),
        Err(Error::Digest { member: Member::State })
    );
}

#[test]
fn members_that_come_twice_are_refused() {
    for position in 0..4 {
        let mut parts = Parts::good();
        let copy = parts.members[position].clone();
        parts.members.push(copy);
        assert!(matches!(parts.verdict(), Err(Error::DuplicateMember { .. })));
    }
}

#[test]
fn entries_that_are_no_plain_files_are_refused() {
    for flag in *b"1234567gLKSV" {
        let mut parts = Parts::good();
        parts.member("state.bin").flag = flag;
        assert!(matches!(parts.verdict(), Err(Error::MemberType { .. })), "{flag}");
    }
    let mut parts = Parts::good();
    parts.member("state.bin").flag = 0;
    assert_eq!(parts.verdict(), Ok(()));
}

#[test]
fn hostile_names_are_escaped_and_bounded() {
    let mut parts = Parts::good();
    parts
        .members
        .insert(0, Part::new(&format!("\x1b[2J\n{}", "n".repeat(95)), ""));
    let message = parts.verdict().unwrap_err().to_string();
    assert!(message.starts_with("unexpected member '\\u{1b}[2J nnn"), "{message}");
    assert!(message.chars().all(|character| !character.is_control()) && message.len() < 200);
}

#[test]
fn small_members_have_the_bounds_of_the_upstream_reader() {
    let state = b"state";
    assert_eq!(Parts::of(meta_json_of(8191, 5).as_bytes(), state).verdict(), Ok(()));
    assert_eq!(
        Parts::of(meta_json_of(8192, 5).as_bytes(), state).verdict(),
        Err(Error::MemberSize {
            member: Member::Meta,
            size: 8192
        })
    );
    for (size, is_good) in [(0, false), (1, true), (8191, true), (8192, false)] {
        let mut parts = Parts::good();
        parts.member("SHA256SUMS.sealed").data = vec![1; size];
        assert_eq!(parts.verdict().is_ok(), is_good, "{size}");
    }
    let mut parts = Parts::good();
    parts.member("SHA256SUMS").data.clear();
    assert_eq!(
        parts.verdict(),
        Err(Error::MemberSize {
            member: Member::Sums,
            size: 0
        })
    );
}

#[test]
fn sizes_must_agree() {
    let parts = Parts::of(meta_json(4).as_bytes(), b"state");
    assert_eq!(parts.verdict(), Err(Error::StateSize { meta: 4, tar: 5 }));
    assert_eq!(Parts::of(meta_json(0).as_bytes(), b"").verdict(), Ok(()));
}

#[test]
fn archive_without_seal_is_good_only_where_that_is_asked_for() {
    let archive = Parts::good().without("SHA256SUMS.sealed").stored();
    let mut verifier = Verifier::with_optional_seal();
    verifier.push(&archive).unwrap();
    assert!(!verifier.finish().unwrap().sealed);
}

#[test]
fn end_of_the_tar_stream_is_two_zero_blocks_and_nothing_more() {
    for (end, is_good) in [
        (0, false),
        (511, false),
        (512, false),
        (1023, false),
        (1024, true),
        // Vault's own reader refuses more zeros too, however many.
        (1025, false),
        (10_240, false),
    ] {
        let mut parts = Parts::good();
        parts.end = vec![0; end];
        let verdict = parts.verdict();
        assert_eq!(verdict.is_ok(), is_good, "{end}");
        assert!(is_good || end > 1024 || matches!(verdict, Err(Error::Incomplete { .. })));
    }
    for position in [0, 511, 512, 1023] {
        let mut parts = Parts::good();
        parts.end = vec![0; 1024];
        parts.end[position] = 1;
        assert!(parts.verdict().is_err(), "{position}");
    }
    // A second, whole tar stream behind the first.
    let mut parts = Parts::good();
    parts.end.extend_from_slice(&Parts::good().tar());
    assert_eq!(
        parts.verdict(),
        Err(Error::TarEnd {
            reason: "data follows it"
        })
    );
    let mut parts = Parts::good();
    parts.members.insert(2, Part::new("x", ""));
    let mut tar = parts.tar();
    let at = 2 * 1024 + parts.members[1].data.len().next_multiple_of(512) - 512;
    tar[at..at + 512].fill(0);
    assert!(verify(&gzip(&tar, Encoding::Stored)).is_err());
}

#[test]
fn damaged_tar_header_is_refused() {
    for position in [0, 100, 124, 148, 156, 200, 257, 345, 511] {
        let mut tar = Parts::good().tar();
        tar[position] ^= 0x11;
        assert!(
            matches!(verify(&gzip(&tar, Encoding::Stored)), Err(Error::TarHeader { .. })),
            "{position}"
        );
    }
}

#[test]
fn wrong_crc_and_length_are_refused() {
    let good = Parts::good().deflated();
    for from_end in 1..=8 {
        let mut bad = good.clone();
        let position = bad.len() - from_end;
        bad[position] ^= 0x80;
        let expected = if from_end > 4 {
            Error::GzipChecksum
        } else {
            Error::GzipLength
        };
        assert_eq!(verify(&bad), Err(expected));
    }
}

#[test]
fn optional_fields_of_the_gzip_header_change_nothing() {
    let good = Parts::good().deflated();
    let mut long = vec![0x1f, 0x8b, 8, 0x1c, 1, 2, 3, 4, 2, 3, 5, 0];
    long.extend_from_slice(b"extraname\0a comment\0");
    long.extend_from_slice(&good[10..]);
    assert!(verify(&long).is_ok());
    long[3] |= 0x20;
    assert!(matches!(verify(&long), Err(Error::GzipHeader { .. })));
}

#[test]
fn pax_size_replaces_that_of_the_header() {
    let mut parts = Parts::good();
    let state = parts.member("state.bin");
    let body = format!(" size={}\n", state.data.len());
    state.pax = Some((format!("{}{body}", body.len() + 2), 0));
    assert_eq!(parts.verdict(), Ok(()));
    let mut parts = Parts::good();
    parts.member("state.bin").pax = Some(("21 path=meta.json.bak\n".to_owned(), 12_000));
    assert!(parts.verdict().is_err());
    let mut parts = Parts::good();
    parts.member("SHA256SUMS.sealed").pax = Some(("x".repeat(8192), 185));
    assert!(matches!(parts.verdict(), Err(Error::TarHeader { .. })));
}

#[test]
fn state_of_eight_gibibytes_and_more_is_understood() {
    for size in [1_u64 << 33, (1 << 33) + 1, 31_000_000_000] {
        let mut parts = Parts::of(meta_json(size as usize).as_bytes(), b"the first bytes");
        let body = format!(" size={size}\n");
        parts.member("state.bin").pax = Some((format!("{}{body}", body.len() + 2), 0));
        let tar = parts.tar();
        // Cut behind the first bytes: meta.json, PAX header, header.
        let archive = gzip(&tar[..1024 + 1024 + 512 + 15], Encoding::Deflated);
        let place = Place::Member {
            member: Member::State,
            read: 15,
            size,
        };
        assert_eq!(verify(&archive), Err(Error::Incomplete { place }));
        // Ignoring the PAX header would read a size of 0 here.
        parts.member("meta.json").data = meta_json(0).into_bytes();
        assert_eq!(parts.verdict(), Err(Error::StateSize { meta: 0, tar: size }));
    }
}

#[test]
fn meta_is_known_as_soon_as_it_has_passed() {
    let archive = Parts::good().stored();
    let mut verifier = Verifier::new();
    verifier.push(&archive[..1024]).unwrap();
    assert_eq!(verifier.meta().unwrap().size, 12_000);
    assert!(!verifier.member_ended());
    verifier.push(&archive[1024..]).unwrap();
    assert!(verifier.member_ended());
}

#[test]
fn sink_sees_the_state_and_nothing_else() {
    let mut seen = Vec::new();
    let mut verifier = Verifier::new();
    for chunk in Parts::good().deflated().chunks(100) {
        verifier
            .push_with(chunk, &mut |part| seen.extend_from_slice(part))
            .unwrap();
    }
    assert_eq!(seen, Parts::good().member("state.bin").data);
}
