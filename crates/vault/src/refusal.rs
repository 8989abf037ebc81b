//! What a reply that is no success means.

use http::StatusCode;
use snapline_http::Kind;

use crate::call::Purpose;
use crate::restore;

/// A reply's meaning.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Meaning {
    /// For the user.
    pub(crate) kind: Kind,
    /// What the user may do.
    pub(crate) hint: Option<&'static str>,
    /// Whether the same request may succeed later, and may be sent again: either nothing is lost if it was acted on already, or the
    /// server says by this that it did nothing.
    pub(crate) transient: bool,
    /// Whether this node is of no use and another one may be, by the same condition.
    pub(crate) elsewhere: bool,
    /// Whether no node leads at the moment.
    pub(crate) leaderless: bool,
}

/// The meaning of `status` and the server's own `words` for a request with that `purpose`.
pub(crate) fn meaning(purpose: Purpose, status: StatusCode, words: &str) -> Meaning {
    let (kind, hint) = kind(purpose, status.as_u16(), words);
    let code = status.as_u16();
    let leaderless = matches!(code, 500 | 503) && purpose != Purpose::Unwrap && is_leaderless(words);
    let idle = leaderless || is_readonly(code, words) || matches!(code, 300..=399 | 412 | 429 | 472 | 473 | 501 | 503);
    // The body of a restore waits to be asked for: what the head is answered with did nothing either.
    let repeatable = idle || purpose.is_repeatable() || purpose == Purpose::Restore;
    // Nobody can tell whether a wrapping token is used up by then.
    let repeatable = repeatable && purpose != Purpose::Unwrap;
    let passing = is_readonly(code, words) || matches!(code, 429 | 472 | 473 | 500 | 502..);
    Meaning {
        kind,
        hint,
        transient: repeatable && (passing || code == 412),
        elsewhere: repeatable && (passing || matches!(code, 300..=399 | 501)),
        leaderless,
    }
}

/// A performance standby that is behind the active node says this (hashicorp/vault-plugin-auth-gcp#83).
fn is_readonly(status: u16, words: &str) -> bool {
    status == 400 && words.contains("cannot write to readonly storage")
}

/// What standbys say while they know of no leader (`http/handler.go` of Vault and OpenBao, respondStandby; `ErrStandby` in
/// `sdk/helper/consts`): "no active Vault instance found", "local node not active but active cluster node
/// not found", "Vault is in standby mode".
fn is_leaderless(words: &str) -> bool {
    let words = words.to_ascii_lowercase();
    ["no active ", "node not active", "standby mode"]
        .iter()
        .any(|known| words.contains(known))
}

fn kind(purpose: Purpose, status: u16, words: &str) -> (Kind, Option<&'static str>) {
    match (status, purpose) {
        // Go's TLS server says this to a client that does not speak TLS.
        (400, _) if words.contains("HTTP request to an HTTPS server") => {
            (Kind::Config, Some("is the address meant to begin with https://?"))
        }
        (400, _) if is_readonly(400, words) => (
            Kind::Unavailable,
            Some("a performance standby is behind the active node; try again, or name the active node by --address"),
        ),
        (400, Purpose::LogIn) if words.contains("role") && words.contains("secret ID") => (
            Kind::Refused,
            Some("the role id or the secret id is wrong, expired or used up"),
        ),
        // ldap passes the words of its library on: "LDAP Result Code 200 \"Network Error\": dial tcp …". A mount that is not
        // configured asks 127.0.0.1. The status is 500, of older servers 400.
        (400 | 500, Purpose::LogIn) if words.contains("\"Network Error\"") => (
            Kind::Unavailable,
            Some("Vault does not reach its directory server; is the auth method configured?"),
        ),
        (400, Purpose::LogIn) => login(words),
        (400, Purpose::LookUpWrapping | Purpose::Unwrap) => (Kind::Refused, None),
        (400, Purpose::Snapshot | Purpose::Restore) if words.contains("raft storage is not in use") => (
            Kind::Config,
            Some("only servers with integrated (Raft) storage have snapshots"),
        ),
        (400, Purpose::Restore) if words.contains("could not verify hash file") => (
            Kind::Refused,
            Some(
                "the archive comes from a cluster with other keys, or from before a rekey: --force restores it all the same, and then the cluster is unsealed with the keys that it had there",
            ),
        ),
        (500, Purpose::Restore) if words.contains("hash check failed") => (
            Kind::Data,
            Some("the archive has changed on its way to the server, or since it was taken"),
        ),
        (500, Purpose::Restore) if words.contains("temp snapshot file") || words.contains("no space left") => (
            Kind::Unavailable,
            Some(
                "the server unpacks the archive in its own TMPDIR, /tmp if that is not set: it needs room for all of it",
            ),
        ),
        (500, Purpose::Restore) if words.contains("timeout") || words.contains("unexpected EOF") => {
            (Kind::Unavailable, Some(restore::CUT))
        }
        (403, Purpose::Restore) => (
            Kind::Refused,
            Some(
                "the token must be valid, and its policy must allow update on sys/storage/raft/snapshot, or on sys/storage/raft/snapshot-force for --force",
            ),
        ),
        (413, Purpose::Restore) => (
            Kind::Config,
            Some("a proxy in between limits the size of requests: raise that for this path, or go around it"),
        ),
        (401, _) => (Kind::Refused, None),
        (403, Purpose::LogIn) if words.is_empty() || words.contains("permission denied") => (
            Kind::Refused,
            Some(
                "Vault answers like this also where no auth method is mounted (see --path and --namespace), and to a user who is locked out",
            ),
        ),
        (403, Purpose::Snapshot) => (
            Kind::Refused,
            Some("the token must be valid, and its policy must allow read on sys/storage/raft/snapshot"),
        ),
        (400, Purpose::Revoke) if words.contains("batch token") => (
            Kind::Config,
            Some("batch tokens end by themselves: leave --revoke out, or let the role make service tokens"),
        ),
        (403, Purpose::Revoke) => (
            Kind::Refused,
            Some(
                "the token has ended already, or its policies do not allow update on auth/token/revoke-self (a role with token_no_default_policy)",
            ),
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

/// What Vault means by a 400 to a login. Most are about who asks, and some about what the server or we are set up with; only
/// the words tell (the `path_login.go` of each method there). Words that are not known are a refusal.
fn login(words: &str) -> (Kind, Option<&'static str>) {
    // kubernetes; jwt, which names the role in between.
    if words.starts_with("invalid role name") || (words.starts_with("role \"") && words.ends_with("could not be found"))
    {
        return (Kind::Config, Some("does the auth method have this role? see --role"));
    }
    if words.starts_with("missing role") && !words.starts_with("missing role_id") {
        return (Kind::Config, Some("the auth method has no default role: give --role"));
    }
    if words.starts_with("role with oidc role_type") {
        return (
            Kind::Config,
            Some("such a role is for people with a browser: a job needs one with role_type=jwt"),
        );
    }
    // userpass has no configuration; ldap says the first two, jwt the third.
    if [
        "auth method not configured",
        "ldap backend not configured",
        "could not load configuration",
    ]
    .contains(&words)
    {
        return (
            Kind::Config,
            Some("the auth method is enabled there, but not configured"),
        );
    }
    (Kind::Refused, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_mean_what_the_exit_codes_promise() {
        use Purpose::{LogIn, LookUp, LookUpWrapping, Snapshot, Unwrap};
        for (purpose, status, words, expected) in [
            (LogIn, 400, "invalid role or secret ID", Kind::Refused),
            (LogIn, 400, "missing secret_id", Kind::Refused),
            (LogIn, 403, "permission denied", Kind::Refused),
            (LogIn, 400, "invalid username or password", Kind::Refused),
            (LogIn, 400, "invalid credentials", Kind::Refused),
            (LogIn, 400, "error validating token: invalid signature", Kind::Refused),
            (LogIn, 400, "missing role_id", Kind::Refused),
            (LogIn, 400, "invalid role name \"x\"", Kind::Config),
            (LogIn, 400, "role \"x\" could not be found", Kind::Config),
            (LogIn, 400, "missing role", Kind::Config),
            (LogIn, 400, "role with oidc role_type is not allowed", Kind::Config),
            (LogIn, 400, "auth method not configured", Kind::Config),
            (
                LogIn,
                400,
                "LDAP Result Code 200 \"Network Error\": dial tcp 127.0.0.1:1: connect: connection refused",
                Kind::Unavailable,
            ),
            (
                LookUpWrapping,
                400,
                "wrapping token is not valid or does not exist",
                Kind::Refused,
            ),
            (
                Unwrap,
                400,
                "wrapping token is not valid or does not exist",
                Kind::Refused,
            ),
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
    fn a_cluster_without_a_leader_is_told_from_a_sealed_or_broken_one() {
        for (status, words, leaderless) in [
            (503, "no active Vault instance found", true),
            (503, "no active OpenBao instance found", true),
            (500, "local node not active but active cluster node not found", true),
            (503, "Vault is in standby mode", true),
            (503, "Vault is sealed", false),
            (503, "", false),
            (500, "internal error", false),
            (400, "no active Vault instance found", false),
        ] {
            let meaning = meaning(Purpose::Snapshot, StatusCode::from_u16(status).unwrap(), words);
            assert_eq!(meaning.leaderless, leaderless, "{status} {words}");
        }
    }

    #[test]
    fn a_mount_that_may_not_exist_is_hinted_at_only_where_vault_says_nothing_else() {
        let hint = |words| meaning(Purpose::LogIn, StatusCode::FORBIDDEN, words).hint;
        assert!(hint("permission denied").unwrap().contains("--path"));
        assert!(hint("").unwrap().contains("--path"));
        assert_eq!(hint("service account name not authorized"), None);
    }

    #[test]
    fn what_makes_a_node_useless_leads_to_the_next_one_and_may_pass() {
        for (status, transient, elsewhere) in [
            (303, false, true),
            (400, false, false),
            (403, false, false),
            (404, false, false),
            (412, true, false),
            (429, true, true),
            (472, true, true),
            (473, true, true),
            (500, true, true),
            (501, false, true),
            (502, true, true),
            (503, true, true),
            (504, true, true),
            (530, true, true),
        ] {
            let meaning = meaning(Purpose::Snapshot, StatusCode::from_u16(status).unwrap(), "");
            assert_eq!(
                (meaning.transient, meaning.elsewhere),
                (transient, elsewhere),
                "{status}"
            );
        }
    }

    #[test]
    fn what_cannot_be_done_twice_is_sent_again_only_where_the_server_did_nothing() {
        let no_leader = "local node not active but active cluster node not found";
        let readonly = "failed to persist lease entry: cannot write to readonly storage";
        for (purpose, ever) in [(Purpose::LogIn, true), (Purpose::Unwrap, false)] {
            for (status, words, transient, elsewhere) in [
                (400, "invalid role or secret ID", false, false),
                (400, readonly, true, true),
                (403, "", false, false),
                (412, "", true, false),
                (429, "", true, true),
                (472, "", true, true),
                (473, "", true, true),
                (500, "internal error", false, false),
                (500, no_leader, true, true),
                (501, "", false, true),
                (502, "", false, false),
                (503, "Vault is sealed", true, true),
                (504, "", false, false),
                (520, "", false, false),
            ] {
                let meaning = meaning(purpose, StatusCode::from_u16(status).unwrap(), words);
                assert_eq!(
                    (meaning.transient, meaning.elsewhere),
                    (ever && transient, ever && elsewhere),
                    "{purpose:?} {status} {words}"
                );
            }
        }
    }
}
