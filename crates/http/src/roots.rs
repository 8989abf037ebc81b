//! Whom to trust: the system's certificate authorities, given ones, or both.

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::{Kind, TransportError};

/// One certificate.
pub type Certificate = CertificateDer<'static>;

/// The certificate authorities that a server's certificate may come from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Roots {
    /// Those of the system. `SSL_CERT_FILE` and `SSL_CERT_DIR` replace them, as in OpenSSL.
    #[default]
    System,
    /// These alone.
    Only(Arc<Vec<Certificate>>),
    /// These on top of the system's; it does not matter then if the system has none.
    Also(Arc<Vec<Certificate>>),
}

impl Roots {
    /// The certificates in a PEM text; `source` names it in messages.
    ///
    /// # Errors
    /// [`Kind::Config`] if it holds no certificate, or something that is none: left out silently, all that could be said
    /// later is that the server's certificate comes from an unknown authority.
    pub fn read(pem: &[u8], source: &str) -> Result<Vec<Certificate>, TransportError> {
        let failed =
            |cause: &str| TransportError::new(Kind::Config, format!("read certificates from {source}: {cause}"));
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem)
            .collect::<Result<_, _>>()
            .map_err(|_| failed("it is no proper PEM text"))?;
        if certificates.is_empty() {
            return Err(failed("there is none"));
        }
        for (index, certificate) in certificates.iter().enumerate() {
            RootCertStore::empty()
                .add(certificate.clone())
                .map_err(|_| failed(&format!("number {} in it is no proper certificate", index + 1)))?;
        }
        Ok(certificates)
    }

    /// The certificates in a PEM text, alone.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn from_pem(pem: &[u8], source: &str) -> Result<Self, TransportError> {
        Self::read(pem, source).map(|certificates| Self::Only(Arc::new(certificates)))
    }

    /// Those that a user has handed in.
    pub(crate) fn given(&self) -> Arc<Vec<Certificate>> {
        match self {
            Self::System => Arc::default(),
            Self::Only(given) | Self::Also(given) => Arc::clone(given),
        }
    }

    /// What rustls takes.
    pub(crate) fn load(&self) -> Result<RootCertStore, TransportError> {
        let mut store = RootCertStore::empty();
        match self {
            Self::Only(certificates) => {
                store.add_parsable_certificates(certificates.iter().cloned());
            }
            Self::Also(certificates) => {
                store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
                store.add_parsable_certificates(certificates.iter().cloned());
            }
            Self::System => {
                let found = rustls_native_certs::load_native_certs();
                let (usable, _) = store.add_parsable_certificates(found.certs);
                if usable == 0 {
                    let cause = found
                        .errors
                        .first()
                        .map(|error| format!(": {error}"))
                        .unwrap_or_default();
                    let message = format!("find the system's certificate authorities: there is none{cause}");
                    return Err(TransportError::new(Kind::Config, message)
                        .advise("install ca-certificates, or name a PEM file in SSL_CERT_FILE"));
                }
            }
        }
        Ok(store)
    }
}

#[cfg(test)]
mod tests {
    use snapline_failure::Fail as _;

    use super::*;

    #[test]
    fn a_file_without_a_certificate_is_refused() {
        for pem in [
            &b""[..],
            b"garbage",
            b"-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n",
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ] {
            assert_eq!(Roots::from_pem(pem, "'ca.pem'").unwrap_err().kind(), Kind::Config);
        }
    }
}
