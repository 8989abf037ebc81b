//! One request, before it is known which node gets it.

use std::time::Instant;

use http::header::{ACCEPT_ENCODING, CONTENT_TYPE, EXPECT};
use http::{HeaderValue, Method, Request, Uri, request};

use crate::{Error, Namespace, Secret};

/// What a request is for: that decides what its replies mean, and when it may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Get a token.
    LogIn,
    /// Ask where a wrapping token comes from.
    LookUpWrapping,
    /// Get the secret id that a wrapping token stands for.
    Unwrap,
    /// Ask about a token.
    LookUp,
    /// Revoke a token.
    Revoke,
    /// Get the archive.
    Snapshot,
    /// Put an archive in the place of everything that the cluster holds.
    Restore,
    /// Ask a node about itself.
    State,
}

impl Purpose {
    /// The beginning of a message, before the URL.
    pub(crate) const fn doing(self) -> &'static str {
        match self {
            Self::LogIn => "log in at",
            Self::LookUpWrapping => "look the wrapping token up at",
            Self::Unwrap => "unwrap the secret id at",
            Self::LookUp => "look the token up at",
            Self::Revoke => "revoke the token at",
            Self::Snapshot => "get the snapshot from",
            Self::Restore => "restore the archive at",
            Self::State => "read the node's state from",
        }
    }

    /// Whether a server that cannot be reached is waited for longer than for a few tries. A snapshot comes after a login,
    /// which has proven the address; there a wrong one shall be told at once.
    pub(crate) const fn is_worth_waiting(self) -> bool {
        matches!(self, Self::Snapshot)
    }

    /// Whether it goes to the host alone that the user has named: what it proves who we are with is worth more than one snapshot,
    /// and standbys answer it themselves.
    pub(crate) const fn stays(self) -> bool {
        matches!(self, Self::LogIn | Self::LookUpWrapping | Self::Unwrap)
    }

    /// Whether it may be sent again although it may have been acted on. A second login would leave a token behind that
    /// nobody knows, use up a secret id that can be used once, and count twice against a user who is locked out after some
    /// wrong passwords. A second unwrapping cannot succeed. A second restore would undo what the cluster has done since the
    /// first.
    pub(crate) const fn is_repeatable(self) -> bool {
        !matches!(self, Self::LogIn | Self::Unwrap | Self::Restore)
    }
}

/// A request without its node.
pub(crate) struct Call<'a> {
    /// What it is for.
    pub(crate) purpose: Purpose,
    /// GET or POST.
    pub(crate) method: Method,
    /// The path behind `/v1/`, encoded.
    pub(crate) path: String,
    /// For `X-Vault-Token`.
    pub(crate) token: Option<&'a Secret>,
    /// For `X-Vault-Namespace`.
    pub(crate) namespace: Option<&'a Namespace>,
    /// JSON, may hold secrets.
    pub(crate) body: Option<Vec<u8>>,
    /// What a server must not make us print.
    pub(crate) secrets: Vec<&'a Secret>,
    /// When even the last try must be over.
    pub(crate) deadline: Option<Instant>,
}

impl Call<'_> {
    /// Whether its time is up.
    pub(crate) fn is_late(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// The head of the request for `url`, and so also of one that follows a redirect: the token is sent to the new place
    /// deliberately, which is what Vault's standbys mean.
    pub(crate) fn head(&self, url: &Uri) -> Result<request::Builder, Error> {
        let mut head = Request::builder()
            .method(self.method.clone())
            .uri(url.clone())
            // Listeners and agents with require_request_header demand it, against forged requests.
            .header("X-Vault-Request", "true");
        if let Some(token) = self.token {
            // A Secret made by token() is always a header value; an id as a token would be a bug of ours.
            let mut value = HeaderValue::from_str(token.reveal()).map_err(|_| {
                Error::config(format!(
                    "{} '{url}': the token is no header value",
                    self.purpose.doing()
                ))
            })?;
            value.set_sensitive(true);
            head = head.header("X-Vault-Token", value);
        }
        if let Some(namespace) = self.namespace {
            head = head.header("X-Vault-Namespace", namespace.header());
        }
        if self.purpose == Purpose::Snapshot {
            // The archive is gzip by itself, and must come as it is.
            head = head.header(ACCEPT_ENCODING, "identity");
        }
        if self.purpose == Purpose::Restore {
            // A node that redirects or refuses then does so before it has got a byte of the body.
            head = head
                .header(CONTENT_TYPE, "application/gzip")
                .header(EXPECT, "100-continue");
        }
        if self.body.is_some() {
            head = head.header(CONTENT_TYPE, "application/json");
        }
        Ok(head)
    }
}
