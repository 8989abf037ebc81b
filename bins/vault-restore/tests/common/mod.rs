//! What the tests of this program share: how it is run, and a server that takes archives.

#![allow(dead_code, reason = "each test program uses its own part")]
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../../../crates/vault/tests/support/scripted.rs"]
pub(crate) mod scripted;

use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use scripted::{Server, reply};
use snapline_archive::synthetic::{Encoding, Synthetic};

/// The request that restores.
pub(crate) const RESTORE: &str = "POST /v1/sys/storage/raft/snapshot";
/// The token in the environment.
pub(crate) const TOKEN: &str = "hvs.env-token";
/// How many bytes are held back.
pub(crate) const HELD: usize = 64 * 1024;

/// The program with a token in its environment, towards `address`.
pub(crate) fn program(address: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vault-restore"));
    command
        .env_clear()
        .env("VAULT_ADDR", address)
        .env("VAULT_TOKEN", TOKEN)
        .env("VAULT_MAX_RETRIES", "0")
        .env("TMPDIR", std::env::temp_dir())
        .stdin(Stdio::null());
    command
}

/// Runs it with `words` and this standard input.
pub(crate) fn run_with(command: Command, words: &[&str], stdin: &[u8]) -> Output {
    assert_cmd::Command::from_std(command)
        .args(words)
        .write_stdin(stdin)
        .timeout(Duration::from_secs(60))
        .output()
        .unwrap()
}

/// Runs it with `words` and an archive on standard input.
pub(crate) fn run(address: &str, words: &[&str], archive: &[u8]) -> Output {
    run_with(program(address), words, archive)
}

/// The code, and words in what it says; never a token, and nothing on standard output.
#[track_caller]
pub(crate) fn expect(output: &Output, code: i32, words: &[&str]) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    for word in words {
        assert!(stderr.contains(word), "no '{word}' in {stderr}");
    }
    if code != 0 {
        assert!(stderr.contains("vault-restore: error: "), "{stderr}");
    }
    for secret in [TOKEN, "hvs.file-token", "hvs.home-token"] {
        assert!(!stderr.contains(secret), "{secret} in {stderr}");
    }
    assert!(output.stdout.is_empty());
    stderr
}

/// An archive that fits into the bytes that are held back.
pub(crate) fn small() -> Vec<u8> {
    Synthetic::new(16 * 1024).to_vec()
}

/// An archive that does not.
pub(crate) fn large() -> Vec<u8> {
    let recipe = Synthetic {
        encoding: Encoding::Deflated,
        ..Synthetic::new(3 << 20)
    };
    recipe.to_vec()
}

/// A server that says what it is, and takes archives.
pub(crate) struct Vault {
    pub(crate) server: Server,
    index: Arc<AtomicU64>,
}

/// How a [`Vault`] answers.
#[derive(Clone, Copy)]
pub(crate) struct Manner {
    /// What it says it is.
    pub(crate) is_leader: bool,
    /// Whether it seals itself when it is restored.
    pub(crate) seals: bool,
    /// Its index before.
    pub(crate) index: u64,
    /// Its product and version, as in `sys/health`.
    pub(crate) version: &'static str,
    /// Its seal, as in `sys/seal-status`.
    pub(crate) seal: &'static str,
}

pub(crate) const LEADER: Manner = Manner {
    is_leader: true,
    seals: false,
    index: 40,
    version: r#""version":"1.21.0","enterprise":false"#,
    seal: r#""type":"shamir","t":3,"n":5,"storage_type":"raft""#,
};

/// What `index` is of one that was restored and has sealed itself.
const SEALED: u64 = u64::MAX;

impl Vault {
    pub(crate) fn new(manner: Manner) -> Self {
        Self::answering(manner, |stream| reply(stream, "204 No Content", "", ""))
    }

    /// `answer` gets what asks to restore, when the archive has come.
    pub(crate) fn answering(manner: Manner, answer: impl Fn(&mut std::net::TcpStream) + Send + Sync + 'static) -> Self {
        let index = Arc::new(AtomicU64::new(manner.index));
        let now = Arc::clone(&index);
        let server = Server::start(move |seen, _, stream| {
            let index = now.load(Ordering::SeqCst);
            let is_sealed = index == SEALED;
            match seen.line.as_str() {
                "GET /v1/sys/health" => {
                    let (standby, version) = (!manner.is_leader, manner.version);
                    let body = format!(
                        r#"{{"initialized":true,"sealed":{is_sealed},"standby":{standby},"cluster_name":"here","cluster_id":"c1",{version}}}"#
                    );
                    reply(
                        stream,
                        if is_sealed { "503 Service Unavailable" } else { "200 OK" },
                        "",
                        &body,
                    );
                }
                "GET /v1/sys/seal-status" => reply(stream, "200 OK", "", &format!("{{{}}}", manner.seal)),
                "GET /v1/sys/leader" if is_sealed => reply(stream, "503 Service Unavailable", "", "{}"),
                "GET /v1/sys/leader" => {
                    let body = format!(
                        r#"{{"ha_enabled":true,"is_self":{},"raft_committed_index":{index},"raft_applied_index":{index}}}"#,
                        manner.is_leader
                    );
                    reply(stream, "200 OK", "", &body);
                }
                _ => {
                    now.store(if manner.seals { SEALED } else { 1_000_000 }, Ordering::SeqCst);
                    answer(stream);
                }
            }
        });
        Self { server, index }
    }

    /// Its address.
    pub(crate) fn url(&self) -> &str {
        &self.server.url
    }

    /// The archives that have come.
    pub(crate) fn archives(&self) -> Vec<Vec<u8>> {
        let seen = self.server.seen().into_iter();
        seen.filter(|seen| seen.line.starts_with("POST "))
            .map(|seen| seen.bytes)
            .collect()
    }

    /// As if it had applied an archive that another node took.
    pub(crate) fn advance(&self) {
        self.index.store(1_000_000, Ordering::SeqCst);
    }
}
