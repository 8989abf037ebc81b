//! Ended from outside, by a signal or by a reader that has gone.

#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../../crates/s3/tests/support/program.rs"]
mod program;
#[path = "../../../crates/cli/tests/support/signals.rs"]
mod signals;
#[path = "../../../crates/s3/tests/support/stand_in.rs"]
mod stand_in;

use std::io::Read as _;
use std::process::{Child, Stdio};
use std::time::Duration;

use program::{end_of, expect};
use rustix::process::Signal;
use signals::signal_twice;
use snapline_archive::synthetic::Synthetic;
use stand_in::{StandIn, Turn};

const LIMIT: Duration = Duration::from_secs(60);

fn start(store: &StandIn, words: &[&str]) -> Child {
    program::program(env!("CARGO_BIN_EXE_s3-get"), &store.url)
        .args(words)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn a_reader_that_is_gone_is_141_and_ends_a_list_quietly() {
    let archive = Synthetic::new(8 << 20).to_vec();
    let store = StandIn::new().holding("one.snap", archive);
    for words in [&["s3://bkt/one.snap"][..], &["--raw", "s3://bkt/one.snap"]] {
        let mut child = start(&store, words);
        child.stdout.take().unwrap().read_exact(&mut [0; 1000]).unwrap();
        expect(&end_of(child, LIMIT), 141, &["the reader closed it"]);
    }
    let store = (0..60).fold(StandIn::new(), |store, n| {
        store.holding(&format!("v/vault_raft_20260101_0000{n:02}.snap"), "x")
    });
    let mut child = start(&store, &["-v", "--list", "s3://bkt/v/"]);
    child.stdout.take().unwrap().read_exact(&mut [0; 5]).unwrap();
    expect(&end_of(child, LIMIT), 0, &[]);
    assert!(store.those("look").len() < 60);
}

#[test]
fn a_signal_ends_a_download_at_once_and_removes_the_temporary_file() {
    let archive = Synthetic::new(1 << 20).to_vec();
    for (number, code) in [(Signal::TERM, 143), (Signal::INT, 130), (Signal::HUP, 129)] {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("out");
        let store = StandIn::always("get", Turn::Stuck(500_000)).holding("one.snap", archive.clone());
        let child = start(&store, &["--output", place.to_str().unwrap(), "s3://bkt/one.snap"]);
        store.wait_for("get", 1);
        signal_twice(&child, number);
        expect(&end_of(child, LIMIT), code, &["ended by SIG"]);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
