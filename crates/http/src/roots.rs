//! Whom to trust: the system's certificate authorities, given ones, or both.

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls_native_certs::CertificateResult;

use crate::{Kind, TransportError, pem};

/// One certificate.
pub type Certificate = CertificateDer<'static>;

/// The certificate authorities that a server's certificate may come from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Roots {
    /// Those of the system. `SSL_CERT_FILE` and `SSL_CERT_DIR` replace them, as in OpenSSL; where there are none, Mozilla's.
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
        let mut certificates = Vec::new();
        let blocks = pem::blocks(pem).map_err(|cause| failed(&cause))?;
        for (block, number) in blocks.iter().zip(1..).filter(|(block, _)| block.label == "CERTIFICATE") {
            let certificate: Option<Certificate> = block.decode();
            let usable = certificate.filter(|certificate| RootCertStore::empty().add(certificate.clone()).is_ok());
            let broken = || failed(&format!("PEM block {number} in it is no proper certificate"));
            certificates.push(usable.ok_or_else(broken)?);
        }
        if certificates.is_empty() {
            return Err(failed("there is none"));
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

    /// The same and those of the system.
    pub(crate) fn and_system(self) -> Self {
        match self {
            Self::Only(given) => Self::Also(given),
            other => other,
        }
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
                store = system(rustls_native_certs::load_native_certs(), is_chosen()).unwrap_or(store);
                store.add_parsable_certificates(certificates.iter().cloned());
            }
            Self::System => return system(rustls_native_certs::load_native_certs(), is_chosen()),
        }
        Ok(store)
    }
}

/// Whether somebody says where the system's authorities are. What looks for them reads these from the process as well.
fn is_chosen() -> bool {
    let is_set = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    ["SSL_CERT_FILE", "SSL_CERT_DIR"].iter().any(is_set)
}

/// What was found of the system's. Where there is no store, Mozilla's authorities stand in, which this program carries: a
/// container needs no file then. A store that is named but not there is a mistake, and nothing stands in for it.
fn system(found: CertificateResult, is_chosen: bool) -> Result<RootCertStore, TransportError> {
    let mut store = RootCertStore::empty();
    let (usable, _) = store.add_parsable_certificates(found.certs);
    if usable > 0 {
        return Ok(store);
    }
    let cause = found.errors.first().map(|error| format!(": {error}"));
    if !is_chosen && cause.is_none() {
        log::debug!("this system has no store of certificate authorities: those of Mozilla are trusted");
        store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        return Ok(store);
    }
    let cause = cause.unwrap_or_default();
    let message = format!("find the system's certificate authorities: there is none{cause}");
    Err(TransportError::new(Kind::Config, message).advise(
        "do SSL_CERT_FILE and SSL_CERT_DIR name certificates in PEM form? Without either, a system without a store trusts \
         Mozilla's authorities",
    ))
}

#[cfg(test)]
mod tests {
    use rustls_native_certs::{Error, ErrorKind};
    use snapline_failure::Fail as _;

    use super::*;

    #[test]
    fn without_a_store_the_authorities_of_mozilla_are_trusted() {
        let store = system(CertificateResult::default(), false).unwrap();
        assert!(store.len() > 100, "{}", store.len());
    }

    #[test]
    fn nothing_stands_in_for_a_store_that_was_named_or_cannot_be_read() {
        let mut unreadable = CertificateResult::default();
        unreadable.errors.push(Error {
            context: "open file",
            kind: ErrorKind::Io {
                inner: std::io::ErrorKind::PermissionDenied.into(),
                path: "/etc/ssl/ca.pem".into(),
            },
        });
        for (found, is_chosen, part) in [
            (CertificateResult::default(), true, "there is none"),
            (unreadable, false, "/etc/ssl/ca.pem"),
        ] {
            let error = system(found, is_chosen).unwrap_err();
            assert_eq!(error.kind(), Kind::Config);
            assert!(error.to_string().contains(part), "{error}");
        }
    }

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
