//! AWS: a call of STS, signed by who wants in, which Vault sends on to hear from AWS who that is.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use snapline_http::Kind;

use super::log_in;
use crate::{Client, Error, Login, Mount, Namespace, Secret};

/// What a login with an IAM identity needs.
#[derive(Debug, Clone)]
pub struct Aws {
    /// Where the method is mounted, usually `aws`.
    pub mount: Mount,
    /// The role; without one, the server takes that with the name of the caller.
    pub role: Option<String>,
}

/// A signed `GetCallerIdentity`, in parts.
#[derive(Debug, Clone, Copy)]
pub struct CallerIdentity<'a> {
    /// `POST`
    pub method: &'a str,
    /// Of STS; the server sends it to the one that it is configured with.
    pub url: &'a str,
    /// Names and values, the signature among them.
    pub headers: &'a http::HeaderMap,
    /// The form.
    pub body: &'a str,
}

impl Aws {
    /// Logs in: `POST auth/<mount>/login` (Vault `api-docs/auth/aws.mdx`, "Login"). Sent again only where no second token can
    /// come of it.
    ///
    /// # Errors
    /// [`Kind::Refused`] for a caller whom the role does not know or whom AWS does not (400); [`Kind::Config`] for a role that
    /// does not exist (400); [`Kind::Unavailable`] and [`Kind::Data`] if no answer came, or none of a login.
    pub fn log_in(
        &self,
        client: &Client,
        request: CallerIdentity<'_>,
        namespace: Option<&Namespace>,
    ) -> Result<Login, Error> {
        let mut headers = Map::new();
        let mut secrets = Vec::new();
        for (name, value) in request.headers {
            let text = value
                .to_str()
                .map_err(|_| Error::new(Kind::Config, format!("log in: the header {name} is not ASCII")))?;
            headers.insert(name.to_string(), json!([text]));
            if value.is_sensitive() {
                secrets.extend(Secret::id(text).ok());
            }
        }
        let headers = Value::Object(headers).to_string();
        let mut body = json!({
            "iam_http_request_method": request.method,
            "iam_request_url": STANDARD.encode(request.url),
            "iam_request_headers": STANDARD.encode(headers),
            "iam_request_body": STANDARD.encode(request.body),
        });
        if let Some(role) = &self.role {
            body["role"] = json!(role);
        }
        let path = format!("auth/{}/login", self.mount.encoded());
        log_in(client, path, &body, secrets.iter().collect(), namespace)
    }
}
