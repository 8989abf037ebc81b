//! Who checks a server's certificate.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{VerifierBuilderError, WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme};

use super::certificate::{self, Parsed};
use super::chain::Chain;
use crate::Certificate;

/// The check of rustls, with two additions. It tells who issued what nobody trusts: that is how a proxy that opens TLS gives
/// itself away. And it takes, as Go's clients do (Vault's among them), two kinds of certificate that rustls refuses: one with
/// the CA flag, as every one that `openssl req -x509` makes, if a trusted authority issued it; and one that a user has handed
/// in itself, no matter who issued it.
#[derive(Debug)]
pub(super) struct Strict {
    verifier: Arc<WebPkiServerVerifier>,
    provider: Arc<CryptoProvider>,
    roots: Arc<RootCertStore>,
    given: Arc<Vec<Certificate>>,
}

impl Strict {
    /// One that trusts `roots`; those among them that a user has handed in are `given`.
    ///
    /// # Errors
    /// If there is no root.
    pub(super) fn new(
        provider: Arc<CryptoProvider>,
        roots: RootCertStore,
        given: Arc<Vec<Certificate>>,
    ) -> Result<Self, VerifierBuilderError> {
        let roots = Arc::new(roots);
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::clone(&roots), Arc::clone(&provider)).build()?;
        Ok(Self {
            verifier,
            provider,
            roots,
            given,
        })
    }

    /// What is left of a check that rustls ended with `refusal`, where that is about whom the certificate comes from.
    fn verify_otherwise(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
        refusal: Error,
    ) -> Result<ServerCertVerified, Error> {
        let is_unknown = matches!(refusal, Error::InvalidCertificate(CertificateError::UnknownIssuer));
        let is_given = self.given.iter().any(|given| given == certificate);
        if !(is_authority(&refusal) || is_unknown && is_given) {
            return Err(refusal);
        }
        let parsed = Parsed::new(certificate).ok_or(CertificateError::BadEncoding)?;
        let (from, to) = parsed.validity();
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
        if !parsed.is_for_servers() {
            return Err(CertificateError::InvalidPurpose.into());
        }
        if parsed.demands_more() {
            return Err(CertificateError::UnhandledCriticalExtension.into());
        }
        let algorithms = &self.provider.signature_verification_algorithms;
        if !is_given && !Chain::new(&self.roots, intermediates, algorithms, now).leads_to_a_root(&parsed) {
            return Err(CertificateError::UnknownIssuer.into());
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

/// A server's key that is too short for a signature by it to be taken.
#[derive(Debug)]
pub(super) struct WeakKey {
    /// How long it is.
    pub(super) bits: usize,
}

impl fmt::Display for WeakKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "its RSA key has {} bits, and 2048 are the least", self.bits)
    }
}

impl std::error::Error for WeakKey {}

/// The reason behind a wrong signature of the handshake, where it is the length of the server's key.
fn weak_key(certificate: &CertificateDer<'_>) -> Option<Error> {
    let bits = certificate::rsa_bits(certificate).filter(|bits| *bits < 2048)?;
    Some(CertificateError::Other(OtherError(Arc::new(WeakKey { bits }))).into())
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
        let checked =
            checked.or_else(|refusal| self.verify_otherwise(end_entity, intermediates, server_name, now, refusal));
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
        let verified = self.verifier.verify_tls12_signature(message, cert, dss);
        verified.map_err(|error| weak_key(cert).unwrap_or(error))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let verified = self.verifier.verify_tls13_signature(message, cert, dss);
        verified.map_err(|error| weak_key(cert).unwrap_or(error))
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
