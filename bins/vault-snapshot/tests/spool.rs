//! `--spool`: whole on disk before anything goes on.

#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use common::scripted::{Server, begin, chunks, end, reply};
use common::{
    HELD, REVOKE, SNAPSHOT, TOKEN, expect, large, program, run, run_with, sending, serving, signals, small, start,
};

fn entries(folder: &std::path::Path) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

/// Waits for something that other processes do.
fn until(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(20), "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn the_archive_leaves_as_it_came_and_no_file_stays() {
    let folder = tempfile::tempdir().unwrap();
    for archive in [small(), large()] {
        let vault = sending(archive.clone());
        let output = run(&vault.url, &["--revoke", "--spool", folder.path().to_str().unwrap()]);
        expect(&output, 0, &["vault-snapshot: sent"]);
        assert!(output.stdout == archive);
        assert_eq!(vault.lines(), [SNAPSHOT, REVOKE]);
        assert_eq!(entries(folder.path()), 0);
    }
}

#[test]
fn the_server_is_done_and_the_token_gone_while_the_reader_has_taken_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let closed = Arc::new(AtomicBool::new(false));
    let (bytes, seen_closed) = (large(), Arc::clone(&closed));
    let vault = serving(move |_, stream| {
        begin(stream);
        chunks(stream, &bytes);
        end(stream);
        // The end of the client's side: it has closed the connection.
        if stream.read(&mut [0]).unwrap() == 0 {
            seen_closed.store(true, Ordering::SeqCst);
        }
    });
    let words = ["--revoke", "--spool", folder.path().to_str().unwrap()];
    let mut child = start(&vault.url, &words, Stdio::piped());
    vault.wait_for(REVOKE);
    until("the connection is closed", || closed.load(Ordering::SeqCst));
    // It can only be waiting for its reader, who has not taken a byte of these 8 MiB.
    assert!(child.try_wait().unwrap().is_none());
    let mut all = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut all).unwrap();
    assert!(all == large());
    expect(&child.wait_with_output().unwrap(), 0, &[]);
}

#[test]
fn nothing_leaves_before_the_whole_is_proven_and_the_file_has_no_name_and_is_private() {
    let folder = tempfile::tempdir().unwrap();
    let (go_on, waits) = std::sync::mpsc::channel::<()>();
    let waits = Mutex::new(waits);
    let whole = large();
    let bytes = whole.clone();
    let vault = serving(move |_, stream| {
        begin(stream);
        chunks(stream, &bytes[..6 << 20]);
        waits.lock().unwrap().recv().unwrap();
        chunks(stream, &bytes[6 << 20..]);
        end(stream);
    });
    let words = ["--spool", folder.path().to_str().unwrap()];
    let mut child = start(&vault.url, &words, Stdio::piped());
    let own = format!("/proc/{}/fd", child.id());
    let inside = folder.path().canonicalize().unwrap();
    let spool = || {
        std::fs::read_dir(&own)
            .unwrap()
            .flatten()
            .map(|entry| entry.path())
            .find(|path| std::fs::read_link(path).is_ok_and(|file| file.starts_with(&inside)))
    };
    // The program lets only root look at its files.
    if rustix::process::geteuid().is_root() {
        until("most of it is on disk", || {
            spool()
                .is_some_and(|path| std::fs::metadata(path).unwrap().len() >= (6 << 20) - (HELD as u64) - (256 << 10))
        });
        let path = spool().unwrap();
        assert!(
            std::fs::read_link(&path)
                .unwrap()
                .to_string_lossy()
                .ends_with(" (deleted)")
        );
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert_eq!(entries(folder.path()), 0, "it has no name");
    let stdout = child.stdout.take().unwrap();
    assert_eq!(rustix::io::ioctl_fionread(&stdout).unwrap(), 0, "nothing has left");
    go_on.send(()).unwrap();
    let mut all = Vec::new();
    { stdout }.read_to_end(&mut all).unwrap();
    assert!(all == whole);
    expect(&child.wait_with_output().unwrap(), 0, &[]);
}

#[test]
fn a_failure_on_the_way_is_tried_again_from_the_start_however_much_had_come() {
    let folder = tempfile::tempdir().unwrap();
    let whole = large();
    // Once the connection breaks; once the reply ends properly, but too early.
    for proper in [false, true] {
        let bytes = whole.clone();
        let vault = serving(move |before, stream| {
            begin(stream);
            chunks(stream, if before == 0 { &bytes[..5 << 20] } else { &bytes });
            if before > 0 || proper {
                end(stream);
            }
        });
        let words = [
            "--max-retries",
            "1",
            "--revoke",
            "--spool",
            folder.path().to_str().unwrap(),
        ];
        let output = run(&vault.url, &words);
        expect(&output, 0, &[]);
        assert!(output.stdout == whole);
        assert_eq!(vault.lines(), [SNAPSHOT, SNAPSHOT, REVOKE]);
    }
}

#[test]
fn of_a_bad_archive_nothing_leaves_however_large_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let whole = large();
    let vault = sending(whole[..whole.len() - 1].to_vec());
    let output = run(&vault.url, &["--revoke", "--spool", folder.path().to_str().unwrap()]);
    expect(&output, 65, &["truncated"]);
    assert!(output.stdout.is_empty());
    assert_eq!(vault.lines(), [SNAPSHOT, REVOKE]);
    assert_eq!(entries(folder.path()), 0);
}

#[test]
fn a_folder_that_is_not_there_is_74_before_the_server_is_asked() {
    let vault = sending(small());
    let output = run(&vault.url, &["--revoke", "--spool", "/no/such/folder"]);
    expect(&output, 74, &["a temporary file in '/no/such/folder'"]);
    assert_eq!(vault.lines(), [REVOKE]);
}

#[test]
fn a_file_that_cannot_grow_is_74_and_the_token_is_revoked() {
    let vault = sending(large());
    // No file may be larger than 4 MiB (a unit is 512 bytes): that needs no right, and the kernel refuses the write just so.
    let script = r#"trap '' XFSZ; ulimit -f 8192; exec "$0" --revoke --spool "$1""#;
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new("sh");
    command
        .args(["-c", script, env!("CARGO_BIN_EXE_vault-snapshot")])
        .arg(folder.path())
        .env("VAULT_ADDR", &vault.url)
        .env("VAULT_MAX_RETRIES", "0");
    let output = run_with(command, &[], TOKEN);
    expect(&output, 74, &["write to a temporary file in", "File too large"]);
    assert!(output.stdout.is_empty());
    assert_eq!(vault.lines(), [SNAPSHOT, REVOKE]);
}

#[test]
fn terminated_on_the_way_it_leaves_no_file_and_no_token() {
    let folder = tempfile::tempdir().unwrap();
    let vault = serving(|_, stream| {
        begin(stream);
        chunks(stream, &large()[..4 << 20]);
        // Until the client has gone.
        let _ = stream.read(&mut [0]);
    });
    let words = ["--revoke", "--spool", folder.path().to_str().unwrap()];
    let child = start(&vault.url, &words, Stdio::piped());
    vault.wait_for(SNAPSHOT);
    signals::signal_twice(&child, rustix::process::Signal::TERM);
    let output = child.wait_with_output().unwrap();
    expect(&output, 143, &["ended by SIGTERM"]);
    assert!(output.stdout.is_empty());
    assert_eq!(vault.lines(), [SNAPSHOT, REVOKE]);
    assert_eq!(entries(folder.path()), 0);
}

#[test]
fn with_an_output_file_both_are_used_and_an_existing_one_stays_until_the_new_one_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("vault.snap");
    std::fs::write(&place, "yesterday's").unwrap();
    let words = [
        "--spool",
        folder.path().to_str().unwrap(),
        "--output",
        place.to_str().unwrap(),
    ];
    let whole = large();
    expect(&run(&sending(whole[..7 << 20].to_vec()).url, &words), 65, &[]);
    assert_eq!(std::fs::read(&place).unwrap(), b"yesterday's");
    expect(&run(&sending(whole.clone()).url, &words), 0, &[]);
    assert!(std::fs::read(&place).unwrap() == whole);
    assert_eq!(entries(folder.path()), 1);
}

#[test]
fn a_server_that_cannot_be_reached_at_first_is_waited_for() {
    let archive = small();
    let bytes = archive.clone();
    let vault = Server::start(move |seen, before, stream| {
        if seen.line == SNAPSHOT && before < 2 {
            reply(stream, "503 x", "", r#"{"errors":["no active Vault instance found"]}"#);
        } else {
            begin(stream);
            chunks(stream, &bytes);
            end(stream);
        }
    });
    let mut command = program(&vault.url);
    command.env("VAULT_MAX_RETRIES", "1");
    let output = run_with(command, &[], TOKEN);
    expect(
        &output,
        0,
        &[
            "vault-snapshot: warning: get the snapshot from",
            "no active Vault instance",
        ],
    );
    assert!(output.stdout == archive);
    assert_eq!(vault.lines(), [SNAPSHOT, SNAPSHOT, SNAPSHOT]);
}
