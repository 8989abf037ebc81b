//! The restore card: what an archive tells without a key of the cluster that it is from, and of what a restore needs.
//!
//! The names of all entries are in clear, and so are the values that a server must read before it is unsealed; values
//! under the barrier begin with their term. A card is only as good as the archive: [`Inspector`](crate::Inspector) hands
//! it out together with the good verdict.

mod draft;
mod seal;
mod terms;
mod text;
mod warning;

use serde::{Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::meta::{Server, Suffrage};

pub use draft::Draft;
pub use seal::{Recovery, Seal};
pub use terms::{Term, Terms};
pub use warning::Warning;

/// What an archive tells without a key.
///
/// Displayed as lines of a label and a value, serialised under the names of its fields, which stay the same. Whatever
/// comes from the archive is escaped and bounded, and the card itself is: no archive makes it long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Card {
    /// The archive itself.
    pub archive: Archive,
    /// Where in the cluster's log it was taken, and who was there.
    pub raft: Raft,
    /// Who wrote it.
    pub origin: Origin,
    /// The seal, if its configuration is there and can be read.
    pub seal: Option<Seal>,
    /// The recovery keys of a cluster that unseals itself.
    pub recovery: Option<Recovery>,
    /// The keys of the barrier.
    pub keyring: Terms,
    /// What is in it.
    pub contents: Contents,
    /// The namespaces in it.
    pub namespaces: Namespaces,
    /// Its entries by the first part of their paths.
    pub prefixes: Vec<Share>,
    /// What an operator should know before a restore.
    pub warnings: Vec<Warning>,
}

/// The archive itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Archive {
    /// When the snapshot was taken, by the clock of the server.
    #[serde(serialize_with = "rfc3339")]
    pub taken: Option<OffsetDateTime>,
    /// Its length in bytes.
    pub bytes: u64,
    /// How its contents are packed.
    pub encoding: Encoding,
    /// The length of `state.bin` in bytes.
    pub state_bytes: u64,
    /// The SHA-256 of the archive in hexadecimal digits, if the verifier was asked for it.
    pub sha256: Option<String>,
}

/// How the contents are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// Compressed, as Vault writes them.
    Compressed,
    /// As they are, as OpenBao writes them since 2.6.0.
    Stored,
}

/// What Raft knows of the snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Raft {
    /// The index that it covers.
    pub index: u64,
    /// The term of that index.
    pub term: u64,
    /// The servers of the cluster.
    pub servers: Vec<Node>,
}

/// A server of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Node {
    /// Its node id.
    pub id: String,
    /// Its cluster address, `host:port`.
    pub address: String,
    /// `voter`, `nonvoter`, `staging` or `unknown`.
    pub suffrage: &'static str,
}

impl Node {
    fn of(server: &Server) -> Self {
        Self {
            id: crate::error::quote(server.id.as_bytes()),
            address: crate::error::quote(server.address.as_bytes()),
            suffrage: match server.suffrage {
                Suffrage::Voter => "voter",
                Suffrage::Nonvoter => "nonvoter",
                Suffrage::Staging => "staging",
                Suffrage::Other(_) => "unknown",
            },
        }
    }
}

/// Who wrote the data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Origin {
    /// The product, told by names that only one of them uses.
    pub product: Product,
    /// The versions that ever ran on this storage, the oldest first: at most 100.
    pub versions: Vec<String>,
    /// The name of the cluster, which is in clear only where Vault made it up.
    pub cluster_name: Option<String>,
}

/// A product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Product {
    /// HashiCorp Vault.
    Vault,
    /// OpenBao.
    #[serde(rename = "openbao")]
    OpenBao,
    /// Neither has left its names.
    Unknown,
}

/// How much there is, counted by the names of the entries, in all namespaces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Contents {
    /// All entries.
    pub entries: u64,
    /// Secrets of kv version 2.
    pub kv2_secrets: u64,
    /// Versions of them whose data is there: deleted ones are, destroyed ones are not.
    pub kv2_versions: u64,
    /// Entries of all other secrets engines. Those of kv version 1, one for each secret, are among them: which mount is
    /// of which type is encrypted.
    pub other_engine_entries: u64,
    /// Service tokens. Batch tokens are not stored.
    pub tokens: u64,
    /// Leases, of logins and of secrets.
    pub leases: u64,
    /// Those of them that are of secrets, such as credentials of a database: what a restored server may revoke.
    pub secret_leases: u64,
}

/// The namespaces below the root.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Namespaces {
    /// How many have entries.
    pub count: u64,
    /// How many of them have a seal of their own, whose keys are needed too.
    pub own_seal: u64,
}

/// The entries under one prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Share {
    /// The first part of the path, or `other` for all that servers do not write today.
    pub prefix: &'static str,
    /// How many there are.
    pub count: u64,
    /// The sum of their lengths in bytes, as Vault's own `inspect` counts them.
    pub size: u64,
}

fn rfc3339<S: Serializer>(time: &Option<OffsetDateTime>, serializer: S) -> Result<S::Ok, S::Error> {
    time.and_then(|time| time.format(&Rfc3339).ok()).serialize(serializer)
}
