//! A role for a token that somebody vouches for, as in Kubernetes (IRSA).

use std::fs;

use snapline_http::Kind;

use crate::sts::{Role, Sts};
use crate::transport::Transport;
use crate::{Credentials, Error};

/// A role, and the file that holds the token for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WebIdentity {
    pub(crate) role: Role,
    pub(crate) token_file: String,
    pub(crate) sts: Sts,
}

impl WebIdentity {
    /// The file is read each time: tokens are replaced long before a program ends that runs for days.
    pub(crate) fn get(&self, transport: &Transport) -> Result<Credentials, Error> {
        let doing = format!("read the web identity token '{}'", self.token_file);
        let token = fs::read_to_string(&self.token_file)
            .map_err(|error| Error::new(Kind::Io, doing.as_str(), error.to_string()))?;
        let token = token.trim();
        if token.is_empty() {
            return Err(Error::config(doing, "the file is empty"));
        }
        self.sts.with_web_identity(transport, &self.role, token)
    }
}
