//! The command line: codes, messages, whose token is used, and what leaves.

#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::fs::File;
use std::io::Read as _;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use common::scripted::{Server, begin, chunks, closed, end, reply, send};
use common::{
    HELD, REVOKE, SNAPSHOT, TOKEN, expect, large, program, run, run_with, sending, serving, signals, small, start,
};

#[test]
fn the_archive_leaves_as_it_came_and_the_token_is_revoked() {
    for archive in [small(), large()] {
        let vault = sending(archive.clone());
        let output = run(&vault.url, &["--revoke", "-vvv"]);
        let sent = format!(
            "vault-snapshot: sent '{}/v1/sys/storage/raft/snapshot' bytes={} index=592 term=3 seconds=",
            vault.url,
            archive.len()
        );
        expect(&output, 0, &[&sent]);
        assert!(output.stdout == archive);
        assert_eq!(vault.lines(), [SNAPSHOT, REVOKE]);
        for seen in vault.seen() {
            assert_eq!(seen.header("x-vault-token"), Some(TOKEN));
        }
    }
}

#[test]
fn a_token_is_revoked_only_if_that_was_asked_for() {
    let vault = sending(small());
    expect(&run(&vault.url, &[]), 0, &[]);
    assert_eq!(vault.lines(), [SNAPSHOT]);
}

#[test]
fn the_token_is_revoked_before_the_last_bytes_leave() {
    let (done, revoked) = std::sync::mpsc::channel::<()>();
    let (go_on, waits) = std::sync::mpsc::channel::<()>();
    let (done, waits) = (Mutex::new(done), Mutex::new(waits));
    let archive = large();
    let bytes = archive.clone();
    let vault = Server::start(move |seen, _, stream| {
        if seen.line == SNAPSHOT {
            begin(stream);
            chunks(stream, &bytes);
            end(stream);
        } else {
            done.lock().unwrap().send(()).unwrap();
            waits.lock().unwrap().recv().unwrap();
            reply(stream, "204 No Content", "", "");
        }
    });
    let mut child = start(&vault.url, &["--revoke"], Stdio::piped());
    let mut stdout = child.stdout.take().unwrap();
    let got = Arc::new(Mutex::new(Vec::new()));
    let collected = Arc::clone(&got);
    let reader = std::thread::spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match stdout.read(&mut buffer).unwrap() {
                0 => break,
                count => collected.lock().unwrap().extend_from_slice(&buffer[..count]),
            }
        }
    });
    revoked.recv_timeout(Duration::from_secs(20)).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(got.lock().unwrap().len(), archive.len() - HELD);
    go_on.send(()).unwrap();
    reader.join().unwrap();
    assert!(*got.lock().unwrap() == archive);
    expect(&child.wait_with_output().unwrap(), 0, &[]);
}

#[test]
fn a_token_that_cannot_be_revoked_is_a_warning() {
    let archive = small();
    let bytes = archive.clone();
    let vault = Server::start(move |seen, _, stream| {
        if seen.line == SNAPSHOT {
            begin(stream);
            chunks(stream, &bytes);
            end(stream);
        } else {
            reply(stream, "403 Forbidden", "", r#"{"errors":["permission denied"]}"#);
        }
    });
    let output = run(&vault.url, &["--revoke"]);
    expect(
        &output,
        0,
        &[
            "vault-snapshot: warning: revoke the token",
            "permission denied",
            "vault-snapshot: hint: ",
            "token_no_default_policy",
        ],
    );
    assert!(output.stdout == archive);
}

#[test]
fn help_and_version_need_no_configuration() {
    let output = run_with(program(""), &["--help"], "");
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    for part in ["--start-timeout", "default: 15m", "VAULT_ADDR", "vault-login |", "141"] {
        assert!(text.contains(part), "no {part} in {text}");
    }
    let output = run_with(program(""), &["--version"], "");
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        format!("vault-snapshot {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn wrong_calls_are_64() {
    for (words, part) in [
        (&["--token", "x"][..], "--token"),
        (&["word"], "word"),
        (&["--stall-timeout", "0"], "--stall-timeout"),
        (&["--start-timeout", "1 day"], "1 day"),
    ] {
        expect(&run("http://127.0.0.1:1", words), 64, &[part]);
    }
}

#[test]
fn a_terminal_gets_no_archive() {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let vault = sending(small());
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap().into_string().unwrap();
    let stdout = File::options().read(true).write(true).open(name).unwrap();
    let output = program(&vault.url)
        .env("VAULT_TOKEN", "hvs.env-token")
        .stdout(stdout)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
        .wait_with_output()
        .unwrap();
    expect(&output, 64, &["terminal", "--output"]);
    assert!(vault.lines().is_empty());
}

#[test]
fn a_bad_archive_is_65_and_nothing_plausible_leaves() {
    let whole = small();
    let mut flipped = whole.clone();
    flipped[10_000] ^= 1;
    let twice = [whole.clone(), whole.clone()].concat();
    for (bytes, part) in [
        (whole[..whole.len() - 8].to_vec(), "truncated"),
        (whole[..5_000].to_vec(), "truncated"),
        (flipped, "checksum"),
        (twice, "written twice"),
        ([whole.as_slice(), b"x"].concat(), "followed by other data"),
        (br#"{"errors":["no"]}"#.to_vec(), "JSON"),
        (b"<html>".to_vec(), "HTML"),
        (Vec::new(), "empty"),
    ] {
        let vault = sending(bytes);
        let output = run(&vault.url, &["--revoke"]);
        expect(&output, 65, &["check the snapshot from", part]);
        assert!(output.stdout.is_empty(), "{part}");
        assert_eq!(vault.lines(), [SNAPSHOT, REVOKE]);
    }
}

#[test]
fn a_body_that_somebody_has_packed_once_more_is_65_and_one_that_is_only_labelled_so_is_taken() {
    let archive = small();
    let answering = |body: Vec<u8>, head: &'static str| {
        serving(move |_, stream| {
            send(
                stream,
                format!("HTTP/1.1 200 OK\r\n{head}Content-Length: {}\r\n\r\n", body.len()),
            );
            send(stream, &body);
        })
    };
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, &archive).unwrap();
    let vault = answering(packed.finish().unwrap(), "Content-Encoding: gzip\r\n");
    let output = run(&vault.url, &[]);
    expect(
        &output,
        65,
        &["check the snapshot from", "Content-Encoding: gzip", "proxy"],
    );
    assert!(output.stdout.is_empty());
    // The label alone proves nothing, and the archive proves itself.
    let vault = answering(
        archive.clone(),
        "Content-Encoding: gzip\r\nContent-Type: text/plain\r\n",
    );
    let output = run(&vault.url, &[]);
    expect(&output, 0, &[]);
    assert!(output.stdout == archive);
    for (body, kind, part) in [
        (
            br#"{"auth":{}}"#.to_vec(),
            "Content-Type: application/json\r\n",
            "application/json",
        ),
        (b"<html>".to_vec(), "Content-Type: text/html\r\n", "text/html"),
    ] {
        let output = run(&answering(body, kind).url, &[]);
        expect(&output, 65, &["vault-snapshot: hint: the reply is of type", part]);
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn of_a_large_bad_archive_the_end_never_leaves() {
    let whole = large();
    let short = whole[..whole.len() - 1].to_vec();
    let output = run(&sending(short.clone()).url, &[]);
    expect(&output, 65, &["truncated"]);
    assert!(output.stdout.len() <= short.len() - HELD);
    assert!(whole.starts_with(&output.stdout));
}

/// An agent with auto_auth adds its own token to a request that has none, and refuses one that it does not know.
#[test]
fn an_agent_is_asked_without_a_token() {
    let archive = small();
    let bytes = archive.clone();
    let vault = Server::start(move |seen, _, stream| {
        assert_eq!(seen.header("x-vault-token"), None);
        begin(stream);
        chunks(stream, &bytes);
        end(stream);
    });
    let mut command = program("http://127.0.0.1:1");
    command.env("VAULT_AGENT_ADDR", &vault.url).stdin(Stdio::null());
    // Its token is not ours to revoke.
    let output = command.arg("--revoke").output().unwrap();
    expect(&output, 0, &["sent"]);
    assert!(output.stdout == archive);
    assert_eq!(vault.lines(), [SNAPSHOT]);
    // A server is no agent.
    let output = program(&vault.url).stdin(Stdio::null()).output().unwrap();
    expect(&output, 78, &["find the token: there is none", "hint: vault-login"]);
    assert_eq!(vault.lines(), [SNAPSHOT]);
}

/// A job of cron, of CI or of ssh has an empty pipe for its standard input.
#[test]
fn an_empty_pipe_beside_a_token_in_the_environment_is_explained() {
    for name in ["VAULT_TOKEN", "BAO_TOKEN", "VAULT_TOKEN_FILE"] {
        let vault = sending(small());
        let mut command = program(&vault.url);
        command.env(name, "somebodys-own");
        let output = run_with(command, &[], "");
        expect(
            &output,
            66,
            &[
                "the token",
                &format!("hint: {name} is read only where"),
                "< /dev/null",
                "--token-file",
            ],
        );
        assert!(vault.lines().is_empty());
    }
}

#[test]
fn a_token_that_is_not_one_line_is_65_and_none_at_all_is_66() {
    let vault = sending(small());
    // Another identity is at hand, and must not be taken.
    let command = || {
        let mut command = program(&vault.url);
        command.env("VAULT_TOKEN", "hvs.env-token");
        command
    };
    for (stdin, code) in [("a\nb\n", 65), ("a b\n", 65), ("\n", 65), ("\u{fc}\n", 65), ("", 66)] {
        let output = run_with(command(), &["--revoke"], stdin);
        expect(&output, code, &["the token from standard input"]);
        assert!(output.stdout.is_empty());
    }
    let long = "x".repeat(4097);
    expect(&run_with(command(), &[], &long), 65, &["4096"]);
    assert!(vault.lines().is_empty());
}

#[test]
fn the_token_comes_from_the_file_then_from_stdin_then_from_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "hvs.file-token\n").unwrap();
    std::fs::write(folder.path().join(".vault-token"), " hvs.home-token \n").unwrap();
    let (file, home) = (file.to_str().unwrap(), folder.path().to_str().unwrap());
    let used = |words: &[&str], variables: &[(&str, &str)], stdin: Option<&str>| {
        let vault = sending(small());
        let mut command = program(&vault.url);
        command.envs(variables.iter().copied());
        let output = match stdin {
            Some(stdin) => run_with(command, words, stdin),
            None => command.args(words).output().unwrap(),
        };
        expect(&output, 0, &[]);
        vault.seen()[0].header("x-vault-token").unwrap().to_owned()
    };
    let all = [
        ("BAO_TOKEN", "hvs.bao"),
        ("VAULT_TOKEN", "hvs.env-token"),
        ("HOME", home),
    ];
    assert_eq!(
        used(&["--token-file", file], &all, Some("hvs.x\ny\n")),
        "hvs.file-token"
    );
    assert_eq!(used(&[], &all, Some("hvs.x\r\n")), "hvs.x");
    assert_eq!(used(&["--token-file", "-"], &all, Some("hvs.x")), "hvs.x");
    assert_eq!(used(&[], &all, None), "hvs.bao");
    assert_eq!(used(&[], &all[1..], None), "hvs.env-token");
    assert_eq!(
        used(&[], &[("VAULT_TOKEN_FILE", file), ("HOME", home)], None),
        "hvs.file-token"
    );
    assert_eq!(used(&[], &all[2..], None), "hvs.home-token");
}

#[test]
fn a_token_that_is_missing_or_contradictory_is_78() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty");
    File::create(&empty).unwrap();
    let empty = empty.to_str().unwrap();
    for (variables, part) in [
        (&[][..], "--token-file"),
        (&[("VAULT_TOKEN", "")], "VAULT_TOKEN"),
        (&[("VAULT_TOKEN", "a b")], "VAULT_TOKEN"),
        (
            &[("VAULT_TOKEN", "a"), ("BAO_TOKEN_FILE", "b")],
            "both VAULT_TOKEN and BAO_TOKEN_FILE",
        ),
        (&[("VAULT_TOKEN_FILE", empty)], "VAULT_TOKEN_FILE"),
        (&[("BAO_ADDR", "nowhere")], "BAO_ADDR"),
    ] {
        let output = program("http://127.0.0.1:1")
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        expect(&output, 78, &[part]);
    }
    expect(
        &run("http://127.0.0.1:1", &["--token-file", empty]),
        78,
        &["--token-file"],
    );
    expect(
        &run("http://127.0.0.1:1", &["--token-file", "/no/such/file"]),
        74,
        &["/no/such/file"],
    );
}

#[test]
fn refusals_and_wrong_servers_have_the_servers_own_words() {
    for (status, body, code, part) in [
        ("403 x", r#"{"errors":["permission denied"]}"#, 77, "permission denied"),
        (
            "400 x",
            r#"{"errors":["raft storage is not in use"]}"#,
            78,
            "raft storage is not in use",
        ),
        ("404 x", "", 78, "404"),
        ("503 x", r#"{"errors":["Vault is sealed"]}"#, 69, "Vault is sealed"),
        (
            "500 x",
            r#"{"errors":["local node not active"]}"#,
            69,
            "local node not active",
        ),
        ("429 x", "", 69, "429"),
    ] {
        let vault = serving(move |_, stream| reply(stream, status, "", body));
        let output = run(&vault.url, &["--revoke"]);
        expect(&output, code, &[part, "/v1/sys/storage/raft/snapshot"]);
        assert!(output.stdout.is_empty());
        assert_eq!(vault.lines(), [SNAPSHOT, REVOKE]);
    }
    expect(&run(&closed(), &["--revoke"]), 69, &["connection refused"]);
}

#[test]
fn a_standbys_redirect_is_followed() {
    let archive = small();
    let leader = sending(archive.clone());
    let to = leader.url.clone();
    let standby = serving(move |_, stream| {
        let head = format!("Location: {to}/v1/sys/storage/raft/snapshot\r\n");
        reply(stream, "307 Temporary Redirect", &head, "");
    });
    let output = run(&standby.url, &["--revoke", "-v"]);
    expect(&output, 0, &["it redirects to", &leader.url]);
    assert!(output.stdout == archive);
    // A standby forwards everything else by itself.
    assert_eq!(standby.lines(), [SNAPSHOT, REVOKE]);
}

#[test]
fn a_connection_that_breaks_is_69_and_what_left_is_no_archive() {
    let whole = Arc::new(large());
    let bytes = Arc::clone(&whole);
    let vault = serving(move |_, stream| {
        begin(stream);
        chunks(stream, &bytes[..5 << 20]);
    });
    let output = run(&vault.url, &["--revoke", "--max-retries", "3"]);
    expect(&output, 69, &["read the snapshot from"]);
    assert!(output.stdout.len() <= (5 << 20) - HELD);
    assert!(whole.starts_with(&output.stdout));
    // Bytes had left, so there was no second try.
    assert_eq!(vault.lines(), [SNAPSHOT, REVOKE]);
}

#[test]
fn while_nothing_has_left_a_connection_that_breaks_is_tried_again() {
    let archive = small();
    let bytes = archive.clone();
    let vault = serving(move |before, stream| {
        begin(stream);
        chunks(stream, &bytes[..if before == 0 { 9_000 } else { bytes.len() }]);
        if before > 0 {
            end(stream);
        }
    });
    let output = run(&vault.url, &["--max-retries", "1", "-v"]);
    expect(&output, 0, &["trying again"]);
    assert!(output.stdout == archive);
}

#[test]
fn while_nothing_has_left_a_reply_that_ends_too_early_is_tried_again() {
    let archive = small();
    let bytes = archive.clone();
    let vault = serving(move |before, stream| {
        begin(stream);
        chunks(stream, &bytes[..if before == 0 { 9_000 } else { bytes.len() }]);
        end(stream);
    });
    let output = run(&vault.url, &["--max-retries", "1", "-v"]);
    expect(&output, 0, &["trying again"]);
    assert!(output.stdout == archive);
}

#[test]
fn a_length_that_does_not_fit_the_archive_is_found() {
    let archive = small();
    for (length, code, part) in [
        (archive.len() - 1, 65, "truncated"),
        (archive.len() + 1, 69, "ended too early"),
    ] {
        let bytes = archive.clone();
        let vault = serving(move |_, stream| {
            send(stream, format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n"));
            send(stream, &bytes);
        });
        let output = run(&vault.url, &[]);
        expect(&output, code, &[part]);
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn a_body_that_ends_with_the_connection_is_as_good_as_the_archive_in_it() {
    for (cut, code) in [(0, 0), (1, 65), (8, 65), (9_000, 65)] {
        let whole = small();
        let part = whole[..whole.len() - cut].to_vec();
        let vault = serving(move |_, stream| {
            send(stream, "HTTP/1.0 200 OK\r\n\r\n");
            send(stream, &part);
        });
        let output = run(&vault.url, &[]);
        expect(&output, code, &[]);
        assert_eq!(output.stdout.len(), if code == 0 { whole.len() } else { 0 }, "{cut}");
    }
}

#[test]
fn a_server_that_stops_sending_is_69() {
    let vault = serving(|_, stream| {
        begin(stream);
        chunks(stream, &small()[..9_000]);
        std::thread::sleep(Duration::from_secs(30));
    });
    let output = run(&vault.url, &["--revoke", "--stall-timeout", "1s"]);
    expect(&output, 69, &["nothing came for 1 s"]);
    assert!(output.stdout.is_empty());
    assert_eq!(vault.lines(), [SNAPSHOT, REVOKE]);
}

#[test]
fn a_server_that_does_not_begin_is_69() {
    let vault = serving(|_, _| std::thread::sleep(Duration::from_secs(30)));
    let start = Instant::now();
    let output = run(&vault.url, &["--revoke", "--start-timeout", "1s", "--max-retries", "2"]);
    expect(&output, 69, &["get the snapshot from"]);
    assert!(start.elapsed() < Duration::from_secs(10));
    assert_eq!(vault.lines(), [SNAPSHOT, REVOKE]);
}

#[test]
fn a_reader_that_takes_nothing_is_74() {
    let vault = sending(large());
    let (reader, writer) = std::io::pipe().unwrap();
    let child = start(&vault.url, &["--revoke", "--stall-timeout", "1s"], writer);
    expect(&child.wait_with_output().unwrap(), 74, &["nothing was taken for 1 s"]);
    assert_eq!(vault.lines(), [SNAPSHOT, REVOKE]);
    drop(reader);
}

#[test]
fn a_reader_that_has_gone_is_141_and_the_token_is_revoked() {
    for archive in [small(), large()] {
        let vault = sending(archive);
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = start(&vault.url, &["--revoke"], writer).wait_with_output().unwrap();
        expect(&output, 141, &["standard output"]);
        assert_eq!(vault.lines(), [SNAPSHOT, REVOKE]);
    }
}

#[test]
fn a_disk_that_is_full_is_74() {
    let vault = sending(small());
    let output = start(&vault.url, &["--revoke"], File::create("/dev/full").unwrap());
    expect(&output.wait_with_output().unwrap(), 74, &["standard output"]);
    assert_eq!(vault.lines(), [SNAPSHOT, REVOKE]);
}

#[test]
fn a_signal_revokes_the_token_and_removes_the_temporary_file() {
    use rustix::process::Signal;
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130), (Signal::HUP, 129)] {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("vault.snap");
        std::fs::write(&place, "yesterday's").unwrap();
        let vault = serving(|_, stream| {
            begin(stream);
            chunks(stream, &large()[..1 << 20]);
            std::thread::sleep(Duration::from_secs(30));
        });
        let words = ["--revoke", "--output", place.to_str().unwrap()];
        let child = start(&vault.url, &words, Stdio::piped());
        wait_until("the temporary file has content", || {
            let mut files = std::fs::read_dir(folder.path()).unwrap().map(Result::unwrap);
            files.any(|file| file.path() != place && file.metadata().is_ok_and(|metadata| metadata.len() > 0))
        });
        let begun = Instant::now();
        signals::signal_twice(&child, signal);
        expect(&child.wait_with_output().unwrap(), code, &["ended by SIG"]);
        assert!(begun.elapsed() < Duration::from_secs(5));
        assert_eq!(vault.lines(), [SNAPSHOT, REVOKE]);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(std::fs::read(&place).unwrap(), b"yesterday's");
    }
}

fn wait_until(what: &str, done: impl Fn() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(20), "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn an_output_file_appears_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("vault.snap");
    let words = ["--revoke", "--output", place.to_str().unwrap()];
    let whole = large();
    expect(&run(&sending(whole[..whole.len() - 1].to_vec()).url, &words), 65, &[]);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);

    let output = run(&sending(whole.clone()).url, &words);
    expect(&output, 0, &[]);
    assert!(output.stdout.is_empty());
    assert!(std::fs::read(&place).unwrap() == whole);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);

    let vault = sending(small());
    let output = run(&vault.url, &["--revoke", "--output", "/no/such/folder/x"]);
    expect(&output, 74, &["/no/such/folder"]);
    // Nothing was asked for, but the token is known and not needed any more.
    assert_eq!(vault.lines(), [REVOKE]);
}
