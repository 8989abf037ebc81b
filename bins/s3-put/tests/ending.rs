//! Ended from outside, or by the store, in the middle of things.

#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../../crates/s3/tests/support/program.rs"]
mod program;
#[path = "../../../crates/cli/tests/support/signals.rs"]
mod signals;
#[path = "../../../crates/s3/tests/support/stand_in.rs"]
mod stand_in;

use std::io::{Read as _, Write as _};
use std::process::{Child, ChildStdin, Stdio};
use std::time::{Duration, Instant};

use program::{end_of, expect};
use rustix::process::Signal;
use signals::{signal, signal_twice};
use snapline_archive::synthetic::Synthetic;
use stand_in::{Interlude, StandIn, Turn, error};

const KEY: &str = "vault/one.snap";
const URI: &str = "s3://bkt/vault/one.snap";
/// What `docker stop` grants.
const GRACE: Duration = Duration::from_secs(10);

fn large() -> Vec<u8> {
    Synthetic::new(12 << 20).to_vec()
}

/// Starts it and gives it `bytes`; standard input stays open, and silent, as long as the second value lives.
fn start(store: &StandIn, words: &[&str], bytes: Vec<u8>) -> (Child, std::thread::JoinHandle<ChildStdin>) {
    let mut child = program::program(env!("CARGO_BIN_EXE_s3-put"), &store.url)
        .args(["--part-size", "5MiB", URI])
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || {
        // It may fail before it has read everything.
        let _ = stdin.write_all(&bytes);
        stdin
    });
    (child, writer)
}

/// The same, and then the input ends.
fn start_whole(store: &StandIn, words: &[&str], bytes: Vec<u8>) -> Child {
    let (child, writer) = start(store, words, bytes);
    std::thread::spawn(move || drop(writer.join()));
    child
}

#[test]
fn a_signal_in_mid_upload_aborts_the_upload_and_does_nothing_else() {
    for (number, send, code) in [
        (Signal::TERM, signal as fn(&Child, Signal), 143),
        (Signal::INT, signal_twice, 130),
    ] {
        let store = StandIn::new();
        let (child, writer) = start(&store, &[], large());
        store.wait_for("part", 2);
        send(&child, number);
        let output = end_of(child, GRACE);
        expect(&output, code, &["ended by SIG"]);
        assert!(output.stdout.is_empty());
        assert_eq!((store.keys(), store.uploads()), (Vec::new(), 0));
        let aborts = store.those("abort").len();
        assert!((1..=2).contains(&aborts), "{:?}", store.asked());
        assert!(store.those("complete").is_empty() && store.those("DELETE").is_empty());
        drop(writer);
    }
}

#[test]
fn a_signal_while_parts_are_in_flight_aborts_twice_and_sends_no_further_part() {
    let store = StandIn::with(|request, _| match request.asks() {
        "part" => Turn::After(Interlude::Hold),
        _ => Turn::Serve,
    });
    let child = start_whole(&store, &["--concurrency", "1"], large());
    store.wait_for("part", 1);
    signal_twice(&child, Signal::TERM);
    store.wait_for("abort", 1);
    store.release();
    let output = end_of(child, GRACE);
    expect(&output, 143, &["ended by SIGTERM"]);
    // The part that was in flight may have arrived after the first.
    assert_eq!(store.those("abort").len(), 2, "{:?}", store.asked());
    assert_eq!(store.those("part").len(), 1, "{:?}", store.asked());
    assert_eq!(store.uploads(), 0);
}

#[test]
fn a_signal_while_the_upload_is_begun_aborts_it_as_soon_as_it_is_known() {
    let store = StandIn::once("begin", Turn::After(Interlude::Hold));
    let child = start_whole(&store, &[], large());
    store.wait_for("begin", 1);
    signal_twice(&child, Signal::TERM);
    store.release();
    expect(&end_of(child, GRACE), 143, &["ended by SIGTERM"]);
    assert_eq!((store.keys(), store.uploads()), (Vec::new(), 0), "{:?}", store.asked());
}

#[test]
fn a_signal_while_the_store_does_not_say_which_upload_it_began_tells_so() {
    let store = StandIn::always("begin", Turn::Silence);
    let child = start_whole(&store, &[], large());
    store.wait_for("begin", 1);
    signal(&child, Signal::TERM);
    let output = end_of(child, GRACE);
    expect(&output, 143, &["warning: an upload may have begun", "ended by SIGTERM"]);
    assert!(output.stdout.is_empty() && store.those("part").is_empty());
}

#[test]
fn a_signal_during_a_completion_that_succeeds_lets_it_finish_however_many_follow() {
    for signals in 1..=3 {
        let store = StandIn::once("complete", Turn::After(Interlude::Hold));
        let child = start_whole(&store, &[], large());
        store.wait_for("complete", 1);
        for _ in 0..signals {
            signal(&child, Signal::TERM);
        }
        store.release();
        let output = end_of(child, GRACE);
        expect(&output, 0, &["stored"]);
        assert_eq!(output.stdout, format!("{URI}\n").as_bytes());
        assert!(store.object(KEY).body == large());
    }
}

/// On a terminal's Ctrl-C there are two: the terminal's, and the one that snap-pipe passes on.
#[test]
fn no_signal_keeps_it_from_saying_that_the_object_is_stored() {
    let store = StandIn::new();
    let (mut reader, mut writer) = std::io::pipe().unwrap();
    // As much as a pipe holds: the URI does not fit behind it before the reader reads.
    writer.write_all(&[b'x'; 64 * 1024]).unwrap();
    let mut command = program::program(env!("CARGO_BIN_EXE_s3-put"), &store.url);
    let command = command.arg(URI).stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.stdout(writer).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&Synthetic::new(20_000).to_vec()).unwrap();
    drop(stdin);
    store.wait_for("put", 1);
    for _ in 0..2 {
        signal(&child, Signal::INT);
    }
    let mut said = Vec::new();
    // The command holds the other end of the pipe, too.
    command.stdout(Stdio::null());
    reader.read_to_end(&mut said).unwrap();
    expect(&end_of(child, GRACE), 0, &["stored"]);
    assert_eq!(said[64 * 1024..], *format!("{URI}\n").as_bytes());
}

#[test]
fn a_signal_during_a_completion_that_hangs_aborts_the_upload_and_says_that_the_object_may_exist() {
    let store = StandIn::always("complete", Turn::Silence);
    let child = start_whole(&store, &[], large());
    store.wait_for("complete", 1);
    signal(&child, Signal::TERM);
    let output = end_of(child, GRACE);
    expect(&output, 143, &["may exist", URI, "ended by SIGTERM"]);
    assert!(output.stdout.is_empty());
    assert_eq!((store.keys(), store.uploads()), (Vec::new(), 0), "{:?}", store.asked());
}

/// Whoever ends a pipe ends all its stages: the input is cut, and the signal comes while that is being cleaned up.
#[test]
fn a_signal_while_a_failed_upload_is_aborted_waits_for_the_abort() {
    let store = StandIn::once("abort", Turn::After(Interlude::Hold));
    let mut cut = large();
    cut.truncate(11 << 20);
    let child = start_whole(&store, &[], cut);
    store.wait_for("abort", 1);
    signal_twice(&child, Signal::TERM);
    store.release();
    let output = end_of(child, GRACE);
    assert!(matches!(output.status.code(), Some(65 | 143)), "{:?}", output.status);
    assert_eq!((store.keys(), store.uploads()), (Vec::new(), 0), "{:?}", store.asked());
}

#[test]
fn a_refused_part_ends_it_although_the_input_is_open_and_silent() {
    let store = StandIn::always("part", Turn::Early(error("403 Forbidden", "AccessDenied")));
    let mut beginning = large();
    beginning.truncate(6 << 20);
    let before = Instant::now();
    let (child, writer) = start(&store, &[], beginning);
    let output = end_of(child, GRACE);
    expect(&output, 77, &["AccessDenied"]);
    assert!(before.elapsed() < Duration::from_secs(5));
    assert_eq!(store.uploads(), 0);
    drop(writer);
}

#[test]
fn a_store_that_refuses_ends_it_before_the_rest_is_read() {
    for what in ["look", "begin"] {
        let store = StandIn::with(move |request, _| match request.asks() {
            "look" if what == "look" => Turn::Reply(error("503 Slow Down", "SlowDown")),
            "begin" => Turn::Reply(error("403 Forbidden", "AccessDenied")),
            _ => Turn::Serve,
        });
        let mut beginning = large();
        beginning.truncate(6 << 20);
        let (child, writer) = start(&store, &[], beginning);
        expect(&end_of(child, GRACE), if what == "look" { 69 } else { 77 }, &[URI]);
        drop(writer);
    }
}

#[test]
fn a_killed_program_leaves_no_object() {
    let store = StandIn::new();
    let (child, writer) = start(&store, &[], large());
    store.wait_for("part", 2);
    signal(&child, Signal::KILL);
    let output = child.wait_with_output().unwrap();
    assert!(output.stdout.is_empty());
    assert!(store.keys().is_empty());
    drop(writer);
}
