//! Logins: one module for each method, and what they share.

mod approle;
mod aws;
mod cert;
mod jwt;
mod password;
mod token;
mod wrapping;

use std::time::Duration;

use http::Method;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use snapline_failure::Fail as _;
use snapline_http::{Kind, read_bounded};

use crate::call::{Call, Purpose};
use crate::client::Reply;
use crate::{Client, Error, Namespace, Secret, words};

pub use approle::{AppRole, SecretId};
pub use aws::{Aws, CallerIdentity};
pub use cert::Cert;
pub use jwt::Jwt;
pub use password::Password;
pub use token::look_up;

/// A reply is small; a batch token with many policies still fits.
const REPLY_LIMIT: u64 = 1024 * 1024;

/// A token, and what the server says about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The token.
    pub token: Secret,
    /// The policies it has.
    pub policies: Vec<String>,
    /// How long it lives from now on; zero means for ever.
    pub ttl: Duration,
}

/// The parts of a login's reply that matter (OpenBao `api/secret.go`, `api/auth.go`).
#[derive(Deserialize)]
struct Answer {
    auth: Option<Auth>,
    wrap_info: Option<IgnoredAny>,
    warnings: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Auth {
    #[serde(default)]
    client_token: String,
    policies: Option<Vec<String>>,
    #[serde(default)]
    lease_duration: u64,
    mfa_requirement: Option<IgnoredAny>,
}

/// Posts a login and reads the token out of the reply; `path` stands behind `/v1/` and is encoded, `secrets` are the
/// values in `body` that nobody may see.
fn log_in(
    client: &Client,
    path: String,
    body: &Value,
    secrets: Vec<&Secret>,
    namespace: Option<&Namespace>,
) -> Result<Login, Error> {
    let call = Call {
        purpose: Purpose::LogIn,
        method: Method::POST,
        path,
        token: None,
        namespace,
        body: Some(body.to_string().into_bytes()),
        secrets,
        deadline: None,
    };
    let reply = client.send(&call, &mut client.tries())?;
    let (url, text) = read(reply, call.purpose)?;
    let failed = |(kind, cause)| Error::new(kind, format!("log in at '{url}': {cause}"));
    let (login, warnings) = login_of(&text).map_err(failed)?;
    // Such as that the token's life was capped. No reason to fail, and none to say it unasked at each run.
    let mut secrets = call.secrets;
    secrets.push(&login.token);
    for warning in warnings {
        log::info!(
            "log in at '{url}': the server warns: {}",
            words::one_line(&warning, &secrets)
        );
    }
    Ok(login)
}

/// The URL and the text of a reply.
pub(crate) fn read(reply: Reply, purpose: Purpose) -> Result<(String, String), Error> {
    let Reply { url, mut response } = reply;
    let text = read_bounded(response.body_mut(), REPLY_LIMIT)
        .map_err(|error| Error::new(error.kind(), format!("{} '{url}': {error}", purpose.doing())))?;
    Ok((url.to_string(), text))
}

/// The token in a reply and the warnings, or why there is none. A parser's own message is not passed on: it may quote the
/// token.
fn login_of(text: &str) -> Result<(Login, Vec<String>), (Kind, &'static str)> {
    let foreign = (Kind::Data, "the reply is none of a login; is this Vault?");
    let answer: Answer = serde_json::from_str(text).map_err(|_| foreign)?;
    let Some(auth) = answer.auth else {
        return Err(match answer.wrap_info {
            Some(_) => (Kind::Config, "the reply is wrapped, which is not supported for logins"),
            None => foreign,
        });
    };
    if auth.client_token.is_empty() {
        return Err(match auth.mfa_requirement {
            Some(_) => (
                Kind::Refused,
                "the login demands a second factor, which no job can give",
            ),
            None => (Kind::Data, "the reply holds no token"),
        });
    }
    let token = Secret::token(auth.client_token)
        .map_err(|_| (Kind::Data, "the token in the reply has characters that no token has"))?;
    let login = Login {
        token,
        policies: auth.policies.unwrap_or_default(),
        ttl: Duration::from_secs(auth.lease_duration),
    };
    Ok((login, answer.warnings.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_with_policies_ttl_and_warnings() {
        let (login, warnings) = login_of(
            r#"{"request_id":"1","data":null,"wrap_info":null,"auth":{"client_token":"hvs.a","accessor":"x",
                "policies":["backup","default"],"lease_duration":900,"renewable":true,"mfa_requirement":null},
                "warnings":["TTL capped"]}"#,
        )
        .unwrap();
        assert_eq!(login.token.reveal(), "hvs.a");
        assert_eq!(login.policies, ["backup", "default"]);
        assert_eq!(login.ttl, Duration::from_secs(900));
        assert_eq!(warnings, ["TTL capped"]);
        assert!(login_of(r#"{"auth":{"client_token":"a"}}"#).is_ok());
    }

    #[test]
    fn a_reply_without_a_token_is_explained() {
        for (text, kind, word) in [
            ("", Kind::Data, "none of a login"),
            ("<html>", Kind::Data, "none of a login"),
            ("[]", Kind::Data, "none of a login"),
            (r#"{"data":{}}"#, Kind::Data, "none of a login"),
            (r#"{"auth":null,"wrap_info":{"token":"s.w"}}"#, Kind::Config, "wrapped"),
            (r#"{"auth":{}}"#, Kind::Data, "no token"),
            (r#"{"auth":{"client_token":""}}"#, Kind::Data, "no token"),
            (
                r#"{"auth":{"client_token":"","mfa_requirement":{"id":"1"}}}"#,
                Kind::Refused,
                "second factor",
            ),
            (r#"{"auth":{"client_token":"a\nb"}}"#, Kind::Data, "characters"),
            (r#"{"auth":{"client_token":7}}"#, Kind::Data, "none of a login"),
        ] {
            let (found, cause) = login_of(text).unwrap_err();
            assert_eq!(found, kind, "{text}");
            assert!(cause.contains(word), "{text}: {cause}");
        }
    }
}
