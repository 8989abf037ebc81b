//! Counts and sizes of the entries by the prefixes of their keys, as `vault operator raft snapshot inspect` counts them.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::entries::Entry;

/// The entries under each prefix.
///
/// Serialised under the names that `vault operator raft snapshot inspect -format=json` gives them: `StatsKV` with
/// `Name`, `Count` and `Size`, `TotalCountKV`, `TotalSizeKV`. A prefix is a path in clear, which may name mounts, roles,
/// users and secrets of kv version 1. The memory grows with the number of prefixes, not with that of the entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    depth: usize,
    prefixes: BTreeMap<String, Sum>,
    total: Sum,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    count: u64,
    size: u64,
}

/// The entries under one prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Prefix<'a> {
    /// The first parts of their paths, without a slash at the end.
    pub name: &'a str,
    /// How many there are.
    pub count: u64,
    /// The sum of their [`Entry::bytes`].
    pub size: u64,
}

impl Keys {
    /// The depth that Vault has as its default.
    pub const DEPTH: usize = 2;

    /// Groups by the first `depth` parts of the paths; 0 stands for all parts, so that every entry is a group.
    pub fn new(depth: usize) -> Self {
        Self {
            depth,
            prefixes: BTreeMap::new(),
            total: Sum::default(),
        }
    }

    /// Counts one more entry.
    pub fn add(&mut self, entry: &Entry<'_>) {
        let prefix = prefix(entry.key, self.depth);
        match self.prefixes.get_mut(prefix) {
            Some(sum) => sum.add(entry),
            None => self.prefixes.entry(prefix.to_owned()).or_default().add(entry),
        }
        self.total.add(entry);
    }

    /// The prefixes, in ascending order.
    pub fn prefixes(&self) -> impl Iterator<Item = Prefix<'_>> {
        self.prefixes.iter().map(|(name, sum)| Prefix {
            name,
            count: sum.count,
            size: sum.size,
        })
    }

    /// The prefixes in the order of Vault's own output: most entries first, then by name.
    pub fn by_count(&self) -> Vec<Prefix<'_>> {
        let mut prefixes: Vec<_> = self.prefixes().collect();
        // Stable, so the names stay in order.
        prefixes.sort_by_key(|prefix| std::cmp::Reverse(prefix.count));
        prefixes
    }

    /// How many entries there are.
    pub fn total_count(&self) -> u64 {
        self.total.count
    }

    /// The sum of their sizes in bytes.
    pub fn total_size(&self) -> u64 {
        self.total.size
    }
}

impl Sum {
    fn add(&mut self, entry: &Entry<'_>) {
        self.count += 1;
        self.size += entry.bytes;
    }
}

impl Serialize for Keys {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Output<'a> {
            #[serde(rename = "StatsKV")]
            prefixes: Vec<Prefix<'a>>,
            #[serde(rename = "TotalCountKV")]
            count: u64,
            #[serde(rename = "TotalSizeKV")]
            size: u64,
        }
        let output = Output {
            prefixes: self.by_count(),
            count: self.total.count,
            size: self.total.size,
        };
        output.serialize(serializer)
    }
}

fn prefix(key: &str, depth: usize) -> &str {
    let end = depth
        .checked_sub(1)
        .and_then(|slashes| key.match_indices('/').nth(slashes));
    end.map_or(key, |(end, _)| &key[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(depth: usize) -> Keys {
        let mut keys = Keys::new(depth);
        for (key, bytes) in [
            ("core/a", 1),
            ("core/a-b/c", 2),
            ("core/a/b", 4),
            ("core/a/c/d", 8),
            ("sys", 16),
        ] {
            keys.add(&Entry {
                key,
                value: b"",
                value_bytes: 0,
                bytes,
            });
        }
        keys
    }

    fn found(keys: &Keys) -> Vec<(&str, u64, u64)> {
        let prefixes = keys.by_count().into_iter();
        prefixes
            .map(|prefix| (prefix.name, prefix.count, prefix.size))
            .collect()
    }

    #[test]
    fn entries_are_grouped_by_the_first_parts_of_their_keys() {
        assert_eq!(found(&keys(1)), [("core", 4, 15), ("sys", 1, 16)]);
        assert_eq!(found(&keys(2)), [("core/a", 3, 13), ("core/a-b", 1, 2), ("sys", 1, 16)]);
        assert_eq!(keys(0).prefixes().count(), 5);
        assert_eq!(keys(9), Keys { depth: 9, ..keys(0) });
        assert_eq!((keys(2).total_count(), keys(2).total_size()), (5, 31));
    }

    #[test]
    fn json_has_the_names_of_vaults_own_inspect() {
        let json = serde_json::to_string(&keys(1)).unwrap();
        assert_eq!(
            json,
            r#"{"StatsKV":[{"Name":"core","Count":4,"Size":15},{"Name":"sys","Count":1,"Size":16}],"TotalCountKV":5,"TotalSizeKV":31}"#
        );
    }
}
