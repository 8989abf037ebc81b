//! What goes over the wire, against a scripted listener.

#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "support/scripted.rs"]
mod scripted;

use std::sync::Arc;
use std::time::{Duration, Instant};

use scripted::{Server, begin, chunks, closed, end, reply};
use snapline_failure::Fail as _;
use snapline_http::Kind;
use snapline_vault::{
    AppRole, Client, Mount, Namespace, Options, Revocation, Secret, SecretId, Settings, Snapshot, look_up,
};

const SNAPSHOT: &str = "/v1/sys/storage/raft/snapshot";
const LOGIN: &str = r#"{"auth":{"client_token":"hvs.new","policies":["p"],"lease_duration":900}}"#;
const START: Duration = Duration::from_secs(20);

fn client(addresses: &[&str], max_retries: u32) -> Client {
    let options = Options {
        addresses: addresses.iter().map(|address| (*address).to_owned()).collect(),
        timeout: Some(Duration::from_secs(10)),
        max_retries: Some(max_retries),
        ..Options::default()
    };
    Client::new(Settings::new(&options, &|_| None, "test/1").unwrap())
}

fn token() -> Secret {
    Secret::token("hvs.secret").unwrap()
}

fn role() -> AppRole {
    AppRole {
        mount: Mount::new("a b/approle", "--path").unwrap(),
        role_id: Secret::id("the-role").unwrap(),
        secret_id: SecretId::Plain(Secret::id("the-secret").unwrap()),
    }
}

fn get(client: &Client) -> Result<Snapshot, snapline_vault::Error> {
    client.snapshot(Some(&token()), START, &mut client.tries())
}

fn read_all(mut snapshot: Snapshot) -> Result<Vec<u8>, snapline_vault::Error> {
    let mut all = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match snapshot.read(&mut buffer)? {
            0 => return Ok(all),
            count => all.extend_from_slice(&buffer[..count]),
        }
    }
}

fn good() -> Server {
    Server::start(|_, _, stream| good_reply(stream))
}

fn good_reply(stream: &mut std::net::TcpStream) {
    begin(stream);
    chunks(stream, b"archive");
    end(stream);
}

fn redirecting(to: String) -> Server {
    Server::start(move |_, _, stream| {
        reply(
            stream,
            "307 Temporary Redirect",
            &format!("Location: {to}{SNAPSHOT}\r\n"),
            "",
        );
    })
}

#[test]
fn a_standbys_redirect_is_followed_and_the_token_goes_along() {
    let leader = good();
    let standby = redirecting(leader.url.clone());
    let client = client(&[&standby.url], 0);
    let snapshot = get(&client).unwrap();
    assert_eq!(snapshot.url(), format!("{}{SNAPSHOT}", leader.url));
    assert_eq!(read_all(snapshot).unwrap(), b"archive");
    for server in [standby, leader] {
        let seen = server.seen().remove(0);
        assert_eq!(seen.line, format!("GET {SNAPSHOT}"));
        assert_eq!(seen.header("x-vault-token"), Some("hvs.secret"));
        assert_eq!(seen.header("x-vault-request"), Some("true"));
        assert_eq!(seen.header("accept-encoding"), Some("identity"));
        assert_eq!(seen.header("user-agent"), Some("test/1"));
        assert_eq!(seen.header("x-vault-namespace"), None);
        assert_eq!(seen.header("host"), server.url.strip_prefix("http://"));
    }
}

#[test]
fn a_login_that_is_redirected_takes_its_body_along() {
    let leader = Server::start(|_, _, stream| reply(stream, "200 OK", "", LOGIN));
    let to = leader.url.clone();
    let standby = Server::start(move |seen, _, stream| {
        let path = seen.line.split(' ').nth(1).unwrap();
        reply(
            stream,
            "308 Permanent Redirect",
            &format!("Location: {to}{path}\r\n"),
            "",
        );
    });
    let namespace = Namespace::new("team/a", "--namespace").unwrap();
    let login = role().log_in(&client(&[&standby.url], 0), Some(&namespace)).unwrap();
    assert_eq!(login.token.reveal(), "hvs.new");
    let seen = leader.seen().remove(0);
    assert_eq!(seen.line, "POST /v1/auth/a%20b/approle/login");
    assert_eq!(seen.body, r#"{"role_id":"the-role","secret_id":"the-secret"}"#);
    assert_eq!(seen.header("x-vault-namespace"), Some("team/a"));
    assert_eq!(seen.header("x-vault-token"), None);
}

#[test]
fn a_third_redirect_ends_the_request() {
    let server = Server::start(|seen, _, stream| {
        let host = seen.header("host").unwrap();
        let head = format!("Location: http://{host}{SNAPSHOT}\r\n");
        reply(stream, "307 Temporary Redirect", &head, "");
    });
    let error = get(&client(&[&server.url], 0)).unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    let place = format!("{}{SNAPSHOT}", server.url);
    for word in ["after two redirects", place.as_str()] {
        assert!(error.to_string().contains(word), "{error}");
    }
    assert!(error.hint().unwrap().contains("load balancer"));
    assert_eq!(server.lines().len(), 3);
}

#[test]
fn nodes_that_disagree_about_who_leads_are_asked_again() {
    let server = Server::start(|seen, before, stream| {
        let host = seen.header("host").unwrap();
        if before < 3 {
            let head = format!("Location: http://{host}{SNAPSHOT}\r\n");
            return reply(stream, "307 Temporary Redirect", &head, "");
        }
        begin(stream);
        chunks(stream, b"archive");
        end(stream);
    });
    assert_eq!(read_all(get(&client(&[&server.url], 1)).unwrap()).unwrap(), b"archive");
}

#[test]
fn while_no_node_leads_a_request_is_sent_more_often_than_said_and_not_at_all_where_that_is_0() {
    for (status, words) in [
        ("503 x", r#"{"errors":["no active Vault instance found"]}"#),
        (
            "500 x",
            r#"{"errors":["local node not active but active cluster node not found"]}"#,
        ),
    ] {
        let server = Server::start(move |_, before, stream| match before {
            0 | 1 => reply(stream, status, "", words),
            _ => reply(stream, "200 OK", "", LOGIN),
        });
        role().log_in(&client(&[&server.url], 1), None).unwrap();
        assert_eq!(server.lines().len(), 3);
        let server = Server::start(move |_, _, stream| reply(stream, status, "", words));
        assert!(get(&client(&[&server.url], 0)).is_err());
        assert_eq!(server.lines().len(), 1);
    }
}

#[test]
fn a_node_that_may_lead_again_is_waited_for_although_the_last_address_is_sealed() {
    let electing = Server::start(|_, before, stream| match before {
        0 | 1 => reply(stream, "503 x", "", r#"{"errors":["no active Vault instance found"]}"#),
        _ => {
            begin(stream);
            chunks(stream, b"archive");
            end(stream);
        }
    });
    let sealed = Server::start(|_, _, stream| reply(stream, "503 x", "", r#"{"errors":["Vault is sealed"]}"#));
    let client = client(&[&electing.url, &sealed.url], 1);
    assert_eq!(read_all(get(&client).unwrap()).unwrap(), b"archive");
    assert_eq!((electing.lines().len(), sealed.lines().len()), (3, 2));
}

#[test]
fn a_snapshot_waits_for_a_server_that_is_being_restarted() {
    let address = closed();
    let port = address.strip_prefix("http://").unwrap().to_owned();
    let began = Instant::now();
    std::thread::spawn(move || {
        // Longer than one try, with its wait below a second, would last.
        std::thread::sleep(Duration::from_millis(2500));
        let listener = std::net::TcpListener::bind(port).unwrap();
        let (mut stream, _) = listener.accept().unwrap();
        let _ = std::io::Read::read(&mut stream, &mut [0; 4096]);
        begin(&mut stream);
        chunks(&mut stream, b"archive");
        end(&mut stream);
    });
    assert_eq!(read_all(get(&client(&[&address], 1)).unwrap()).unwrap(), b"archive");
    assert!(began.elapsed() >= Duration::from_millis(2500));
    // A login does not: its address may be wrong, and that shall be told soon.
    let began = Instant::now();
    assert!(role().log_in(&client(&[&closed()], 1), None).is_err());
    assert!(began.elapsed() < Duration::from_secs(2));
}

#[test]
fn a_redirect_that_leads_nowhere_or_is_none_of_vaults_is_explained() {
    for (status, head, kind, word) in [
        ("307 Temporary Redirect", "", Kind::Unavailable, "does not say where"),
        (
            "307 Temporary Redirect",
            "Location: ftp://a/b\r\n",
            Kind::Unavailable,
            "ftp://a/b",
        ),
        ("302 Found", "Location: /sso\r\n", Kind::Unavailable, "/sso"),
        (
            "303 See Other",
            "Location: http://a/sso\r\n",
            Kind::Config,
            "http://a/sso",
        ),
    ] {
        let server = Server::start(move |_, _, stream| reply(stream, status, head, ""));
        let error = get(&client(&[&server.url], 0)).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(word), "{error}");
    }
}

#[test]
fn what_may_pass_is_tried_again_and_no_more_often_than_said() {
    for status in ["412 x", "429 x", "472 x", "473 x", "503 x"] {
        let server = Server::start(move |_, before, stream| match before {
            0 => reply(stream, status, "", ""),
            _ => reply(stream, "200 OK", "", LOGIN),
        });
        assert!(role().log_in(&client(&[&server.url], 1), None).is_ok(), "{status}");
        assert_eq!(server.lines().len(), 2);
    }
    for status in ["500 x", "502 x", "504 x"] {
        let server = Server::start(move |_, before, stream| match before {
            0 => reply(stream, status, "", ""),
            _ => good_reply(stream),
        });
        assert!(get(&client(&[&server.url], 1)).is_ok(), "{status}");
        assert_eq!(server.lines().len(), 2);
    }
    let server = Server::start(|_, _, stream| reply(stream, "503 x", "", ""));
    assert!(role().log_in(&client(&[&server.url], 1), None).is_err());
    assert_eq!(server.lines().len(), 2);
    let server = Server::start(|_, _, stream| reply(stream, "501 x", "", ""));
    assert!(role().log_in(&client(&[&server.url], 1), None).is_err());
    assert_eq!(server.lines().len(), 1);
}

#[test]
fn a_login_that_may_have_been_acted_on_is_sent_neither_again_nor_elsewhere() {
    let next = Server::start(|_, _, stream| reply(stream, "200 OK", "", LOGIN));
    for status in ["500 x", "502 x", "504 x", "520 x"] {
        let server = Server::start(move |_, _, stream| reply(stream, status, "", ""));
        let error = role().log_in(&client(&[&server.url, &next.url], 2), None).unwrap_err();
        assert_eq!(error.kind(), Kind::Unavailable, "{error}");
        assert!(!error.is_transient(), "{error}");
        assert_eq!((server.lines().len(), next.lines().len()), (1, 0), "{status}");
    }
}

#[test]
fn retry_after_is_respected() {
    let server = Server::start(|_, before, stream| match before {
        0 => reply(stream, "429 x", "Retry-After: 2\r\n", ""),
        _ => reply(stream, "200 OK", "", LOGIN),
    });
    let start = Instant::now();
    role().log_in(&client(&[&server.url], 1), None).unwrap();
    assert!(start.elapsed() >= Duration::from_secs(2));
}

#[test]
fn a_login_whose_reply_was_lost_is_not_sent_again_but_a_lookup_is() {
    let server = Server::start(|_, _, _| {});
    let error = role().log_in(&client(&[&server.url], 2), None).unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    assert_eq!(server.lines().len(), 1);

    let server = Server::start(|_, before, stream| {
        if before > 0 {
            reply(stream, "200 OK", "", r#"{"data":{"policies":["root"],"ttl":0}}"#);
        }
    });
    let login = look_up(&client(&[&server.url], 2), token(), None).unwrap();
    assert_eq!(login.policies, ["root"]);
    assert_eq!(
        server.lines(),
        ["GET /v1/auth/token/lookup-self", "GET /v1/auth/token/lookup-self"]
    );
}

#[test]
fn a_body_that_breaks_off_is_an_error_and_may_be_tried_again() {
    for head in [
        "Transfer-Encoding: chunked\r\n\r\n7\r\narchive\r\n",
        "Content-Length: 9\r\n\r\narchive",
    ] {
        let server = Server::start(move |_, _, stream| scripted::send(stream, format!("HTTP/1.1 200 OK\r\n{head}")));
        let error = read_all(get(&client(&[&server.url], 0)).unwrap()).unwrap_err();
        assert_eq!(error.kind(), Kind::Unavailable, "{error}");
        assert!(error.is_transient(), "{error}");
    }
}

#[test]
fn the_server_may_not_take_longer_to_begin_than_said() {
    let server = Server::start(|_, _, stream| {
        std::thread::sleep(Duration::from_secs(5));
        begin(stream);
    });
    let client = client(&[&server.url], 2);
    let start = Instant::now();
    let error = client
        .snapshot(Some(&token()), Duration::from_millis(500), &mut client.tries())
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
}

#[test]
fn a_secret_that_the_server_sends_back_is_not_shown() {
    let server = Server::start(|seen, _, stream| {
        let echo = format!("{}\n{}", seen.head, seen.body);
        reply(stream, "400 Bad Request", "", &echo);
    });
    let client = client(&[&server.url], 0);
    for error in [
        get(&client).unwrap_err(),
        role().log_in(&client, None).unwrap_err(),
        look_up(&client, token(), None).unwrap_err(),
    ] {
        let text = format!("{error} {error:?}");
        for secret in ["hvs.secret", "the-secret", "the-role"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

#[test]
fn a_token_is_revoked_once_and_within_its_limit() {
    let server = Server::start(|_, _, stream| reply(stream, "204 No Content", "", ""));
    let client = Arc::new(client(&[&server.url], 0));
    let revocation = Revocation::new(Arc::clone(&client), token(), None);
    revocation.revoke(Duration::from_secs(5));
    revocation.revoke(Duration::from_secs(5));
    assert_eq!(server.lines(), ["POST /v1/auth/token/revoke-self"]);
    assert_eq!(server.seen()[0].header("x-vault-token"), Some("hvs.secret"));

    let given_up = Revocation::new(client, token(), None);
    given_up.give_up();
    given_up.revoke(Duration::from_secs(5));
    assert_eq!(server.lines().len(), 1);
}

#[test]
fn a_server_that_does_not_answer_does_not_hold_up_the_end() {
    let silent = Server::start(|_, _, _| std::thread::sleep(Duration::from_secs(30)));
    let revocation = Arc::new(Revocation::new(Arc::new(client(&[&silent.url], 2)), token(), None));
    let start = Instant::now();
    let other = Arc::clone(&revocation);
    let first = std::thread::spawn(move || other.revoke(Duration::from_secs(2)));
    silent.wait_for("POST /v1/auth/token/revoke-self");
    // Somebody else revokes at this moment: wait for that, and not for ever.
    revocation.revoke(Duration::from_millis(500));
    assert!(start.elapsed() < Duration::from_millis(1900), "{:?}", start.elapsed());
    first.join().unwrap();
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
}
