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
use snapline_vault::{AppRole, Client, Mount, Options, Secret, SecretId, Settings, look_up};

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

/// A listener that answers to the name `localhost`, another host than that of the other servers here.
fn at_localhost(server: &Server) -> String {
    server.url.replace("127.0.0.1", "localhost")
}

const LOGIN: &str = r#"{"auth":{"client_token":"hvs.new","policies":["p"],"lease_duration":900}}"#;

fn log_in(client: &Client) -> Result<String, snapline_vault::Error> {
    let role = AppRole {
        mount: Mount::new("approle", "--path").unwrap(),
        role_id: Secret::id("the-role").unwrap(),
        secret_id: SecretId::Plain(Secret::id("the-secret").unwrap()),
    };
    role.log_in(client, None).map(|login| login.token.reveal().to_owned())
}

#[test]
fn every_redirect_of_vault_is_followed_with_method_and_body() {
    for status in ["301 x", "302 x", "307 x", "308 x"] {
        let active = Server::start(|_, _, stream| reply(stream, "200 OK", "", LOGIN));
        let head = format!("Location: {}/v1/auth/approle/login\r\n", active.url);
        let standby = Server::start(move |_, _, stream| reply(stream, status, &head, ""));
        assert_eq!(
            log_in(&client(&[&standby.url], Options::default(), &[])).unwrap(),
            "hvs.new"
        );
        let seen = active.seen().remove(0);
        assert_eq!(seen.line, "POST /v1/auth/approle/login");
        assert_eq!(seen.body, r#"{"role_id":"the-role","secret_id":"the-secret"}"#);
    }
}

#[test]
fn credentials_go_to_no_other_host_than_the_one_named() {
    let active = Server::start(|_, _, stream| reply(stream, "200 OK", "", LOGIN));
    let to = at_localhost(&active);
    let head = format!("Location: {to}/v1/auth/approle/login\r\n");
    let standby = Server::start(move |_, _, stream| reply(stream, "307 x", &head, ""));
    let error = log_in(&client(&[&standby.url], Options::default(), &[])).unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    assert!(
        error.to_string().contains(&to) && error.to_string().contains("another host"),
        "{error}"
    );
    assert_eq!(active.lines().len(), 0);
    // A host that the user has named gets them, of course.
    log_in(&client(&[&standby.url, &to], Options::default(), &[])).unwrap();
}

#[test]
fn a_users_own_headers_stay_with_the_host_that_was_named() {
    let variables = [("VAULT_HEADERS", r#"{"X-Route":"backup"}"#)];
    let active = leader();
    for (to, along) in [(at_localhost(&active), None), (active.url.clone(), Some("backup"))] {
        let standby = standby(&to);
        ask(&client(&[&standby.url], Options::default(), &variables)).unwrap();
        assert_eq!(standby.seen()[0].header("x-route"), Some("backup"));
        let seen = active.seen().pop().unwrap();
        assert_eq!(seen.header("x-route"), along, "{to}");
        assert_eq!(seen.header("x-vault-token"), Some("hvs.secret"));
    }
}

#[test]
fn what_began_on_this_machine_does_not_go_on_in_the_clear() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("agent.sock");
    let listener = UnixListener::bind(&path).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            while lines.next().is_some_and(|line| !line.unwrap().is_empty()) {}
            let _ =
                stream.write_all(b"HTTP/1.1 307 x\r\nLocation: http://10.0.0.1:8200/v1/x\r\nContent-Length: 0\r\n\r\n");
        }
    });
    let agent = standby("http://10.0.0.1:8200");
    for address in [agent.url.clone(), format!("unix://{}", path.display())] {
        let error = ask(&client(&[&address], Options::default(), &[])).unwrap_err();
        assert_eq!(error.kind(), Kind::Unavailable);
        for word in ["http://10.0.0.1:8200/v1/", "from this machine to plain http"] {
            assert!(error.to_string().contains(word), "{error}");
        }
    }
}

#[test]
fn a_socket_whose_queue_is_full_obeys_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vault.sock");
    let _listener = UnixListener::bind(&path).unwrap();
    // Nobody accepts: connections queue up until no more fit.
    let (sender, receiver) = std::sync::mpsc::channel();
    let filled = path.clone();
    std::thread::spawn(move || {
        let mut held = Vec::new();
        while let Ok(stream) = std::os::unix::net::UnixStream::connect(&filled) {
            held.push(stream);
            let _ = sender.send(());
        }
    });
    while receiver.recv_timeout(Duration::from_millis(500)).is_ok() {}
    let options = Options {
        timeout: Some(Duration::from_secs(1)),
        ..Options::default()
    };
    let start = Instant::now();
    let address = format!("unix://{}", path.display());
    let client = Client::new(
        Settings::new(
            &Options {
                addresses: vec![address],
                max_retries: Some(0),
                ..options
            },
            &|_| None,
            "test/1",
        )
        .unwrap(),
    );
    let error = ask(&client).unwrap_err();
    assert!(error.to_string().contains("takes no connection in time"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}
