//! Userpass and LDAP: a user's name and password. Both methods take the same request; who knows the passwords differs, Vault
//! itself or a directory server.

use serde_json::json;

use super::log_in;
use crate::{Client, Error, Login, Mount, Namespace, Secret, Username};

/// What a login by a password needs.
#[derive(Debug, Clone)]
pub struct Password {
    /// Where the method is mounted, usually `userpass` or `ldap`.
    pub mount: Mount,
    /// Who.
    pub username: Username,
    /// The password.
    pub password: Secret,
}

impl Password {
    /// Logs in: `POST auth/<mount>/login/<username>` (OpenBao `api/auth/userpass.mdx`, `api/auth/ldap.mdx`). Sent again only
    /// where no second token can come of it; that also keeps one wrong password from counting twice.
    ///
    /// # Errors
    /// [`Kind::Refused`](snapline_http::Kind::Refused) for a wrong name or password (Vault answers 400), for a user who is
    /// locked out and for a mount that does not exist (403 both);
    /// [`Kind::Unavailable`](snapline_http::Kind::Unavailable) and [`Kind::Data`](snapline_http::Kind::Data) if no answer
    /// came, or none of a login, and `Unavailable` if Vault does not reach its directory server.
    pub fn log_in(&self, client: &Client, namespace: Option<&Namespace>) -> Result<Login, Error> {
        let body = json!({ "password": self.password.reveal() });
        let path = format!("auth/{}/login/{}", self.mount.encoded(), self.username.encoded());
        log_in(client, path, &body, vec![&self.password], namespace)
    }
}
