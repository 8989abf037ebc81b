//! The seal's configuration, which a server must read before it is unsealed, and which is therefore in clear.
//!
//! Read in Vault 1.21 (`vault/seal.go`, `seal_util.go`) and go-kms-wrapping 2.0 (`types.proto`).

use serde::{Deserialize, Serialize};

use crate::error::quote;
use crate::protobuf::{Fields, Value};

/// The most keys of a KMS that are named; a seal has one, several seals one each.
const MOST_KEYS: usize = 16;

/// What stands before several blobs of several seals, and the length of what follows (Vault's `seal_util.go`).
const SEVERAL: &[u8] = b"multiwrapvalue:1";

/// How the root key is sealed: `core/seal-config`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Seal {
    /// `shamir`, or the type of what unseals: `awskms`, `gcpckms`, `azurekeyvault`, `transit`, `pkcs11` and so on.
    #[serde(rename = "type")]
    pub kind: String,
    /// How many unseal keys there are.
    pub shares: u64,
    /// How many of them are needed.
    pub threshold: u64,
    /// 1, and 0 for a cluster that was initialised before Vault 1.3 and never rekeyed. OpenBao does not write it; it
    /// counts as 1 then.
    pub stored_shares: u64,
    /// The ids that a KMS gives its keys, of those that the root key is sealed with now: for AWS an ARN, for transit
    /// only a version. Empty for `shamir`.
    pub key_ids: Vec<String>,
}

/// The recovery keys of a cluster that unseals itself: `core/recovery-config`. They allow to generate a root token, and
/// decrypt nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Recovery {
    /// How many there are.
    pub shares: u64,
    /// How many of them are needed.
    pub threshold: u64,
}

#[derive(Deserialize)]
struct Raw {
    #[serde(rename = "type", default)]
    kind: String,
    secret_shares: u64,
    secret_threshold: u64,
    stored_shares: Option<u64>,
}

impl Seal {
    pub(super) fn parse(json: &[u8]) -> Option<Self> {
        let raw: Raw = serde_json::from_slice(json).ok()?;
        Some(Self {
            // Vault writes none for Shamir where it was initialised long ago.
            kind: if raw.kind.is_empty() {
                "shamir".to_owned()
            } else {
                quote(raw.kind.as_bytes())
            },
            shares: raw.secret_shares,
            threshold: raw.secret_threshold,
            stored_shares: raw.stored_shares.unwrap_or(1),
            key_ids: Vec::new(),
        })
    }

    /// Whether people unseal it, with keys that Shamir's scheme has split.
    pub fn is_shamir(&self) -> bool {
        self.kind == "shamir"
    }
}

impl Recovery {
    pub(super) fn parse(json: &[u8]) -> Option<Self> {
        let raw: Raw = serde_json::from_slice(json).ok()?;
        Some(Self {
            shares: raw.secret_shares,
            threshold: raw.secret_threshold,
        })
    }
}

/// The ids of the keys in `core/hsm/barrier-unseal-keys`: one BlobInfo, or several of several seals.
pub(super) fn key_ids(value: &[u8]) -> Vec<String> {
    let several = value.strip_prefix(SEVERAL).and_then(|rest| rest.get(4..));
    let blobs: Vec<&[u8]> = match several {
        // MultiWrapValue { 1: generation, 2: repeated BlobInfo slots }.
        Some(message) => Fields::new(message)
            .filter_map(|field| match field {
                Ok((2, Value::Bytes(blob))) => Some(blob),
                _ => None,
            })
            .take(MOST_KEYS)
            .collect(),
        None => vec![value],
    };
    // BlobInfo { 5: key_info }, KeyInfo { 3: key_id }.
    let ids = blobs
        .into_iter()
        .filter_map(|blob| Fields::bytes(Fields::bytes(blob, 5)?, 3));
    ids.map(quote).filter(|id| !id.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// BlobInfo with a ciphertext and a key id.
    fn blob(id: &str) -> Vec<u8> {
        let id = [&[0x1a, id.len() as u8], id.as_bytes()].concat();
        [b"\x0a\x02ct\x2a".as_slice(), &[id.len() as u8], &id].concat()
    }

    #[test]
    fn fields_that_are_missing_have_the_meaning_that_servers_give_them() {
        let seal = Seal::parse(br#"{"type":"shamir","secret_shares":5,"secret_threshold":3,"pgp_keys":null}"#).unwrap();
        assert_eq!((seal.shares, seal.threshold, seal.stored_shares), (5, 3, 1));
        let seal = Seal::parse(br#"{"secret_shares":1,"secret_threshold":1,"stored_shares":0}"#).unwrap();
        assert!(seal.is_shamir());
        assert_eq!(seal.stored_shares, 0);
        assert_eq!(Seal::parse(b"\0\0\0\x01\x02"), None);
    }

    #[test]
    fn key_ids_are_found_in_one_blob_and_in_several() {
        assert_eq!(key_ids(&blob("prefix-/v1")), ["prefix-/v1"]);
        assert_eq!(key_ids(b"\x0a\x02ct\x2a\x00"), [""; 0]);
        let (one, two) = (blob("arn:aws:kms:1"), blob("two"));
        let mut message = b"\x08\x07".to_vec();
        for blob in [one, two] {
            message.extend_from_slice(&[0x12, blob.len() as u8]);
            message.extend_from_slice(&blob);
        }
        let value = [SEVERAL, &(message.len() as u32).to_be_bytes(), &message].concat();
        assert_eq!(key_ids(&value), ["arn:aws:kms:1", "two"]);
        for cut in 0..value.len() {
            key_ids(&value[..cut]);
        }
    }
}
