//! Who we are.

use std::fmt;

use serde::Deserialize;
use snapline_http::Environment;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::Error;
use crate::variable::identity;

/// An access key, its secret, and a session token where the key is a temporary one.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Public name of the key.
    pub access_key_id: String,
    /// Its secret; only ever used to compute signatures.
    pub secret_access_key: String,
    /// Sent as `x-amz-security-token`.
    pub session_token: Option<String>,
    /// When the key ends, where that is known.
    pub expires: Option<OffsetDateTime>,
}

impl Credentials {
    /// Credentials without an end, from where `origin` says.
    ///
    /// White space, and above all a line's end, comes from files and would become part of a signature or of a header: it is
    /// refused here, where the place can be named.
    pub(crate) fn checked(
        access_key_id: String,
        secret_access_key: String,
        session_token: Option<String>,
        origin: &str,
    ) -> Result<Self, Error> {
        let parts = [
            ("the access key id", Some(&access_key_id)),
            ("the secret access key", Some(&secret_access_key)),
            ("the session token", session_token.as_ref()),
        ];
        for (what, value) in parts {
            let cause = match value {
                Some(value) if value.is_empty() => "is empty",
                Some(value) if !value.bytes().all(|byte| byte.is_ascii_graphic()) => {
                    "contains white space or what is not ASCII"
                }
                _ => continue,
            };
            return Err(Error::config("find credentials", format!("{what} in {origin} {cause}")));
        }
        Ok(Self {
            access_key_id,
            secret_access_key,
            session_token,
            expires: None,
        })
    }

    /// The credentials in `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`; none where no key is set.
    ///
    /// # Errors
    /// [`Kind::Config`](snapline_http::Kind::Config) if one of the two is missing, or one of the three is set but empty: never
    /// a fall-through to another identity.
    pub(crate) fn from_environment(environment: Environment<'_>) -> Result<Option<Self>, Error> {
        let missing = |name: &str| Error::config("find credentials", format!("{name} is not set"));
        let key = identity(environment, "AWS_ACCESS_KEY_ID")?;
        let secret = identity(environment, "AWS_SECRET_ACCESS_KEY")?;
        let (key, secret) = match (key, secret) {
            (Some(key), Some(secret)) => (key, secret),
            (None, None) => return Ok(None),
            (None, _) => return Err(missing("AWS_ACCESS_KEY_ID")),
            (_, None) => return Err(missing("AWS_SECRET_ACCESS_KEY")),
        };
        let token = identity(environment, "AWS_SESSION_TOKEN")?;
        Self::checked(key, secret, token, "the AWS_… variables").map(Some)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("access_key_id", &self.access_key_id)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

/// Credentials as STS, the container endpoint and the instance's metadata write them.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Issued {
    access_key_id: String,
    secret_access_key: String,
    /// STS calls it `SessionToken`, the endpoints call it `Token`.
    #[serde(alias = "Token")]
    session_token: String,
    expiration: Option<String>,
}

impl Issued {
    /// Checked; whoever issues temporary keys says until when.
    pub(crate) fn check(self, origin: &str) -> Result<Credentials, Error> {
        let expires = self
            .expiration
            .map(|text| OffsetDateTime::parse(&text, &Rfc3339))
            .transpose()
            .map_err(|_| Error::config("find credentials", format!("the expiration in {origin} is no time")))?;
        let token = Some(self.session_token);
        let credentials = Credentials::checked(self.access_key_id, self.secret_access_key, token, origin)?;
        Ok(Credentials { expires, ..credentials })
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    const KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "k"), ("AWS_SECRET_ACCESS_KEY", "s-ecret")];

    fn find(variables: &[(&str, &str)]) -> Result<Option<Credentials>, String> {
        let environment = |name: &str| {
            let found = variables.iter().find(|(n, _)| *n == name);
            found.map(|(_, value)| OsString::from(value))
        };
        Credentials::from_environment(&environment).map_err(|error| error.to_string())
    }

    #[test]
    fn static_and_session_credentials_are_read() {
        let all = [KEYS[0], KEYS[1], ("AWS_SESSION_TOKEN", "t")];
        assert_eq!(find(&all).unwrap().unwrap().session_token.as_deref(), Some("t"));
        assert_eq!(find(&KEYS).unwrap().unwrap().session_token, None);
        assert_eq!(find(&[]), Ok(None));
    }

    #[test]
    fn what_is_missing_empty_or_has_a_line_end_is_an_error_that_shows_no_value() {
        for (variables, words) in [
            (&KEYS[..1], "AWS_SECRET_ACCESS_KEY is not set"),
            (&KEYS[1..], "AWS_ACCESS_KEY_ID is not set"),
            (
                &[("AWS_ACCESS_KEY_ID", ""), KEYS[1]],
                "AWS_ACCESS_KEY_ID is set but empty",
            ),
            (
                &[KEYS[0], KEYS[1], ("AWS_SESSION_TOKEN", "")],
                "AWS_SESSION_TOKEN is set but empty",
            ),
            (
                &[KEYS[0], ("AWS_SECRET_ACCESS_KEY", "s-ecret\n")],
                "the secret access key",
            ),
        ] {
            let error = find(variables).unwrap_err();
            assert!(error.contains(words), "{error}");
            assert!(!error.contains("s-ecret"), "{error}");
        }
    }

    #[test]
    fn a_secret_is_not_shown_by_debug() {
        assert!(!format!("{:?}", find(&KEYS)).contains("s-ecret"));
    }
}
