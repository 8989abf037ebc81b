//! What the names of the storage tell: which are in clear, which belong to a namespace, and what lies under them.
//!
//! Read in Vault 1.21 (`vault/core.go`, `seal.go`, `barrier.go`, `token_store.go`, `expiration.go`, and the kv plugin's
//! `backend.go`) and OpenBao 2.6 (`internal/vault/namespaces.go`), and seen in snapshots of both.

/// A key, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place<'a> {
    /// The namespace that it belongs to, by its id; `None` for the root namespace.
    pub(crate) namespace: Option<&'a str>,
    /// The path below that.
    pub(crate) path: &'a str,
}

impl<'a> Place<'a> {
    pub(crate) fn of(key: &'a str) -> Self {
        let inside = key.strip_prefix("namespaces/").and_then(|rest| rest.split_once('/'));
        match inside {
            Some((namespace, path)) => Self {
                namespace: Some(namespace),
                path,
            },
            None => Self {
                namespace: None,
                path: key,
            },
        }
    }

    /// What it holds, as far as a name tells.
    pub(crate) fn content(&self) -> Content {
        if let Some(rest) = self.path.strip_prefix("logical/") {
            return engine(rest);
        }
        if self.path.strip_prefix("sys/token/id/").is_some() {
            return Content::Token;
        }
        match self.path.strip_prefix("sys/expire/id/") {
            Some(lease) if lease.starts_with("auth/") => Content::LoginLease,
            Some(_) => Content::SecretLease,
            None => Content::Other,
        }
    }

    /// Whether its value is not encrypted by a barrier: all that Vault and OpenBao write around it.
    pub(crate) fn is_clear(&self) -> bool {
        match self.namespace {
            // Only the seal's own blob; the configuration of a namespace's seal lies under its parent's barrier.
            Some(_) => matches!(self.path, "core/hsm/barrier-unseal-keys" | "core/recovery-key"),
            None => {
                self.path.starts_with("raftchunking/")
                    || matches!(
                        self.path,
                        "core/seal-config"
                            | "core/recovery-config"
                            | "core/hsm/barrier-unseal-keys"
                            | "core/hsm/iv"
                            | "core/recovery-key"
                            | "core/cluster/local/name"
                            | "core/lock"
                            | "core/initialize-lock"
                            | "core/seal-gen-info"
                            | "core/seal-initialization-flag"
                            | "core/unseal-keys-backup"
                            | "core/recovery-keys-backup"
                            | "sys/uiconfig_plaintext"
                    )
            }
        }
    }
}

/// What an entry holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// The metadata of a secret of kv version 2: one for each secret.
    Kv2Secret,
    /// One version of such a secret.
    Kv2Version,
    /// Something else that a kv version 2 mount keeps for itself.
    Kv2Own,
    /// Something of another secrets engine, kv version 1 among them.
    Engine,
    /// A service token.
    Token,
    /// The lease of a login.
    LoginLease,
    /// The lease of a secret, such as credentials of a database.
    SecretLease,
    /// Anything else.
    Other,
}

/// What lies under `logical/`. Only kv version 2 has a second UUID behind that of the mount.
fn engine(rest: &str) -> Content {
    let mut parts = rest.splitn(4, '/');
    let (mount, inner, kind, name) = (parts.next(), parts.next(), parts.next(), parts.next());
    match (mount, inner, kind) {
        (Some(mount), Some(inner), Some(kind)) if is_uuid(mount) && is_uuid(inner) => match (kind, name) {
            ("metadata", Some(_)) => Content::Kv2Secret,
            ("versions", Some(_)) => Content::Kv2Version,
            ("archive" | "policy", Some("metadata")) | ("config" | "salt" | "upgrading", None) => Content::Kv2Own,
            _ => Content::Engine,
        },
        _ => Content::Engine,
    }
}

/// Whether `text` has the form of a UUID in lower case.
fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(position, byte)| match position {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "0de0e556-eae6-d23e-b747-4dbcade7c56a";

    #[test]
    fn keys_of_a_namespace_are_told_from_those_of_the_root() {
        let place = Place::of("namespaces/n1/core/keyring");
        assert_eq!((place.namespace, place.path), (Some("n1"), "core/keyring"));
        for key in ["core/keyring", "namespaces/", "namespaces", "core/namespaces/n1"] {
            assert_eq!(
                Place::of(key),
                Place {
                    namespace: None,
                    path: key
                }
            );
        }
    }

    #[test]
    fn contents_are_told_by_their_names_in_every_namespace() {
        let names = [
            (format!("logical/{UUID}/{UUID}/metadata/18yd/18yh"), Content::Kv2Secret),
            (format!("logical/{UUID}/{UUID}/versions/013/55ca"), Content::Kv2Version),
            (format!("logical/{UUID}/{UUID}/archive/metadata"), Content::Kv2Own),
            (format!("logical/{UUID}/{UUID}/salt"), Content::Kv2Own),
            (format!("logical/{UUID}/{UUID}/metadata"), Content::Engine),
            (format!("logical/{UUID}/app/metadata/x"), Content::Engine),
            (format!("logical/{UUID}/a"), Content::Engine),
            ("sys/token/id/h00".to_owned(), Content::Token),
            ("sys/token/accessor/00".to_owned(), Content::Other),
            (
                "sys/expire/id/auth/userpass/login/ann/h00".to_owned(),
                Content::LoginLease,
            ),
            ("sys/expire/id/database/creds/app/h00".to_owned(), Content::SecretLease),
            ("core/mounts".to_owned(), Content::Other),
        ];
        for (path, content) in names {
            assert_eq!(Place::of(&path).content(), content, "{path}");
            assert_eq!(Place::of(&format!("namespaces/n1/{path}")).content(), content, "{path}");
        }
    }

    #[test]
    fn the_seal_configuration_of_a_namespace_is_not_in_clear() {
        assert!(Place::of("core/seal-config").is_clear());
        assert!(!Place::of("namespaces/n1/core/seal-config").is_clear());
        assert!(Place::of("namespaces/n1/core/hsm/barrier-unseal-keys").is_clear());
        assert!(!Place::of("core/leader/x").is_clear());
    }
}
