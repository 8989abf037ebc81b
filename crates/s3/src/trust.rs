//! Which option helps against which TLS failure.

use snapline_failure::Fail as _;
use snapline_http::{TlsFailure, TransportError};

/// What a user may do about it.
pub(crate) fn hint(error: &TransportError) -> Option<&str> {
    let hint = match error.tls() {
        Some(TlsFailure::UnknownAuthority) => {
            "--ca-bundle (AWS_CA_BUNDLE) names a PEM file with the authority of the store's certificate"
        }
        Some(TlsFailure::Intercepted) => {
            "--ca-bundle (AWS_CA_BUNDLE) names a PEM file with the proxy's authority; or list the store in NO_PROXY"
        }
        Some(TlsFailure::WrongName) => {
            "is --endpoint-url right? A bucket with dots, or a store without wildcard, wants --addressing-style path"
        }
        Some(TlsFailure::NotTls) => "does --endpoint-url have to begin with http://?",
        _ => return error.hint(),
    };
    Some(hint)
}
