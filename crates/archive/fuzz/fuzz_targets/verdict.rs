//! Arbitrary bytes in arbitrary slices: no panic, the same verdict for every slicing, nothing let out too early.
//!
//! The first byte chooses the slicing, the second one whether the rest is an archive as it is (0), or the tar stream
//! of one (otherwise), so that the fuzzer need not find out the checksums of gzip before it gets anywhere.
#![no_main]

use libfuzzer_sys::fuzz_target;
use snapline_archive::{Error, Guard, Summary, Verifier};

fuzz_target!(|data: &[u8]| {
    let [length, form, rest @ ..] = data else { return };
    let packed;
    let input = match form {
        0 => rest,
        _ => {
            packed = stored(rest);
            &packed
        }
    };
    let whole = verdict(input, input.len().max(1));
    assert_eq!(verdict(input, usize::from(*length) + 1), whole);
    assert_eq!(guarded(input, usize::from(*length) * 1000 + 1), whole);
});

fn verdict(input: &[u8], length: usize) -> Result<Summary, Error> {
    let mut verifier = Verifier::new();
    input.chunks(length).try_for_each(|chunk| verifier.push(chunk))?;
    verifier.finish()
}

fn guarded(input: &[u8], length: usize) -> Result<Summary, Error> {
    let (mut guard, mut left) = (Guard::new(), Vec::new());
    for chunk in input.chunks(length) {
        left.extend(guard.push(chunk)?.slices().concat());
        assert!(left.len() <= input.len().saturating_sub(Guard::HOLD_BACK));
    }
    let (summary, held) = guard.finish()?;
    left.extend_from_slice(held.as_ref());
    assert_eq!(left, input);
    Ok(summary)
}

/// A gzip stream of stored blocks, whose trailer has a wrong checksum: everything before that is reached.
fn stored(plain: &[u8]) -> Vec<u8> {
    let mut archive = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    for block in plain.chunks(0xffff) {
        let [low, high] = (block.len() as u16).to_le_bytes();
        archive.extend_from_slice(&[0, low, high, !low, !high]);
        archive.extend_from_slice(block);
    }
    archive.extend_from_slice(&[3, 0, 0, 0, 0, 0]);
    archive.extend_from_slice(&(plain.len() as u32).to_le_bytes());
    archive
}
