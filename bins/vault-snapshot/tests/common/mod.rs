//! What the tests of this program share: how it is run, and a server in front of it.

#![allow(dead_code, reason = "each test program uses its own part")]
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../../../crates/vault/tests/support/scripted.rs"]
pub(crate) mod scripted;
#[path = "../../../../crates/cli/tests/support/signals.rs"]
pub(crate) mod signals;

use std::io::Write as _;
use std::net::TcpStream;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use scripted::{Server, begin, chunks, end, reply};
use snapline_archive::synthetic::{Content, Encoding, Synthetic};

/// The request for a snapshot.
pub(crate) const SNAPSHOT: &str = "GET /v1/sys/storage/raft/snapshot";
/// The request that revokes the token.
pub(crate) const REVOKE: &str = "POST /v1/auth/token/revoke-self";
/// The token on standard input.
pub(crate) const TOKEN: &str = "hvs.piped-token";
/// How many bytes are held back.
pub(crate) const HELD: usize = 64 * 1024;

/// The program with nothing in its environment, towards `address`.
pub(crate) fn program(address: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vault-snapshot"));
    command
        .env_clear()
        .env("VAULT_ADDR", address)
        .env("VAULT_MAX_RETRIES", "0")
        .stdin(Stdio::null());
    command
}

/// Runs it with `words` and this standard input.
pub(crate) fn run_with(command: Command, words: &[&str], stdin: &str) -> Output {
    assert_cmd::Command::from_std(command)
        .args(words)
        .write_stdin(stdin)
        .timeout(Duration::from_secs(60))
        .output()
        .unwrap()
}

/// Runs it with `words` and a token on standard input.
pub(crate) fn run(address: &str, words: &[&str]) -> Output {
    run_with(program(address), words, &format!("{TOKEN}\n"))
}

/// Starts it with a token on standard input and its standard output at `stdout`.
pub(crate) fn start(address: &str, words: &[&str], stdout: impl Into<Stdio>) -> Child {
    let mut child = program(address)
        .args(words)
        .stdin(Stdio::piped())
        .stdout(stdout)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(TOKEN.as_bytes()).unwrap();
    child
}

/// The code, and words in what it says; never a token.
#[track_caller]
pub(crate) fn expect(output: &Output, code: i32, words: &[&str]) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    for word in words {
        assert!(stderr.contains(word), "no '{word}' in {stderr}");
    }
    if code != 0 {
        assert!(stderr.contains("vault-snapshot: error: "), "{stderr}");
    }
    for secret in [TOKEN, "hvs.file-token", "hvs.env-token", "hvs.home-token"] {
        assert!(!stderr.contains(secret), "{secret} in {stderr}");
    }
}

/// A server whose snapshot is what `answer` sends, and that lets tokens be revoked.
pub(crate) fn serving(answer: impl Fn(usize, &mut TcpStream) + Send + Sync + 'static) -> Server {
    Server::start(move |seen, before, stream| {
        if seen.line == SNAPSHOT {
            answer(before, stream);
        } else {
            reply(stream, "204 No Content", "", "");
        }
    })
}

/// One that sends these bytes properly.
pub(crate) fn sending(bytes: Vec<u8>) -> Server {
    serving(move |_, stream| {
        begin(stream);
        chunks(stream, &bytes);
        end(stream);
    })
}

/// An archive as small as that of a fresh cluster.
pub(crate) fn small() -> Vec<u8> {
    Synthetic::new(20_000).to_vec()
}

/// One that does not fit into pipes and buffers.
pub(crate) fn large() -> Vec<u8> {
    Synthetic {
        content: Content::Incompressible,
        encoding: Encoding::Stored,
        ..Synthetic::new(8 << 20)
    }
    .to_vec()
}
