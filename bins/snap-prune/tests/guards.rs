//! A right to write must not become a right to delete: what keeps a run from deleting although the rules say so.

#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../../crates/s3/tests/support/program.rs"]
mod program;
#[path = "../../../crates/s3/tests/support/stand_in.rs"]
mod stand_in;
#[path = "support/series.rs"]
mod support;

use std::process::Output;

use program::expect;
use stand_in::{StandIn, Turn, error};
use support::{SERIES, key, keys, line, nothing_goes, run, series};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

fn key_of(time: OffsetDateTime) -> String {
    let (date, clock) = (time.date(), time.time());
    let date = format!("{:04}{:02}{:02}", date.year(), u8::from(date.month()), date.day());
    format!(
        "v/vault_raft_{date}_{:02}{:02}{:02}.snap",
        clock.hour(),
        clock.minute(),
        clock.second()
    )
}

/// Has an object that was named after `time` and received at `received`.
fn holding(store: StandIn, time: OffsetDateTime, received: OffsetDateTime, body: &str) -> StandIn {
    let received = received.format(&Rfc3339).unwrap();
    store.describing(&key_of(time), body, &[("Last-Modified", &received)])
}

/// A month of daily snapshots, stored right away.
fn month() -> StandIn {
    (1..=30).fold(StandIn::new(), |store, day| {
        let time = now() - Duration::days(day);
        holding(store, time, time + Duration::MINUTE, "a whole snapshot")
    })
}

/// Plants an object of one byte for each of `times`, right now.
fn planting(store: StandIn, times: impl Iterator<Item = OffsetDateTime>) -> StandIn {
    times.fold(store, |store, time| holding(store, time, now(), "x"))
}

const POLICIES: [&[&str]; 4] = [
    &["--keep-last", "30"],
    &["--keep-daily", "30"],
    &["--keep-last", "4", "--keep-daily", "14", "--keep-weekly", "3"],
    &["--keep-within", "1m"],
];

fn prune(store: &StandIn, words: &[&str]) -> Output {
    run(&store.url, &[&["--series", "s3://bkt/v/"], words].concat(), "")
}

/// Whatever the planted objects cost, no real one is gone.
#[track_caller]
fn no_real_one_goes(store: &StandIn, real: &[String]) {
    let left = store.keys();
    let gone: Vec<_> = real.iter().filter(|key| !left.contains(key)).collect();
    assert!(gone.is_empty(), "{gone:?}");
}

#[test]
fn thirty_planted_objects_with_names_of_now_are_more_than_a_run_may_cost() {
    for policy in [POLICIES[0], &["--keep-last", "4"]] {
        let store = month();
        let real = store.keys();
        let store = planting(store, (0..30).map(|n| now() - Duration::seconds(n)));
        let refused = [
            "of 60 snapshots would go",
            "nothing was deleted",
            "hint: --dry-run lists them",
        ];
        nothing_goes(&store, &prune(&store, policy), 65, &refused);
        no_real_one_goes(&store, &real);
    }
}

#[test]
fn thirty_planted_objects_with_names_spread_over_the_past_fill_no_period() {
    for policy in POLICIES {
        let before = prune(&month(), &[policy, &["--dry-run"]].concat());
        let store = month();
        let real = store.keys();
        let store = planting(
            store,
            (2..=31).map(|day| now() - Duration::days(day) + Duration::minutes(7)),
        );
        let output = prune(&store, &[policy, &["--dry-run"]].concat());
        let said = [
            "30 objects were stored more than a day after the time in their names",
            "--trust-names counts them",
            "late=30",
        ];
        expect(&output, 0, &said);
        let lines = |output: &Output| String::from_utf8(output.stdout.clone()).unwrap().lines().count();
        assert_eq!(lines(&output), lines(&before));
        if lines(&before) == 0 {
            expect(&prune(&store, policy), 0, &["deleted=0", "late=30"]);
            no_real_one_goes(&store, &real);
        }
    }
}

#[test]
fn thirty_planted_objects_from_the_future_free_nothing() {
    for policy in POLICIES {
        let without = prune(&month(), &[policy, &["--dry-run"]].concat());
        let store = planting(month(), (1..=30).map(|hour| now() + Duration::hours(hour)));
        let output = prune(&store, &[policy, &["--dry-run"]].concat());
        expect(&output, 0, &["30 objects are from the future", "future=30"]);
        assert_eq!(output.stdout.len(), without.stdout.len());
    }
}

#[test]
fn names_are_trusted_where_that_is_said() {
    let store = (1..=9).fold(StandIn::new(), |store, day| {
        holding(store, now() - Duration::days(day), now(), "copied")
    });
    let output = prune(&store, &["--keep-last", "4"]);
    expect(
        &output,
        0,
        &["kept=9 deleted=0 late=9", "9 objects were stored more than a day after"],
    );
    expect(
        &prune(&store, &["--keep-last", "4", "--trust-names"]),
        0,
        &["kept=4 deleted=5 seconds"],
    );
    assert_eq!(store.keys().len(), 4);
}

#[test]
fn the_new_object_is_confirmed_and_kept_although_it_is_late() {
    let store = series(StandIn::new(), 4).describing(&key(9), "x", &[("Last-Modified", "2026-02-01T00:00:00Z")]);
    expect(
        &run(&store.url, &["--keep-last", "2"], &line(9)),
        0,
        &["kept=3 deleted=2 late=1"],
    );
    assert_eq!(store.keys(), keys([2, 3, 9]));
}

#[test]
fn a_third_of_the_series_or_five_may_go_and_more_needs_consent() {
    // Due, of how many, and whether it goes without more ado.
    for (due, of, goes) in [
        (5, 6, true),
        (6, 7, false),
        (6, 17, false),
        (6, 18, true),
        (10, 30, true),
        (11, 30, false),
    ] {
        let store = series(StandIn::new(), of);
        let keep = (of - due).to_string();
        let words = ["--series", "s3://bkt/v/", "--keep-last", &keep];
        let output = run(&store.url, &words, "");
        if goes {
            expect(&output, 0, &[&format!("deleted={due} ")]);
            assert_eq!(store.keys().len(), of - due);
        } else {
            let refused = [
                format!("prune 's3://bkt/v/vault_raft_%Y%m%d_%H%M%S.snap': {due} of {of} snapshots would go"),
                format!("from 2026-01-01T00:00:00Z to 2026-01-01T00:00:{:02}Z", due - 1),
                format!("--max-delete {due} agrees to it"),
            ];
            nothing_goes(&store, &output, 65, &refused.each_ref().map(String::as_str));
        }
    }
}

#[test]
fn consent_is_a_number_and_one_less_is_none() {
    let store = series(StandIn::new(), 12);
    nothing_goes(
        &store,
        &run(&store.url, &[SERIES, &["--max-delete", "9"]].concat(), ""),
        65,
        &["10 of 12 snapshots would go", "--max-delete allows 9"],
    );
    // A smaller number than the default is obeyed, too.
    let words = ["--series", "s3://bkt/v/", "--keep-last", "10", "--max-delete", "1"];
    nothing_goes(&store, &run(&store.url, &words, ""), 65, &["--max-delete allows 1"]);
    expect(
        &run(&store.url, &[SERIES, &["--max-delete", "10"]].concat(), ""),
        0,
        &["kept=2 deleted=10"],
    );
    assert_eq!(store.keys(), keys(10..12));
}

#[test]
fn a_dry_run_lists_what_would_be_refused_and_says_so() {
    let store = series(StandIn::new(), 12);
    let dry = run(&store.url, &[SERIES, &["--dry-run"]].concat(), "");
    expect(
        &dry,
        0,
        &[
            "without --dry-run this ends with 65",
            "10 of 12 snapshots would go",
            "would_delete=10",
        ],
    );
    assert!(store.those("DELETE").is_empty());
    let real = run(&store.url, &[SERIES, &["--max-delete", "10"]].concat(), "");
    assert_eq!(dry.stdout, real.stdout);
}

#[test]
fn a_newest_snapshot_that_shrank_too_much_deletes_nothing() {
    let sizes = |sizes: &[usize]| {
        let all = sizes.iter().enumerate();
        all.fold(StandIn::new().receiving("2026-01-01T00:01:00Z"), |store, (n, size)| {
            store.holding(&key(n), "x".repeat(*size))
        })
    };
    let words = |percent: &'static str| [SERIES, &["--max-shrink", percent]].concat();
    let store = sizes(&[100, 10, 100, 49]);
    let refused = [
        "the new snapshot 's3://bkt/v/vault_raft_20260101_000003.snap' has 49 bytes",
        "51 percent less than the 100 of 's3://bkt/v/vault_raft_20260101_000002.snap'",
        "--max-shrink allows 50",
        "nothing was deleted",
    ];
    nothing_goes(&store, &run(&store.url, &words("50"), ""), 65, &refused);
    let dry = run(&store.url, &[words("50"), vec!["--dry-run"]].concat(), "");
    expect(&dry, 0, &["without --dry-run this ends with 65", "would_delete=2"]);
    // Also where nothing would go: the alarm does not wait for the rules.
    let nothing_due = ["--series", "s3://bkt/v/", "--keep-last", "9", "--max-shrink", "50"];
    nothing_goes(&store, &run(&store.url, &nothing_due, ""), 65, &refused);
    expect(&run(&store.url, &words("51"), ""), 0, &["deleted=2"]);
    let store = sizes(&[100, 10, 100, 50]);
    expect(&run(&store.url, &words("50"), ""), 0, &["deleted=2"]);
    // Only what stays is compared.
    let store = sizes(&[1000, 1000, 100, 100]);
    expect(&run(&store.url, &words("10"), ""), 0, &["deleted=2"]);
    // The object that was just stored is looked at where it is not the newest, too.
    let store = sizes(&[100, 10, 100, 100]);
    let words = ["--keep-last", "2", "--max-shrink", "50"];
    nothing_goes(
        &store,
        &run(&store.url, &words, &line(1)),
        65,
        &["has 10 bytes, 90 percent less than the 100"],
    );
}

/// A series whose newest two have these Raft indexes and terms.
fn history(store: StandIn, second: (&str, &str), newest: (&str, &str)) -> StandIn {
    let told = |store: StandIn, n, (index, term): (&str, &str)| {
        let headers = [("x-amz-meta-snapline-index", index), ("x-amz-meta-snapline-term", term)];
        store.describing(&key(n), "archive", &headers)
    };
    told(told(series(store, 2), 2, second), 3, newest).receiving("2026-01-01T00:01:00Z")
}

#[test]
fn a_raft_index_or_term_that_fell_deletes_nothing() {
    for (second, newest, part) in [
        (("900", "7"), ("899", "7"), "the Raft index of the newest snapshot"),
        (("900", "7"), ("12", "8"), "is 12, but that of"),
        (("900", "7"), ("901", "6"), "the Raft term of the newest snapshot"),
    ] {
        let store = history(StandIn::new(), second, newest);
        let output = run(&store.url, SERIES, "");
        nothing_goes(
            &store,
            &output,
            65,
            &[part, "nothing was deleted", "hint: it is of another cluster"],
        );
        let dry = run(&store.url, &[SERIES, &["--dry-run"]].concat(), "");
        expect(&dry, 0, &["without --dry-run this ends with 65", part]);
    }
    let store = history(StandIn::new(), ("900", "7"), ("900", "7"));
    expect(&run(&store.url, SERIES, ""), 0, &["deleted=2"]);
    assert_eq!(store.asked(), ["list", "look", "look", "DELETE", "DELETE"]);
}

#[test]
fn a_right_to_read_is_not_demanded_and_v_says_what_was_not_looked_at() {
    for (turn, part) in [
        (
            Turn::Reply(error("403 Forbidden", "AccessDenied")),
            "the Raft index is not compared: look for 's3://bkt/v/",
        ),
        (
            Turn::Reply(error("404 Not Found", "NoSuchKey")),
            "is gone: its Raft index is not compared",
        ),
    ] {
        let store = history(StandIn::always("look", turn), ("900", "7"), ("1", "7"));
        expect(
            &run(&store.url, &[SERIES, &["-v"]].concat(), ""),
            0,
            &["deleted=2", part],
        );
        assert_eq!(store.those("look").len(), 1);
    }
    let store = series(StandIn::new(), 4);
    let words = [SERIES, &["-v"]].concat();
    expect(
        &run(&store.url, &words, ""),
        0,
        &["has no Raft index in its metadata", "deleted=2"],
    );
    // Where nothing is due, nothing is asked.
    expect(&run(&store.url, SERIES, ""), 0, &["deleted=0"]);
    assert_eq!(store.asked(), ["list", "look", "DELETE", "DELETE", "list"]);
}
