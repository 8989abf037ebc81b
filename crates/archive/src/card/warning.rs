//! What an operator should know before a restore.

use std::fmt;

use serde::ser::{Serialize, SerializeStruct as _, Serializer};

use super::Card;

/// A warning. Displayed as one sentence, serialised as its `code`, which stays the same, and its `text`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// `stored_shares` is 0.
    OldShamir,
    /// Namespaces have seals of their own.
    OwnSeals {
        /// How many.
        count: u64,
    },
    /// There is no keyring.
    NoKeyring,
    /// There is no configuration of a seal, or it cannot be read.
    NoSealConfig,
}

impl Warning {
    pub(super) fn all(card: &Card, has_keyring: bool) -> Vec<Self> {
        let seal = card.seal.as_ref();
        let is_old = seal.is_some_and(|seal| seal.is_shamir() && seal.stored_shares == 0);
        let count = card.namespaces.own_seal;
        let candidates = [
            (is_old, Self::OldShamir),
            (count > 0, Self::OwnSeals { count }),
            (!has_keyring, Self::NoKeyring),
            (seal.is_none(), Self::NoSealConfig),
        ];
        let held = candidates.into_iter().filter(|(holds, _)| *holds);
        held.map(|(_, warning)| warning).collect()
    }

    /// The name of this kind of warning.
    pub const fn code(self) -> &'static str {
        match self {
            Self::OldShamir => "stored_shares_0",
            Self::OwnSeals { .. } => "namespaces_with_own_seal",
            Self::NoKeyring => "no_keyring",
            Self::NoSealConfig => "no_seal_config",
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OldShamir => f.write_str(
                "stored_shares is 0: initialised before Vault 1.3 and never rekeyed; Vault can unseal it, OpenBao cannot; \
                 'vault operator rekey' on the running cluster ends this",
            ),
            Self::OwnSeals { count: 1 } => {
                f.write_str("1 namespace has a seal of its own: it needs its own unseal keys as well")
            }
            Self::OwnSeals { count } => {
                write!(f, "{count} namespaces have seals of their own: they need their own unseal keys as well")
            }
            Self::NoKeyring => f.write_str("there is no core/keyring: no server can unseal it"),
            Self::NoSealConfig => f.write_str("there is no core/seal-config that can be read: no server can unseal it"),
        }
    }
}

impl Serialize for Warning {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut warning = serializer.serialize_struct("Warning", 2)?;
        warning.serialize_field("code", self.code())?;
        warning.serialize_field("text", &self.to_string())?;
        warning.end()
    }
}
