//! Certificates of all kinds, and servers that show them.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SignatureAlgorithm,
};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion};
use snapline_http::{Agent, Limits, Proxies, Settings, Tls, TransportError};

/// The name of every server here.
pub(crate) const NAME: &str = "localhost";

/// What a certificate says of itself.
pub(crate) struct Draft {
    pub(crate) params: CertificateParams,
    pub(crate) kind: &'static SignatureAlgorithm,
}

impl Draft {
    /// Of a server.
    pub(crate) fn server() -> Self {
        let mut params = CertificateParams::new([NAME.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, "a server");
        Self {
            params,
            kind: &PKCS_ECDSA_P256_SHA256,
        }
    }

    /// Of an authority with this name.
    pub(crate) fn authority(name: &str) -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let draft = Self {
            params,
            kind: &PKCS_ECDSA_P256_SHA256,
        };
        draft.that_may_sign()
    }

    /// With the CA flag.
    pub(crate) fn that_may_sign(mut self) -> Self {
        self.params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        self
    }

    /// For these purposes alone.
    pub(crate) fn only_for(mut self, purpose: ExtendedKeyUsagePurpose) -> Self {
        self.params.extended_key_usages = vec![purpose];
        self
    }

    pub(crate) fn key(mut self, kind: &'static SignatureAlgorithm) -> Self {
        self.kind = kind;
        self
    }

    /// Signed by itself.
    pub(crate) fn alone(self) -> CertifiedIssuer<'static, KeyPair> {
        let key = KeyPair::generate_for(self.kind).unwrap();
        CertifiedIssuer::self_signed(self.params, key).unwrap()
    }

    /// Signed by an authority.
    pub(crate) fn by(self, issuer: &CertifiedIssuer<'static, KeyPair>) -> CertifiedIssuer<'static, KeyPair> {
        let key = KeyPair::generate_for(self.kind).unwrap();
        CertifiedIssuer::signed_by(self.params, key, issuer).unwrap()
    }
}

/// A server's chain in DER, and its key.
pub(crate) fn shown(
    server: &CertifiedIssuer<'static, KeyPair>,
    others: &[&CertifiedIssuer<'static, KeyPair>],
) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let chain = std::iter::once(&server)
        .chain(others)
        .map(|one| one.der().clone())
        .collect();
    let key = PrivateKeyDer::from_pem_slice(server.key().serialize_pem().as_bytes()).unwrap();
    (chain, key)
}

/// One request over TLS to a server that shows this chain, which need not be one of certificates.
pub(crate) fn request(
    (chain, key): (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>),
    versions: &[&'static SupportedProtocolVersion],
    tls: Tls,
) -> Result<u16, TransportError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let key = provider.key_provider.load_private_key(key).unwrap();
    let resolver = SingleCertAndKey::from(CertifiedKey::new(chain, key));
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(resolver));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("https://{NAME}:{}/", listener.local_addr().unwrap().port());
    let server = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let connection = ServerConnection::new(Arc::new(config)).unwrap();
        let mut stream = StreamOwned::new(connection, stream);
        // A client that refuses us says so instead.
        if stream.read(&mut [0; 4096]).is_ok() {
            let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n");
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
    });
    let agent = Agent::new(Settings {
        user_agent: "test".to_owned(),
        tls,
        proxies: Proxies::default(),
        connect: Duration::from_secs(10),
        connections: 1,
    });
    let result = agent.send(http::Request::get(uri).body(()).unwrap(), Limits::default());
    server.join().unwrap();
    result.map(|reply| reply.status().as_u16())
}
