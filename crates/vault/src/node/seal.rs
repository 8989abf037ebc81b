//! `GET sys/seal-status`.

use std::fmt;

use serde::Deserialize;

/// How a node is sealed and unsealed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Seal {
    /// `shamir`, or the kind of the seal that unseals it by itself, such as `awskms` or `transit`.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// How many shares open it, or its recovery key.
    #[serde(rename = "t", default)]
    pub threshold: u64,
    /// How many shares there are.
    #[serde(rename = "n", default)]
    pub shares: u64,
    /// Whether it has a recovery key in the place of an unseal key.
    #[serde(rename = "recovery_seal", default)]
    pub has_recovery_key: bool,
    /// `raft`, where it has snapshots.
    #[serde(default)]
    pub storage_type: String,
}

impl fmt::Display for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kind,
            threshold,
            shares,
            ..
        } = self;
        match (self.shares, self.has_recovery_key) {
            // Not initialised.
            (0, _) => f.write_str(kind),
            (_, false) => write!(f, "{kind} with {threshold} of {shares} shares"),
            (_, true) => write!(f, "{kind} with a recovery key of {threshold} of {shares} shares"),
        }
    }
}
