//! What went wrong with TLS, in words for a user.

use std::io;

use rustls::{Error, InvalidMessage, PeerIncompatible};

use super::{alert, reason};
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
    /// A certificate of the server is malformed, not meant for servers, or of a kind that is not supported.
    Unsuitable,
    /// The server demands a client certificate, and there is none.
    ClientCertificateMissing,
    /// The server does not like the client certificate.
    ClientCertificateRefused,
    /// The server speaks something else, plain HTTP most likely.
    NotTls,
    /// No version of TLS, no cipher, or nothing else that both sides know.
    NothingInCommon,
    /// Anything else.
    Other,
}

impl TlsFailure {
    /// Each of them, so that a table of remedies can be tested to be complete.
    pub const ALL: [Self; 11] = [
        Self::UnknownAuthority,
        Self::Intercepted,
        Self::Expired,
        Self::NotYetValid,
        Self::WrongName,
        Self::Unsuitable,
        Self::ClientCertificateMissing,
        Self::ClientCertificateRefused,
        Self::NotTls,
        Self::NothingInCommon,
        Self::Other,
    ];

    /// What helps whatever the program's options are, if anything does.
    pub fn advice(self) -> Option<&'static str> {
        match self {
            Self::Expired => Some("the server needs a new certificate, unless this machine's clock is wrong"),
            Self::NotYetValid => Some("is this machine's clock right?"),
            Self::NotTls => Some("is the address meant to begin with http://?"),
            Self::NothingInCommon => {
                Some("the server must offer TLS 1.3, or TLS 1.2 with ECDHE and AES-GCM or ChaCha20-Poly1305")
            }
            _ => None,
        }
    }
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
    let (failure, message) = match error {
        Error::InvalidCertificate(cause) => return reason::certificate(cause, is_proxied),
        Error::AlertReceived(alert) => return alert::said(*alert, client),
        Error::InvalidMessage(InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion) => {
            (TlsFailure::NotTls, "the server does not speak TLS on this port")
        }
        Error::PeerIncompatible(cause) => (TlsFailure::NothingInCommon, lacking(cause)),
        Error::NoCertificatesPresented => (TlsFailure::Unsuitable, "the server has no certificate"),
        Error::InvalidMessage(_) | Error::InappropriateMessage { .. } | Error::InappropriateHandshakeMessage { .. } => {
            (TlsFailure::Other, "what the server sends is no proper TLS")
        }
        Error::PeerMisbehaved(_) | Error::PeerSentOversizedRecord => (
            TlsFailure::Other,
            "the server does not keep to the rules of TLS, or something in between changes what is sent",
        ),
        Error::DecryptError => (
            TlsFailure::Other,
            "what the server sends cannot be decrypted: something in between changes it",
        ),
        Error::FailedToGetCurrentTime | Error::FailedToGetRandomBytes | Error::EncryptError => (
            TlsFailure::Other,
            "this machine lacks what TLS needs: a clock, or random numbers",
        ),
        // Of clients that are made otherwise than this one, and what later versions may add.
        _ => (TlsFailure::Other, "the TLS handshake failed"),
    };
    TransportError::tls_failure(failure, message)
}

/// What both sides would have to know.
fn lacking(cause: &PeerIncompatible) -> &'static str {
    use PeerIncompatible as Cause;
    match cause {
        Cause::ServerDoesNotSupportTls12Or13
        | Cause::ServerTlsVersionIsDisabledByOurConfig
        | Cause::Tls12NotOffered
        | Cause::Tls12NotOfferedOrEnabled
        | Cause::SupportedVersionsExtensionRequired => "the server speaks neither TLS 1.2 nor TLS 1.3",
        Cause::NoCipherSuitesInCommon => "the server knows none of the TLS ciphers that are offered",
        Cause::NoKxGroupsInCommon | Cause::NamedGroupsExtensionRequired | Cause::KeyShareExtensionRequired => {
            "the server knows none of the TLS key exchanges that are offered"
        }
        Cause::NoSignatureSchemesInCommon
        | Cause::NoCertificateRequestSignatureSchemesInCommon
        | Cause::SignatureAlgorithmsExtensionRequired => {
            "the server knows none of the TLS signatures that are offered, or does not take the client certificate's kind of key"
        }
        _ => "the server lacks a part of TLS that is demanded here",
    }
}

#[cfg(test)]
pub(super) mod tests {
    use snapline_failure::Fail as _;

    use super::*;

    /// A sentence for people: nothing that looks like code, and advice where no option of a program helps.
    pub(in crate::tls) fn assert_words(error: &TransportError) {
        let message = error.to_string();
        let is_code = |word: &str| {
            let inner: Vec<char> = word.chars().collect();
            inner
                .windows(2)
                .any(|pair| pair[0].is_lowercase() && pair[1].is_uppercase())
        };
        assert!(
            !message.contains(['{', '}', '_', '[', '"']) && !message.contains("::"),
            "{message}"
        );
        // serverAuth is what certificates call it.
        assert!(
            !message.split(' ').any(|word| is_code(word) && word != "serverAuth"),
            "{message}"
        );
        assert_eq!(error.hint(), error.tls().and_then(TlsFailure::advice), "{message}");
    }

    #[test]
    fn every_failure_of_tls_is_a_sentence() {
        use Error as Cause;
        use PeerIncompatible as Lacking;
        use rustls::{ContentType, PeerMisbehaved};
        let causes = [
            Cause::InappropriateMessage {
                expect_types: vec![ContentType::Handshake],
                got_type: ContentType::Alert,
            },
            Cause::InvalidMessage(InvalidMessage::MissingData("ServerHello")),
            Cause::InvalidMessage(InvalidMessage::InvalidContentType),
            Cause::NoCertificatesPresented,
            Cause::UnsupportedNameType,
            Cause::DecryptError,
            Cause::EncryptError,
            Cause::PeerMisbehaved(PeerMisbehaved::SelectedUnofferedCipherSuite),
            Cause::General("a".to_owned()),
            Cause::FailedToGetCurrentTime,
            Cause::FailedToGetRandomBytes,
            Cause::HandshakeNotComplete,
            Cause::PeerSentOversizedRecord,
            Cause::NoApplicationProtocol,
            Cause::BadMaxFragmentSize,
        ];
        let lacking = [
            Lacking::EcPointsExtensionRequired,
            Lacking::ExtendedMasterSecretExtensionRequired,
            Lacking::IncorrectCertificateTypeExtension,
            Lacking::KeyShareExtensionRequired,
            Lacking::NamedGroupsExtensionRequired,
            Lacking::NoCertificateRequestSignatureSchemesInCommon,
            Lacking::NoCipherSuitesInCommon,
            Lacking::NoEcPointFormatsInCommon,
            Lacking::NoKxGroupsInCommon,
            Lacking::NoSignatureSchemesInCommon,
            Lacking::NullCompressionRequired,
            Lacking::ServerDoesNotSupportTls12Or13,
            Lacking::ServerTlsVersionIsDisabledByOurConfig,
            Lacking::Tls12NotOffered,
            Lacking::UncompressedEcPointsRequired,
        ];
        for cause in causes.into_iter().chain(lacking.map(Cause::PeerIncompatible)) {
            let error = words(&cause, Shown::Nothing, false);
            assert_words(&error);
            assert!(error.tls().is_some(), "{error}");
        }
    }

    #[test]
    fn a_server_without_a_version_or_a_cipher_in_common_is_told_from_one_that_speaks_no_tls() {
        for (cause, expected, part) in [
            (
                Error::PeerIncompatible(PeerIncompatible::NoCipherSuitesInCommon),
                TlsFailure::NothingInCommon,
                "ciphers",
            ),
            (
                Error::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13),
                TlsFailure::NothingInCommon,
                "neither TLS 1.2 nor TLS 1.3",
            ),
            (
                Error::InvalidMessage(InvalidMessage::InvalidContentType),
                TlsFailure::NotTls,
                "does not speak TLS",
            ),
        ] {
            let error = words(&cause, Shown::Nothing, false);
            assert_eq!(error.tls(), Some(expected), "{error}");
            assert!(error.to_string().contains(part), "{error}");
        }
    }
}
