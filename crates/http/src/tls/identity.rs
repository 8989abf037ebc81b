//! Who we are to a server that asks for a client certificate.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::client::ResolvesClientCert;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{Error, InconsistentKeys, SignatureScheme};

use super::provider::provider;
use crate::pem::{self, Block};
use crate::{Kind, Roots, TransportError};

/// A client certificate, those between it and its authority, and its key; known to fit.
#[derive(Clone)]
pub struct Identity(Arc<CertifiedKey>);

impl Identity {
    /// Reads certificates, the client's own first, and a key that is not encrypted, both in PEM; the sources name them in
    /// messages.
    ///
    /// # Errors
    /// [`Kind::Config`] if one of them cannot be read or used, the key is encrypted, or it belongs to another certificate.
    pub fn from_pem(
        certificates: &[u8],
        certificates_source: &str,
        key: &[u8],
        key_source: &str,
    ) -> Result<Self, TransportError> {
        let chain = Roots::read(certificates, certificates_source)?;
        let failed = |cause: &str| {
            TransportError::new(
                Kind::Config,
                format!("read the client's key from {key_source}: {cause}"),
            )
        };
        let blocks = pem::blocks(key).map_err(|cause| failed(&cause))?;
        if blocks.iter().any(Block::is_encrypted) {
            return Err(
                failed("it is encrypted, and there is nobody to ask for its passphrase").advise(
                    "write the key decrypted into a file that only this job may read: openssl pkey -in KEY -out FILE",
                ),
            );
        }
        let private = blocks.iter().find_map(Block::decode::<PrivateKeyDer<'_>>);
        let private = private.ok_or_else(|| failed("there is no private key in PEM form"))?;
        let certified = Self::certify(chain, private).map_err(|error| match error {
            Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => failed(&format!(
                "it does not belong to the certificate from {certificates_source}"
            ))
            .advise("the client's own certificate must be the first one in its file"),
            Error::InvalidCertificate(_) => TransportError::new(
                Kind::Config,
                format!("read certificates from {certificates_source}: the first one in it is no proper certificate"),
            ),
            // rustls says no more than that it failed.
            _ => failed(
                "it is damaged, or of a kind that is not supported (RSA of 2048 bits and more, ECDSA on P-256, P-384 and P-521, \
                 and Ed25519 are)",
            ),
        })?;
        Ok(Self(Arc::new(certified)))
    }

    fn certify(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<CertifiedKey, Error> {
        CertifiedKey::from_der(chain, key, &provider())
    }

    /// Shows the certificate whatever authorities the server names, as Vault's own client does.
    pub(super) fn resolver(&self) -> Arc<dyn ResolvesClientCert> {
        Arc::new(SingleCertAndKey::from(Arc::clone(&self.0)))
    }
}

/// What answers where there is no certificate to show, and remembers that somebody asked: with TLS 1.2 a server that demands
/// one may say no more than `handshake failure`, and that is said to many.
#[derive(Debug, Default)]
pub(super) struct Nobody(AtomicBool);

impl Nobody {
    pub(super) fn was_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl ResolvesClientCert for Nobody {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.0.store(true, Ordering::Relaxed);
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Identity(…)")
    }
}
