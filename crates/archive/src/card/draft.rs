//! A card while its archive passes.

use time::OffsetDateTime;

use super::{Archive, Card, Contents, Encoding, Namespaces, Node, Origin, Product, Raft, Recovery, Seal, Share, Terms};
use super::{Warning, seal};
use crate::entries::Entry;
use crate::error::quote;
use crate::storage::{Content, Place};
use crate::verifier::Summary;

/// The first parts of the paths that servers write today; what else there is counts as `other`.
const ROOTS: [&str; 8] = [
    "audit",
    "auth",
    "core",
    "logical",
    "namespaces",
    "raftchunking",
    "sys",
    "other",
];

/// The most versions that are kept; nobody has upgraded that often.
const MOST_VERSIONS: usize = 100;

/// Collects a [`Card`] from the entries of an archive, in constant memory.
#[derive(Debug, Default)]
pub struct Draft {
    contents: Contents,
    namespaces: Namespaces,
    /// The namespace of the last entry. The keys ascend, so each comes only once.
    namespace: Option<String>,
    sums: [(u64, u64); ROOTS.len()],
    terms: Terms,
    versions: Vec<String>,
    cluster_name: Option<String>,
    seal: Option<Seal>,
    recovery: Option<Recovery>,
    key_ids: Vec<String>,
    has_keyring: bool,
    is_vault: bool,
    is_openbao: bool,
}

impl Draft {
    /// How much of each value a draft needs, in bytes: what [`Entries::new`](crate::Entries::new) takes. The
    /// configuration of the seal may hold the PGP keys of all who have a share of the unseal key.
    pub const VALUE_LIMIT: u64 = 1024 * 1024;

    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes one more entry. All of an archive must come, in their order.
    pub fn add(&mut self, entry: &Entry<'_>) {
        let place = Place::of(entry.key);
        self.count(&place, entry);
        match place.namespace {
            None => self.read(place, entry),
            Some(namespace) => {
                if self.namespace.as_deref() != Some(namespace) {
                    self.namespace = Some(namespace.to_owned());
                    self.namespaces.count += 1;
                }
                self.namespaces.own_seal += u64::from(place.path == "core/keyring");
            }
        }
    }

    /// The card, once all entries have come and the archive is proven.
    pub fn complete(mut self, summary: &Summary) -> Card {
        if let Some(seal) = &mut self.seal {
            seal.key_ids = self.key_ids;
        }
        self.versions.sort_by_key(|version| numbers(version));
        let shares = ROOTS.into_iter().zip(self.sums);
        let mut card = Card {
            archive: Archive {
                taken: taken(summary),
                bytes: summary.bytes,
                encoding: if summary.stored {
                    Encoding::Stored
                } else {
                    Encoding::Compressed
                },
                state_bytes: summary.meta.size,
                sha256: summary.archive_sha256.map(|digest| hex(&digest)),
            },
            raft: Raft {
                index: summary.meta.index,
                term: summary.meta.term,
                servers: summary.meta.servers.iter().map(Node::of).collect(),
            },
            origin: Origin {
                product: match (self.is_openbao, self.is_vault) {
                    // It may have been Vault's before.
                    (true, _) => Product::OpenBao,
                    (false, true) => Product::Vault,
                    (false, false) => Product::Unknown,
                },
                versions: self.versions,
                cluster_name: self.cluster_name,
            },
            seal: self.seal,
            recovery: self.recovery,
            keyring: self.terms,
            contents: self.contents,
            namespaces: self.namespaces,
            prefixes: shares
                .filter(|(_, (count, _))| *count > 0)
                .map(|(prefix, (count, size))| Share { prefix, count, size })
                .collect(),
            warnings: Vec::new(),
        };
        card.warnings = Warning::all(&card, self.has_keyring);
        card
    }

    fn count(&mut self, place: &Place<'_>, entry: &Entry<'_>) {
        let first = entry.key.split('/').next().unwrap_or_default();
        let root = ROOTS.iter().position(|root| *root == first).unwrap_or(ROOTS.len() - 1);
        let (count, size) = &mut self.sums[root];
        (*count, *size) = (*count + 1, *size + entry.bytes);

        let contents = &mut self.contents;
        contents.entries += 1;
        match place.content() {
            Content::Kv2Secret => contents.kv2_secrets += 1,
            Content::Kv2Version => contents.kv2_versions += 1,
            Content::Engine => contents.other_engine_entries += 1,
            Content::Token => contents.tokens += 1,
            Content::LoginLease => contents.leases += 1,
            Content::SecretLease => {
                contents.leases += 1;
                contents.secret_leases += 1;
            }
            Content::Kv2Own | Content::Other => {}
        }
    }

    /// What an entry of the root namespace says by itself.
    fn read(&mut self, place: Place<'_>, entry: &Entry<'_>) {
        match place.path {
            // Under the root key, not under a key of the keyring: its term is always 1.
            "core/keyring" => self.has_keyring = true,
            "core/seal-config" => self.seal = Seal::parse(entry.value),
            "core/recovery-config" => self.recovery = Recovery::parse(entry.value),
            "core/hsm/barrier-unseal-keys" => self.key_ids = seal::key_ids(entry.value),
            "core/cluster/local/name" => self.cluster_name = cluster_name(entry.value),
            _ if !place.is_clear() => self.terms.add(entry),
            _ => {}
        }
        match place.path {
            "core/master" | "core/mounts" => self.is_vault = true,
            "core/root-key" | "core/initialize-lock" => self.is_openbao = true,
            path if path.starts_with("core/mounts/") => self.is_openbao = true,
            path => {
                let version = path.strip_prefix("core/versions/");
                if let Some(version) = version.filter(|_| self.versions.len() < MOST_VERSIONS) {
                    self.versions.push(quote(version.as_bytes()));
                }
            }
        }
    }
}

/// The value of `core/cluster/local/name`.
fn cluster_name(json: &[u8]) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Cluster {
        name: String,
    }
    let cluster: Cluster = serde_json::from_slice(json).ok()?;
    Some(quote(cluster.name.as_bytes())).filter(|name| !name.is_empty())
}

fn taken(summary: &Summary) -> Option<OffsetDateTime> {
    let seconds = i64::try_from(summary.taken?).ok()?;
    OffsetDateTime::from_unix_timestamp(seconds).ok()
}

/// The numbers in a version, so that 1.9.0 sorts before 1.21.0.
fn numbers(version: &str) -> Vec<u64> {
    let parts = version.split(|character: char| !character.is_ascii_digit());
    parts.map(|part| part.parse().unwrap_or_default()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_sort_by_their_numbers() {
        let mut versions = ["1.21.0", "1.9.10", "1.9.2", "1.20.0+ent"];
        versions.sort_by_key(|version| numbers(version));
        assert_eq!(versions, ["1.9.2", "1.9.10", "1.20.0+ent", "1.21.0"]);
    }

    #[test]
    fn a_card_stays_short_whatever_the_entries_are() {
        let mut draft = Draft::new();
        for number in 0..200_000_u32 {
            let key = format!("core/versions/{number:06}\x1b[2J{}", "x".repeat(200));
            let mut value = number.to_be_bytes().to_vec();
            value.push(2);
            value.resize(40, 0);
            draft.add(&Entry {
                key: &key,
                value: &value,
                value_bytes: 40,
                bytes: 300,
            });
        }
        assert_eq!(draft.versions.len(), MOST_VERSIONS);
        assert!(draft.versions[0].len() < 120 && !draft.versions[0].contains('\x1b'));
        assert_eq!(draft.contents.entries, 200_000);
        assert!(serde_json::to_string(&draft.terms).unwrap().len() < 20_000);
    }
}
