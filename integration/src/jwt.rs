//! An issuer of JSON Web Tokens with a key pair of its own, signed with ES256 (RFC 7515, RFC 7518 3.4).

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use time::OffsetDateTime;

/// What stands before the point in a SubjectPublicKeyInfo of a key on P-256 (RFC 5480, 2): algorithm id-ecPublicKey, curve
/// secp256r1, a bit string of 65 bytes.
const PUBLIC_KEY_HEAD: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// Who signs.
pub struct Issuer {
    key: EcdsaKeyPair,
    random: SystemRandom,
}

impl Issuer {
    /// One with a new key pair.
    #[must_use]
    pub fn new() -> Self {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("make a key pair");
        let key = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref()).expect("read the own key pair");
        Self { key, random }
    }

    /// The public key as PEM, for who checks.
    pub fn public_key(&self) -> String {
        let whole = [&PUBLIC_KEY_HEAD, self.key.public_key().as_ref()].concat();
        let text = STANDARD.encode(whole);
        format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n{}\n-----END PUBLIC KEY-----\n",
            &text[..64],
            &text[64..]
        )
    }

    /// A token with these claims.
    pub fn sign(&self, claims: &Value) -> String {
        let head = json!({"alg": "ES256", "typ": "JWT"});
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&head), part(claims));
        let signature = self.key.sign(&self.random, signed.as_bytes()).expect("sign");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

impl Default for Issuer {
    fn default() -> Self {
        Self::new()
    }
}

/// A time as claims have it, so many seconds from now.
pub fn in_seconds(seconds: i64) -> i64 {
    OffsetDateTime::now_utc().unix_timestamp() + seconds
}
