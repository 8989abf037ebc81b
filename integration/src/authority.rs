//! Certificate authorities that live as long as a test.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use time::{Duration, OffsetDateTime};

/// An authority.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate and its key, in PEM.
pub struct Pair {
    /// The certificate.
    pub certificate: String,
    /// The key, in PKCS #8.
    pub key: String,
}

/// When a certificate is valid.
#[derive(Clone, Copy, Debug)]
pub enum Validity {
    /// From yesterday to tomorrow.
    Now,
    /// It ended yesterday.
    Over,
    /// It begins tomorrow.
    NotYet,
}

impl Authority {
    /// One with this common name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::new([]).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("a key");
        Self {
            issuer: CertifiedIssuer::self_signed(params, key).expect("an authority"),
        }
    }

    /// Its own certificate in PEM.
    pub fn certificate(&self) -> String {
        self.issuer.pem()
    }

    /// A certificate that an authority's name and its own key stand under, as `openssl req -x509` makes it: the server shows it,
    /// and its clients trust it.
    #[must_use]
    pub fn of_itself(names: &[&str], validity: Validity) -> Pair {
        let mut params = params(names, validity);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Pair {
            certificate: params.self_signed(&key).expect("a certificate").pem(),
            key: key.serialize_pem(),
        }
    }

    /// A certificate for servers with these names, which may be IP addresses.
    #[must_use]
    pub fn server(&self, names: &[&str], validity: Validity) -> Pair {
        self.issue(names, validity, ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// A certificate for a client.
    #[must_use]
    pub fn client(&self, name: &str) -> Pair {
        self.issue(&[name], Validity::Now, ExtendedKeyUsagePurpose::ClientAuth)
    }

    fn issue(&self, names: &[&str], validity: Validity, usage: ExtendedKeyUsagePurpose) -> Pair {
        let mut params = params(names, validity);
        params.extended_key_usages = vec![usage];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        Pair {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        }
    }
}

fn params(names: &[&str], validity: Validity) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("names");
    params.distinguished_name.push(DnType::CommonName, "snapline test");
    let day = Duration::days(1);
    let now = OffsetDateTime::now_utc();
    (params.not_before, params.not_after) = match validity {
        Validity::Now => (now - day, now + day),
        Validity::Over => (now - day * 2, now - day),
        Validity::NotYet => (now + day, now + day * 2),
    };
    params
}
