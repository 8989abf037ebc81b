//! A series of objects in a store, and snap-prune against it.

#![allow(dead_code, reason = "each test program uses its own part")]

use std::process::Output;

use crate::program::{self, expect, run_with};
use crate::stand_in::StandIn;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_snap-prune");
pub(crate) const SERIES: &[&str] = &["--series", "s3://bkt/v/", "--keep-last", "2"];

pub(crate) fn run(url: &str, words: &[&str], stdin: &str) -> Output {
    run_with(program::program(PROGRAM, url), words, stdin)
}

/// The key of the `n`th of its series, from the oldest.
pub(crate) fn key(n: usize) -> String {
    format!("v/vault_raft_20260101_0000{n:02}.snap")
}

/// The line that tells of it.
pub(crate) fn line(n: usize) -> String {
    format!("s3://bkt/{}\n", key(n))
}

/// Adds a series of `count` objects.
pub(crate) fn series(store: StandIn, count: usize) -> StandIn {
    (0..count).fold(store, |store, n| store.holding(&key(n), "archive"))
}

pub(crate) fn keys(numbers: impl IntoIterator<Item = usize>) -> Vec<String> {
    numbers.into_iter().map(key).collect()
}

/// Nothing was deleted, and nothing is printed.
#[track_caller]
pub(crate) fn nothing_goes(store: &StandIn, output: &Output, code: i32, words: &[&str]) {
    expect(output, code, words);
    assert!(output.stdout.is_empty());
    assert!(store.those("DELETE").is_empty(), "{:?}", store.asked());
}
