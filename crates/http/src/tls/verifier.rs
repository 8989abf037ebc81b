//! Who checks a server's certificate.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};

use super::certificate;
use crate::Certificate;

/// The check of rustls, with two additions. It tells who issued what nobody trusts: that is how a proxy that opens TLS gives
/// itself away. And a server's certificate that is itself among the given authorities is good where rustls refuses it for
/// being an authority's: so is every one that `openssl req -x509` makes, and Go's clients, Vault's among them, take those.
#[derive(Debug)]
pub(super) struct Strict {
    pub(super) verifier: Arc<WebPkiServerVerifier>,
    pub(super) given: Arc<Vec<Certificate>>,
}

impl Strict {
    /// A server's certificate that is an authority's as well: its name and its time, if a user has handed in this very one.
    fn verify_given(
        &self,
        certificate: &CertificateDer<'_>,
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if !self.given.iter().any(|given| given == certificate) {
            return Err(CertificateError::UnknownIssuer.into());
        }
        let (from, to) = certificate::validity(certificate).ok_or(CertificateError::BadEncoding)?;
        if now < from {
            return Err(CertificateError::NotValidYetContext {
                time: now,
                not_before: from,
            }
            .into());
        }
        if now > to {
            return Err(CertificateError::ExpiredContext {
                time: now,
                not_after: to,
            }
            .into());
        }
        verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
        Ok(ServerCertVerified::assertion())
    }
}

/// Whether rustls refuses a certificate for being an authority's.
fn is_authority(error: &Error) -> bool {
    let Error::InvalidCertificate(CertificateError::Other(other)) = error else {
        return false;
    };
    matches!(other.0.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
}

/// No check at all. Nothing in the certificate is read, so that any server can be reached, also one whose certificate no
/// parser takes; and where anyone may claim to be the server, a signature by its key proves nothing.
#[derive(Debug)]
pub(super) struct Anybody(pub(super) Arc<CryptoProvider>);

/// A certificate whose issuer is not among those to trust.
#[derive(Debug)]
pub(super) struct Untrusted {
    /// The issuer's name, where it can be read.
    pub(super) issuer: Option<String>,
}

impl fmt::Display for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the server's certificate comes from an unknown authority")?;
        match &self.issuer {
            Some(issuer) => write!(f, ", '{issuer}'"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Untrusted {}

impl ServerCertVerifier for Strict {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let checked = self
            .verifier
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        let checked = match checked {
            Err(error) if is_authority(&error) => self.verify_given(end_entity, server_name, now),
            checked => checked,
        };
        checked.map_err(|error| match error {
            Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
                // The last one that the server sent is nearest to the authority that is missing.
                let last = intermediates.last().unwrap_or(end_entity);
                let untrusted = Untrusted {
                    issuer: certificate::issuer(last),
                };
                Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(untrusted))))
            }
            other => other,
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    /// Those that nobody should rely on as well: they are not looked at.
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let mut schemes = self.0.signature_verification_algorithms.supported_schemes();
        schemes.extend([
            SignatureScheme::ED448,
            SignatureScheme::RSA_PKCS1_SHA1,
            SignatureScheme::ECDSA_SHA1_Legacy,
        ]);
        schemes
    }
}
