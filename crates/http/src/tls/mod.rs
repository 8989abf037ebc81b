//! TLS as users configure it: whom to trust, who we are, which name the server must have.

mod alert;
mod certificate;
mod chain;
mod connector;
mod der;
mod failure;
mod identity;
mod provider;
mod reason;
mod verifier;

use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, DEFAULT_VERSIONS};

use crate::{Kind, Roots, TransportError};

pub(crate) use connector::{TlsConnector, left};
pub use failure::TlsFailure;
pub(crate) use failure::{in_handshake, later};
pub use identity::Identity;

/// The settings of every TLS connection, also behind redirects.
#[derive(Debug, Clone, Default)]
pub struct Tls {
    /// Whom to trust.
    pub roots: Roots,
    /// Shown to servers that ask for a client certificate.
    pub identity: Option<Identity>,
    /// The name that is sent (SNI) and that the certificate must have, instead of the URL's host.
    pub server_name: Option<String>,
    /// Trust any server. Then anyone on the way can read and change everything.
    pub skip_verify: bool,
}

impl Tls {
    /// Whether a certificate can have `name` at all: a DNS name or an IP address.
    pub fn is_server_name(name: &str) -> bool {
        ServerName::try_from(name).is_ok()
    }

    /// What rustls takes. Reading the system's store costs milliseconds, so this is called when the first https address is
    /// met and not before.
    pub(crate) fn connector(&self) -> Result<TlsConnector, TransportError> {
        let failed = |error: rustls::Error| TransportError::new(Kind::Config, format!("prepare TLS: {error}"));
        let provider = provider::provider();
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(DEFAULT_VERSIONS)
            .map_err(failed)?
            .dangerous();
        let builder = if self.skip_verify {
            log::warn!(
                target: "snapline_http::unsafe",
                "certificates are not verified: anyone on the network path can read and change everything"
            );
            builder.with_custom_certificate_verifier(Arc::new(verifier::Anybody(provider)))
        } else {
            builder.with_custom_certificate_verifier(Arc::new(self.verifier(provider)?))
        };
        let (config, nobody) = match &self.identity {
            Some(identity) => (builder.with_client_cert_resolver(identity.resolver()), None),
            None => {
                let nobody = Arc::new(identity::Nobody::default());
                (
                    builder.with_client_cert_resolver(Arc::clone(&nobody) as _),
                    Some(nobody),
                )
            }
        };
        let server_name = match &self.server_name {
            None => None,
            Some(name) => Some(ServerName::try_from(name.clone()).map_err(|_| {
                TransportError::new(Kind::Config, format!("prepare TLS: '{name}' is no name of a server"))
            })?),
        };
        Ok(TlsConnector::new(config, server_name, nobody))
    }

    fn verifier(&self, provider: Arc<CryptoProvider>) -> Result<verifier::Strict, TransportError> {
        verifier::Strict::new(provider, self.roots.load()?, self.roots.given())
            .map_err(|error| TransportError::new(Kind::Config, format!("prepare TLS: {error}")))
    }
}
