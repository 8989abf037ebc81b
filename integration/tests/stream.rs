//! What a real Vault's snapshot meets on its way, and what becomes of the token that asked for it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::io::{Read, Write};
use std::sync::Arc;

use serde_json::json;
use snapline_integration::front::{Answer, Front, HEAD, Request, Step, chunks, text};
use snapline_integration::program::Environment;
use snapline_integration::vault::{SNAPSHOT_POLICY, Vault, inspect};
use snapline_integration::wait::{PATIENCE, wait_for};

const SNAPSHOT: &str = "/v1/sys/storage/raft/snapshot";

/// A token and what names it when it is gone.
struct Token {
    line: String,
    accessor: String,
}

/// A new token that may take snapshots, made with more `options`.
fn token(vault: &Vault, options: &serde_json::Value) -> Token {
    vault.call(
        "PUT",
        "sys/policies/acl/stream",
        Some(&json!({"policy": SNAPSHOT_POLICY})),
    );
    let mut body = json!({"policies": ["stream"], "ttl": "10m"});
    body.as_object_mut()
        .unwrap()
        .extend(options.as_object().unwrap().clone());
    let auth = &vault.call("POST", "auth/token/create", Some(&body))["auth"];
    Token {
        line: format!("{}\n", auth["client_token"].as_str().unwrap()),
        accessor: auth["accessor"].as_str().unwrap().to_owned(),
    }
}

fn plain_token(vault: &Vault) -> Token {
    token(vault, &json!({}))
}

/// Whether it is still there, as somebody says who may do everything.
fn exists(vault: &Vault, token: &Token) -> bool {
    let body = json!({"accessor": token.accessor});
    let (status, reply) = vault.send("POST", "auth/token/lookup-accessor", vault.root_token(), Some(&body));
    match status {
        200 => true,
        _ if reply.to_string().contains("invalid accessor") => false,
        _ => panic!("{status} {reply}"),
    }
}

/// A server in front of `vault` whose snapshot is what `answer` says.
fn front(vault: &Vault, answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Front {
    Front::new(&vault.address(), move |request| {
        if request.path == SNAPSHOT {
            answer(request)
        } else {
            Answer::Behind
        }
    })
}

fn steps(vault: &Vault, steps: Vec<Step>) -> Front {
    front(vault, move |_| Answer::Steps(steps.clone()))
}

fn at(front: &Front) -> Environment {
    Environment::new()
        .set("VAULT_ADDR", &front.url())
        .set("VAULT_MAX_RETRIES", "0")
}

fn head(more: &str) -> Step {
    text(&format!("{HEAD}{more}\r\n"))
}

fn bytes(body: &[u8]) -> Step {
    Step::Send(body.into())
}

fn packed(body: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

const CHUNKED: &str = "Transfer-Encoding: chunked\r\n";
const LAST: &str = "0\r\n\r\n";

#[test]
fn whatever_goes_wrong_on_the_wire_has_its_code_and_words_and_nothing_leaves_and_the_token_is_gone() {
    let vault = Vault::shared();
    let whole = vault.snapshot();
    let half = &whole[..whole.len() / 2];
    let length = |length: usize| format!("Content-Length: {length}\r\n");
    // A reset in mid-body is an end to the HTTP library, and so it is the missing last chunk that tells.
    let cases: Vec<(&str, Vec<Step>, i32, &[&str])> = vec![
        (
            "no reply",
            vec![Step::Hold],
            69,
            &["get the snapshot from", "no reply in time"],
        ),
        (
            "a head, and no body",
            vec![head(CHUNKED), Step::Hold],
            69,
            &["nothing came for 1 s"],
        ),
        (
            "a stall in mid-body",
            vec![head(CHUNKED), chunks(half), Step::Hold],
            69,
            &["nothing came for 1 s"],
        ),
        (
            "a reset before the reply",
            vec![Step::Reset],
            69,
            &["get the snapshot from", "the connection was cut"],
        ),
        (
            "a reset in mid-body",
            vec![head(CHUNKED), chunks(half), Step::Reset],
            69,
            &["ended too early"],
        ),
        (
            "an end in mid-body",
            vec![head(CHUNKED), chunks(half)],
            69,
            &["ended too early"],
        ),
        (
            "a proper end, too early",
            vec![head(CHUNKED), chunks(half), text(LAST)],
            65,
            &["truncated", "hint: "],
        ),
        ("nothing, properly", vec![head(CHUNKED), text(LAST)], 65, &["empty"]),
        (
            "a body up to the end of the connection, too early",
            vec![head("Connection: close\r\n"), bytes(half)],
            65,
            &["truncated"],
        ),
        (
            "a reset in such a body",
            vec![head("Connection: close\r\n"), bytes(half), Step::Reset],
            65,
            &["truncated"],
        ),
        (
            "HTTP/1.0, too early",
            vec![text("HTTP/1.0 200 OK\r\n\r\n"), bytes(half)],
            65,
            &["truncated"],
        ),
        (
            "a length too short",
            vec![head(&length(whole.len() - 1)), bytes(&whole)],
            65,
            &["truncated"],
        ),
        (
            "a length too long",
            vec![head(&length(whole.len() + 1)), bytes(&whole)],
            69,
            &["ended too early"],
        ),
        (
            "packed once more",
            vec![
                head(&format!("{CHUNKED}Content-Encoding: gzip\r\n")),
                chunks(&packed(&whole)),
                text(LAST),
            ],
            65,
            &["Content-Encoding: gzip"],
        ),
        (
            "JSON",
            vec![text(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{\"auth\":{}}",
            )],
            65,
            &["JSON", "application/json"],
        ),
        (
            "a page",
            vec![text(
                "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>",
            )],
            65,
            &["HTML", "text/html"],
        ),
        (
            "no HTTP",
            vec![text("SSH-2.0-OpenSSH_9.2\r\n")],
            69,
            &["no proper HTTP"],
        ),
    ];
    std::thread::scope(|scope| {
        for (name, answer, code, words) in cases {
            let (token, vault) = (plain_token(&vault), &vault);
            scope.spawn(move || {
                let front = steps(vault, answer);
                let limits = ["--revoke", "--start-timeout", "1s", "--stall-timeout", "1s"];
                let outcome = at(&front).run("vault-snapshot", &limits, token.line.as_bytes());
                assert_eq!(outcome.status, code, "{name}: {}", outcome.stderr);
                for word in words {
                    assert!(
                        outcome.stderr.contains(word),
                        "{name}: no '{word}' in {}",
                        outcome.stderr
                    );
                }
                assert!(outcome.stdout.is_empty(), "{name}");
                assert!(!exists(vault, &token), "{name}: the token is gone: {}", outcome.stderr);
            });
        }
    });
}

#[test]
fn a_wrong_type_or_label_and_http_1_0_with_a_length_do_not_matter_where_the_archive_is_whole() {
    let vault = Vault::shared();
    let whole = vault.snapshot();
    let length = format!("Content-Length: {}\r\n\r\n", whole.len());
    for first in [
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Encoding: gzip\r\n",
        "HTTP/1.0 200 OK\r\n",
    ] {
        let front = steps(&vault, vec![text(&format!("{first}{length}")), bytes(&whole)]);
        let outcome = at(&front).run("vault-snapshot", &[], b"hvs.any").expect(0);
        assert!(outcome.stdout == whole);
    }
}

#[test]
fn a_server_that_begins_late_is_waited_for() {
    let vault = Vault::shared();
    let whole: Arc<[u8]> = vault.snapshot().into();
    let front = steps(&vault, vec![Step::Hold, head(CHUNKED), chunks(&whole), text(LAST)]);
    // Silence before the first byte is no stall: the server scans its store.
    let environment = at(&front);
    let mut running = environment.spawn("vault-snapshot", &["--stall-timeout", "1s", "--timeout", "1s"]);
    running.write(b"hvs.any");
    running.close();
    front.wait_for_requests(SNAPSHOT, 1);
    // Time itself is what is tested here.
    std::thread::sleep(std::time::Duration::from_secs(3));
    front.release();
    assert!(running.wait(PATIENCE).expect(0).stdout[..] == whole[..]);
}

#[test]
fn while_nothing_has_left_a_stream_that_breaks_is_got_again_and_with_a_spool_however_long_it_was() {
    let vault = Vault::start();
    vault.fill(1);
    let whole = vault.snapshot();
    let part: Arc<[u8]> = whole[..1 << 20].into();
    let broken = || {
        let part = Arc::clone(&part);
        front(&vault, move |request| match request.before {
            0 => Answer::Steps(vec![head(CHUNKED), chunks(&part), Step::Reset]),
            _ => Answer::Behind,
        })
    };
    let token = format!("{}\n", vault.root_token());
    let again = ["--max-retries", "2"];
    let front = broken();
    let outcome = at(&front).run("vault-snapshot", &again, token.as_bytes()).expect(69);
    assert!(whole.starts_with(&outcome.stdout) && !outcome.stdout.is_empty());
    let front = broken();
    let spool = [&again[..], &["--spool", "."]].concat();
    let outcome = at(&front).run("vault-snapshot", &spool, token.as_bytes()).expect(0);
    assert!(inspect(&outcome.stdout).status.success());
    front.wait_for_requests(SNAPSHOT, 2);
}

#[test]
fn the_token_is_gone_after_success_and_after_the_end_by_a_signal_and_stays_where_nobody_asked() {
    let vault = Vault::shared();
    let environment = Environment::new().set("VAULT_ADDR", &vault.address());
    let (kept, given_back) = (plain_token(&vault), plain_token(&vault));
    environment.run("vault-snapshot", &[], kept.line.as_bytes()).expect(0);
    assert!(exists(&vault, &kept));
    environment
        .run("vault-snapshot", &["--revoke"], given_back.line.as_bytes())
        .expect(0);
    assert!(!exists(&vault, &given_back));

    // Before the reply, in mid-body, and with half of it on disk.
    let whole = vault.snapshot();
    let half = vec![head(CHUNKED), chunks(&whole[..8000]), Step::Hold];
    for (answer, options) in [
        (vec![Step::Hold], &["--revoke"][..]),
        (half.clone(), &["--revoke"]),
        (half, &["--revoke", "--spool", "."]),
    ] {
        let token = plain_token(&vault);
        let front = steps(&vault, answer);
        let environment = at(&front);
        let mut running = environment.spawn("vault-snapshot", options);
        running.write(token.line.as_bytes());
        running.close();
        front.wait_for_requests(SNAPSHOT, 1);
        running.terminate();
        let outcome = running.wait(PATIENCE).expect(143);
        assert!(outcome.stdout.is_empty());
        assert!(!exists(&vault, &token), "{options:?}");
    }
}

#[test]
fn with_a_spool_the_token_is_gone_and_the_server_done_before_anything_is_read() {
    let vault = Vault::start();
    vault.fill(16);
    let token = plain_token(&vault);
    let environment = Environment::new().set("VAULT_ADDR", &vault.address());
    let mut running = environment.spawn_raw("vault-snapshot", &["--revoke", "--spool", "."]);
    running.write(token.line.as_bytes());
    running.close();
    wait_for("the token is gone", || (!exists(&vault, &token)).then_some(()));
    // The server may go now.
    vault.container().kill();
    let mut archive = Vec::new();
    running.output().read_to_end(&mut archive).unwrap();
    running.wait(PATIENCE).expect(0);
    assert!(archive.len() > 16 << 20);
    assert!(inspect(&archive).status.success());
}

#[test]
fn a_token_that_cannot_be_revoked_is_a_warning_with_a_hint_and_the_code_stays() {
    let vault = Vault::shared();
    let environment = Environment::new().set("VAULT_ADDR", &vault.address());
    let unable = [
        (json!({"type": "batch"}), "batch tokens"),
        (json!({"no_default_policy": true}), "token_no_default_policy"),
    ];
    for (options, hint) in unable {
        let token = token(&vault, &options);
        let outcome = environment
            .run("vault-snapshot", &["--revoke"], token.line.as_bytes())
            .expect(0);
        assert!(inspect(&outcome.stdout).status.success());
        for word in [
            "vault-snapshot: warning: revoke the token at",
            "vault-snapshot: hint: ",
            hint,
        ] {
            assert!(outcome.stderr.contains(word), "no '{word}' in {}", outcome.stderr);
        }
    }
}
