//! Other ways to the server than a plain URL, and what goes along.

#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "support/pem.rs"]
#[allow(dead_code, reason = "each test program uses its own part")]
mod pem;
#[path = "support/scripted.rs"]
mod scripted;

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use scripted::{Server, reply};
use snapline_failure::Fail as _;
use snapline_http::Kind;
use snapline_vault::{Client, Options, Secret, Settings, look_up};

const PATH: &str = "/v1/auth/token/lookup-self";
const TOKEN: &str = r#"{"data":{"policies":["p"],"ttl":900}}"#;

fn client(addresses: &[&str], options: Options, variables: &[(&str, &str)]) -> Client {
    let variables: Vec<(String, String)> = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let options = Options {
        addresses: addresses.iter().map(|address| (*address).to_owned()).collect(),
        timeout: Some(Duration::from_secs(10)),
        max_retries: Some(0),
        ..options
    };
    let environment = |wanted: &str| {
        variables
            .iter()
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| OsString::from(value))
    };
    Client::new(Settings::new(&options, &environment, "test/1").unwrap())
}

fn ask(client: &Client) -> Result<Duration, snapline_vault::Error> {
    look_up(client, Secret::token("hvs.secret").unwrap(), None).map(|login| login.ttl)
}

fn leader() -> Server {
    Server::start(|_, _, stream| reply(stream, "200 OK", "", TOKEN))
}

fn standby(to: &str) -> Server {
    let head = format!("Location: {to}{PATH}\r\n");
    Server::start(move |_, _, stream| reply(stream, "307 Temporary Redirect", &head, ""))
}

#[test]
fn a_redirect_is_a_failure_where_it_is_disabled_and_the_next_address_is_tried() {
    let leader = leader();
    let standby = standby(&leader.url);
    let disabled = || Options {
        disable_redirects: true,
        ..Options::default()
    };
    let error = ask(&client(&[&standby.url], disabled(), &[])).unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    assert!(error.to_string().contains(&leader.url), "{error}");
    assert!(leader.lines().is_empty());
    ask(&client(&[&standby.url, &leader.url], disabled(), &[])).unwrap();
    assert_eq!(leader.lines().len(), 1);
}

#[test]
fn own_headers_go_with_every_request_and_along_redirects() {
    let leader = leader();
    let standby = standby(&leader.url);
    let variables = [("VAULT_HEADERS", r#"{"X-Route":"backup"}"#)];
    ask(&client(&[&standby.url], Options::default(), &variables)).unwrap();
    for server in [standby, leader] {
        let seen = server.seen().remove(0);
        assert_eq!(seen.header("x-route"), Some("backup"));
        assert_eq!(seen.header("x-vault-token"), Some("hvs.secret"));
    }
}

#[test]
fn a_socket_is_spoken_to_as_localhost_and_redirects_away_from_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("agent.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let leader = leader();
    let to = format!("{}{PATH}", leader.url);
    let agent = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        let mut head = Vec::new();
        while let Some(line) = lines.next().map(Result::unwrap).filter(|line| !line.is_empty()) {
            head.push(line.to_ascii_lowercase());
        }
        let reply = format!("HTTP/1.1 307 Temporary Redirect\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n");
        stream.write_all(reply.as_bytes()).unwrap();
        head
    });
    let address = format!("unix://{}", path.display());
    // A proxy cannot lead to a socket.
    let variables = [("HTTP_PROXY", "http://127.0.0.1:1")];
    ask(&client(&[&address], Options::default(), &variables)).unwrap();
    let head = agent.join().unwrap();
    assert_eq!(head[0], format!("get {PATH} http/1.1"));
    assert!(head.contains(&"host: localhost".to_owned()), "{head:?}");
    assert_eq!(leader.lines().len(), 1);
}

#[test]
fn a_socket_that_is_not_there_may_come_and_is_named() {
    let error = ask(&client(&["unix:///nowhere/agent.sock"], Options::default(), &[])).unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    assert!(error.is_transient());
    let text = error.to_string();
    assert!(
        text.contains("'unix:///nowhere/agent.sock'") && text.contains("there is no such socket"),
        "{text}"
    );
}

#[test]
fn a_handshake_that_ends_or_stands_still_has_sent_nothing_and_may_be_tried_again() {
    let trusted = [("VAULT_CACERT_BYTES", pem::A)];
    let closing = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("https://{}", closing.local_addr().unwrap());
    std::thread::spawn(move || closing.incoming().for_each(drop));
    let error = ask(&client(&[&address], Options::default(), &trusted)).unwrap_err();
    assert!(error.to_string().contains("ended during the TLS handshake"), "{error}");
    assert_eq!((error.kind(), error.is_transient()), (Kind::Unavailable, true));

    // The next address is tried, and what is silent costs no more than the limit.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("https://{}", silent.local_addr().unwrap());
    let leader = leader();
    let options = Options {
        addresses: vec![address, leader.url.clone()],
        timeout: Some(Duration::from_secs(1)),
        max_retries: Some(0),
        ..Options::default()
    };
    let environment = |name: &str| (name == "VAULT_CACERT_BYTES").then(|| OsString::from(pem::A));
    let start = Instant::now();
    ask(&Client::new(Settings::new(&options, &environment, "test/1").unwrap())).unwrap();
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    drop(silent);
}
