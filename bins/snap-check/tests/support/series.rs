//! A series whose snapshots have a certain age.

#![allow(dead_code, reason = "each test program uses its own part")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::process::Output;
use std::sync::OnceLock;

use snapline_archive::synthetic::Synthetic;
use snapline_series::Template;
use time::{Duration, OffsetDateTime};

use crate::program::{program, run_with};
use crate::stand_in::StandIn;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_snap-check");
/// With a limit that a test does not reach while it runs.
pub(crate) const DAILY: [&str; 3] = ["s3://bkt/v/", "--max-age", "26h"];
/// What the reports call it.
pub(crate) const SERIES: &str = "s3://bkt/v/vault_raft_%Y%m%d_%H%M%S.snap";

/// The key of a snapshot that was that many hours old when the tests began, which take less than a minute.
pub(crate) fn key(hours: i64) -> String {
    static BEGIN: OnceLock<OffsetDateTime> = OnceLock::new();
    let begin = *BEGIN.get_or_init(OffsetDateTime::now_utc);
    let template = Template::parse("v/vault_raft_%Y%m%d_%H%M%S.snap").unwrap();
    template.format(begin - Duration::hours(hours))
}

/// A whole archive; its index tells it from others.
pub(crate) fn archive(index: u64) -> Vec<u8> {
    Synthetic {
        index,
        ..Synthetic::new(20_000)
    }
    .to_vec()
}

/// A store with whole snapshots of these ages in hours; the index of each is its age plus 100.
pub(crate) fn holding(store: StandIn, ages: &[i64]) -> StandIn {
    let add = |store: StandIn, hours: &i64| store.holding(&key(*hours), archive(100 + hours.unsigned_abs()));
    ages.iter().fold(store, add)
}

/// Runs the check of the daily series, with more words.
pub(crate) fn check(url: &str, more: &[&str]) -> Output {
    run(url, &[&DAILY[..], more].concat())
}

pub(crate) fn run(url: &str, words: &[&str]) -> Output {
    run_with(program(PROGRAM, url), words, "")
}

pub(crate) fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}
