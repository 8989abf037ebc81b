//! Calls of STS that issue credentials (docs.aws.amazon.com/STS/latest/APIReference).

use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, Request, Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use snapline_http::Kind;
use time::OffsetDateTime;

use crate::credentials::Issued;
use crate::sigv4::{Scope, sign};
use crate::transport::{Call, Reply, Transport, is_outage, kind_of, words};
use crate::{Credentials, Error};

pub(crate) const FORM: &str = "application/x-www-form-urlencoded";
const VERSION: &str = "2011-06-15";
const LIMIT: Duration = Duration::from_secs(10);
const ATTEMPTS: u32 = 3;
/// What RFC 3986 does not reserve.
const KEPT: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Where STS is, and for which region requests to it are signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sts {
    pub(crate) uri: Uri,
    pub(crate) region: String,
}

/// A role to take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Role {
    pub(crate) arn: String,
    pub(crate) session_name: String,
    pub(crate) external_id: Option<String>,
    /// Seconds; absent means what STS takes, one hour.
    pub(crate) duration: Option<u32>,
}

impl Role {
    fn form(&self, action: &str) -> String {
        let mut form = form(action);
        add(&mut form, "RoleArn", &self.arn);
        add(&mut form, "RoleSessionName", &self.session_name);
        if let Some(id) = &self.external_id {
            add(&mut form, "ExternalId", id);
        }
        if let Some(seconds) = self.duration {
            add(&mut form, "DurationSeconds", &seconds.to_string());
        }
        form
    }
}

impl Sts {
    /// `AssumeRoleWithWebIdentity`: not signed, the token is what proves us. By POST, so that it is in no URL.
    pub(crate) fn with_web_identity(
        &self,
        transport: &Transport,
        role: &Role,
        token: &str,
    ) -> Result<Credentials, Error> {
        let mut form = role.form("AssumeRoleWithWebIdentity");
        add(&mut form, "WebIdentityToken", token);
        self.ask(transport, role, form.into_bytes(), HeaderMap::new(), &[token])
    }

    /// `AssumeRole`, signed with other credentials.
    pub(crate) fn assume(&self, transport: &Transport, role: &Role, by: &Credentials) -> Result<Credentials, Error> {
        let form = role.form("AssumeRole").into_bytes();
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(FORM));
        let scope = Scope {
            region: &self.region,
            service: "sts",
            now: OffsetDateTime::now_utc(),
        };
        sign(&Method::POST, &self.uri, &mut headers, &form, by, &scope)?;
        let secrets = [Some(by.secret_access_key.as_str()), by.session_token.as_deref()];
        let secrets: Vec<_> = secrets.into_iter().flatten().collect();
        self.ask(transport, role, form, headers, &secrets)
    }

    fn ask(
        &self,
        transport: &Transport,
        role: &Role,
        form: Vec<u8>,
        headers: HeaderMap,
        secrets: &[&str],
    ) -> Result<Credentials, Error> {
        let doing = format!(
            "take role '{}' at {}",
            role.arn,
            self.uri.to_string().trim_end_matches('/')
        );
        let mut request = Request::builder().method(Method::POST).uri(&self.uri);
        if let Some(map) = request.headers_mut() {
            *map = headers;
            map.insert(CONTENT_TYPE, HeaderValue::from_static(FORM));
        }
        let request = request
            .body(form)
            .map_err(|error| Error::config(doing.as_str(), error.to_string()))?;
        let call = Call {
            doing: &doing,
            agent: &transport.outer,
            request,
            limit: LIMIT,
            attempts: ATTEMPTS,
            secrets,
        };
        let reply = call.send(|reply| is_outage(reply.status) || is_passing(&refusal(&reply.body).code))?;
        credentials(&reply, &doing)
    }
}

/// The beginning of a form.
pub(crate) fn form(action: &str) -> String {
    format!("Action={action}&Version={VERSION}")
}

fn add(form: &mut String, name: &str, value: &str) {
    form.push_str(&format!("&{name}={}", utf8_percent_encode(value, &KEPT)));
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "AssumeRoleWithWebIdentityResult", alias = "AssumeRoleResult")]
    result: Answered,
}

#[derive(Deserialize)]
struct Answered {
    #[serde(rename = "Credentials")]
    credentials: Issued,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ErrorAnswer {
    #[serde(rename = "Error")]
    error: Refusal,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "PascalCase")]
struct Refusal {
    code: String,
    message: String,
}

fn credentials(reply: &Reply, doing: &str) -> Result<Credentials, Error> {
    if reply.status == 200 {
        // A parser's own message is not passed on: it may quote a key.
        let answer: Answer = quick_xml::de::from_str(&reply.body)
            .map_err(|_| Error::new(Kind::Unavailable, doing, "the reply is none of STS"))?;
        return answer
            .result
            .credentials
            .check("the reply of STS")
            .map_err(|error| Error::new(Kind::Unavailable, doing, error.cause()));
    }
    let Refusal { code, message } = refusal(&reply.body);
    let kind = match code.as_str() {
        code if is_passing(code) => Kind::Unavailable,
        "" | "ValidationError" | "InvalidAction" | "MissingParameter" | "RegionDisabledException" => {
            kind_of(reply.status)
        }
        // Most refusals of STS have status 400: a token that has expired or that nobody trusts.
        _ if reply.status < 500 => Kind::Refused,
        _ => Kind::Unavailable,
    };
    let mut cause = reply.status.to_string();
    for part in [code, message] {
        if !part.is_empty() {
            cause = format!("{cause} {}", words(&part));
        }
    }
    let error = Error::new(kind, doing, cause);
    Err(if is_outage(reply.status) {
        error.passing()
    } else {
        error
    })
}

fn refusal(body: &str) -> Refusal {
    quick_xml::de::from_str::<ErrorAnswer>(body).unwrap_or_default().error
}

fn is_passing(code: &str) -> bool {
    matches!(
        code,
        "IDPCommunicationError" | "Throttling" | "ThrottlingException" | "RequestLimitExceeded"
    )
}

#[cfg(test)]
mod tests {
    use snapline_failure::Fail as _;

    use super::*;

    fn read(status: u16, body: &str) -> Result<Credentials, Error> {
        let reply = Reply {
            status,
            body: body.to_owned(),
        };
        credentials(&reply, "ask")
    }

    #[test]
    fn credentials_are_read_from_either_reply() {
        for action in ["AssumeRole", "AssumeRoleWithWebIdentity"] {
            let body = format!(
                "<{action}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{action}Result><Credentials>\
                 <AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>a&#43;b</SecretAccessKey><SessionToken>t</SessionToken>\
                 <Expiration>2026-11-24T18:00:00Z</Expiration></Credentials><Audience>x</Audience></{action}Result>\
                 <ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></{action}Response>"
            );
            let found = read(200, &body).unwrap();
            assert_eq!(
                (found.access_key_id.as_str(), found.secret_access_key.as_str()),
                ("ASIA", "a+b")
            );
            assert_eq!(found.expires.unwrap().unix_timestamp(), 1_795_543_200);
        }
    }

    #[test]
    fn refusals_are_told_from_outages_and_wrong_addresses_in_the_servers_own_words() {
        let error = |code: &str| {
            format!(
                "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>it\n is</Message></Error></ErrorResponse>"
            )
        };
        for (status, body, kind, words) in [
            (
                400,
                error("ExpiredTokenException"),
                Kind::Refused,
                "400 ExpiredTokenException it is",
            ),
            (403, error("AccessDenied"), Kind::Refused, "403 AccessDenied it is"),
            (
                400,
                error("IDPCommunicationError"),
                Kind::Unavailable,
                "400 IDPCommunicationError it is",
            ),
            (400, error("ValidationError"), Kind::Config, "400 ValidationError it is"),
            (503, "away".to_owned(), Kind::Unavailable, "503"),
            (404, "<html>".to_owned(), Kind::Config, "404"),
            (403, String::new(), Kind::Refused, "403"),
            (200, "<html/>".to_owned(), Kind::Unavailable, "the reply is none of STS"),
            (200, String::new(), Kind::Unavailable, "the reply is none of STS"),
        ] {
            let found = read(status, &body).unwrap_err();
            assert_eq!((found.kind(), found.cause()), (kind, words), "{status} {body}");
        }
    }

    #[test]
    fn a_form_is_encoded() {
        let role = Role {
            arn: "arn:aws:iam::1:role/a b".to_owned(),
            session_name: "s".to_owned(),
            external_id: Some("x=&y".to_owned()),
            duration: Some(900),
        };
        assert_eq!(
            role.form("AssumeRole"),
            "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fa%20b&RoleSessionName=s\
             &ExternalId=x%3D%26y&DurationSeconds=900"
        );
    }
}
