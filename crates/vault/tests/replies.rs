//! Responses as servers and proxies really send them.

#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "support/scripted.rs"]
mod scripted;

use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use scripted::{Server, begin, chunks, end, reply, send};
use snapline_vault::{AppRole, Client, Mount, Options, Revocation, Secret, SecretId, Settings, Snapshot, Upload};

const LOGIN: &str = r#"{"auth":{"client_token":"hvs.new","policies":["p"],"lease_duration":900}}"#;
const START: Duration = Duration::from_secs(20);

const INTERIM: [&str; 6] = [
    "100 Continue\r\n\r\n",
    "100 Continue\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n\r\n",
    "102 Processing\r\n\r\n",
    "102 Processing\r\nServer: x\r\n\r\n",
    "103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n",
    "199 Own\r\nA: b\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
];

fn client(address: &str) -> Client {
    let options = Options {
        addresses: vec![address.to_owned()],
        timeout: Some(Duration::from_secs(10)),
        max_retries: Some(0),
        ..Options::default()
    };
    Client::new(Settings::new(&options, &|_| None, "test/1").unwrap())
}

fn token() -> Secret {
    Secret::token("hvs.secret").unwrap()
}

fn get(address: &str, start: Duration) -> Result<Snapshot, snapline_vault::Error> {
    let client = client(address);
    client.snapshot(Some(&token()), start, &mut client.tries())
}

fn read_all(mut snapshot: Snapshot) -> Vec<u8> {
    let mut all = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match snapshot.read(&mut buffer).unwrap() {
            0 => return all,
            count => all.extend_from_slice(&buffer[..count]),
        }
    }
}

fn log_in(address: &str) -> Result<String, snapline_vault::Error> {
    let role = AppRole {
        mount: Mount::new("approle", "--path").unwrap(),
        role_id: Secret::id("the-role").unwrap(),
        secret_id: SecretId::Plain(Secret::id("the-secret").unwrap()),
    };
    role.log_in(&client(address), None)
        .map(|login| login.token.reveal().to_owned())
}

/// `text` in pieces, each with a packet of its own.
fn dribble(stream: &mut TcpStream, text: &str) {
    for piece in text.as_bytes().chunks(7) {
        send(stream, piece);
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn interim_responses_are_skipped_whatever_header_lines_they_have() {
    for interim in INTERIM {
        for slow in [false, true] {
            let text = format!("HTTP/1.1 {interim}");
            let say = move |stream: &mut TcpStream| {
                if slow {
                    dribble(stream, &text);
                } else {
                    send(stream, &text);
                }
            };
            let before_login = say.clone();
            let server = Server::start(move |_, _, stream| {
                before_login(stream);
                reply(stream, "200 OK", "", LOGIN);
            });
            assert_eq!(log_in(&server.url).unwrap(), "hvs.new", "{interim}");
            let server = Server::start(move |_, _, stream| {
                say(stream);
                begin(stream);
                // No matter what a body looks like.
                chunks(stream, b"HTTP/1.1 100 Continue\r\n\r\narchive");
                end(stream);
            });
            let archive = read_all(get(&server.url, START).unwrap());
            assert_eq!(archive, b"HTTP/1.1 100 Continue\r\n\r\narchive", "{interim}");
        }
    }
}

#[test]
fn interim_responses_and_nothing_else_do_not_outlast_the_limit() {
    let server = Server::start(|_, _, stream| {
        for _ in 0..100 {
            send(stream, "HTTP/1.1 102 Processing\r\nA: b\r\n\r\n");
            std::thread::sleep(Duration::from_millis(100));
        }
    });
    let start = Instant::now();
    let error = get(&server.url, Duration::from_secs(1)).unwrap_err();
    assert!(
        start.elapsed() < Duration::from_secs(4),
        "{error} {:?}",
        start.elapsed()
    );
}

#[test]
fn an_archive_is_sent_when_it_is_asked_for_and_not_before() {
    for interim in INTERIM {
        let server = Server::start_at_head(
            move |_, stream| {
                send(stream, format!("HTTP/1.1 {interim}"));
                if !interim.starts_with("100") {
                    // Whatever else comes first asks for nothing.
                    stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
                    let early = stream.peek(&mut [0; 1]);
                    assert!(early.is_err(), "{interim} {early:?}");
                    stream.set_read_timeout(None).unwrap();
                    send(stream, "HTTP/1.1 100 Continue\r\nA: b\r\n\r\n");
                }
                true
            },
            |_, _, stream| reply(stream, "204 No Content", "", ""),
        );
        let client = client(&server.url);
        let mut source = std::io::Cursor::new(b"archive");
        let mut upload = Upload::new(&mut source, 7, START);
        let sent = client.restore(Some(&token()), &mut upload, false, &mut client.tries());
        sent.unwrap_or_else(|(error, _)| panic!("{interim}: {error}"));
        assert_eq!(server.seen()[0].body, "archive", "{interim}");
    }
}

#[test]
fn a_reply_that_ends_with_the_connection_is_taken() {
    for version in ["1.0", "1.1"] {
        let server = Server::start(move |_, _, stream| {
            send(
                stream,
                format!("HTTP/{version} 200 OK\r\nConnection: close\r\n\r\narchive"),
            );
        });
        assert_eq!(read_all(get(&server.url, START).unwrap()), b"archive");
        let server = Server::start(move |_, _, stream| send(stream, format!("HTTP/{version} 200 OK\r\n\r\n{LOGIN}")));
        assert_eq!(log_in(&server.url).unwrap(), "hvs.new");
    }
}

#[test]
fn a_post_without_a_body_says_that_it_has_none() {
    let server = Server::start(|_, _, stream| reply(stream, "204 No Content", "", ""));
    Revocation::new(Arc::new(client(&server.url)), token(), None).revoke(START);
    let seen = server.seen().remove(0);
    assert_eq!(seen.line, "POST /v1/auth/token/revoke-self");
    assert_eq!(seen.header("content-length"), Some("0"));
    assert_eq!(seen.header("transfer-encoding"), None);
}

#[test]
fn an_error_that_dribbles_obeys_the_limit_and_is_shown_as_far_as_it_came() {
    let server = Server::start(|_, _, stream| {
        send(
            stream,
            "HTTP/1.1 403 Forbidden\r\nContent-Length: 10000\r\n\r\npermission denied",
        );
        for _ in 0..200 {
            send(stream, ".");
            std::thread::sleep(Duration::from_millis(100));
        }
    });
    let start = Instant::now();
    let error = get(&server.url, Duration::from_secs(2)).unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert!(error.to_string().contains("status 403: permission denied."), "{error}");
}
