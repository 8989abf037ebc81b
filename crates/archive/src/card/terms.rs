//! The terms of the barrier's keys.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::entries::Entry;

/// The most terms that are kept apart; a cluster gets one more with every `operator rotate`.
const MOST: usize = 256;

/// The shortest value under the barrier in bytes: term, version, nonce and tag (Vault's `barrier_aes_gcm.go`).
const SHORTEST: u64 = 4 + 1 + 12 + 16;

/// A greater term is no number of rotations, but the beginning of something else.
const GREATEST: u32 = 1 << 24;

/// The terms of the keys under which the entries of the root namespace are encrypted.
///
/// Each `operator rotate` adds a term to the keyring, and writes at least one entry under it; entries keep their term
/// until they are written again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Terms {
    /// The highest term of the keyring, 0 if there is no encrypted entry.
    pub highest_term: u32,
    /// How many entries of the root namespace each term has: the 256 highest terms.
    #[serde(serialize_with = "list")]
    pub entries_by_term: BTreeMap<u32, u64>,
    /// How many entries have a term below those.
    pub entries_of_older_terms: u64,
    /// How many entries have not the form of encrypted ones, such as those that a seal has wrapped once more.
    pub entries_of_other_form: u64,
}

/// The entries of a term, as they are serialised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Term {
    /// The term.
    pub term: u32,
    /// How many entries.
    pub entries: u64,
}

impl Terms {
    /// Counts an entry that should be encrypted by the barrier.
    pub(super) fn add(&mut self, entry: &Entry<'_>) {
        let Some(term) = term(entry) else {
            self.entries_of_other_form += 1;
            return;
        };
        self.highest_term = self.highest_term.max(term);
        *self.entries_by_term.entry(term).or_default() += 1;
        if self.entries_by_term.len() > MOST
            && let Some((_, entries)) = self.entries_by_term.pop_first()
        {
            self.entries_of_older_terms += entries;
        }
    }
}

/// The first four bytes; the fifth is the version, 1 or 2.
fn term(entry: &Entry<'_>) -> Option<u32> {
    let (term, rest) = entry.value.split_first_chunk::<4>()?;
    let term = u32::from_be_bytes(*term);
    let has_form = entry.value_bytes >= SHORTEST && matches!(rest.first(), Some(1 | 2));
    Some(term).filter(|term| has_form && (1..=GREATEST).contains(term))
}

fn list<S: serde::Serializer>(terms: &BTreeMap<u32, u64>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(terms.iter().map(|(&term, &entries)| Term { term, entries }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(term: u32, version: u8, length: usize) -> Vec<u8> {
        let mut value = term.to_be_bytes().to_vec();
        value.push(version);
        value.resize(length, 7);
        value
    }

    fn terms(values: &[Vec<u8>]) -> Terms {
        let mut terms = Terms::default();
        for value in values {
            terms.add(&Entry {
                key: "sys/x",
                value,
                value_bytes: value.len() as u64,
                bytes: 0,
            });
        }
        terms
    }

    #[test]
    fn entries_are_counted_by_their_terms() {
        let found = terms(&[value(1, 2, 33), value(3, 2, 40), value(1, 1, 99)]);
        assert_eq!(found.highest_term, 3);
        assert_eq!(found.entries_by_term, BTreeMap::from([(1, 2), (3, 1)]));
        assert_eq!(
            serde_json::to_string(&found.entries_by_term.iter().next()).unwrap(),
            "[1,2]",
            "the map itself would be serialised as an object"
        );
        assert!(
            serde_json::to_string(&found)
                .unwrap()
                .contains(r#"[{"term":1,"entries":2},{"term":3,"entries":1}]"#)
        );
    }

    #[test]
    fn values_of_another_form_have_no_term() {
        let other = [
            value(1, 2, 32),
            value(0, 2, 40),
            value(1, 3, 40),
            value(0x0a4c_17b3, 2, 80),
            b"multiwrapvalue:1 and so on, and so on".to_vec(),
            Vec::new(),
        ];
        let found = terms(&other);
        assert_eq!((found.highest_term, found.entries_of_other_form), (0, 6));
    }

    #[test]
    fn many_terms_are_summed_up() {
        let values: Vec<_> = (1..=300).map(|term| value(term, 2, 40)).collect();
        let found = terms(&values);
        assert_eq!(found.highest_term, 300);
        assert_eq!((found.entries_by_term.len(), found.entries_of_older_terms), (256, 44));
        assert_eq!(found.entries_by_term.keys().next(), Some(&45));
    }
}
