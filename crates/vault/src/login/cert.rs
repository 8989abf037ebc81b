//! TLS certificates: the connection itself says who asks.

use serde_json::json;

use super::log_in;
use crate::{Client, Error, Login, Mount, Namespace};

/// What a login by a TLS certificate needs beside the client's own certificate.
#[derive(Debug, Clone)]
pub struct Cert {
    /// Where the method is mounted, usually `cert`.
    pub mount: Mount,
    /// The certificate role to try; without it the server tries all.
    pub name: Option<String>,
}

impl Cert {
    /// Logs in: `POST auth/<mount>/login` (OpenBao `api/auth/cert.mdx`). Sent again only where no second token can come of
    /// it.
    ///
    /// # Errors
    /// [`Kind::Refused`](snapline_http::Kind::Refused) if no certificate was shown or none that the server's roles know (it
    /// answers 400), and for a mount that does not exist (403); [`Kind::Unavailable`](snapline_http::Kind::Unavailable) and
    /// [`Kind::Data`](snapline_http::Kind::Data) if no answer came, or none of a login.
    pub fn log_in(&self, client: &Client, namespace: Option<&Namespace>) -> Result<Login, Error> {
        let body = match &self.name {
            Some(name) => json!({ "name": name }),
            None => json!({}),
        };
        let path = format!("auth/{}/login", self.mount.encoded());
        log_in(client, path, &body, Vec::new(), namespace)
    }
}
