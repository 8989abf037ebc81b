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

    /// The credentials in `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`, or its
    /// older name `AWS_SECURITY_TOKEN`; none where no key is set.
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
        // The older name comes first, as for botocore.
        let token = match identity(environment, "AWS_SECURITY_TOKEN")? {
            Some(token) => Some(token),
            None => identity(environment, "AWS_SESSION_TOKEN")?,
        };
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
    /// STS calls it `SessionToken`, the endpoints call it `Token`. What hands out lasting keys has none.
    #[serde(alias = "Token", default)]
    session_token: Option<String>,
    #[serde(default)]
    expiration: Option<String>,
}

impl Issued {
    /// Checked. A token or an end that is empty counts as missing: some endpoints on a machine of one's own do not know any.
    pub(crate) fn check(self, origin: &str) -> Result<Credentials, Error> {
        let nonempty = |value: Option<String>| value.filter(|value| !value.is_empty());
        let expires = nonempty(self.expiration)
            .map(|text| moment(&text))
            .transpose()
            .map_err(|_| Error::config("find credentials", format!("the expiration in {origin} is no time")))?;
        let token = nonempty(self.session_token);
        let credentials = Credentials::checked(self.access_key_id, self.secret_access_key, token, origin)?;
        Ok(Credentials { expires, ..credentials })
    }
}

/// A time in RFC 3339, or in the forms of ISO 8601 that other issuers than AWS write: `UTC` for `Z`, an offset without a colon.
fn moment(text: &str) -> Result<OffsetDateTime, time::error::Parse> {
    let zulu = text.strip_suffix("UTC").map(|text| format!("{}Z", text.trim_end()));
    let text = zulu.as_deref().unwrap_or(text);
    let colon = match text.as_bytes() {
        [.., b'+' | b'-', a, b, c, d] if [a, b, c, d].iter().all(|byte| byte.is_ascii_digit()) => {
            let (rest, minutes) = text.split_at(text.len() - 2);
            Some(format!("{rest}:{minutes}"))
        }
        _ => None,
    };
    OffsetDateTime::parse(colon.as_deref().unwrap_or(text), &Rfc3339)
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
        let by_older_name = [all[0], all[1], all[2], ("AWS_SECURITY_TOKEN", "o")];
        assert_eq!(
            find(&by_older_name).unwrap().unwrap().session_token.as_deref(),
            Some("o")
        );
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
    fn ends_are_read_in_every_form_that_issuers_write() {
        let end = time::macros::datetime!(2099-01-01 00:00 UTC);
        for text in [
            "2099-01-01T00:00:00Z",
            "2099-01-01T00:00:00.000Z",
            "2099-01-01T02:00:00+02:00",
            "2099-01-01T00:00:00+0000",
            "2098-12-31T22:30:00-0130",
            "2099-01-01T00:00:00UTC",
            "2099-01-01T00:00:00 UTC",
        ] {
            assert_eq!(moment(text), Ok(end), "{text}");
        }
        for text in ["", "soon", "2099-01-01", "2099-13-01T00:00:00Z", "4102444800"] {
            assert!(moment(text).is_err(), "{text}");
        }
    }

    #[test]
    fn lasting_keys_of_an_endpoint_have_neither_token_nor_end() {
        for rest in [
            "",
            r#","Token":null,"Expiration":null"#,
            r#","Token":"","Expiration":"""#,
            r#","RoleArn":"""#,
        ] {
            let text = format!(r#"{{"AccessKeyId":"k","SecretAccessKey":"s"{rest}}}"#);
            let issued: Issued = serde_json::from_str(&text).unwrap();
            let credentials = issued.check("the reply").unwrap();
            assert_eq!((credentials.session_token, credentials.expires), (None, None), "{rest}");
        }
    }

    #[test]
    fn a_secret_is_not_shown_by_debug() {
        assert!(!format!("{:?}", find(&KEYS)).contains("s-ecret"));
    }
}
