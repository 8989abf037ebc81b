//! Kubernetes and JWT: a signed token of somebody whom the server trusts. Both methods take the same request; who checks the
//! token differs, the API server of a cluster or Vault itself.

use serde_json::json;

use super::log_in;
use crate::{Client, Error, Login, Mount, Namespace, Secret};

/// What a login by a JWT needs.
#[derive(Debug, Clone)]
pub struct Jwt {
    /// Where the method is mounted, usually `kubernetes` or `jwt`.
    pub mount: Mount,
    /// The role; the jwt method may have a default one, kubernetes has none.
    pub role: Option<String>,
    /// The JWT.
    pub jwt: Secret,
}

impl Jwt {
    /// Logs in: `POST auth/<mount>/login` (OpenBao `api/auth/kubernetes.mdx`, `api/auth/jwt.mdx`). Sent again only where no
    /// second token can come of it.
    ///
    /// # Errors
    /// [`Kind::Refused`](snapline_http::Kind::Refused) for a JWT that is not accepted (kubernetes answers 403, jwt 400) and
    /// for a mount that does not exist (403); [`Kind::Config`](snapline_http::Kind::Config) for a role that does not exist
    /// (400); [`Kind::Unavailable`](snapline_http::Kind::Unavailable) and [`Kind::Data`](snapline_http::Kind::Data) if no
    /// answer came, or none of a login.
    pub fn log_in(&self, client: &Client, namespace: Option<&Namespace>) -> Result<Login, Error> {
        let mut body = json!({ "jwt": self.jwt.reveal() });
        if let Some(role) = &self.role {
            body["role"] = json!(role);
        }
        let path = format!("auth/{}/login", self.mount.encoded());
        log_in(client, path, &body, vec![&self.jwt], namespace)
    }
}
