//! How an archive goes to a server, and what is known of it afterwards, against a scripted listener.

#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "support/scripted.rs"]
mod scripted;

use std::io::{self, Read};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use scripted::{Server, closed, reply, send};
use snapline_failure::Fail as _;
use snapline_http::Kind;
use snapline_vault::{Client, Error, Extent, Options, Secret, Settings, Upload, Verdict};

const PATH: &str = "/v1/sys/storage/raft/snapshot";
/// More than all buffers on the way hold.
const LARGE: usize = 16 << 20;

fn client(addresses: &[&str], max_retries: u32) -> Client {
    let options = Options {
        addresses: addresses.iter().map(|address| (*address).to_owned()).collect(),
        max_retries: Some(max_retries),
        ..Options::default()
    };
    Client::new(Settings::new(&options, &|_| None, "test/1").unwrap())
}

/// What came of it, and how much has left.
struct Outcome {
    result: Result<String, (Error, Verdict)>,
    extent: Extent,
}

impl Outcome {
    fn failure(self) -> (Error, Verdict) {
        self.result.unwrap_err()
    }
}

fn restore(client: &Client, archive: &[u8]) -> Outcome {
    restore_from(client, &mut io::Cursor::new(archive), archive.len())
}

fn restore_from(client: &Client, source: &mut dyn Read, length: usize) -> Outcome {
    let mut upload = Upload::new(source, length as u64, Duration::from_secs(10));
    let token = Secret::token("hvs.secret").unwrap();
    let result = client.restore(Some(&token), &mut upload, false, &mut client.tries());
    Outcome {
        result,
        extent: upload.extent(),
    }
}

fn taking() -> Server {
    Server::start(|_, _, stream| reply(stream, "204 No Content", "", ""))
}

/// Answers with `status` and `text` before it reads the body, and reads none of it.
fn refusing(status: &'static str, head: &'static str, text: &'static str) -> Server {
    Server::start_at_head(
        move |_, stream| {
            reply(stream, status, head, text);
            false
        },
        |_, _, _| {},
    )
}

fn redirecting(to: &str) -> Server {
    let head = format!("Location: {to}{PATH}\r\n");
    Server::start_at_head(
        move |_, stream| {
            reply(stream, "307 Temporary Redirect", &head, "");
            false
        },
        |_, _, _| {},
    )
}

/// Takes everything without being asked, and so never asks for it.
fn silent(_: &scripted::Seen, _: &mut TcpStream) -> bool {
    true
}

#[test]
fn an_archive_is_posted_once_with_its_length_and_only_when_the_server_asks_for_it() {
    let server = taking();
    let outcome = restore(&client(&[&server.url], 2), b"archive");
    assert_eq!(outcome.result.unwrap(), format!("{}{PATH}", server.url));
    assert_eq!(server.lines(), [format!("POST {PATH}")]);
    let seen = server.seen().remove(0);
    assert_eq!(seen.body, "archive");
    for (name, value) in [
        ("content-length", Some("7")),
        ("content-type", Some("application/gzip")),
        ("expect", Some("100-continue")),
        ("transfer-encoding", None),
        ("x-vault-token", Some("hvs.secret")),
        ("x-vault-request", Some("true")),
        ("x-vault-namespace", None),
    ] {
        assert_eq!(seen.header(name), value, "{name}");
    }
}

#[test]
fn force_is_another_path() {
    let server = taking();
    let client = client(&[&server.url], 0);
    let mut source = io::Cursor::new(b"archive");
    let mut upload = Upload::new(&mut source, 7, Duration::from_secs(10));
    let token = Secret::token("hvs.secret").unwrap();
    client
        .restore(Some(&token), &mut upload, true, &mut client.tries())
        .unwrap();
    assert_eq!(server.lines(), [format!("POST {PATH}-force")]);
}

#[test]
fn a_server_that_never_asks_for_the_body_gets_it_all_the_same() {
    let server = Server::start_at_head(silent, |_, _, stream| reply(stream, "204 No Content", "", ""));
    let start = Instant::now();
    restore(&client(&[&server.url], 0), b"archive").result.unwrap();
    assert!(start.elapsed() >= Duration::from_secs(4), "it is given time to refuse");
    assert_eq!(server.seen().remove(0).body, "archive");
}

#[test]
fn a_standbys_redirect_is_followed_before_a_byte_has_left() {
    let leader = taking();
    let standby = redirecting(&leader.url);
    let outcome = restore(&client(&[&standby.url], 0), b"archive");
    assert_eq!(outcome.result.unwrap(), format!("{}{PATH}", leader.url));
    assert_eq!(standby.seen().remove(0).body, "");
    assert_eq!(leader.seen().remove(0).body, "archive");
}

#[test]
fn a_redirect_after_the_body_is_not_followed() {
    let leader = taking();
    let head = format!("Location: {}{PATH}\r\n", leader.url);
    let proxy = Server::start(move |_, _, stream| reply(stream, "307 Temporary Redirect", &head, ""));
    let outcome = restore(&client(&[&proxy.url], 2), b"archive");
    assert_eq!(outcome.extent, Extent::Whole);
    let (error, verdict) = outcome.failure();
    assert_eq!((error.kind(), verdict), (Kind::Unavailable, Verdict::Unchanged));
    assert!(error.to_string().contains("after it has taken the body"), "{error}");
    assert!(error.hint().unwrap().contains("--address"), "{error}");
    assert_eq!((proxy.lines().len(), leader.lines().len()), (1, 0));
}

#[test]
fn a_refusal_at_the_head_is_heard_and_nothing_is_sent() {
    for (status, text, kind, word) in [
        (
            "403 Forbidden",
            r#"{"errors":["permission denied"]}"#,
            Kind::Refused,
            "update on",
        ),
        ("413 Too Large", "<html>too large</html>", Kind::Config, "proxy"),
        (
            "400 Bad Request",
            r#"{"errors":["raft storage is not in use"]}"#,
            Kind::Config,
            "Raft",
        ),
    ] {
        let server = refusing(status, "", text);
        let outcome = restore(&client(&[&server.url], 2), &vec![b'x'; LARGE]);
        assert_eq!(outcome.extent, Extent::Nothing);
        let (error, verdict) = outcome.failure();
        assert_eq!((error.kind(), verdict), (kind, Verdict::Unchanged));
        assert!(
            error.to_string().ends_with("nothing of the archive was sent"),
            "{error}"
        );
        assert!(error.hint().unwrap().contains(word), "{:?}", error.hint());
        assert_eq!(server.lines().len(), 1);
    }
}

#[test]
fn a_refusal_in_the_middle_of_the_body_is_heard() {
    let server = Server::start_at_head(
        |_, stream| {
            let mut some = vec![0; 1 << 20];
            let mut copy = stream.try_clone().unwrap();
            send(stream, "HTTP/1.1 100 Continue\r\n\r\n");
            copy.read_exact(&mut some).unwrap();
            reply(stream, "403 Forbidden", "", r#"{"errors":["permission denied"]}"#);
            false
        },
        |_, _, _| {},
    );
    let outcome = restore(&client(&[&server.url], 2), &vec![b'x'; LARGE]);
    assert_eq!(outcome.extent, Extent::Part);
    let (error, verdict) = outcome.failure();
    assert_eq!((error.kind(), verdict), (Kind::Refused, Verdict::Unchanged));
    assert!(
        error
            .to_string()
            .contains("status 403: permission denied; nothing was changed"),
        "{error}"
    );
    assert_eq!(server.lines().len(), 1);
}

#[test]
fn what_the_server_says_about_the_archive_is_explained() {
    let keys = r#"{"errors":["could not verify hash file, possibly the snapshot is using a different set of unseal keys; use the snapshot-force API to bypass this check"]}"#;
    for (status, text, kind, word) in [
        ("400 Bad Request", keys, Kind::Refused, "--force"),
        (
            "500 Internal Server Error",
            r#"{"errors":["failed to read snapshot file: failed checking integrity of snapshot: hash check failed for \"state.bin\""]}"#,
            Kind::Data,
            "changed on its way",
        ),
        (
            "500 Internal Server Error",
            r#"{"errors":["failed to read snapshot file: failed to read or write snapshot data: read tcp: i/o timeout"]}"#,
            Kind::Unavailable,
            "http_read_timeout",
        ),
        (
            "500 Internal Server Error",
            r#"{"errors":["failed to create temp snapshot file: open /tmp/snapshot1: no such file or directory"]}"#,
            Kind::Unavailable,
            "TMPDIR",
        ),
    ] {
        let server = Server::start(move |_, _, stream| reply(stream, status, "", text));
        let (error, verdict) = restore(&client(&[&server.url], 2), b"archive").failure();
        assert_eq!((error.kind(), verdict), (kind, Verdict::Unchanged), "{error}");
        assert!(error.to_string().ends_with("; nothing was changed"), "{error}");
        assert!(error.hint().unwrap().contains(word), "{:?}", error.hint());
        assert_eq!(server.lines().len(), 1, "{error}");
    }
}

#[test]
fn a_lost_response_is_a_restore_that_may_have_been_and_is_not_repeated() {
    let server = Server::start(|_, _, _| {});
    let other = taking();
    let outcome = restore(&client(&[&server.url, &other.url], 2), b"archive");
    let (error, verdict) = outcome.failure();
    assert_eq!((error.kind(), verdict), (Kind::Unavailable, Verdict::Unknown));
    assert!(error.to_string().contains("may have been applied"), "{error}");
    assert!(!error.is_transient());
    assert_eq!((server.lines().len(), other.lines().len()), (1, 0));
}

#[test]
fn what_a_proxy_says_in_the_servers_place_says_nothing() {
    for status in ["502 Bad Gateway", "503 Service Unavailable", "504 Gateway Timeout"] {
        let server = Server::start(move |_, _, stream| reply(stream, status, "", "<html>"));
        let (error, verdict) = restore(&client(&[&server.url], 2), b"archive").failure();
        assert_eq!(
            (error.kind(), verdict),
            (Kind::Unavailable, Verdict::Unknown),
            "{error}"
        );
        assert!(error.to_string().contains("may have been applied"), "{error}");
        assert_eq!(server.lines().len(), 1);
    }
}

#[test]
fn a_page_that_is_no_response_to_a_restore_is_told() {
    let server = Server::start(|_, _, stream| reply(stream, "200 OK", "", "<html>Welcome</html>"));
    let (error, verdict) = restore(&client(&[&server.url], 2), b"archive").failure();
    assert_eq!(verdict, Verdict::Unknown);
    assert!(error.to_string().contains("is this Vault?"), "{error}");
    assert_eq!(server.lines().len(), 1);
}

#[test]
fn an_upload_that_breaks_in_the_middle_hints_at_the_listeners_limit() {
    let server = Server::start_at_head(
        |_, stream| {
            let mut some = vec![0; 1 << 20];
            let mut copy = stream.try_clone().unwrap();
            send(stream, "HTTP/1.1 100 Continue\r\n\r\n");
            copy.read_exact(&mut some).unwrap();
            false
        },
        |_, _, _| {},
    );
    let other = taking();
    let outcome = restore(&client(&[&server.url, &other.url], 2), &vec![b'x'; LARGE]);
    assert_eq!(outcome.extent, Extent::Part);
    let (error, verdict) = outcome.failure();
    assert_eq!((error.kind(), verdict), (Kind::Unavailable, Verdict::Unchanged));
    assert!(error.to_string().contains("of 16777216 bytes were sent"), "{error}");
    assert!(
        error.hint().unwrap().contains("http_read_timeout"),
        "{:?}",
        error.hint()
    );
    assert_eq!((server.lines().len(), other.lines().len()), (1, 0));
}

#[test]
fn while_nothing_has_left_the_next_address_and_the_next_try_are_good() {
    let sealed = refusing("503 Service Unavailable", "", r#"{"errors":["Vault is sealed"]}"#);
    let abrupt = Server::start_at_head(|_, _| false, |_, _, _| {});
    let good = taking();
    let outcome = restore(
        &client(&[&closed(), &sealed.url, &abrupt.url, &good.url], 0),
        b"archive",
    );
    assert_eq!(outcome.result.unwrap(), format!("{}{PATH}", good.url));

    let slow = Server::start_at_head(
        {
            let count = std::sync::atomic::AtomicUsize::new(0);
            move |seen, stream| {
                let first = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0;
                let status = if first { "429 Too Many Requests" } else { "100 Continue" };
                if first {
                    reply(stream, status, "", "");
                } else {
                    assert_eq!(seen.header("expect"), Some("100-continue"));
                    send(stream, "HTTP/1.1 100 Continue\r\n\r\n");
                }
                !first
            }
        },
        |_, _, stream| reply(stream, "204 No Content", "", ""),
    );
    restore(&client(&[&slow.url], 2), b"archive").result.unwrap();
    assert_eq!(slow.lines().len(), 2);

    let nowhere = closed();
    let (error, verdict) = restore(&client(&[&nowhere], 0), b"archive").failure();
    assert_eq!((error.kind(), verdict), (Kind::Unavailable, Verdict::Unchanged));
    assert!(
        error.to_string().ends_with("nothing of the archive was sent"),
        "{error}"
    );
}

/// Gives some bytes, and then fails.
struct Failing(usize);

impl Read for Failing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.0 == 0 {
            return Err(io::Error::other("the disk is gone"));
        }
        let count = self.0.min(buffer.len());
        self.0 -= count;
        buffer[..count].fill(b'x');
        Ok(count)
    }
}

#[test]
fn an_archive_that_cannot_be_read_breaks_the_upload_off() {
    let server = taking();
    let outcome = restore_from(&client(&[&server.url], 2), &mut Failing(1 << 20), LARGE);
    let (error, verdict) = outcome.failure();
    assert_eq!((error.kind(), verdict), (Kind::Io, Verdict::Unchanged));
    assert!(
        error
            .to_string()
            .contains("the disk is gone; 1048576 of 16777216 bytes were sent"),
        "{error}"
    );
    assert_eq!(error.hint(), None);
    // The server sees that it is not whole.
    let start = Instant::now();
    while server.seen().iter().all(|seen| seen.body.len() != 1 << 20) {
        assert!(start.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_server_that_takes_nothing_more_is_given_up() {
    let server = Server::start_at_head(
        |_, stream| {
            send(stream, "HTTP/1.1 100 Continue\r\n\r\n");
            std::thread::sleep(Duration::from_secs(20));
            false
        },
        |_, _, _| {},
    );
    let archive = vec![b'x'; LARGE];
    let mut source = io::Cursor::new(&archive);
    let mut upload = Upload::new(&mut source, LARGE as u64, Duration::from_secs(1));
    let client = client(&[&server.url], 0);
    let token = Secret::token("hvs.secret").unwrap();
    let start = Instant::now();
    let (error, verdict) = client
        .restore(Some(&token), &mut upload, false, &mut client.tries())
        .unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(15));
    assert_eq!((error.kind(), verdict), (Kind::Unavailable, Verdict::Unchanged));
    assert!(
        error.to_string().contains("nothing was accepted for too long"),
        "{error}"
    );
}
