//! Arbitrary bytes as `state.bin`, in arbitrary slices: no panic, the same entries for every slicing, keys in order.
//!
//! The first byte chooses the slicing, the second one how much of the values is kept.
#![no_main]

use libfuzzer_sys::fuzz_target;
use snapline_archive::{Draft, Entries, Error};

fuzz_target!(|data: &[u8]| {
    let [length, limit, state @ ..] = data else { return };
    let limit = u64::from(*limit);
    let whole = parse(state, state.len().max(1), limit);
    assert_eq!(parse(state, usize::from(*length) + 1, limit), whole);
    assert!(whole.0.is_sorted_by(|one, next| one.0 < next.0));
});

/// Keys, kept values and lengths, and the verdict.
fn parse(state: &[u8], length: usize, limit: u64) -> (Vec<(String, Vec<u8>, u64)>, Result<u64, Error>) {
    let (mut entries, mut found, mut draft) = (Entries::new(limit), Vec::new(), Draft::new());
    for chunk in state.chunks(length) {
        let _ = entries.push(chunk, &mut |entry| {
            draft.add(entry);
            found.push((entry.key.to_owned(), entry.value.to_vec(), entry.bytes));
        });
    }
    (found, entries.finish())
}
