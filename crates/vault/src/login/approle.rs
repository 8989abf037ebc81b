//! AppRole: a role id, and usually a secret id.

use serde_json::json;

use super::{log_in, wrapping};
use crate::{Client, Error, Login, Mount, Namespace, Secret};

/// What an AppRole login needs.
#[derive(Debug, Clone)]
pub struct AppRole {
    /// Where the method is mounted, usually `approle`.
    pub mount: Mount,
    /// The role id.
    pub role_id: Secret,
    /// The secret id.
    pub secret_id: SecretId,
}

/// The second half of an AppRole.
#[derive(Debug, Clone)]
pub enum SecretId {
    /// Roles with `bind_secret_id=false` have none.
    None,
    /// As it is sent.
    Plain(Secret),
    /// A wrapping token that stands for it, and can be used once.
    Wrapped(Secret),
}

impl AppRole {
    /// Logs in: `POST auth/<mount>/login` (OpenBao `api/auth/approle.mdx`). A wrapped secret id is unwrapped first; see
    /// there what of that is never repeated.
    ///
    /// Sent again only where no second token can come of it: if no connection stood, or the server answered that it cannot
    /// serve.
    ///
    /// # Errors
    /// [`Kind::Refused`](snapline_http::Kind::Refused) for wrong ids (Vault answers 400), for a mount that does not exist
    /// (it answers 403), for a wrapping token that is used up or was made for something else;
    /// [`Kind::Unavailable`](snapline_http::Kind::Unavailable) and [`Kind::Data`](snapline_http::Kind::Data) if no answer
    /// came, or none of a login.
    pub fn log_in(&self, client: &Client, namespace: Option<&Namespace>) -> Result<Login, Error> {
        match &self.secret_id {
            SecretId::None => self.log_in_with(None, client, namespace),
            SecretId::Plain(secret_id) => self.log_in_with(Some(secret_id), client, namespace),
            SecretId::Wrapped(token) => {
                let secret_id = wrapping::unwrap(client, token, &self.mount, namespace)?;
                self.log_in_with(Some(&secret_id), client, namespace)
                    .map_err(|error| error.and("the wrapping token is used up, the next run needs a new one"))
            }
        }
    }

    fn log_in_with(
        &self,
        secret_id: Option<&Secret>,
        client: &Client,
        namespace: Option<&Namespace>,
    ) -> Result<Login, Error> {
        let mut body = json!({ "role_id": self.role_id.reveal() });
        let mut secrets = vec![&self.role_id];
        if let Some(secret_id) = secret_id {
            body["secret_id"] = json!(secret_id.reveal());
            secrets.push(secret_id);
        }
        let path = format!("auth/{}/login", self.mount.encoded());
        log_in(client, path, &body, secrets, namespace)
    }
}
