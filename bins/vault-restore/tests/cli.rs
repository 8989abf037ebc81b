//! The command line: codes, messages, what is sent, and what never is.

#![allow(clippy::unwrap_used, reason = "tests")]

mod common;
#[path = "../../../crates/archive/tests/common/mod.rs"]
#[allow(
    clippy::redundant_closure_for_method_calls,
    clippy::needless_pass_by_value,
    reason = "not ours"
)]
mod parts;
#[path = "../../../crates/cli/tests/support/signals.rs"]
mod signals;

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::Stdio;
use std::time::Duration;

use common::scripted::{Server, closed, reply, send};
use common::{HELD, LEADER, Manner, RESTORE, TOKEN, Vault, expect, large, program, run, run_with, small};
use parts::Parts;
use rustix::process::Signal;
use sha2::{Digest as _, Sha256};
use signals::{signal_twice, wait_until_it_listens};
use snapline_archive::synthetic::{Encoding, Synthetic, gzip};

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn an_archive_is_restored_as_it_came_and_the_summary_names_its_digest() {
    for archive in [small(), large()] {
        let vault = Vault::new(LEADER);
        let output = run(vault.url(), &["--yes"], &archive);
        let url = vault.url();
        let restored = format!(
            "vault-restore: restored '{url}/v1/sys/storage/raft/snapshot' bytes={} index=592 term=3 sha256={} seconds=",
            archive.len(),
            hex(&archive)
        );
        let stderr = expect(
            &output,
            0,
            &[&restored, &format!("'{url}': active: it has the restored data")],
        );
        assert!(
            !stderr.contains("archive: raft"),
            "the plan is for those who ask: {stderr}"
        );
        assert!(vault.archives() == [archive]);
        let post = vault
            .server
            .seen()
            .into_iter()
            .find(|seen| seen.line == RESTORE)
            .unwrap();
        assert_eq!(post.header("x-vault-token"), Some(TOKEN));
    }
}

#[test]
fn the_archive_may_come_from_a_file_and_force_is_another_path() {
    let archive = large();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vault.snap");
    std::fs::write(&path, &archive).unwrap();
    let vault = Vault::new(LEADER);
    let words = ["--input", path.to_str().unwrap(), "--force", "--yes", "-q"];
    let output = run(vault.url(), &words, b"");
    let stderr = expect(&output, 0, &[]);
    assert_eq!(stderr, "");
    assert!(vault.archives() == [archive]);
    assert!(vault.server.lines().contains(&format!("{RESTORE}-force")));
}

#[test]
fn without_yes_nothing_is_sent_and_what_would_happen_is_said() {
    let vault = Vault::new(LEADER);
    let words = [
        "archive: raft: index 592, term 3",
        "active, Vault 1.21.0, cluster 'here' (c1), seal shamir with 3 of 5 shares, index 40",
        "afterwards: ",
        "tokens and leases are those of the snapshot again",
    ];
    let output = run(vault.url(), &[], &large());
    let stderr = expect(&output, 64, &words);
    assert!(stderr.contains("nothing was sent, since --yes is missing"), "{stderr}");
    expect(&run(vault.url(), &["--dry-run"], &large()), 0, &words);
    assert!(vault.archives().is_empty());
}

#[test]
fn a_rehearsal_needs_no_token_and_says_that_there_is_none() {
    let vault = Vault::new(LEADER);
    let mut command = program(vault.url());
    command.env_remove("VAULT_TOKEN");
    let output = run_with(command, &["--dry-run"], &small());
    expect(&output, 0, &["warning: find the token: there is none"]);
}

#[test]
fn without_a_token_the_archive_is_not_even_read() {
    let vault = Vault::new(LEADER);
    let mut command = program(vault.url());
    command.env_remove("VAULT_TOKEN");
    let output = run_with(command, &["--yes"], &small());
    expect(&output, 78, &["find the token: there is none", "hint: vault-login"]);
    assert!(vault.server.seen().is_empty());
}

#[test]
fn what_differs_is_a_warning() {
    let vault = Vault::new(Manner {
        index: 593,
        version: r#""version":"2.4.0""#,
        ..LEADER
    });
    let output = run(vault.url(), &["--dry-run"], &small());
    expect(
        &output,
        0,
        &["warning: the archive is at index 592, and the target at 593: what it has written since is lost"],
    );
}

#[test]
fn for_every_gate_a_broken_archive_sends_not_a_byte() {
    let vault = Vault::new(LEADER);
    let good = Parts::good();
    let stored = good.stored();
    let with = |change: &dyn Fn(&mut Parts)| {
        let mut parts = good.clone();
        change(&mut parts);
        parts.stored()
    };
    let flipped = |at: usize| {
        let mut archive = stored.clone();
        archive[at] ^= 0xff;
        archive
    };
    let broken = [
        ("V1", flipped(2)),
        ("V2", with(&|parts| parts.members[0].name = "mata.json".to_owned())),
        ("V2", good.clone().without("state.bin").stored()),
        ("V3", with(&|parts| parts.members[0].data = b"{}".to_vec())),
        ("V4", with(&|parts| parts.members[1].data[0] ^= 1)),
        ("V5", with(&|parts| parts.members[2].data.truncate(70))),
        ("V6", good.clone().without("SHA256SUMS.sealed").stored()),
        ("V7", with(&|parts| parts.end.truncate(512))),
        ("V8", flipped(stored.len() - 6)),
        ("V9", stored[..stored.len() - 1].to_vec()),
        ("V9", [stored.as_slice(), b"x"].concat()),
        ("V9", [stored.as_slice(), &stored].concat()),
        // Its state.bin is no sequence of entries.
        ("entries", stored.clone()),
        ("a page", b"<html>Welcome</html>".to_vec()),
        ("age", b"age-encryption.org/v1\n-> X25519 abc".to_vec()),
        ("twice", gzip(&stored, Encoding::Deflated)),
    ];
    for (gate, archive) in &broken {
        for words in [&["--yes"][..], &["--yes", "--force"], &["--dry-run"]] {
            let output = run(vault.url(), words, archive);
            let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(65), "{gate}: {stderr}");
            assert!(
                stderr.contains("check the archive from standard input"),
                "{gate}: {stderr}"
            );
        }
    }
    assert!(vault.server.seen().is_empty(), "nobody was even asked");
}

#[test]
fn an_archive_cut_anywhere_sends_not_a_byte() {
    let vault = Vault::new(LEADER);
    let archive = large();
    for missing in [1, 8, 17, 600, HELD, HELD + 1, archive.len() / 2, archive.len() - 5] {
        let output = run(vault.url(), &["--yes"], &archive[..archive.len() - missing]);
        expect(&output, 65, &["check the archive from standard input"]);
    }
    assert!(vault.server.seen().is_empty());
}

#[test]
fn encrypted_input_is_called_by_its_name() {
    let output = run(
        "http://127.0.0.1:1",
        &["--yes"],
        b"age-encryption.org/v1\n-> X25519 abc",
    );
    expect(&output, 65, &["age", "hint: decrypt it first: pipe it through 'age -d"]);
}

#[test]
fn no_input_has_codes_of_its_own() {
    let nowhere = closed();
    expect(&run(&nowhere, &["--yes"], b""), 66, &["standard input"]);
    expect(
        &run(&nowhere, &["--yes", "--input", "/no/such.snap"], b""),
        66,
        &["/no/such.snap"],
    );
    expect(&run(&nowhere, &["--yes", "--input", "/"], b""), 74, &["'/'"]);
    let spool = ["--yes", "--spool", "/no/such/directory"];
    expect(&run(&nowhere, &spool, &small()), 74, &["/no/such/directory"]);
}

#[test]
fn what_is_called_wrongly_is_64() {
    for (words, word) in [
        (&["--yes", "--dry-run"][..], "exclude each other"),
        (&["--stall-timeout", "0"], "--stall-timeout"),
        (&["--yes", "--token-file", "-"], "that is where the archive comes from"),
        (&["--no-such-option"], "--no-such-option"),
        (&["vault.snap"], "vault.snap"),
    ] {
        expect(&run("http://127.0.0.1:1", words, &small()), 64, &[word]);
    }
    let output = run("ftp://127.0.0.1:1", &["--yes"], &small());
    expect(&output, 78, &["VAULT_ADDR"]);
}

#[test]
fn the_help_lists_every_option_and_the_codes() {
    let output = program("").arg("--help").output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    for word in [
        "--input",
        "--token-file",
        "--spool",
        "--force",
        "--yes",
        "--dry-run",
        "--wait",
        "--stall-timeout",
        "--address",
        "VAULT_TOKEN",
        "s3-get --latest",
        "Exit codes:",
        "128+n",
    ] {
        assert!(help.contains(word), "no {word} in {help}");
    }
    assert!(!help.contains("--revoke"));
}

#[test]
fn without_a_leader_every_node_says_what_it_is() {
    let sealed = Server::start(|_, _, stream| {
        reply(
            stream,
            "503 Service Unavailable",
            "",
            r#"{"initialized":true,"sealed":true,"version":"1.21.0"}"#,
        );
    });
    let fresh = Server::start(|_, _, stream| {
        reply(
            stream,
            "501 Not Implemented",
            "",
            r#"{"initialized":false,"sealed":true,"version":"1.21.0"}"#,
        );
    });
    let nowhere = closed();
    let words = [
        "--yes",
        "--address",
        &sealed.url,
        "--address",
        &fresh.url,
        "--address",
        &nowhere,
    ];
    let output = run("", &words, &small());
    let (sealed, fresh) = (
        format!("'{}' is sealed", sealed.url),
        format!("'{}' is not initialised", fresh.url),
    );
    expect(
        &output,
        69,
        &[
            "find the leader: ",
            &sealed,
            &fresh,
            "connection refused",
            "hint: unseal it",
        ],
    );
}

#[test]
fn the_leader_among_the_named_nodes_gets_it_and_all_are_watched() {
    let standby = Vault::new(Manner {
        is_leader: false,
        ..LEADER
    });
    let leader = Vault::new(LEADER);
    standby.advance();
    let words = ["--yes", "--address", standby.url(), "--address", leader.url()];
    let output = run("", &words, &small());
    let (standing, leading) = (
        format!("'{}': standby: it has the restored data", standby.url()),
        format!("'{}': active: it has the restored data", leader.url()),
    );
    expect(&output, 0, &[&standing, &leading]);
    assert_eq!((standby.archives().len(), leader.archives().len()), (0, 1));
}

#[test]
fn a_server_that_seals_itself_is_said_with_the_keys_that_it_needs() {
    let vault = Vault::new(Manner { seals: true, ..LEADER });
    let output = run(vault.url(), &["--yes", "--force"], &small());
    expect(&output, 0, &["restored '", &format!("'{}': sealed: ", vault.url())]);
}

#[test]
fn a_node_that_does_not_say_what_became_of_it_is_69_after_the_wait() {
    let standby = Vault::new(Manner {
        is_leader: false,
        ..LEADER
    });
    let leader = Vault::new(LEADER);
    let words = [
        "--yes",
        "--wait",
        "2s",
        "--address",
        leader.url(),
        "--address",
        standby.url(),
    ];
    let output = run("", &words, &small());
    let missing = format!("'{}' did not say within 2 s", standby.url());
    expect(
        &output,
        69,
        &["restored '", "standby: it does not have the restored data", &missing],
    );

    let leader = Vault::new(LEADER);
    let words = [
        "--yes",
        "--wait",
        "0",
        "--address",
        leader.url(),
        "--address",
        standby.url(),
    ];
    expect(&run("", &words, &small()), 0, &["restored '"]);
}

#[test]
fn a_lost_response_is_69_and_the_nodes_say_what_became_of_it() {
    let vault = Vault::answering(LEADER, |_| {});
    let output = run(vault.url(), &["--yes"], &large());
    let has = format!("'{}': active: it has the restored data", vault.url());
    expect(&output, 69, &["may have been applied", &has]);
    assert_eq!(vault.archives().len(), 1);
}

#[test]
fn refusals_have_their_codes_and_are_not_repeated() {
    let keys = r#"{"errors":["could not verify hash file, possibly the snapshot is using a different set of unseal keys; use the snapshot-force API to bypass this check"]}"#;
    for (status, body, code, word) in [
        (
            "403 Forbidden",
            r#"{"errors":["permission denied"]}"#,
            77,
            "update on sys/storage/raft/snapshot",
        ),
        (
            "400 Bad Request",
            keys,
            77,
            "hint: the archive comes from a cluster with other keys",
        ),
        (
            "400 Bad Request",
            r#"{"errors":["raft storage is not in use"]}"#,
            78,
            "raft storage",
        ),
        (
            "500 Internal Server Error",
            r#"{"errors":["hash check failed for \"state.bin\""]}"#,
            65,
            "hash check failed",
        ),
        (
            "503 Service Unavailable",
            r#"{"errors":["Vault is sealed"]}"#,
            69,
            "sealed",
        ),
    ] {
        let vault = Vault::answering(LEADER, move |stream| reply(stream, status, "", body));
        let output = run(vault.url(), &["--yes", "--wait", "0"], &small());
        expect(&output, code, &[word]);
        assert_eq!(vault.archives().len(), 1, "{status}");
    }
}

#[test]
fn a_term_before_the_archive_is_whole_sends_nothing() {
    let vault = Vault::new(LEADER);
    let mut child = program(vault.url())
        .arg("--yes")
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&large()[..100_000]).unwrap();
    wait_until_it_listens(&child);
    signal_twice(&child, Signal::TERM);
    let output = child.wait_with_output().unwrap();
    expect(&output, 143, &["ended by SIGTERM"]);
    assert!(vault.server.seen().is_empty());
}

#[test]
fn signals_while_it_is_sent_leave_the_last_bytes_unsent() {
    // More than all buffers on the way hold.
    let archive = Synthetic::new(32 << 20).to_vec();
    let (began, begun) = std::sync::mpsc::channel();
    let began = std::sync::Mutex::new(began);
    let (ended, gone) = std::sync::mpsc::channel::<()>();
    let gone = std::sync::Mutex::new(gone);
    let body = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let got = std::sync::Arc::clone(&body);
    let state = Vault::new(LEADER);
    let real = state.url().to_owned();
    let vault = Server::start_at_head(
        move |seen, stream| {
            if seen.line != RESTORE {
                return true;
            }
            send(stream, "HTTP/1.1 100 Continue\r\n\r\n");
            let mut first = vec![0; 64 * 1024];
            let mut copy = stream.try_clone().unwrap();
            copy.read_exact(&mut first).unwrap();
            began.lock().unwrap().send(()).unwrap();
            // Nothing more is taken before the other side is gone.
            gone.lock().unwrap().recv_timeout(Duration::from_secs(20)).unwrap();
            let mut rest = Vec::new();
            let _ = copy.read_to_end(&mut rest);
            got.lock().unwrap().extend_from_slice(&first);
            got.lock().unwrap().extend_from_slice(&rest);
            began.lock().unwrap().send(()).unwrap();
            false
        },
        move |seen, _, stream| {
            let path = seen.line.strip_prefix("GET ").unwrap();
            let mut other = std::net::TcpStream::connect(real.strip_prefix("http://").unwrap()).unwrap();
            send(&mut other, format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
            let mut all = Vec::new();
            other.read_to_end(&mut all).unwrap();
            send(stream, all);
        },
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vault.snap");
    File::create(&path).unwrap().write_all(&archive).unwrap();
    let child = program(&vault.url)
        .args(["--yes", "--input", path.to_str().unwrap()])
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    begun.recv_timeout(Duration::from_secs(20)).unwrap();
    signal_twice(&child, Signal::TERM);
    let output = child.wait_with_output().unwrap();
    ended.send(()).unwrap();
    expect(
        &output,
        143,
        &["ended by SIGTERM", "not sent whole, so nothing was changed"],
    );
    begun.recv_timeout(Duration::from_secs(20)).unwrap();
    let got = body.lock().unwrap();
    assert!(got.len() <= archive.len() - HELD, "{} of {}", got.len(), archive.len());
    assert!(archive.starts_with(&got));
}

#[test]
fn nothing_is_left_in_the_directory_of_the_copy() {
    let folder = tempfile::tempdir().unwrap();
    let vault = Vault::new(LEADER);
    let spool = folder.path().to_str().unwrap();
    expect(&run(vault.url(), &["--yes", "--spool", spool], &large()), 0, &[]);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
