//! Deletions, one by one, and what becomes of the rest when one fails.

#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../../crates/s3/tests/support/program.rs"]
mod program;
#[path = "../../../crates/cli/tests/support/signals.rs"]
mod signals;
#[path = "../../../crates/s3/tests/support/stand_in.rs"]
mod stand_in;
#[path = "support/series.rs"]
mod support;

use std::process::Stdio;
use std::time::Duration;

use program::{end_of, expect};
use rustix::process::Signal;
use signals::signal_twice;
use stand_in::{Interlude, StandIn, Turn, error};
use support::{PROGRAM, SERIES, key, keys, line, run, series};

#[test]
fn a_bucket_that_keeps_versions_is_named() {
    let marked = || Turn::Done(b"HTTP/1.1 204 No Content\r\nx-amz-delete-marker: true\r\n\r\n".to_vec());
    let store = series(StandIn::always("DELETE", marked()), 4);
    expect(
        &run(&store.url, &[SERIES, &["-v"]].concat(), ""),
        0,
        &["the bucket keeps versions", "deleted=2 delete_markers=2"],
    );
}

/// Uploads of the stand-in were begun in November 2026; those of other series, and younger ones, are not touched.
#[test]
fn unfinished_uploads_of_the_series_are_aborted_on_request() {
    let store = || {
        series(StandIn::new(), 3)
            .uploading("old", &key(1), 0)
            .uploading("other", "v/other.snap", 0)
            .uploading("twin", "v-staging/vault_raft_20260101_000000.snap", 0)
    };
    let words = |age: &'static str| [SERIES, &["--abort-uploads-older-than", age, "-v"]].concat();
    let idle = store();
    expect(&run(&idle.url, SERIES, ""), 0, &["deleted=1 seconds"]);
    assert!(idle.those("uploads").is_empty());
    let young = store();
    expect(&run(&young.url, &words("876000h"), ""), 0, &["deleted=1 seconds"]);
    let dry = store();
    let output = run(&dry.url, &[words("1s"), vec!["--dry-run"]].concat(), "");
    expect(
        &output,
        0,
        &[
            "would_delete=1 would_abort=1",
            "abort the unfinished upload of 's3://bkt/v/vault_raft_20260101_000001.snap'",
        ],
    );
    for store in [idle, young, dry] {
        assert_eq!(store.uploads(), 3);
    }
    let store = store();
    expect(&run(&store.url, &words("1s"), ""), 0, &["deleted=1 aborted_uploads=1"]);
    assert_eq!(store.uploads(), 2);
    let aborted: Vec<_> = store
        .those("abort")
        .iter()
        .map(|seen| seen.query("uploadId").unwrap().to_owned())
        .collect();
    assert_eq!(aborted, ["old"]);
}

#[test]
fn uploads_that_cannot_be_listed_or_aborted_are_an_error_after_the_deletions() {
    for what in ["uploads", "abort"] {
        let store = series(
            StandIn::always(what, Turn::Reply(error("403 Forbidden", "AccessDenied"))),
            3,
        )
        .uploading("old", &key(1), 0);
        let words = [SERIES, &["--abort-uploads-older-than", "1s"]].concat();
        expect(
            &run(&store.url, &words, ""),
            77,
            &["AccessDenied", "upload", "deleted=1"],
        );
        assert_eq!(store.keys(), keys(1..3));
    }
}

/// Two runs at once delete the same objects: to the store the second deletion is a success as well.
#[test]
fn two_runs_at_once_end_well() {
    let store = series(StandIn::new(), 7);
    let (first, second) = std::thread::scope(|scope| {
        let runs = [(); 2].map(|()| scope.spawn(|| run(&store.url, SERIES, "")));
        let [first, second] = runs.map(|run| run.join().unwrap());
        (first, second)
    });
    for output in [first, second] {
        expect(&output, 0, &["kept=2"]);
    }
    assert_eq!(store.keys(), keys(5..7));
}

/// No deletion begins after a signal, however many come.
#[test]
fn a_signal_during_a_deletion_lets_no_other_begin() {
    let store = series(StandIn::once("DELETE", Turn::After(Interlude::Hold)), 6);
    let mut command = program::program(PROGRAM, &store.url);
    command
        .args(SERIES)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    store.wait_for("DELETE", 1);
    signal_twice(&child, Signal::TERM);
    store.release();
    expect(&end_of(child, Duration::from_secs(20)), 143, &["ended by SIGTERM"]);
    assert_eq!(store.those("DELETE").len(), 1);
    assert!(store.keys().len() >= 5);
}

#[test]
fn a_deletion_that_is_refused_does_not_stop_the_others() {
    let second = format!("/bkt/{}", key(1));
    let store = StandIn::with(move |request, _| match request.asks() {
        "DELETE" if request.path == second => Turn::Reply(error("403 Forbidden", "AccessDenied")),
        _ => Turn::Serve,
    });
    let store = series(store, 5);
    let output = run(&store.url, SERIES, "");
    expect(
        &output,
        77,
        &["kept=2 deleted=2 failed=1", "AccessDenied", line(1).trim()],
    );
    assert_eq!(String::from_utf8(output.stdout).unwrap(), [line(0), line(2)].concat());
    assert_eq!(store.keys(), keys([1, 3, 4]));
    assert_eq!(store.those("DELETE").len(), 3);
}

#[test]
fn several_refused_deletions_are_counted() {
    let store = series(
        StandIn::always("DELETE", Turn::Reply(error("403 Forbidden", "AccessDenied"))),
        5,
    );
    expect(
        &run(&store.url, SERIES, ""),
        77,
        &["3 deletions failed, the first: delete '"],
    );
    assert_eq!(store.keys().len(), 5);
}

#[test]
fn a_deletion_that_failed_on_the_way_is_tried_again_and_one_that_is_gone_counts() {
    for turn in [
        Turn::Reply(error("503 Slow Down", "SlowDown")),
        Turn::Lost,
        Turn::Reply(error("404 Not Found", "NoSuchKey")),
    ] {
        let store = series(StandIn::once("DELETE", turn), 4);
        expect(&run(&store.url, SERIES, ""), 0, &["deleted=2"]);
    }
}

#[test]
fn a_store_that_goes_away_is_not_asked_a_hundred_times() {
    let store = series(
        StandIn::always("DELETE", Turn::Reply(error("503 Slow Down", "SlowDown"))),
        7,
    );
    expect(
        &run(&store.url, &[SERIES, &["--max-attempts", "1"]].concat(), ""),
        69,
        &["seems to be away", "failed=3"],
    );
    assert_eq!(store.those("DELETE").len(), 3);
}
