//! Why a server's certificate is not taken, in words for a user.

use rustls::CertificateError;
use rustls::pki_types::UnixTime;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::failure::TlsFailure;
use super::verifier::{Untrusted, WeakKey};
use crate::TransportError;

/// As many names of a certificate are shown; some have hundreds.
const MOST_NAMES: usize = 8;

/// Algorithms of signatures that nobody should rely on any more, or that are not known here: the bytes of their object
/// identifiers.
const ALGORITHMS: [(&[u8], &str); 6] = [
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x04], "RSA with MD5"),
    (
        &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x05],
        "RSA with SHA-1",
    ),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01], "ECDSA with SHA-1"),
    (&[0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x03], "DSA with SHA-1"),
    (
        &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x02],
        "DSA with SHA-256",
    ),
    (&[0x2b, 0x65, 0x71], "Ed448"),
];

/// The failure for `cause`; `is_proxied` tells whether somebody in between may have opened TLS.
pub(super) fn certificate(cause: &CertificateError, is_proxied: bool) -> TransportError {
    use CertificateError as Cause;
    let (failure, message) = match cause {
        Cause::ExpiredContext { time, not_after } => (
            TlsFailure::Expired,
            format!(
                "the server's certificate, or its issuer's, expired at {}; it is {} here",
                date(*not_after),
                date(*time)
            ),
        ),
        Cause::Expired => (
            TlsFailure::Expired,
            "the server's certificate, or its issuer's, ends before it begins, or has expired".to_owned(),
        ),
        Cause::NotValidYetContext { time, not_before } => (
            TlsFailure::NotYetValid,
            format!(
                "the server's certificate, or its issuer's, is not valid before {}; it is {} here",
                date(*not_before),
                date(*time)
            ),
        ),
        Cause::NotValidYet => (
            TlsFailure::NotYetValid,
            "the server's certificate, or its issuer's, is not valid yet".to_owned(),
        ),
        Cause::NotValidForNameContext { expected, presented } => {
            wrong_name(&expected.to_str(), presented)
        }
        Cause::NotValidForName => (
            TlsFailure::WrongName,
            "the server's certificate is valid for other names".to_owned(),
        ),
        // A new authority of the same name, or a certificate that somebody altered.
        Cause::BadSignature => (
            TlsFailure::UnknownAuthority,
            "the server's certificate, or its issuer's, was not signed by the authority of that name, or by one whose key \
             is too short (RSA needs 2048 bits)"
                .to_owned(),
        ),
        Cause::UnknownIssuer => untrusted(&Untrusted { issuer: None }, is_proxied),
        Cause::Other(other) if other.0.is::<WeakKey>() => unsuitable(&other.to_string()),
        Cause::Other(other) => match (other.0.downcast_ref::<Untrusted>(), other.0.downcast_ref()) {
            (Some(cause), _) => untrusted(cause, is_proxied),
            (_, Some(cause)) => unsuitable(of_webpki(cause)),
            _ => unsuitable("it does not pass the check of certificates"),
        },
        cause => unsuitable(&of_rustls(cause)),
    };
    TransportError::tls_failure(failure, message)
}

fn untrusted(cause: &Untrusted, is_proxied: bool) -> (TlsFailure, String) {
    if is_proxied {
        let message = format!("{cause}; the proxy in between may open TLS");
        return (TlsFailure::Intercepted, message);
    }
    (TlsFailure::UnknownAuthority, cause.to_string())
}

fn unsuitable(cause: &str) -> (TlsFailure, String) {
    let message = format!("the server's certificate, or its issuer's, cannot be used: {cause}");
    (TlsFailure::Unsuitable, message)
}

/// The rest of what rustls distinguishes, with "it" for the certificate.
fn of_rustls(cause: &CertificateError) -> String {
    use CertificateError as Cause;
    match cause {
        Cause::BadEncoding => "it is malformed",
        Cause::Revoked => "it is revoked",
        Cause::UnhandledCriticalExtension => of_webpki(&webpki::Error::UnsupportedCriticalExtension),
        Cause::UnsupportedSignatureAlgorithmContext {
            signature_algorithm_id, ..
        } => {
            let known = ALGORITHMS.iter().find(|(oid, _)| {
                // An object identifier: its tag, its length, the bytes.
                signature_algorithm_id
                    .get(2..)
                    .is_some_and(|rest| rest.starts_with(oid))
            });
            let name = known.map_or("an algorithm that is not supported", |(_, name)| name);
            return format!("it is signed by {name}, and that is not taken any more or not known");
        }
        Cause::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "its signature is of another kind than its issuer's key"
        }
        Cause::InvalidPurpose | Cause::InvalidPurposeContext { .. } => {
            "it is not meant for servers: its extended key usage lacks serverAuth"
        }
        Cause::UnknownRevocationStatus
        | Cause::ExpiredRevocationList
        | Cause::ExpiredRevocationListContext { .. }
        | Cause::InvalidOcspResponse => "whether it is revoked cannot be found out",
        Cause::ApplicationVerificationFailure => "it does not pass the check of certificates",
        // Its algorithm is not supported, in the form of older versions; and what later versions may add.
        _ => "its kind is not supported",
    }
    .to_owned()
}

/// What webpki distinguishes and rustls does not.
fn of_webpki(cause: &webpki::Error) -> &'static str {
    use webpki::Error as Cause;
    match cause {
        Cause::UnsupportedCertVersion => {
            "it is of X.509 version 1 or 2, which have no subject alternative names (openssl x509 -req makes version 3 with \
             -extfile)"
        }
        Cause::CaUsedAsEndEntity => "it is an authority's, and nobody who is trusted has issued it",
        Cause::EndEntityUsedAsCa => "its issuer's certificate is not that of an authority",
        Cause::PathLenConstraintViolated => "an authority in its chain may not have other authorities below it",
        Cause::NameConstraintViolation => "an authority in its chain may not issue certificates for this name",
        Cause::EmptyEkuExtension => "its extended key usage is empty",
        Cause::UnsupportedCriticalExtension => "it demands something by a critical extension that is not known here",
        Cause::MalformedDnsIdentifier => "one of its names is no DNS name",
        Cause::InvalidSerialNumber => "its serial number is none that the standard allows",
        Cause::SignatureAlgorithmMismatch => "it names two different algorithms for its signature",
        Cause::MalformedExtensions | Cause::ExtensionValueInvalid => "one of its extensions is malformed",
        Cause::MalformedNameConstraint | Cause::InvalidNetworkMaskConstraint => {
            "the names that an authority in its chain may issue for are malformed"
        }
        Cause::MaximumPathDepthExceeded
        | Cause::MaximumPathBuildCallsExceeded
        | Cause::MaximumSignatureChecksExceeded
        | Cause::MaximumNameConstraintComparisonsExceeded => "its chain is too long or too tangled",
        Cause::UnsupportedNameType => "it has a kind of name that is not known here",
        Cause::CertDistrusted => "an authority in its chain is not trusted any more",
        // What rustls passes on in its own terms, what is about revocation lists, and what later versions may add.
        _ => "it does not pass the check of certificates",
    }
}

fn wrong_name(expected: &str, presented: &[String]) -> (TlsFailure, String) {
    let names: Vec<_> = presented.iter().filter_map(|name| plain_name(name)).collect();
    if names.is_empty() {
        let lacking = if presented.is_empty() {
            "has no subject alternative name"
        } else {
            "has neither a DNS name nor an IP address among its subject alternative names"
        };
        // No name that could be expected instead is in it.
        let message = format!("the server's certificate {lacking}, so it is not valid for '{expected}'");
        return (TlsFailure::Unsuitable, message);
    }
    let shown = names.iter().take(MOST_NAMES).copied().collect::<Vec<_>>().join("', '");
    let more = match names.len().saturating_sub(MOST_NAMES) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let message = format!("the server's certificate is valid for '{shown}'{more}, but not for '{expected}'");
    (TlsFailure::WrongName, message)
}

/// webpki says `DnsName("a")` and `IpAddress(127.0.0.1)`; other kinds of name are none of a server.
fn plain_name(name: &str) -> Option<&str> {
    let inner = name
        .strip_prefix("DnsName(")
        .or_else(|| name.strip_prefix("IpAddress("))?;
    Some(inner.trim_end_matches(')').trim_matches('"'))
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
    use std::sync::Arc;

    use rustls::OtherError;
    use rustls::pki_types::ServerName;

    use super::*;
    use crate::tls::failure::tests::assert_words;

    fn named(names: &[&str]) -> CertificateError {
        CertificateError::NotValidForNameContext {
            expected: ServerName::try_from("vault.example").unwrap(),
            presented: names.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    /// Every reason of rustls, and every one of webpki that it does not put into its own terms.
    fn all() -> Vec<CertificateError> {
        use CertificateError as Cause;
        use webpki::Error as Inner;
        let time = UnixTime::since_unix_epoch(std::time::Duration::from_secs(1_800_000_000));
        let signed_by = |oid: &[u8]| Cause::UnsupportedSignatureAlgorithmContext {
            signature_algorithm_id: [&[6, u8::try_from(oid.len()).unwrap()], oid].concat(),
            supported_algorithms: Vec::new(),
        };
        let own = [
            Cause::BadEncoding,
            Cause::Expired,
            Cause::ExpiredContext { time, not_after: time },
            Cause::NotValidYet,
            Cause::NotValidYetContext { time, not_before: time },
            Cause::Revoked,
            Cause::UnhandledCriticalExtension,
            Cause::UnknownIssuer,
            Cause::UnknownRevocationStatus,
            Cause::ExpiredRevocationList,
            Cause::ExpiredRevocationListContext {
                time,
                next_update: time,
            },
            Cause::BadSignature,
            signed_by(ALGORITHMS[1].0),
            signed_by(&[1, 2, 3]),
            Cause::UnsupportedSignatureAlgorithmForPublicKeyContext {
                signature_algorithm_id: vec![1],
                public_key_algorithm_id: vec![2],
            },
            Cause::NotValidForName,
            named(&[]),
            named(&["DnsName(\"a.example\")", "IpAddress(127.0.0.1)", "DirectoryName"]),
            named(&["DirectoryName", "Unsupported(0)"]),
            Cause::InvalidPurpose,
            Cause::InvalidPurposeContext {
                required: rustls::ExtendedKeyPurpose::ServerAuth,
                presented: vec![rustls::ExtendedKeyPurpose::ClientAuth],
            },
            Cause::InvalidOcspResponse,
            Cause::ApplicationVerificationFailure,
            Cause::Other(OtherError(Arc::new(Untrusted {
                issuer: Some("Root".to_owned()),
            }))),
            Cause::Other(OtherError(Arc::new(WeakKey { bits: 1024 }))),
            Cause::Other(OtherError(Arc::new(std::fmt::Error))),
        ];
        let inner = [
            Inner::CaUsedAsEndEntity,
            Inner::CertDistrusted,
            Inner::EmptyEkuExtension,
            Inner::EndEntityUsedAsCa,
            Inner::ExtensionValueInvalid,
            Inner::InvalidCrlNumber,
            Inner::InvalidNetworkMaskConstraint,
            Inner::InvalidSerialNumber,
            Inner::MalformedDnsIdentifier,
            Inner::MalformedExtensions,
            Inner::MalformedNameConstraint,
            Inner::MaximumNameConstraintComparisonsExceeded,
            Inner::MaximumPathBuildCallsExceeded,
            Inner::MaximumPathDepthExceeded,
            Inner::MaximumSignatureChecksExceeded,
            Inner::NameConstraintViolation,
            Inner::PathLenConstraintViolated,
            Inner::SignatureAlgorithmMismatch,
            Inner::UnsupportedCertVersion,
            Inner::UnsupportedCriticalExtension,
            Inner::UnsupportedCrlIssuingDistributionPoint,
            Inner::UnsupportedCrlVersion,
            Inner::UnsupportedDeltaCrl,
            Inner::UnsupportedIndirectCrl,
            Inner::UnsupportedNameType,
            Inner::UnsupportedRevocationReason,
            Inner::UnsupportedRevocationReasonsPartitioning,
        ];
        let inner = inner.map(|cause| Cause::Other(OtherError(Arc::new(cause))));
        own.into_iter().chain(inner).collect()
    }

    #[test]
    fn every_reason_is_a_sentence_and_of_a_kind_that_has_a_remedy() {
        for cause in all() {
            for is_proxied in [false, true] {
                let error = certificate(&cause, is_proxied);
                assert_words(&error);
                assert!(error.to_string().contains("certificate"), "{error}");
                assert_ne!(error.tls(), Some(TlsFailure::Other), "{error}");
            }
        }
    }

    #[test]
    fn names_are_shown_without_their_type_and_only_so_many() {
        let says = |cause: &CertificateError| certificate(cause, false).to_string();
        let shown = says(&named(&[
            "DnsName(\"a.example\")",
            "DirectoryName",
            "IpAddress(127.0.0.1)",
        ]));
        assert!(
            shown.contains("valid for 'a.example', '127.0.0.1', but not for 'vault.example'"),
            "{shown}"
        );
        let many: Vec<_> = (0..20).map(|number| format!("DnsName(\"{number}.example\")")).collect();
        let many: Vec<_> = many.iter().map(String::as_str).collect();
        let shown = says(&named(&many));
        assert!(
            shown.contains("'7.example' and 12 more") && !shown.contains("8.example'"),
            "{shown}"
        );
        assert!(says(&named(&[])).contains("has no subject alternative name"));
    }

    #[test]
    fn an_algorithm_of_old_is_named() {
        let rsa = [&[6, 9][..], ALGORITHMS[1].0, &[5, 0]].concat();
        let cause = CertificateError::UnsupportedSignatureAlgorithmContext {
            signature_algorithm_id: rsa,
            supported_algorithms: Vec::new(),
        };
        assert!(certificate(&cause, false).to_string().contains("RSA with SHA-1"));
    }
}
