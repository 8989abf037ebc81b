//! What a reply that is no success means.

use http::StatusCode;
use snapline_http::Kind;

use crate::call::Purpose;

/// A reply's meaning.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Meaning {
    /// For the user.
    pub(crate) kind: Kind,
    /// What the user may do.
    pub(crate) hint: Option<&'static str>,
    /// Whether the same request may succeed later (Vault's client: 412, 429, and 5xx but 501).
    pub(crate) transient: bool,
    /// Whether another node may do better.
    pub(crate) elsewhere: bool,
}

/// The meaning of `status` and the server's own `words` for a request with that `purpose`.
pub(crate) fn meaning(purpose: Purpose, status: StatusCode, words: &str) -> Meaning {
    let (kind, hint) = kind(purpose, status.as_u16(), words);
    Meaning {
        kind,
        hint,
        transient: matches!(status.as_u16(), 412 | 429) || (status.is_server_error() && status.as_u16() != 501),
        elsewhere: matches!(status.as_u16(), 500 | 503),
    }
}

fn kind(purpose: Purpose, status: u16, words: &str) -> (Kind, Option<&'static str>) {
    match (status, purpose) {
        // Go's TLS server says this to a client that does not speak TLS.
        (400, _) if words.contains("HTTP request to an HTTPS server") => {
            (Kind::Config, Some("is the address meant to begin with https://?"))
        }
        (400, Purpose::LogIn) if words.contains("role") && words.contains("secret ID") => (
            Kind::Refused,
            Some("the role id or the secret id is wrong, expired or used up"),
        ),
        (400, Purpose::LogIn) => (Kind::Refused, None),
        (400, Purpose::Snapshot) if words.contains("raft storage is not in use") => (
            Kind::Config,
            Some("only servers with integrated (Raft) storage have snapshots"),
        ),
        (401, _) => (Kind::Refused, None),
        (403, Purpose::LogIn) => (
            Kind::Refused,
            Some("Vault answers like this also where no auth method is mounted: see --path and --namespace"),
        ),
        (403, Purpose::Snapshot) => (
            Kind::Refused,
            Some("the token must be valid, and its policy must allow read on sys/storage/raft/snapshot"),
        ),
        (403, _) => (Kind::Refused, None),
        (404, Purpose::LogIn) => (Kind::Config, Some("is the auth method mounted there? see --path")),
        (300..=399, _) => (Kind::Config, Some("does the address name Vault itself?")),
        // Standbys of clusters that do not take requests; another time this may be the leader.
        (412 | 429 | 472 | 473, _) => (Kind::Unavailable, None),
        (400..=499, _) => (Kind::Config, None),
        (503, _) if words.contains("sealed") => (Kind::Unavailable, Some("the server must be unsealed")),
        _ => (Kind::Unavailable, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_mean_what_the_exit_codes_promise() {
        use Purpose::{LogIn, LookUp, Snapshot};
        for (purpose, status, words, expected) in [
            (LogIn, 400, "invalid role or secret ID", Kind::Refused),
            (LogIn, 400, "missing secret_id", Kind::Refused),
            (LogIn, 403, "permission denied", Kind::Refused),
            (LogIn, 404, "", Kind::Config),
            (LogIn, 405, "unsupported operation", Kind::Config),
            (
                LogIn,
                400,
                "Client sent an HTTP request to an HTTPS server.",
                Kind::Config,
            ),
            (LogIn, 503, "Vault is sealed", Kind::Unavailable),
            (LookUp, 403, "permission denied", Kind::Refused),
            (Snapshot, 400, "raft storage is not in use", Kind::Config),
            (
                Snapshot,
                400,
                "operation only available in root namespace",
                Kind::Config,
            ),
            (Snapshot, 403, "permission denied", Kind::Refused),
            (Snapshot, 404, "", Kind::Config),
            (Snapshot, 429, "rate limit", Kind::Unavailable),
            (Snapshot, 500, "local node not active", Kind::Unavailable),
            (Snapshot, 502, "", Kind::Unavailable),
            (Snapshot, 503, "no active Vault instance found", Kind::Unavailable),
            (Snapshot, 302, "", Kind::Config),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(
                meaning(purpose, status, words).kind,
                expected,
                "{purpose:?} {status} {words}"
            );
        }
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        for (status, transient, elsewhere) in [
            (400, false, false),
            (403, false, false),
            (404, false, false),
            (412, true, false),
            (429, true, false),
            (500, true, true),
            (501, false, false),
            (502, true, false),
            (503, true, true),
            (504, true, false),
        ] {
            let meaning = meaning(Purpose::Snapshot, StatusCode::from_u16(status).unwrap(), "");
            assert_eq!(
                (meaning.transient, meaning.elsewhere),
                (transient, elsewhere),
                "{status}"
            );
        }
    }
}
