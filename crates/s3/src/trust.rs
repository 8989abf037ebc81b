//! Which option helps against which TLS failure.

use snapline_failure::Fail as _;
use snapline_http::{TlsFailure, TransportError};

/// What a user may do about it.
pub(crate) fn hint(error: &TransportError) -> Option<&str> {
    error.tls().and_then(remedy).or_else(|| error.hint())
}

fn remedy(failure: TlsFailure) -> Option<&'static str> {
    let remedy = match failure {
        TlsFailure::UnknownAuthority => {
            "--ca-bundle (AWS_CA_BUNDLE) names a PEM file with the authority of the store's certificate"
        }
        TlsFailure::Intercepted => {
            "--ca-bundle (AWS_CA_BUNDLE) names a PEM file with the proxy's authority; or list the store in NO_PROXY"
        }
        TlsFailure::WrongName => {
            "is --endpoint-url right? A bucket with dots, or a store without wildcard, wants --addressing-style path"
        }
        TlsFailure::Unsuitable => {
            "the store needs another certificate; until then, --no-verify-ssl looks at none, and anyone on the way can read and \
             change everything"
        }
        TlsFailure::ClientCertificateMissing | TlsFailure::ClientCertificateRefused => {
            "certificates of clients are not supported with a store: is --endpoint-url the one for access keys?"
        }
        TlsFailure::NotTls => "does --endpoint-url have to begin with http://?",
        _ => return failure.advice(),
    };
    Some(remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_of_tls_that_has_a_name_has_a_remedy() {
        for failure in TlsFailure::ALL {
            let is_named = failure != TlsFailure::Other;
            assert_eq!(remedy(failure).is_some(), is_named, "{failure:?}");
        }
    }
}
