//! Who issued a server's certificate that rustls refuses because it may also sign others.
//!
//! webpki takes no certificate with the CA flag for a server's, no matter who signed it. Go's clients (Vault's among them), OpenSSL's
//! and browsers do, and what small sites issue with `openssl` often has the flag. Here such a certificate is good if its chain
//! leads to a trusted authority. What these lines do not understand, name constraints among it, they refuse.

use rustls::RootCertStore;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, UnixTime};

use super::certificate::{Parsed, public_key};

/// As many authorities may stand between the server's certificate and one that is trusted.
const DEEPEST: u32 = 6;
/// More signatures than this are not checked for one server, which chooses what it sends.
const MOST_SIGNATURES: u32 = 60;

/// What a chain is made of, and by which rules.
pub(super) struct Chain<'a> {
    roots: &'a RootCertStore,
    intermediates: Vec<Parsed<'a>>,
    algorithms: &'a WebPkiSupportedAlgorithms,
    now: UnixTime,
}

impl<'a> Chain<'a> {
    /// From what the server sent beside its certificate; what is no certificate there is passed over.
    pub(super) fn new(
        roots: &'a RootCertStore,
        intermediates: &'a [CertificateDer<'_>],
        algorithms: &'a WebPkiSupportedAlgorithms,
        now: UnixTime,
    ) -> Self {
        Self {
            roots,
            intermediates: intermediates.iter().filter_map(|der| Parsed::new(der)).collect(),
            algorithms,
            now,
        }
    }

    /// Whether a trusted authority has issued `certificate`, itself or through others. Nothing else of it is checked.
    pub(super) fn leads_to_a_root(&self, certificate: &Parsed<'_>) -> bool {
        self.climb(certificate, 0, &mut MOST_SIGNATURES.clone())
    }

    /// The same for a certificate with so many others between it and the server's own, and so many signatures left to check.
    fn climb(&self, certificate: &Parsed<'_>, below: u32, left: &mut u32) -> bool {
        let is_root = self.roots.roots.iter().any(|root| {
            root.name_constraints.is_none()
                && *root.subject == *certificate.issuer
                && self.signs(&root.subject_public_key_info, certificate, left)
        });
        is_root
            || self.intermediates.iter().any(|issuer| {
                issuer.subject == certificate.issuer
                    && below < DEEPEST
                    && self.may_issue(issuer, below)
                    && self.signs(issuer.key, certificate, left)
                    && self.climb(issuer, below + 1, left)
            })
    }

    fn may_issue(&self, issuer: &Parsed<'_>, below: u32) -> bool {
        let (from, to) = issuer.validity();
        let is_valid = from <= self.now && self.now <= to;
        is_valid && issuer.is_authority(below) && issuer.is_for_servers() && !issuer.demands_more()
    }

    /// Whether this key made the certificate's signature.
    fn signs(&self, key: &[u8], certificate: &Parsed<'_>, left: &mut u32) -> bool {
        let Some((kind, key)) = public_key(key) else {
            return false;
        };
        let mut fitting = self.algorithms.all.iter().filter(|algorithm| {
            *algorithm.signature_alg_id() == *certificate.algorithm && *algorithm.public_key_alg_id() == *kind
        });
        fitting.any(|algorithm| {
            *left = left.saturating_sub(1);
            let verified = algorithm.verify_signature(key, certificate.signed, certificate.signature);
            *left > 0 && verified.is_ok()
        })
    }
}
