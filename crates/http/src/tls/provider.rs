//! The cryptography below TLS: aws-lc-rs, and what of it is offered.

use std::sync::{Arc, OnceLock};

use rustls::crypto::aws_lc_rs::{self, kx_group};
use rustls::crypto::{CryptoProvider, SupportedKxGroup};

/// Key exchanges, the preferred one first. It is a hybrid with ML-KEM (draft-ietf-tls-ecdhe-mlkem): what is recorded today
/// stays closed to a quantum computer. Servers that do not know it take the next one in the same round trip.
const KEY_EXCHANGES: [&dyn SupportedKxGroup; 4] = [
    kx_group::X25519MLKEM768,
    kx_group::X25519,
    kx_group::SECP256R1,
    kx_group::SECP384R1,
];

/// The one provider of this program. It is named wherever rustls takes one: rustls panics where it would have to choose
/// between several, and another crate may bring a second one along.
pub(super) fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    let provider = PROVIDER.get_or_init(|| {
        Arc::new(CryptoProvider {
            kx_groups: KEY_EXCHANGES.to_vec(),
            ..aws_lc_rs::default_provider()
        })
    });
    Arc::clone(provider)
}
