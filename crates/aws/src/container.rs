//! Credentials that whoever runs the container hands out: ECS, and EKS Pod Identity
//! (docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html).

use std::fs;
use std::net::IpAddr;
use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{HeaderValue, Method, Request, Uri};
use serde::Deserialize;
use snapline_http::{Environment, Kind};

use crate::credentials::Issued;
use crate::endpoint::checked;
use crate::transport::{Call, Transport, is_outage, kind_of, words};
use crate::variable::identity;
use crate::{Credentials, Error};

const ECS: &str = "http://169.254.170.2";
/// Whom a token may be sent to without TLS, beside loopback: ECS, and EKS in both families.
const TRUSTED: [&str; 3] = ["169.254.170.2", "169.254.170.23", "fd00:ec2::23"];
const LIMIT: Duration = Duration::from_secs(5);
const ATTEMPTS: u32 = 3;

/// The endpoint, and how it knows us.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Container {
    uri: Uri,
    token: Option<Token>,
}

#[derive(Clone, PartialEq, Eq)]
enum Token {
    /// Read each time: EKS replaces it.
    File(String),
    Value(String),
}

impl Container {
    /// What the `AWS_CONTAINER_…` variables say; none where there is no address among them.
    ///
    /// # Errors
    /// For an address that must not get the token.
    pub(crate) fn from_environment(environment: Environment<'_>) -> Result<Option<Self>, Error> {
        let uri = match (
            identity(environment, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")?,
            identity(environment, "AWS_CONTAINER_CREDENTIALS_FULL_URI")?,
        ) {
            // The relative one comes first where both are set.
            (Some(path), _) => checked(&format!("{ECS}{path}"), "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
                .and_then(|uri| if path.starts_with('/') { Ok(uri) } else { Err(no_path()) })?,
            (None, Some(url)) => full(&url)?,
            (None, None) => return Ok(None),
        };
        let file = identity(environment, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")?;
        let token = match file {
            Some(file) => Some(Token::File(file)),
            None => identity(environment, "AWS_CONTAINER_AUTHORIZATION_TOKEN")?.map(Token::Value),
        };
        Ok(Some(Self { uri, token }))
    }

    /// Where it is, for messages: what knows its path gets the credentials.
    pub(crate) fn shown(&self) -> String {
        let host = self.uri.authority().map_or("", |authority| authority.as_str());
        format!("{}://{host}/…", self.uri.scheme_str().unwrap_or_default())
    }

    pub(crate) fn get(&self, transport: &Transport) -> Result<Credentials, Error> {
        let doing = format!("get credentials from the container endpoint {}", self.shown());
        let mut request = Request::builder().method(Method::GET).uri(&self.uri);
        let token = self.token.as_ref().map(Token::header).transpose()?;
        if let Some(token) = &token {
            request = request.header(AUTHORIZATION, token);
        }
        let token = token.as_ref().and_then(|token| token.to_str().ok()).unwrap_or_default();
        // A short one is no secret, and may be a word.
        let path = Some(self.uri.path()).filter(|path| path.len() > 8).unwrap_or_default();
        let request = request
            .body(Vec::new())
            .map_err(|error| Error::config(doing.as_str(), error.to_string()))?;
        let call = Call {
            doing: &doing,
            agent: &transport.near,
            request,
            limit: LIMIT,
            attempts: ATTEMPTS,
            secrets: &[token, path],
        };
        let reply = call.send(|reply| is_outage(reply.status))?;
        if reply.status != 200 {
            let refusal: Refusal = serde_json::from_str(&reply.body).unwrap_or_default();
            let mut cause = reply.status.to_string();
            for part in [refusal.code, refusal.message] {
                if !part.is_empty() {
                    cause = format!("{cause} {}", words(&part));
                }
            }
            let kind = match reply.status {
                // EKS says this of a token that is none of its own.
                400 => Kind::Refused,
                status => kind_of(status),
            };
            let error = Error::new(kind, doing, cause);
            return Err(if is_outage(reply.status) {
                error.passing()
            } else {
                error
            });
        }
        let malformed = |cause: &str| Error::new(Kind::Unavailable, doing.as_str(), cause);
        let issued: Issued =
            serde_json::from_str(&reply.body).map_err(|_| malformed("the reply holds no credentials"))?;
        issued.check("the reply").map_err(|error| malformed(error.cause()))
    }
}

impl Token {
    fn header(&self) -> Result<HeaderValue, Error> {
        let (text, origin) = match self {
            Self::Value(text) => (text.clone(), "AWS_CONTAINER_AUTHORIZATION_TOKEN".to_owned()),
            Self::File(path) => {
                let origin = format!("the container's authorization token '{path}'");
                let text = fs::read_to_string(path)
                    .map_err(|error| Error::new(Kind::Io, format!("read {origin}"), error.to_string()))?;
                (text.trim_end_matches(['\r', '\n']).to_owned(), origin)
            }
        };
        let wrong = |cause: &str| Error::config(format!("read {origin}"), cause);
        if text.is_empty() {
            return Err(wrong("it is empty"));
        }
        let mut value = HeaderValue::from_str(&text).map_err(|_| wrong("it cannot stand in a header"))?;
        value.set_sensitive(true);
        Ok(value)
    }
}

// The value of the token is nobody's business.
impl std::fmt::Debug for Container {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Container")
            .field("uri", &self.shown())
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Refusal {
    #[serde(alias = "Code")]
    code: String,
    #[serde(alias = "Message")]
    message: String,
}

fn no_path() -> Error {
    Error::config(
        "read AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "it does not begin with /",
    )
}

/// https to anybody, http only to this machine and to the addresses of ECS and EKS: the token goes with it.
fn full(url: &str) -> Result<Uri, Error> {
    const SOURCE: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
    let uri = checked(url, SOURCE)?;
    let host = uri.host().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    let is_near = match host.parse::<IpAddr>() {
        Ok(address) => address.is_loopback() || TRUSTED.iter().any(|trusted| trusted.parse() == Ok(address)),
        Err(_) => host == "localhost",
    };
    if uri.scheme_str() == Some("https") || is_near {
        return Ok(uri);
    }
    let cause = "over http, credentials come only from this machine and from the endpoints of ECS and EKS";
    Err(Error::config(format!("read {SOURCE}"), cause).hint_with("use an https:// address"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_near_hosts_are_asked_without_tls() {
        for (url, good) in [
            ("https://example.com/x", true),
            ("http://127.0.0.1:81/x", true),
            ("http://127.9.9.9/", true),
            ("http://[::1]:81/x", true),
            ("http://localhost/x", true),
            ("http://169.254.170.2/x", true),
            ("http://169.254.170.23/v1/credentials", true),
            ("http://[fd00:ec2::23]/v1/credentials", true),
            ("http://169.254.170.24/", false),
            ("http://example.com/", false),
            ("http://localhost.example.com/", false),
            ("http://10.0.0.1/", false),
            ("ftp://127.0.0.1/", false),
            ("http://127.0.0.1@example.com/", false),
            ("/relative", false),
        ] {
            assert_eq!(full(url).is_ok(), good, "{url}");
        }
    }

    #[test]
    fn the_path_of_an_endpoint_is_not_shown() {
        let uri = full("http://169.254.170.2/v2/credentials/6f1c").unwrap();
        let container = Container { uri, token: None };
        assert_eq!(container.shown(), "http://169.254.170.2/…");
        assert!(!format!("{container:?}").contains("6f1c"));
    }

    #[test]
    fn a_relative_address_is_that_of_ecs() {
        let find = |path: &'static str| {
            Container::from_environment(&move |name: &str| {
                (name == "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI").then(|| path.into())
            })
        };
        assert_eq!(
            find("/v2/x").unwrap().unwrap().uri.to_string(),
            "http://169.254.170.2/v2/x"
        );
        assert!(find(".evil.com/x").is_err());
        assert!(find("@evil.com/x").is_err());
        assert!(find("").is_err());
    }
}
