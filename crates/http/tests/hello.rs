//! What a server sees first of us: the ClientHello.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::io::Read as _;
use std::net::TcpListener;
use std::time::Duration;

use snapline_http::{Agent, Limits, Proxies, Settings, Tls};

/// Of `supported_groups` and of `signature_algorithms` (RFC 8446, 4.2).
const SUPPORTED_GROUPS: u16 = 10;
const SIGNATURE_ALGORITHMS: u16 = 13;
const KEY_SHARE: u16 = 51;

const X25519MLKEM768: u16 = 0x11ec;
const X25519: u16 = 0x001d;
const ECDSA_SECP521R1_SHA512: u16 = 0x0603;

fn number(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |number, byte| number << 8 | usize::from(*byte))
}

/// Takes a vector whose length stands before it in `width` bytes off the front.
fn vector<'a>(bytes: &mut &'a [u8], width: usize) -> &'a [u8] {
    let (length, rest) = bytes.split_at(width);
    let (vector, rest) = rest.split_at(number(length));
    *bytes = rest;
    vector
}

/// The extensions of the ClientHello that an agent with this configuration sends.
fn extensions(tls: Tls) -> Vec<(u16, Vec<u8>)> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("https://{}/", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut record = [0; 5];
        stream.read_exact(&mut record).unwrap();
        let mut hello = vec![0; number(&record[3..])];
        stream.read_exact(&mut hello).unwrap();
        hello
    });
    let agent = Agent::new(Settings {
        user_agent: "test".to_owned(),
        tls,
        proxies: Proxies::default(),
        connect: Duration::from_secs(10),
        connections: 1,
    });
    let request = http::Request::get(uri).body(()).unwrap();
    assert!(agent.send(request, Limits::default()).is_err());
    let hello = server.join().unwrap();
    // Type and length, version, random.
    let mut rest = &hello[4 + 2 + 32..];
    vector(&mut rest, 1); // legacy_session_id
    vector(&mut rest, 2); // cipher_suites
    vector(&mut rest, 1); // legacy_compression_methods
    let mut list = vector(&mut rest, 2);
    let mut extensions = Vec::new();
    while !list.is_empty() {
        let (kind, after) = list.split_at(2);
        list = after;
        let kind = u16::try_from(number(kind)).unwrap();
        extensions.push((kind, vector(&mut list, 2).to_vec()));
    }
    extensions
}

fn find(extensions: &[(u16, Vec<u8>)], kind: u16) -> &[u8] {
    &extensions.iter().find(|(found, _)| *found == kind).unwrap().1
}

/// The 16-bit codes in a list with its length before it.
fn codes(extensions: &[(u16, Vec<u8>)], kind: u16) -> Vec<u16> {
    let mut content = find(extensions, kind);
    let list = vector(&mut content, 2);
    list.chunks(2)
        .map(|code| u16::try_from(number(code)).unwrap())
        .collect()
}

#[test]
fn the_post_quantum_key_exchange_comes_first_and_with_its_key() {
    let extensions = extensions(Tls {
        skip_verify: true,
        ..Tls::default()
    });
    assert_eq!(codes(&extensions, SUPPORTED_GROUPS)[..2], [X25519MLKEM768, X25519]);
    let mut shares = find(&extensions, KEY_SHARE);
    let shares = vector(&mut shares, 2);
    // ML-KEM-768's encapsulation key and X25519's: servers that know it need no second round trip.
    assert_eq!(
        (number(&shares[..2]), number(&shares[2..4])),
        (usize::from(X25519MLKEM768), 1184 + 32)
    );
}

#[test]
fn signatures_on_p521_with_sha512_are_known() {
    let extensions = extensions(Tls::default());
    assert!(codes(&extensions, SIGNATURE_ALGORITHMS).contains(&ECDSA_SECP521R1_SHA512));
}
