//! Who we are to the store.

use std::fmt;

use snapline_http::{Environment, Kind};

use crate::Error;

/// An access key, its secret, and a session token where the key is a temporary one.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Public name of the key.
    pub access_key_id: String,
    /// Its secret; only ever used to compute signatures.
    pub secret_access_key: String,
    /// Sent as `x-amz-security-token`.
    pub session_token: Option<String>,
}

impl Credentials {
    /// The credentials in `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`.
    ///
    /// # Errors
    /// [`Kind::Config`] if they are missing, or if one is set but empty: never a fall-through to another identity.
    pub fn from_environment(environment: Environment<'_>) -> Result<Self, Error> {
        const DOING: &str = "find credentials for S3";
        let read = |name: &str| match environment(name) {
            None => Ok(None),
            Some(value) => match value.into_string() {
                Ok(value) if value.is_empty() => {
                    Err(Error::other(Kind::Config, DOING, format!("{name} is set but empty")))
                }
                // White space, and above all a line's end, comes from files and would be part of a signature.
                Ok(value) if value.contains(|c: char| c.is_whitespace() || c.is_control()) => Err(Error::other(
                    Kind::Config,
                    DOING,
                    format!("{name} contains white space"),
                )),
                Ok(value) => Ok(Some(value)),
                Err(_) => Err(Error::other(Kind::Config, DOING, format!("{name} is not UTF-8"))),
            },
        };
        let missing = |name: &str| Error::other(Kind::Config, DOING, format!("{name} is not set"));
        match (read("AWS_ACCESS_KEY_ID")?, read("AWS_SECRET_ACCESS_KEY")?) {
            (Some(access_key_id), Some(secret_access_key)) => Ok(Self {
                access_key_id,
                secret_access_key,
                session_token: read("AWS_SESSION_TOKEN")?,
            }),
            (None, None) => {
                Err(missing("AWS_ACCESS_KEY_ID").hint_with("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"))
            }
            (None, _) => Err(missing("AWS_ACCESS_KEY_ID")),
            (_, None) => Err(missing("AWS_SECRET_ACCESS_KEY")),
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("access_key_id", &self.access_key_id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    fn find(variables: &[(&str, &str)]) -> Result<Credentials, Kind> {
        let environment = |name: &str| {
            variables
                .iter()
                .find(|(n, _)| *n == name)
                .map(|(_, v)| OsString::from(v))
        };
        Credentials::from_environment(&environment).map_err(|error| error.kind())
    }

    #[test]
    fn static_and_session_credentials_are_read() {
        let pair = [
            ("AWS_ACCESS_KEY_ID", "k"),
            ("AWS_SECRET_ACCESS_KEY", "s"),
            ("AWS_SESSION_TOKEN", "t"),
        ];
        assert_eq!(find(&pair).unwrap().session_token.as_deref(), Some("t"));
        assert_eq!(find(&pair[..2]).unwrap().session_token, None);
    }

    #[test]
    fn what_is_missing_empty_or_has_a_line_end_is_a_configuration_error() {
        for variables in [
            &[][..],
            &[("AWS_ACCESS_KEY_ID", "k")],
            &[("AWS_SECRET_ACCESS_KEY", "s")],
            &[("AWS_ACCESS_KEY_ID", ""), ("AWS_SECRET_ACCESS_KEY", "s")],
            &[("AWS_ACCESS_KEY_ID", "k"), ("AWS_SECRET_ACCESS_KEY", "s\n")],
            &[
                ("AWS_ACCESS_KEY_ID", "k"),
                ("AWS_SECRET_ACCESS_KEY", "s"),
                ("AWS_SESSION_TOKEN", ""),
            ],
        ] {
            assert_eq!(find(variables), Err(Kind::Config), "{variables:?}");
        }
    }

    #[test]
    fn a_secret_is_not_shown_by_debug() {
        let credentials = find(&[("AWS_ACCESS_KEY_ID", "k"), ("AWS_SECRET_ACCESS_KEY", "hidden")]).unwrap();
        assert!(!format!("{credentials:?}").contains("hidden"));
    }
}
