//! The command line: codes, messages, and what is asked of the store.

#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../../crates/s3/tests/support/program.rs"]
mod program;
#[path = "support/series.rs"]
mod series;
#[path = "../../../crates/cli/tests/support/signals.rs"]
mod signals;
#[path = "../../../crates/s3/tests/support/stand_in.rs"]
mod stand_in;

use std::collections::BTreeSet;
use std::fs::File;
use std::process::{Command, Stdio};
use std::time::Duration;

use program::{end_of, expect, run_with};
use rustix::process::Signal;
use series::{DAILY, PROGRAM, SERIES, archive, check, holding, key, run, text};
use signals::signal_twice;
use stand_in::{StandIn, Turn, closed, error};

/// What `s3-put` stores through a filter.
const FILTERED: [(&str, &str); 2] = [
    ("Content-Type", "application/octet-stream"),
    ("x-amz-meta-snapline-id", "i"),
];

#[test]
fn help_and_version_need_no_configuration() {
    let bare = || {
        let mut command = Command::new(PROGRAM);
        command.env_clear();
        command
    };
    let output = run_with(bare(), &["--help"], "");
    assert_eq!(output.status.code(), Some(0));
    let help = text(&output);
    for part in [
        "--max-age",
        "--min-count",
        "--verify",
        "--format",
        "--output",
        "--endpoint-url",
        "--region",
        "--profile",
        "AWS_PROFILE",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "--addressing-style",
        "--timeout",
        "--max-attempts",
        "--name",
        "--quiet",
        "--verbose",
        "--log-format",
        "--version",
        "| jq",
        "AWS_ACCESS_KEY_ID",
        "3 UNKNOWN",
        "  0 ",
        "  1 ",
        "  64 ",
        "  65 ",
        "  66 ",
        "  69 ",
        "  74 ",
        "  77 ",
        "  78 ",
        "  141 ",
        "  128+n ",
    ] {
        assert!(help.contains(part), "no {part} in {help}");
    }
    let output = run_with(bare(), &["--version"], "");
    assert_eq!(text(&output), format!("snap-check {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn wrong_calls_are_64() {
    let store = StandIn::new();
    for (words, part) in [
        (&["--max-age", "1h"][..], "uri"),
        (&["s3://bkt/v/"], "--max-age"),
        (&["s3://bkt/v/", "--max-age", "1d"], "1d"),
        (&["s3://bkt/v/", "--max-age", "0"], "--max-age"),
        (&["s3://bkt/v/", "--max-age", "1h", "--min-count", "0"], "--min-count"),
        (&["s3://bkt/v/", "--max-age", "1h", "--min-count", "-1"], "-1"),
        (
            &["s3://bkt/v/", "--max-age", "1h", "--verify", "0"],
            "latest, all or a number",
        ),
        (&["s3://bkt/v/", "--max-age", "1h", "--verify", "some"], "'some'"),
        (
            &["s3://bkt/v/", "--max-age", "1h", "--format", "xml"],
            "text, json, nagios",
        ),
        (&["s3://bkt/v/", "--max-age", "1h", "--delete"], "--delete"),
        (&["s3://bkt/v/", "s3://bkt/w/", "--max-age", "1h"], "s3://bkt/w/"),
        (&["s3://bkt/v/one.snap", "--max-age", "1h"], "it names one object"),
        (
            &["s3://bkt/v/one.snap", "--max-age", "1h"],
            "hint: a series is a prefix",
        ),
        (
            &["s3://bkt", "--max-age", "1h"],
            "for the whole bucket write 's3://bkt/'",
        ),
        (&["bkt/v/", "--max-age", "1h"], "bkt/v/"),
        (&["s3://bkt/v_%Y", "--max-age", "1h"], "%Y"),
    ] {
        expect(&run(&store.url, words), 64, &[part]);
    }
    assert_eq!(store.connections(), 0);
}

#[test]
fn a_fresh_series_is_0_for_one_listing_and_one_look() {
    let store = holding(StandIn::new(), &[3, 27, 51])
        .describing(&key(2), "archive", &[("x-amz-meta-snapline-index", "592")])
        .paged(2);
    let output = check(&store.url, &[]);
    expect(
        &output,
        0,
        &["snap-check: checked 's3://bkt/v/vault_raft_%Y", "count=4"],
    );
    let expected = format!("ok newest='s3://bkt/{}' age=2h0m size=7 index=592 count=4\n", key(2));
    assert_eq!(text(&output), expected);
    assert_eq!(store.asked(), ["list", "list", "look"]);
}

/// The right to read is one more than the right to list, and nothing else depends on it.
#[test]
fn without_the_right_to_look_only_the_index_is_missing() {
    let store = holding(StandIn::always("look", Turn::Reply(error("403 Forbidden", ""))), &[2]);
    let output = check(&store.url, &[]);
    expect(&output, 0, &[]);
    assert!(!text(&output).contains("index="), "{}", text(&output));
}

#[test]
fn a_series_that_is_missing_too_old_or_too_small_is_66() {
    let store = StandIn::new();
    let output = check(&store.url, &[]);
    expect(&output, 66, &[&format!("check '{SERIES}': there is no snapshot")]);
    assert_eq!(text(&output), "failed problems=missing newest=none count=0\n");

    let store = holding(StandIn::new(), &[28]);
    let output = check(&store.url, &[]);
    let newest = format!("the newest snapshot 's3://bkt/{}' is 1d4h old, more than 1d2h", key(28));
    expect(&output, 66, &[&newest]);
    assert!(text(&output).starts_with("failed problems=too_old newest='s3://bkt/v/"));

    let output = check(&store.url, &["--min-count", "2"]);
    expect(&output, 66, &[&newest, "; there is 1 snapshot, and there must be 2"]);
    assert!(text(&output).starts_with("failed problems=too_old,too_few "));
}

#[test]
fn what_does_not_count_is_a_warning_and_never_the_newest() {
    let store = holding(StandIn::new(), &[3, -2]).holding(&key(1), "");
    let output = check(&store.url, &[]);
    let (future, empty) = (
        format!("'s3://bkt/{}' is from the future", key(-2)),
        format!("{}' is empty", key(1)),
    );
    expect(&output, 0, &["warning: ", &future, &empty]);
    assert!(text(&output).starts_with(&format!("ok newest='s3://bkt/{}' age=3h0m ", key(3))));
    assert!(
        text(&output).ends_with(" count=1 future=1 empty=1\n"),
        "{}",
        text(&output)
    );

    // Nothing else is there, and there is no snapshot.
    let store = holding(StandIn::new(), &[-2]).holding(&key(1), "");
    let output = check(&store.url, &[]);
    expect(
        &output,
        66,
        &["no snapshot that counts: 1 are empty, 1 from the future"],
    );
    assert_eq!(
        text(&output),
        "failed problems=missing newest=none count=0 future=1 empty=1\n"
    );

    // One that is too old, while a clock is wrong somewhere.
    let store = holding(StandIn::new(), &[30, -2]);
    expect(&check(&store.url, &[]), 66, &["hint: ", "is a clock wrong"]);
}

#[test]
fn objects_of_other_series_are_nothing() {
    let store = StandIn::new()
        .holding("v/other.snap", "x")
        .holding(&key(1).replace("v/", "v-staging/"), "x");
    let output = check(&store.url, &[]);
    expect(&output, 66, &["there is no snapshot"]);
    // Behind the literal prefix of the names, but with another ending.
    let store = StandIn::new().holding(&key(1).replace(".snap", ".snap.age"), "x");
    expect(
        &check(&store.url, &[]),
        66,
        &["hint: 1 objects", "have other names", "--name"],
    );
    let name = "vault_raft_%Y%m%d_%H%M%S.snap.age";
    expect(&check(&store.url, &["--name", name]), 0, &[]);
}

#[test]
fn a_verified_snapshot_is_fetched_once_and_needs_no_look() {
    let store = holding(StandIn::new(), &[2, 26]);
    let output = check(&store.url, &["--verify", "latest"]);
    expect(&output, 0, &["verified=1 bytes="]);
    assert!(
        text(&output).ends_with(" index=102 count=2 verified=1\n"),
        "{}",
        text(&output)
    );
    assert_eq!(store.asked(), ["list", "get"]);
    assert_eq!(store.those("get")[0].path, format!("/bkt/{}", key(2)));
    assert!(store.those("get")[0].header("range").is_none());
}

#[test]
fn all_are_verified_or_as_many_as_asked_for_each_once_and_the_newest_among_them() {
    let store = holding(StandIn::new(), &[1, 2, 3, 4, 5, 6, 7, 8]);
    for (which, count) in [("all", 8), ("3", 3), ("1", 1), ("99", 8)] {
        let before = store.those("get").len();
        let output = check(&store.url, &["--verify", which]);
        expect(&output, 0, &[]);
        assert!(
            text(&output).ends_with(&format!(" verified={count}\n")),
            "{}",
            text(&output)
        );
        let fetched: Vec<_> = store
            .those("get")
            .split_off(before)
            .into_iter()
            .map(|get| get.path)
            .collect();
        assert_eq!(fetched.len(), count);
        assert_eq!(fetched.iter().collect::<BTreeSet<_>>().len(), count, "{fetched:?}");
        assert!(fetched.contains(&format!("/bkt/{}", key(1))), "{fetched:?}");
    }
}

#[test]
fn a_newest_snapshot_that_is_broken_is_65_and_the_hint_names_the_one_before() {
    let whole = archive(1);
    let mut changed = whole.clone();
    changed[10_000] ^= 1;
    for (body, cause) in [
        (whole[..whole.len() - 9].to_vec(), "truncated"),
        (changed, "differs"),
        ([&whole[..], b"x"].concat(), "followed by other data"),
        (b"<html>".to_vec(), "HTML"),
    ] {
        let store = holding(StandIn::new(), &[25]).holding(&key(1), body);
        let output = check(&store.url, &["--verify", "latest"]);
        let broken = format!("the newest snapshot 's3://bkt/{}' is broken: ", key(1));
        expect(
            &output,
            65,
            &[
                &broken,
                cause,
                &format!("hint: the one before it is 's3://bkt/{}'", key(25)),
            ],
        );
        assert!(
            text(&output).starts_with("failed problems=broken newest="),
            "{}",
            text(&output)
        );
        assert!(text(&output).ends_with("count=2 verified=0 broken=1\n"));
    }
}

#[test]
fn the_first_broken_snapshot_does_not_hide_the_others() {
    let store = holding(StandIn::new(), &[1, 4, 5])
        .holding(&key(2), "x")
        .holding(&key(3), &archive(1)[..5000]);
    let output = check(&store.url, &["--verify", "all"]);
    let broken = |hours| format!("'s3://bkt/{}' is broken: ", key(hours));
    expect(&output, 65, &["warning: ", &broken(2), &broken(3), "; 's3://bkt/"]);
    assert!(
        text(&output).ends_with("count=5 verified=3 broken=2\n"),
        "{}",
        text(&output)
    );
    assert_eq!(store.those("get").len(), 5);
}

#[test]
fn a_broken_snapshot_is_65_however_old_it_is() {
    let store = StandIn::new().holding(&key(50), "x");
    let output = check(&store.url, &["--verify", "latest", "--min-count", "3"]);
    expect(&output, 65, &["is broken", "2d2h old", "there must be 3"]);
    assert!(text(&output).starts_with("failed problems=broken,too_old,too_few "));
}

#[test]
fn what_a_filter_made_cannot_be_verified_and_says_so() {
    let age = "age-encryption.org/v1\n-> X25519";
    let odd = "stored it through a filter or with --raw";
    for (body, headers, cause) in [
        (age.as_bytes(), &[][..], "data encrypted by age"),
        (b"anything", &FILTERED, odd),
        // Compressed once more.
        (b"\x1f\x8b\x08\0\0\0\0\0\0\xff", &FILTERED, odd),
    ] {
        let store = StandIn::new().describing(&key(1), body, headers);
        let output = check(&store.url, &["--verify", "latest"]);
        expect(
            &output,
            65,
            &[
                "cannot be verified: ",
                cause,
                "hint: leave out --verify",
                "s3-get --raw",
            ],
        );
        assert!(
            text(&output).ends_with("count=1 verified=0 filtered=1\n"),
            "{}",
            text(&output)
        );
        expect(&check(&store.url, &[]), 0, &[]);
    }
    // Many clients store everything under that media type.
    let store = StandIn::new().describing(&key(1), "anything", &FILTERED[..1]);
    expect(&check(&store.url, &["--verify", "latest"]), 65, &["is broken"]);
}

#[test]
fn a_store_that_cannot_be_reached_or_cannot_serve_is_69() {
    let output = check(&closed(), &[]);
    expect(&output, 69, &["list 's3://bkt/v/vault_raft_'", "connection refused"]);
    assert_eq!(text(&output), format!("unknown series='{SERIES}'\n"));
    let store = holding(
        StandIn::always("list", Turn::Reply(error("503 Slow Down", "SlowDown"))),
        &[1],
    );
    expect(&check(&store.url, &[]), 69, &["SlowDown"]);
    assert_eq!(store.asked(), ["list", "list"]);
}

/// It may be whole: that it is broken must not be said.
#[test]
fn a_snapshot_that_cannot_be_read_to_its_end_is_69_and_the_rest_is_not_tried() {
    let store = holding(StandIn::always("get", Turn::Cut(5000)), &[1, 2, 3]);
    let output = check(&store.url, &["--verify", "all", "--max-attempts", "1"]);
    expect(&output, 69, &["get 's3://bkt/v/"]);
    assert!(
        text(&output).starts_with("unknown problems=unread "),
        "{}",
        text(&output)
    );
    assert_eq!(store.those("get").len(), 1);
}

/// What was found broken before the store went away is certain.
#[test]
fn a_broken_snapshot_is_65_although_another_cannot_be_read() {
    let store = StandIn::with(|request, before| match request.asks() {
        "get" if before > 0 => Turn::Reply(error("500 Oops", "InternalError")),
        _ => Turn::Serve,
    });
    let store = holding(store, &[2, 3]).holding(&key(1), "x");
    let output = check(&store.url, &["--verify", "all"]);
    expect(&output, 65, &["is broken", "InternalError"]);
    assert!(
        text(&output).starts_with("failed problems=broken,unread "),
        "{}",
        text(&output)
    );
}

#[test]
fn an_archived_object_that_may_not_be_read_is_77_and_the_others_are_verified() {
    let glacier = format!("/bkt/{}", key(2));
    let store = StandIn::with(move |request, _| {
        if request.asks() == "get" && request.path == glacier {
            Turn::Reply(error("403 Forbidden", "InvalidObjectState"))
        } else {
            Turn::Serve
        }
    });
    let store = holding(store, &[1, 2, 3]);
    let output = check(&store.url, &["--verify", "all"]);
    expect(&output, 77, &["InvalidObjectState", &key(2)]);
    assert!(text(&output).ends_with("count=3 verified=2\n"), "{}", text(&output));
}

/// A run of snap-prune at the same time is nothing to wake anybody for, unless it took the newest.
#[test]
fn an_object_that_was_pruned_since_it_was_listed_is_a_warning() {
    let gone = |hours: i64| {
        let path = format!("/bkt/{}", key(hours));
        let store = StandIn::with(move |request, _| {
            if request.asks() == "get" && request.path == path {
                Turn::Reply(error("404 Not Found", "NoSuchKey"))
            } else {
                Turn::Serve
            }
        });
        holding(store, &[1, 2])
    };
    let output = check(&gone(2).url, &["--verify", "all"]);
    expect(&output, 0, &["warning: ", "NoSuchKey", "it was not verified"]);
    assert!(text(&output).ends_with("count=2 verified=1\n"), "{}", text(&output));
    let output = check(&gone(1).url, &["--verify", "all"]);
    expect(&output, 66, &["was deleted during the check"]);
}

#[test]
fn a_refusal_is_77_with_the_stores_own_words() {
    for code in ["AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch"] {
        let store = holding(StandIn::always("list", Turn::Reply(error("403 Forbidden", code))), &[1]);
        expect(&check(&store.url, &[]), 77, &[code, "so it is"]);
        assert_eq!(store.asked(), ["list"]);
    }
    let store = holding(
        StandIn::always("get", Turn::Reply(error("403 Forbidden", "AccessDenied"))),
        &[1],
    );
    expect(&check(&store.url, &["--verify", "latest"]), 77, &["AccessDenied"]);
}

#[test]
fn a_wrong_configuration_is_78() {
    let store = holding(StandIn::new(), &[1]);
    for (name, value, part) in [
        ("AWS_ACCESS_KEY_ID", None, "AWS_ACCESS_KEY_ID"),
        (
            "AWS_SECRET_ACCESS_KEY",
            Some(""),
            "AWS_SECRET_ACCESS_KEY is set but empty",
        ),
        ("AWS_ENDPOINT_URL_S3", Some("nonsense"), "AWS_ENDPOINT_URL_S3"),
    ] {
        let mut command = program::program(PROGRAM, &store.url);
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
        expect(&run_with(command, &DAILY, ""), 78, &[part]);
    }
    assert_eq!(store.connections(), 0);
    let store = StandIn::always("list", Turn::Reply(error("404 Not Found", "NoSuchBucket")));
    expect(&check(&store.url, &[]), 78, &["NoSuchBucket", "hint: "]);
}

#[test]
fn an_output_that_is_full_is_74_and_one_that_nobody_reads_141() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let full = File::options().write(true).open("/dev/full").unwrap();
    let store = holding(StandIn::new(), &[1]);
    for (stdout, code) in [(Stdio::from(full), 74), (Stdio::from(writer), 141)] {
        let mut command = program::program(PROGRAM, &store.url);
        command.args(DAILY).stdout(stdout).stderr(Stdio::piped());
        let output = command.spawn().unwrap().wait_with_output().unwrap();
        expect(&output, code, &["standard output"]);
    }
}

#[test]
fn a_signal_ends_it_at_once_and_leaves_the_older_report() {
    for (number, code) in [(Signal::TERM, 143), (Signal::INT, 130), (Signal::HUP, 129)] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("vault.prom");
        std::fs::write(&file, "older").unwrap();
        let store = holding(StandIn::always("get", Turn::Stuck(5000)), &[1]);
        let mut command = program::program(PROGRAM, &store.url);
        command
            .args(DAILY)
            .args(["--verify", "latest", "--output", file.to_str().unwrap()]);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        store.wait_for("get", 1);
        signal_twice(&child, number);
        expect(&end_of(child, Duration::from_secs(20)), code, &["ended by SIG"]);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "older");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
