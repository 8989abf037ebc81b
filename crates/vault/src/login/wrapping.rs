//! Response wrapping: a token that can be used once, for a secret id that nobody saw on its way.

use http::Method;
use serde::Deserialize;
use serde_json::json;
use snapline_failure::Fail as _;
use snapline_http::Kind;

use super::read;
use crate::call::{Call, Purpose};
use crate::{Client, Error, Mount, Namespace, Secret, Tries, words};

/// What it means if the server does not know a wrapping token.
const NOT_KNOWN: &str = "the wrapping token is used up, expired, or none; if you did not use it, somebody else may have read \
                         the secret id: treat it as stolen";

/// What it means if there is no clear answer to the one request that uses it up.
const BURNT: &str = "the wrapping token may be used up by this, and is not tried again; the next run needs a new one";

/// A reply with data.
#[derive(Deserialize)]
struct Answer<T> {
    data: T,
}

/// The part of a lookup's reply that matters.
#[derive(Deserialize)]
struct Origin {
    creation_path: String,
}

/// The part of an unwrapped secret id that matters.
#[derive(Deserialize)]
struct Unwrapped {
    secret_id: String,
}

/// The secret id that the wrapping `token` stands for, if the AppRole method at `mount` made it.
///
/// Looks it up first (`POST sys/wrapping/lookup`, which uses nothing up): whoever intercepted the token and read the secret
/// id can make a wrapping token of their own, but not with that path. Then unwraps it (`POST sys/wrapping/unwrap`, the token
/// in the header and no body; both at once would burn it: OpenBao `api/system/wrapping-unwrap.mdx`), which is sent exactly
/// once.
///
/// # Errors
/// [`Kind::Refused`] for a token that the server does not know, or that was made elsewhere; [`Kind::Unavailable`] and
/// [`Kind::Data`] if no answer came, or none of Vault.
pub(super) fn unwrap(
    client: &Client,
    token: &Secret,
    mount: &Mount,
    namespace: Option<&Namespace>,
) -> Result<Secret, Error> {
    let origin = look_up(client, token, namespace)?;
    if !is_of_a_secret_id(&origin, mount) {
        let (origin, mount) = (words::one_line(&origin, &[token]), mount.path());
        let message = format!(
            "unwrap the secret id: the wrapping token was made by '{origin}', not by 'auth/{mount}/role/…/secret-id'; \
             somebody may have put it in the place of the real one"
        );
        let hint = "it was not used; is --path where the role is?";
        return Err(Error::new(Kind::Refused, message).with_hint(Some(hint)));
    }
    unwrap_once(client, token, namespace).map_err(|error| match error.kind() {
        Kind::Refused => error.and(NOT_KNOWN),
        _ => error.and(BURNT),
    })
}

/// The path of the request that made the token.
fn look_up(client: &Client, token: &Secret, namespace: Option<&Namespace>) -> Result<String, Error> {
    let call = Call {
        purpose: Purpose::LookUpWrapping,
        method: Method::POST,
        path: "sys/wrapping/lookup".to_owned(),
        token: None,
        namespace,
        body: Some(json!({ "token": token.reveal() }).to_string().into_bytes()),
        secrets: vec![token],
        deadline: None,
    };
    let reply = client
        .send(&call, &mut client.tries())
        .map_err(|error| match error.kind() {
            Kind::Refused => error.and(NOT_KNOWN),
            _ => error,
        })?;
    let (url, text) = read(reply, call.purpose)?;
    let answer: Answer<Origin> = serde_json::from_str(&text).map_err(|_| {
        let message = format!(
            "{} '{url}': the reply is none of a lookup; is this Vault?",
            call.purpose.doing()
        );
        Error::new(Kind::Data, message)
    })?;
    Ok(answer.data.creation_path)
}

fn unwrap_once(client: &Client, token: &Secret, namespace: Option<&Namespace>) -> Result<Secret, Error> {
    let call = Call {
        purpose: Purpose::Unwrap,
        method: Method::POST,
        path: "sys/wrapping/unwrap".to_owned(),
        token: Some(token),
        namespace,
        body: None,
        secrets: vec![token],
        deadline: None,
    };
    let reply = client.send(&call, &mut Tries::new(0))?;
    let (url, text) = read(reply, call.purpose)?;
    let failed = |cause: &str| Error::new(Kind::Data, format!("{} '{url}': {cause}", call.purpose.doing()));
    // A parser's own message is not passed on: it may quote the secret id.
    let answer: Answer<Unwrapped> = serde_json::from_str(&text).map_err(|_| failed("the reply holds no secret id"))?;
    Secret::id(answer.data.secret_id).map_err(|cause| failed(&format!("the secret id in the reply: {cause}")))
}

/// Whether a secret id of any role at `mount` is made at `path`.
fn is_of_a_secret_id(path: &str, mount: &Mount) -> bool {
    path.strip_prefix(&format!("auth/{}/role/", mount.path()))
        .and_then(|rest| rest.strip_suffix("/secret-id"))
        .is_some_and(|role| !role.is_empty() && !role.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_secret_id_of_this_very_mount_will_do() {
        let mount = Mount::new("teams/ops", "--path").unwrap();
        assert!(is_of_a_secret_id("auth/teams/ops/role/backup/secret-id", &mount));
        for path in [
            "",
            "auth/approle/role/backup/secret-id",
            "auth/teams/ops/role//secret-id",
            "auth/teams/ops/role/secret-id",
            "auth/teams/ops/role/a/b/secret-id",
            "auth/teams/ops/role/backup/custom-secret-id",
            "auth/teams/ops/role/backup/secret-id/",
            "auth/teams/ops/login",
            "sys/wrapping/wrap",
            "cubbyhole/auth/teams/ops/role/backup/secret-id",
        ] {
            assert!(!is_of_a_secret_id(path, &mount), "{path}");
        }
    }
}
