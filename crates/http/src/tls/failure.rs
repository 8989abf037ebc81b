//! What went wrong with TLS, in words for a user.

use std::io;

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, Error, InvalidMessage, PeerIncompatible};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::verifier::Untrusted;
use crate::TransportError;
use crate::transport::Phase;

/// What went wrong, so that whoever knows the options can say which one helps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsFailure {
    /// Nobody who is trusted has issued the server's certificate.
    UnknownAuthority,
    /// The same behind a proxy, which most likely opens TLS and shows a certificate of its own.
    Intercepted,
    /// A certificate of the server is too old.
    Expired,
    /// A certificate of the server is not valid yet; often it is this machine's clock that is wrong.
    NotYetValid,
    /// The server's certificate is for other names.
    WrongName,
    /// The server demands a client certificate, and there is none.
    ClientCertificateMissing,
    /// The server does not like the client certificate.
    ClientCertificateRefused,
    /// The server speaks something else, plain HTTP most likely.
    NotTls,
    /// Anything else.
    Other,
}

/// What the server has got to see of us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    /// A client certificate.
    Certificate,
    /// None, and it did not ask.
    Nothing,
    /// None although it asked.
    NothingThoughAsked,
}

/// The words for a handshake that failed: nothing of the request has left.
pub(crate) fn in_handshake(error: io::Error, client: Shown, is_proxied: bool) -> TransportError {
    if let Some(cause) = rustls_error(&error) {
        return words(cause, client, is_proxied);
    }
    match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            TransportError::passing(Phase::Connect, "the connection ended during the TLS handshake").advise(
                "does the server speak TLS on this port, and does a proxy or firewall in between let it through?",
            )
        }
        _ => TransportError::from_io(error).before_the_request(),
    }
}

/// The words for what the other side says of the handshake afterwards, if that is what `error` is about.
pub(crate) fn later(error: &io::Error, client: Shown) -> Option<TransportError> {
    rustls_error(error).map(|cause| words(cause, client, false))
}

fn rustls_error(error: &io::Error) -> Option<&Error> {
    error.get_ref()?.downcast_ref()
}

fn words(error: &Error, client: Shown, is_proxied: bool) -> TransportError {
    match error {
        Error::InvalidCertificate(cause) => certificate(cause, is_proxied),
        Error::AlertReceived(alert) => said(*alert, client),
        Error::InvalidMessage(InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion) => {
            TransportError::tls_failure(TlsFailure::NotTls, "the server does not speak TLS on this port")
                .advise("is the address meant to begin with http://?")
        }
        Error::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13) => {
            TransportError::tls_failure(TlsFailure::Other, "the server speaks neither TLS 1.2 nor TLS 1.3")
        }
        other => TransportError::tls_failure(TlsFailure::Other, format!("TLS: {other}")),
    }
}

/// Why we do not take the server's certificate.
fn certificate(cause: &CertificateError, is_proxied: bool) -> TransportError {
    match cause {
        CertificateError::ExpiredContext { time, not_after } => TransportError::tls_failure(
            TlsFailure::Expired,
            format!(
                "the server's certificate, or its issuer's, expired at {}; it is {} here",
                date(*not_after),
                date(*time)
            ),
        ),
        CertificateError::NotValidYetContext { time, not_before } => TransportError::tls_failure(
            TlsFailure::NotYetValid,
            format!(
                "the server's certificate, or its issuer's, is not valid before {}; it is {} here",
                date(*not_before),
                date(*time)
            ),
        )
        .advise("is this machine's clock right?"),
        CertificateError::NotValidForNameContext { expected, presented } => {
            let expected = expected.to_str();
            let message = if presented.is_empty() {
                format!("the server's certificate has no subject alternative name, so it is not valid for '{expected}'")
            } else {
                let presented: Vec<_> = presented.iter().map(|name| plain_name(name)).collect();
                format!(
                    "the server's certificate is valid for '{}', but not for '{expected}'",
                    presented.join("', '")
                )
            };
            TransportError::tls_failure(TlsFailure::WrongName, message)
        }
        CertificateError::Other(other) => match other.0.downcast_ref::<Untrusted>() {
            Some(untrusted) if is_proxied => TransportError::tls_failure(
                TlsFailure::Intercepted,
                format!("{untrusted}; the proxy in between may open TLS"),
            ),
            Some(untrusted) => TransportError::tls_failure(TlsFailure::UnknownAuthority, untrusted.to_string()),
            None => refused(cause),
        },
        _ => refused(cause),
    }
}

fn refused(cause: &CertificateError) -> TransportError {
    TransportError::tls_failure(
        TlsFailure::Other,
        format!("the server's certificate cannot be used: {cause}"),
    )
}

/// webpki says `DnsName("a")` and `IpAddress(127.0.0.1)`.
fn plain_name(name: &str) -> &str {
    let inner = name.split_once('(').map_or(name, |(_, inner)| inner);
    inner.trim_end_matches(')').trim_matches('"')
}

/// What the server says (RFC 8446, 6.2). TLS 1.2 lacks a word for a missing certificate: Go's server says `handshake failure` or
/// `bad certificate` then.
fn said(alert: AlertDescription, client: Shown) -> TransportError {
    use AlertDescription as Alert;
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
                format!("the server refuses the client certificate: {}", spelled(alert)),
            )
        }
        Alert::UnrecognisedName => TransportError::tls_failure(
            TlsFailure::WrongName,
            "the server does not know the name it is asked for",
        ),
        Alert::ProtocolVersion => {
            TransportError::tls_failure(TlsFailure::Other, "the server speaks neither TLS 1.2 nor TLS 1.3")
        }
        other => TransportError::tls_failure(
            TlsFailure::Other,
            format!("the server refuses the TLS handshake: {}", spelled(other)),
        ),
    }
}

fn missing() -> TransportError {
    TransportError::tls_failure(
        TlsFailure::ClientCertificateMissing,
        "the server demands a client certificate",
    )
}

/// `UnknownCA` as RFC 8446 has it: `unknown ca`.
fn spelled(alert: AlertDescription) -> String {
    let name = format!("{alert:?}");
    let mut words = String::new();
    let mut before = 'A';
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && before.is_ascii_lowercase() {
            words.push(' ');
        }
        words.push(letter.to_ascii_lowercase());
        before = letter;
    }
    words
}

fn date(time: UnixTime) -> String {
    i64::try_from(time.as_secs())
        .ok()
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .and_then(|time| time.format(&Rfc3339).ok())
        .unwrap_or_else(|| format!("second {}", time.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_are_spelled_as_the_specification_spells_them() {
        assert_eq!(spelled(AlertDescription::UnknownCA), "unknown ca");
        assert_eq!(spelled(AlertDescription::CertificateRequired), "certificate required");
    }

    #[test]
    fn names_are_shown_without_their_type() {
        assert_eq!(plain_name("DnsName(\"vault.example\")"), "vault.example");
        assert_eq!(plain_name("IpAddress(127.0.0.1)"), "127.0.0.1");
        assert_eq!(plain_name("other"), "other");
    }

    #[test]
    fn a_missing_client_certificate_is_told_from_a_refused_one() {
        use AlertDescription as Alert;
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
            (Alert::HandshakeFailure, Certificate, TlsFailure::Other),
            (Alert::HandshakeFailure, Nothing, TlsFailure::Other),
            (Alert::UnrecognisedName, Nothing, TlsFailure::WrongName),
        ] {
            assert_eq!(said(alert, client).tls(), Some(expected), "{alert:?}");
        }
    }
}
