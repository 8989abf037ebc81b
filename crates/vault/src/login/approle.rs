//! AppRole: a role id, and usually a secret id.

use serde_json::json;

use super::log_in;
use crate::{Client, Error, Login, Mount, Namespace, Secret};

/// What an AppRole login needs.
#[derive(Debug, Clone)]
pub struct AppRole {
    /// Where the method is mounted, usually `approle`.
    pub mount: Mount,
    /// The role id.
    pub role_id: Secret,
    /// The secret id; roles with `bind_secret_id=false` have none.
    pub secret_id: Option<Secret>,
}

impl AppRole {
    /// Logs in: `POST auth/<mount>/login` (OpenBao `api/auth/approle.mdx`).
    ///
    /// Sent again only where no second token can come of it: if no connection stood, or the server answered that it cannot
    /// serve.
    ///
    /// # Errors
    /// [`Kind::Refused`](snapline_http::Kind::Refused) for wrong ids (Vault answers 400) and for a mount that does not exist
    /// (it answers 403); [`Kind::Unavailable`](snapline_http::Kind::Unavailable) and
    /// [`Kind::Data`](snapline_http::Kind::Data) if no answer came, or none of a login.
    pub fn log_in(&self, client: &Client, namespace: Option<&Namespace>) -> Result<Login, Error> {
        let mut body = json!({ "role_id": self.role_id.reveal() });
        let mut secrets = vec![&self.role_id];
        if let Some(secret_id) = &self.secret_id {
            body["secret_id"] = json!(secret_id.reveal());
            secrets.push(secret_id);
        }
        let path = format!("auth/{}/login", self.mount.encoded());
        log_in(client, path, &body, secrets, namespace)
    }
}
