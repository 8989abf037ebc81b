//! The entries of `state.bin`: any slicing gives the same, and damage never goes unnoticed as something else.
// clippy.toml allows these in test functions only, not in what they share.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::slices;
use proptest::prelude::*;
use snapline_archive::{Entries, Error, Fault};

/// An entry as a test keeps it: key, the beginning of the value, the lengths of value and entry.
type Owned = (String, Vec<u8>, u64, u64);

fn parse(chunks: &[&[u8]], value_limit: u64) -> Result<Vec<Owned>, Error> {
    let (mut entries, mut found) = (Entries::new(value_limit), Vec::new());
    for chunk in chunks {
        let pushed = entries.push(chunk, &mut |entry| {
            assert_eq!(entry.is_whole(), entry.value_bytes <= value_limit);
            found.push((
                entry.key.to_owned(),
                entry.value.to_vec(),
                entry.value_bytes,
                entry.bytes,
            ));
        });
        if let Err(err) = pushed {
            assert_eq!(
                entries.push(b"\0", &mut |_| panic!("nothing follows an error")),
                Err(err.clone())
            );
            assert_eq!(entries.error(), Some(&err));
            assert!(!entries.is_whole());
            assert_eq!(entries.finish(), Err(err.clone()));
            return Err(err);
        }
    }
    let is_whole = entries.is_whole();
    let count = entries.finish();
    assert_eq!(count.is_ok(), is_whole);
    assert_eq!(count?, found.len() as u64);
    Ok(found)
}

fn all(state: &[u8]) -> Result<Vec<Owned>, Error> {
    parse(&[state], Entries::LONGEST)
}

fn fault(state: &[u8]) -> Fault {
    match all(state) {
        Err(Error::Entry { fault, .. }) => fault,
        other => panic!("{other:?}"),
    }
}

fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

fn field(number: u64, data: &[u8]) -> Vec<u8> {
    [&varint(number << 3 | 2), &varint(data.len() as u64), data].concat()
}

fn framed(message: &[u8]) -> Vec<u8> {
    [&varint(message.len() as u64), message].concat()
}

fn entry(key: &str, value: &[u8]) -> Vec<u8> {
    // Go leaves out an empty value.
    let value = if value.is_empty() { Vec::new() } else { field(2, value) };
    framed(&[field(1, key.as_bytes()), value].concat())
}

fn state(entries: &[(String, Vec<u8>)]) -> Vec<u8> {
    entries.iter().flat_map(|(key, value)| entry(key, value)).collect()
}

fn pairs() -> impl Strategy<Value = Vec<(String, Vec<u8>)>> {
    let value = prop::collection::vec(any::<u8>(), 0..300);
    prop::collection::btree_map("[a-zä/-]{1,40}", value, 0..20).prop_map(|map| map.into_iter().collect())
}

fn lengths() -> impl Strategy<Value = Vec<usize>> {
    (prop::collection::vec(0_usize..40, 0..6), 1_usize..400).prop_map(|(mut lengths, last)| {
        lengths.push(last);
        lengths
    })
}

proptest! {
    #[test]
    fn entries_come_out_as_they_went_in_whatever_the_slicing(
        pairs in pairs(), lengths in lengths(), limit in 0_u64..400,
    ) {
        let state = state(&pairs);
        let found = parse(&slices(&state, &lengths), limit).unwrap();
        prop_assert_eq!(found.len(), pairs.len());
        for ((key, value), (found_key, kept, value_bytes, bytes)) in pairs.iter().zip(&found) {
            prop_assert_eq!(key, found_key);
            prop_assert_eq!(&value[..value.len().min(limit as usize)], kept.as_slice());
            prop_assert_eq!(*value_bytes, value.len() as u64);
            let framed = entry(key, value);
            prop_assert_eq!(varint(*bytes).len() + *bytes as usize, framed.len());
        }
    }

    #[test]
    fn a_cut_is_an_error_unless_it_is_on_a_border(pairs in pairs(), at in any::<prop::sample::Index>()) {
        let state = state(&pairs);
        let cut = at.index(state.len() + 1);
        let mut borders = vec![0];
        for (key, value) in &pairs {
            borders.push(borders[borders.len() - 1] + entry(key, value).len());
        }
        match all(&state[..cut]) {
            Ok(found) => prop_assert_eq!(borders[found.len()], cut),
            Err(err) => {
                let number = borders.iter().filter(|border| **border <= cut).count() as u64;
                let offset = borders[number as usize - 1] as u64;
                prop_assert!(!borders.contains(&cut));
                prop_assert_eq!(err, Error::Entry { number, offset, fault: Fault::Cut });
            }
        }
    }

    #[test]
    fn damage_is_an_error_or_other_entries_in_every_slicing(
        pairs in pairs(), at in any::<prop::sample::Index>(), mask in 1_u8.., lengths in lengths(),
    ) {
        let good = state(&pairs);
        prop_assume!(!good.is_empty());
        let mut damaged = good.clone();
        damaged[at.index(good.len())] ^= mask;
        let verdict = all(&damaged);
        prop_assert_eq!(&parse(&slices(&damaged, &lengths), Entries::LONGEST), &verdict);
        if let Ok(found) = verdict {
            prop_assert_ne!(Ok(found), all(&good));
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic_and_mean_the_same_in_every_slicing(
        bytes in prop::collection::vec(prop_oneof![Just(0x0a), Just(0x12), 0_u8..9, any::<u8>()], 0..200),
        lengths in lengths(),
    ) {
        prop_assert_eq!(parse(&slices(&bytes, &lengths), 7), parse(&[&bytes], 7));
    }
}

#[test]
fn fields_may_come_in_any_order_and_unknown_ones_are_passed_over() {
    let unknown = [
        field(4, b"whatever"),
        vec![5 << 3, 0x96, 1],
        [vec![6 << 3 | 1], vec![9; 8]].concat(),
        [vec![7 << 3 | 5], vec![9; 4]].concat(),
        field(8, b""),
        // seal_wrap
        vec![3 << 3, 1],
    ]
    .concat();
    let message = [field(2, b"value"), unknown, field(1, b"key")].concat();
    let found = all(&framed(&message)).unwrap();
    assert_eq!(found, [("key".to_owned(), b"value".to_vec(), 5, message.len() as u64)]);
}

#[test]
fn keys_must_ascend_strictly() {
    let state = |keys: &[&str]| keys.iter().flat_map(|key| entry(key, b"v")).collect::<Vec<u8>>();
    assert!(all(&state(&["a", "a-b", "a/b", "ab"])).is_ok());
    for keys in [["a", "a"], ["b", "a"], ["a/b", "a-b"]] {
        let err = all(&state(&keys)).unwrap_err();
        let offset = entry(keys[0], b"v").len() as u64;
        assert_eq!(
            err,
            Error::Entry {
                number: 2,
                offset,
                fault: Fault::Order
            }
        );
        assert_eq!(
            err.to_string(),
            format!("entry 2 of 'state.bin', at byte {offset}, is damaged: its key does not come after the one before")
        );
    }
}

#[test]
fn what_no_server_writes_is_refused_by_name() {
    let long = "k".repeat(32 * 1024);
    assert!(all(&entry(&long, b"")).is_ok());
    let malformed = |message: &[u8]| matches!(fault(&framed(message)), Fault::Field(_));
    assert_eq!(fault(&entry(&(long + "k"), b"")), Fault::KeyTooLong);
    assert_eq!(fault(b"\0"), Fault::NoKey);
    assert_eq!(fault(&framed(&field(2, b"value"))), Fault::NoKey);
    assert_eq!(fault(&framed(&field(1, b""))), Fault::NoKey);
    assert_eq!(fault(&framed(&field(1, b"\xff"))), Fault::KeyNotUtf8);
    assert_eq!(
        fault(&varint(Entries::LONGEST + 1)),
        Fault::TooLong {
            bytes: Entries::LONGEST + 1
        }
    );
    assert_eq!(fault(&varint(Entries::LONGEST)), Fault::Cut);
    assert_eq!(fault(&[0xff; 10]), Fault::Number);
    assert_eq!(fault(&[0x80]), Fault::Cut);
    assert!(malformed(&[field(1, b"a"), field(1, b"b")].concat()), "a field twice");
    assert!(malformed(b"\x08\x01"), "a key that is a number");
    assert!(malformed(b"\x02\x01"), "field 0");
    assert!(malformed(b"\x0a"), "no length");
    assert!(malformed(b"\x0a\x05key"), "longer than the entry");
    assert!(malformed(b"\x29\x01"), "eight bytes that are not there");
    assert!(malformed(b"\x20\x80"), "half a number");
    assert!(malformed(b"\x0b"), "a group");
}

#[test]
fn no_state_is_no_entries() {
    assert_eq!(all(b""), Ok(Vec::new()));
}

#[test]
fn a_long_value_that_nobody_wants_takes_no_memory() {
    let mut entries = Entries::new(4);
    let head = [field(1, b"key"), vec![0x12], varint(100 << 20)].concat();
    let frame = varint(head.len() as u64 + (100 << 20));
    entries
        .push(&[frame, head].concat(), &mut |_| panic!("it is not complete"))
        .unwrap();
    let mut found = None;
    for _ in 0..100 {
        entries
            .push(&vec![7; 1 << 20], &mut |entry| {
                found = Some((entry.value.to_vec(), entry.value_bytes));
            })
            .unwrap();
    }
    assert_eq!(found, Some((vec![7; 4], 100 << 20)));
}
