//! What a server says when it ends a handshake (RFC 8446, 6.2), in words.

use rustls::AlertDescription as Alert;

use super::failure::{Shown, TlsFailure};
use crate::TransportError;

/// As the specification spells them.
const NAMES: [(Alert, &str); 33] = [
    (Alert::CloseNotify, "close notify"),
    (Alert::UnexpectedMessage, "unexpected message"),
    (Alert::BadRecordMac, "bad record mac"),
    (Alert::DecryptionFailed, "decryption failed"),
    (Alert::RecordOverflow, "record overflow"),
    (Alert::DecompressionFailure, "decompression failure"),
    (Alert::HandshakeFailure, "handshake failure"),
    (Alert::NoCertificate, "no certificate"),
    (Alert::BadCertificate, "bad certificate"),
    (Alert::UnsupportedCertificate, "unsupported certificate"),
    (Alert::CertificateRevoked, "certificate revoked"),
    (Alert::CertificateExpired, "certificate expired"),
    (Alert::CertificateUnknown, "certificate unknown"),
    (Alert::IllegalParameter, "illegal parameter"),
    (Alert::UnknownCA, "unknown ca"),
    (Alert::AccessDenied, "access denied"),
    (Alert::DecodeError, "decode error"),
    (Alert::DecryptError, "decrypt error"),
    (Alert::ExportRestriction, "export restriction"),
    (Alert::ProtocolVersion, "protocol version"),
    (Alert::InsufficientSecurity, "insufficient security"),
    (Alert::InternalError, "internal error"),
    (Alert::InappropriateFallback, "inappropriate fallback"),
    (Alert::UserCanceled, "user canceled"),
    (Alert::NoRenegotiation, "no renegotiation"),
    (Alert::MissingExtension, "missing extension"),
    (Alert::UnsupportedExtension, "unsupported extension"),
    (Alert::CertificateUnobtainable, "certificate unobtainable"),
    (Alert::UnrecognisedName, "unrecognized name"),
    (Alert::BadCertificateStatusResponse, "bad certificate status response"),
    (Alert::BadCertificateHashValue, "bad certificate hash value"),
    (Alert::CertificateRequired, "certificate required"),
    (Alert::NoApplicationProtocol, "no application protocol"),
];

/// What an alert is called.
fn name(alert: Alert) -> String {
    let known = NAMES.iter().find(|(known, _)| *known == alert);
    known.map_or_else(|| format!("alert {}", u8::from(alert)), |(_, name)| (*name).to_owned())
}

/// What the server says, to a client that has shown it so much of itself. TLS 1.2 lacks a word for a missing certificate: Go's
/// server says `handshake failure` or `bad certificate` then.
pub(super) fn said(alert: Alert, client: Shown) -> TransportError {
    match alert {
        Alert::CertificateRequired => missing(),
        Alert::BadCertificate | Alert::NoCertificate if client != Shown::Certificate => missing(),
        Alert::HandshakeFailure if client == Shown::NothingThoughAsked => missing(),
        Alert::BadCertificate
        | Alert::UnsupportedCertificate
        | Alert::CertificateRevoked
        | Alert::CertificateExpired
        | Alert::CertificateUnknown
        | Alert::UnknownCA
        | Alert::AccessDenied
            if client == Shown::Certificate =>
        {
            TransportError::tls_failure(
                TlsFailure::ClientCertificateRefused,
                format!("the server refuses the client certificate: {}", name(alert)),
            )
        }
        Alert::UnrecognisedName => TransportError::tls_failure(
            TlsFailure::WrongName,
            "the server does not know the name it is asked for",
        ),
        Alert::ProtocolVersion => TransportError::tls_failure(
            TlsFailure::NothingInCommon,
            "the server speaks neither TLS 1.2 nor TLS 1.3",
        ),
        Alert::HandshakeFailure | Alert::InsufficientSecurity => TransportError::tls_failure(
            TlsFailure::NothingInCommon,
            format!(
                "the server refuses the TLS handshake, most likely for want of a cipher in common: {}",
                name(alert)
            ),
        ),
        other => TransportError::tls_failure(
            TlsFailure::Other,
            format!("the server refuses the TLS handshake: {}", name(other)),
        ),
    }
}

fn missing() -> TransportError {
    TransportError::tls_failure(
        TlsFailure::ClientCertificateMissing,
        "the server demands a client certificate",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::failure::tests::assert_words;

    #[test]
    fn every_alert_has_words_for_every_client() {
        for number in 0..=u8::MAX {
            for client in [Shown::Certificate, Shown::Nothing, Shown::NothingThoughAsked] {
                assert_words(&said(Alert::from(number), client));
            }
            let alert = Alert::from(number);
            let is_known = alert.as_str().is_some();
            // What only other protocols than ours can cause has a number and no name here.
            let is_foreign = matches!(alert, Alert::UnknownPSKIdentity | Alert::EncryptedClientHelloRequired);
            assert_eq!(name(alert).starts_with("alert "), !is_known || is_foreign, "{alert:?}");
        }
    }

    #[test]
    fn a_missing_client_certificate_is_told_from_a_refused_one() {
        use Shown::{Certificate, Nothing, NothingThoughAsked};
        for (alert, client, expected) in [
            (
                Alert::CertificateRequired,
                Nothing,
                TlsFailure::ClientCertificateMissing,
            ),
            (Alert::BadCertificate, Nothing, TlsFailure::ClientCertificateMissing),
            (
                Alert::HandshakeFailure,
                NothingThoughAsked,
                TlsFailure::ClientCertificateMissing,
            ),
            (Alert::BadCertificate, Certificate, TlsFailure::ClientCertificateRefused),
            (Alert::UnknownCA, Certificate, TlsFailure::ClientCertificateRefused),
            (Alert::UnknownCA, Nothing, TlsFailure::Other),
            (Alert::HandshakeFailure, Certificate, TlsFailure::NothingInCommon),
            (Alert::HandshakeFailure, Nothing, TlsFailure::NothingInCommon),
            (Alert::UnrecognisedName, Nothing, TlsFailure::WrongName),
        ] {
            assert_eq!(said(alert, client).tls(), Some(expected), "{alert:?}");
        }
    }
}
