//! Nodes that are of no use, and the next one.

#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "support/scripted.rs"]
mod scripted;

use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use scripted::{Server, closed, reply, send};
use snapline_failure::Fail as _;
use snapline_http::Kind;
use snapline_vault::{AppRole, Client, Error, Mount, Options, Secret, SecretId, Settings};

const SNAPSHOT: &str = "/v1/sys/storage/raft/snapshot";
const LOGIN: &str = r#"{"auth":{"client_token":"hvs.new","policies":["p"],"lease_duration":900}}"#;

fn client(addresses: &[&str], timeout: Duration, max_retries: u32) -> Client {
    let options = Options {
        addresses: addresses.iter().map(|address| (*address).to_owned()).collect(),
        timeout: Some(timeout),
        max_retries: Some(max_retries),
        ..Options::default()
    };
    Client::new(Settings::new(&options, &|_| None, "test/1").unwrap())
}

fn log_in(client: &Client) -> Result<(), Error> {
    let role = AppRole {
        mount: Mount::new("approle", "--path").unwrap(),
        role_id: Secret::id("the-role").unwrap(),
        secret_id: SecretId::Plain(Secret::id("the-secret").unwrap()),
    };
    role.log_in(client, None).map(|_| ())
}

fn get(client: &Client) -> Result<(), Error> {
    let token = Secret::token("hvs.secret").unwrap();
    client
        .snapshot(Some(&token), Duration::from_secs(20), &mut client.tries())
        .map(|_| ())
}

/// A node that does as it should.
fn healthy() -> Server {
    Server::start(|_, _, stream| reply(stream, "200 OK", "", LOGIN))
}

fn answering(status: &'static str, head: &'static str, body: &'static str) -> String {
    Server::start(move |_, _, stream| reply(stream, status, head, body)).url
}

/// An address that swallows packets, for as long as the sockets live: a listener whose queue is full.
fn swallowing() -> (String, TcpListener, Vec<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.3:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut held = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
        held.push(stream);
    }
    (format!("http://{address}"), listener, held)
}

const TEN: Duration = Duration::from_secs(10);

#[test]
fn a_failure_before_the_request_leads_to_the_next_address_whatever_its_number() {
    for address in [
        // Nobody has this name.
        "http://vault-1.invalid:8200",
        // EINVAL, or EAFNOSUPPORT or EADDRNOTAVAIL where there is no IPv6.
        "http://[fe80::1]:8200",
        // ENETUNREACH or EACCES.
        "http://255.255.255.255:8200",
        &closed(),
    ] {
        let next = healthy();
        let both = client(&[address, &next.url], TEN, 0);
        log_in(&both).unwrap_or_else(|error| panic!("{address}: {error}"));
        let both = client(&[address, &next.url], TEN, 0);
        get(&both).unwrap_or_else(|error| panic!("{address}: {error}"));
        let error = log_in(&client(&[address], TEN, 0)).unwrap_err();
        assert_eq!(error.kind(), Kind::Unavailable, "{error}");
        assert!(error.is_transient() && error.to_string().contains(address), "{error}");
    }
}

#[test]
fn a_node_that_swallows_packets_has_got_nothing_however_short_the_limit() {
    let (dead, _listener, _held) = swallowing();
    let next = healthy();
    let limit = Duration::from_millis(700);
    // The limit is each request's.
    log_in(&client(&[&dead, &next.url], limit, 0)).unwrap();
    let error = log_in(&client(&[&dead], limit, 0)).unwrap_err();
    assert!(error.to_string().contains("no connection in time"), "{error}");
    assert!(error.is_transient(), "{error}");
}

#[test]
fn whatever_makes_a_node_useless_leads_to_the_next_one() {
    let circle = Server::start(|seen, _, stream| {
        let host = seen.header("host").unwrap();
        let path = seen.line.split(' ').nth(1).unwrap();
        let head = format!("Location: http://{host}{path}\r\n");
        reply(stream, "307 Temporary Redirect", &head, "");
    });
    let not_tls = healthy().url.replace("http://", "https://");
    // Each with whether a login may go on, too.
    let nodes = [
        (answering("429 x", "", ""), true),
        (answering("472 x", "", ""), true),
        (answering("473 x", "", ""), true),
        (answering("500 x", "", ""), false),
        (answering("501 x", "", ""), true),
        (answering("502 x", "", "<html>"), false),
        (answering("503 x", "", r#"{"errors":["Vault is sealed"]}"#), true),
        (answering("504 x", "", ""), false),
        (answering("303 See Other", "Location: /ui\r\n", ""), true),
        (answering("307 x", "", ""), true),
        (answering("307 x", "Location: ftp://b/\r\n", ""), true),
        (answering("307 x", "Location: http://10.0.0.1/v1/x\r\n", ""), true),
        (circle.url.clone(), true),
        (not_tls, true),
        (Server::start(|_, _, _| {}).url, false),
        (Server::start(|_, _, stream| send(stream, "220 smtp\r\n")).url, false),
        (
            Server::start(|_, _, stream| send(stream, "HTTP/1.1 200 OK\r\nA")).url,
            false,
        ),
    ];
    for (node, is_for_logins) in nodes {
        let next = healthy();
        let both = client(&[&node, &next.url], TEN, 0);
        get(&both).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(both.address().to_string(), next.url);
        let next = healthy();
        let both = client(&[&node, &next.url], TEN, 0);
        let result = log_in(&both);
        assert_eq!(result.is_ok(), is_for_logins, "{node}: {result:?}");
        assert_eq!(next.lines().len(), usize::from(is_for_logins), "{node}");
    }
}

#[test]
fn a_refusal_is_not_taken_elsewhere() {
    for status in ["400 x", "401 x", "403 x", "404 x", "405 x"] {
        let refusing = Server::start(move |_, _, stream| reply(stream, status, "", ""));
        let next = healthy();
        assert!(get(&client(&[&refusing.url, &next.url], TEN, 2)).is_err());
        assert!(log_in(&client(&[&refusing.url, &next.url], TEN, 2)).is_err());
        assert_eq!((refusing.lines().len(), next.lines().len()), (2, 0), "{status}");
    }
}

#[test]
fn the_node_that_may_come_back_is_tried_again_although_the_last_one_never_will() {
    let waking = Server::start(|_, before, stream| match before {
        0 => reply(stream, "503 x", "", r#"{"errors":["Vault is sealed"]}"#),
        _ => reply(stream, "200 OK", "", LOGIN),
    });
    let not_tls = healthy().url.replace("http://", "https://");
    log_in(&client(&[&waking.url, &not_tls], TEN, 1)).unwrap();
    let sealed = answering("503 x", "", r#"{"errors":["Vault is sealed"]}"#);
    let error = log_in(&client(&[&sealed, &not_tls], TEN, 0)).unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable, "{error}");
}

#[test]
fn the_address_that_answered_is_asked_first_from_then_on() {
    let sick = Server::start(|_, _, stream| reply(stream, "503 x", "", ""));
    let next = healthy();
    let both = client(&[&sick.url, &next.url], TEN, 0);
    get(&both).unwrap();
    get(&both).unwrap();
    assert_eq!((sick.lines().len(), next.lines().len()), (1, 2));
}

#[test]
fn no_hint_says_what_has_been_done_already() {
    let nowhere = answering("307 x", "Location: ftp://b/\r\n", "");
    let circle = Server::start(|seen, _, stream| {
        let head = format!("Location: http://{}{SNAPSHOT}\r\n", seen.header("host").unwrap());
        reply(stream, "307 Temporary Redirect", &head, "");
    });
    for node in [&nowhere, &circle.url] {
        let error = get(&client(&[node], TEN, 0)).unwrap_err();
        assert!(error.hint().unwrap().contains("--address"), "{error}");
        let error = get(&client(&[node, node], TEN, 0)).unwrap_err();
        assert!(!error.hint().unwrap().contains("--address"), "{error}");
    }
}
