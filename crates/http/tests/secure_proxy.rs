//! Through a proxy that speaks TLS itself: what holds for the server does not hold for it.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use snapline_http::{Agent, Fail as _, Identity, Kind, Limits, Proxies, Roots, Settings, Tls, TransportError};

type Issuer = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str) -> Issuer {
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate for `name`, and its key, in PEM.
fn pair(name: &str, issuer: &Issuer) -> (String, String) {
    let params = CertificateParams::new([name.to_owned()]).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, issuer).unwrap();
    (certificate.pem(), key.serialize_pem())
}

/// A server called `name`, which asks for a client certificate and takes any of `issuer`, and none.
fn server(name: &str, issuer: &Issuer) -> Arc<ServerConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(issuer.der().clone()).unwrap();
    let verifier = WebPkiClientVerifier::builder(Arc::new(roots));
    let verifier = verifier.allow_unauthenticated().build().unwrap();
    let (certificate, key) = pair(name, issuer);
    let chain = Roots::read(certificate.as_bytes(), "a test").unwrap();
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let config = ServerConfig::builder().with_client_cert_verifier(verifier);
    Arc::new(config.with_single_cert(chain, key).unwrap())
}

/// The head of a request, of which `stream` brings nothing more yet.
fn head(stream: &mut impl Read) -> String {
    let mut reader = BufReader::with_capacity(1, stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(reader.read_line(&mut head).unwrap() > 0, "{head}");
    }
    head
}

/// The heads of the requests, and whether there was a client certificate.
type Seen = Vec<(String, bool)>;

/// A proxy called `localhost`, and behind it `behind`, if that is to be reached through it.
fn proxy(outer: Arc<ServerConfig>, behind: Option<Arc<ServerConfig>>) -> (String, JoinHandle<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let thread = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut stream = StreamOwned::new(ServerConnection::new(outer).unwrap(), stream);
        let mut seen = vec![(head(&mut stream), stream.conn.peer_certificates().is_some())];
        let Some(behind) = behind else {
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
            return seen;
        };
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
        stream.flush().unwrap();
        let mut inner = StreamOwned::new(ServerConnection::new(behind).unwrap(), stream);
        seen.push((head(&mut inner), inner.conn.peer_certificates().is_some()));
        inner.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
        seen
    });
    (url, thread)
}

fn send(url: &str, proxy: &str, tls: Tls) -> Result<u16, TransportError> {
    let agent = Agent::new(Settings {
        user_agent: "test/1".to_owned(),
        tls,
        proxies: Proxies::always(proxy, "a test").unwrap(),
        connect: Duration::from_secs(10),
        connections: 0,
    });
    let request = http::Request::get(url).body(()).unwrap();
    let response = agent.send(request, Limits::default())?;
    Ok(response.status().as_u16())
}

/// What a user sets for the server alone.
fn settings(issuer: &Issuer) -> Tls {
    let (certificate, key) = pair("a client", issuer);
    Tls {
        roots: Roots::from_pem(issuer.pem().as_bytes(), "a test").unwrap(),
        identity: Some(Identity::from_pem(certificate.as_bytes(), "a test", key.as_bytes(), "a test").unwrap()),
        server_name: Some("vault.internal".to_owned()),
        skip_verify: false,
    }
}

#[test]
fn the_servers_name_and_the_client_certificate_are_not_for_the_proxy() {
    let issuer = authority("an authority");
    let (url, thread) = proxy(server("localhost", &issuer), Some(server("vault.internal", &issuer)));
    assert_eq!(
        send("https://vault.test:8200/v1/x", &url, settings(&issuer)).unwrap(),
        204
    );
    let seen = thread.join().unwrap();
    assert!(
        seen[0].0.starts_with("CONNECT vault.test:8200 HTTP/1.1\r\n"),
        "{seen:?}"
    );
    assert!(!seen[0].1, "the proxy was shown the client certificate");
    assert!(seen[1].0.starts_with("GET /v1/x HTTP/1.1\r\n"), "{seen:?}");
    assert!(seen[1].1, "the server was not shown it");
}

#[test]
fn plain_http_is_forwarded_over_tls_to_the_proxy() {
    let issuer = authority("an authority");
    let (url, thread) = proxy(server("localhost", &issuer), None);
    assert_eq!(
        send("http://vault.test:8200/v1/x", &url, settings(&issuer)).unwrap(),
        204
    );
    let seen = thread.join().unwrap();
    let line = "GET http://vault.test:8200/v1/x HTTP/1.1\r\n";
    assert!(seen[0].0.starts_with(line), "{seen:?}");
    assert!(!seen[0].1, "the proxy was shown the client certificate");
}

#[test]
fn a_proxy_whose_certificate_is_not_trusted_is_named() {
    let (issuer, other) = (authority("an authority"), authority("another"));
    let (url, _thread) = proxy(server("localhost", &other), None);
    let error = send("https://vault.test:8200/v1/x", &url, settings(&issuer)).unwrap_err();
    assert_eq!(error.kind(), Kind::Config);
    let place = format!("connect to the proxy '{url}': ");
    assert!(error.to_string().starts_with(&place), "{error}");
    assert!(error.to_string().contains("unknown authority"), "{error}");
}
