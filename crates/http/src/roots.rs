//! Whom to trust: the system's certificate authorities, or given ones.

use std::sync::Arc;

use ureq::tls::{Certificate, PemItem, RootCerts, parse_pem};

use crate::{Kind, TransportError};

/// The certificate authorities that a server's certificate may come from.
#[derive(Debug, Clone, Default)]
pub enum Roots {
    /// Those of the system. `SSL_CERT_FILE` and `SSL_CERT_DIR` replace them, as in OpenSSL.
    #[default]
    System,
    /// These alone.
    Given(Arc<Vec<Certificate<'static>>>),
}

impl Roots {
    /// The certificates in a PEM text; `source` names it in messages.
    ///
    /// # Errors
    /// If it holds no certificate, or something that is none: ureq would ignore that and later say no more than
    /// "unknown issuer".
    pub fn from_pem(pem: &[u8], source: &str) -> Result<Self, TransportError> {
        let mut certificates = Vec::new();
        for item in parse_pem(pem) {
            match item {
                Ok(PemItem::Certificate(certificate)) => certificates.push(certificate),
                Ok(_) => {}
                Err(error) => {
                    return Err(TransportError::new(
                        Kind::Config,
                        format!("read certificates from {source}: {error}"),
                    ));
                }
            }
        }
        if certificates.is_empty() {
            let message = format!("read certificates from {source}: there is none");
            return Err(TransportError::new(Kind::Config, message));
        }
        Ok(Self::Given(Arc::new(certificates)))
    }

    /// What ureq takes. Reading the system's store costs milliseconds, so this is called when the first https address is
    /// met and not before.
    pub(crate) fn load(&self) -> Result<RootCerts, TransportError> {
        match self {
            Self::Given(certificates) => Ok(RootCerts::Specific(Arc::clone(certificates))),
            Self::System => {
                let found = rustls_native_certs::load_native_certs();
                if found.certs.is_empty() {
                    let cause = found
                        .errors
                        .first()
                        .map(|error| format!(": {error}"))
                        .unwrap_or_default();
                    let message = format!("find the system's certificate authorities: there is none{cause}");
                    return Err(TransportError::new(Kind::Config, message)
                        .hint("install ca-certificates, or name a PEM file in SSL_CERT_FILE"));
                }
                let certificates = found
                    .certs
                    .iter()
                    .map(|der| Certificate::from_der(der).to_owned())
                    .collect();
                Ok(RootCerts::Specific(Arc::new(certificates)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_certificate_is_refused() {
        for pem in [
            &b""[..],
            b"garbage",
            b"-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n",
        ] {
            assert_eq!(Roots::from_pem(pem, "'ca.pem'").unwrap_err().kind(), Kind::Config);
        }
    }
}
