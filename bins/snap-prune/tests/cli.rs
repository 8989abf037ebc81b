//! The command line: codes, messages, and that only goes what the rule names, whatever the store says.

#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../../crates/s3/tests/support/program.rs"]
mod program;
#[path = "../../../crates/cli/tests/support/signals.rs"]
mod signals;
#[path = "../../../crates/s3/tests/support/stand_in.rs"]
mod stand_in;
#[path = "support/series.rs"]
mod support;

use std::fs::File;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use program::{SECRETS, end_of, expect, run_with};
use rustix::process::Signal;
use signals::{signal, wait_until_it_listens};
use stand_in::{StandIn, Turn, closed, error};
use support::{PROGRAM, SERIES, key, keys, line, nothing_goes, run, series};

#[test]
fn help_and_version_need_no_configuration() {
    let bare = || {
        let mut command = Command::new(PROGRAM);
        command.env_clear();
        command
    };
    let output = run_with(bare(), &["--help"], "");
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    for part in [
        "--series",
        "--keep-last",
        "--keep-hourly",
        "--keep-daily",
        "--keep-weekly",
        "--keep-monthly",
        "--keep-yearly",
        "--keep-within",
        "--max-delete",
        "--max-shrink",
        "--trust-names",
        "--abort-uploads-older-than",
        "--dry-run",
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
        "| snap-prune",
        "AWS_ACCESS_KEY_ID",
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
        assert!(text.contains(part), "no {part} in {text}");
    }
    let output = run_with(bare(), &["--version"], "");
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        format!("snap-prune {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn wrong_calls_are_64() {
    let store = series(StandIn::new(), 3);
    for (words, part) in [
        (&["--force", "--keep-last", "1"][..], "--force"),
        (&["s3://bkt/v/", "--keep-last", "1"], "s3://bkt/v/"),
        (&["--series", "s3://bkt/v/"], "there is no rule what to keep"),
        (&[], "hint: for example --keep-last 30"),
        (&["--keep-last", "0"], "there is no rule what to keep"),
        (
            &["--keep-within", "0d", "--keep-daily=0"],
            "there is no rule what to keep",
        ),
        (
            &["--keep-last", "-1"],
            "read --keep-last: '-1' is neither a number nor 'unlimited'",
        ),
        (&["--keep-yearly", "all"], "read --keep-yearly: 'all'"),
        (
            &["--keep-within", "30"],
            "read --keep-within: '30' is not a span such as 1y6m14d12h",
        ),
        (&["--keep-within", "2w"], "read --keep-within: '2w'"),
        (
            &["--keep-last", "1", "--max-shrink", "101"],
            "read --max-shrink: 101 percent",
        ),
        (&["--keep-last", "1", "--max-shrink", "50%"], "50%"),
        (&["--keep-last", "1", "--max-delete", "0"], "--max-delete"),
        (
            &["--keep-last", "1", "--series", "s3://bkt/v/one.snap"],
            "it names one object",
        ),
        (
            &["--keep-last", "1", "--series", "s3://bkt"],
            "for the whole bucket write 's3://bkt/'",
        ),
        (&["--keep-last", "1", "--series", "bkt/v/"], "bkt/v/"),
        (&["--keep-last", "1", "--series", "s3://bkt/v_%Y"], "%Y"),
        (&["--keep-last", "1", "--timeout", "0"], "--timeout"),
    ] {
        nothing_goes(&store, &run(&store.url, words, &line(2)), 64, &[part]);
    }
    assert_eq!(store.connections(), 0);
}

#[test]
fn a_line_that_is_not_one_whole_uri_is_65_and_the_store_hears_nothing() {
    let store = series(StandIn::new(), 3);
    let whole = line(2);
    for (stdin, part) in [
        (format!("{whole}{whole}"), "more than one line"),
        (format!("{whole}\n"), "more than one line"),
        (whole.trim_end().to_owned(), "the line has no end"),
        ("s3://bkt/v/vault_raft".to_owned(), "the line has no end"),
        ("\n".to_owned(), "the line is empty"),
        ("https://bkt/v/k\n".to_owned(), "s3://bucket/key"),
        ("s3://bkt/v/\n".to_owned(), "find the series"),
        ("s3://bkt/v/other.snap\n".to_owned(), "hint: --name"),
        (
            "s3://bkt/v/vault_raft_20261332_000000.snap\n".to_owned(),
            "find the series",
        ),
        ("s3://bkt/\n".to_owned(), "the key is empty"),
        (format!("s3://bkt/{}\n", "k".repeat(2000)), "longer than"),
        ("s3://bkt/v/\u{7}\n".to_owned(), "not a line of text"),
    ] {
        nothing_goes(&store, &run(&store.url, &["--keep-last", "1"], &stdin), 65, &[part]);
    }
    assert_eq!(store.connections(), 0);
}

#[test]
fn no_line_an_object_that_is_not_there_and_an_empty_series_are_66() {
    let store = series(StandIn::new(), 3);
    nothing_goes(
        &store,
        &run(&store.url, &["--keep-last", "1"], ""),
        66,
        &["it is empty", "hint: "],
    );
    nothing_goes(
        &store,
        &run(&store.url, &["--keep-last", "1"], &line(9)),
        66,
        &["it is not there", line(9).trim()],
    );
    let store = store.holding(&key(9), "");
    nothing_goes(
        &store,
        &run(&store.url, &["--keep-last", "1"], &line(9)),
        66,
        &["it is empty; nothing is pruned"],
    );
    let words = ["--keep-last", "1", "--series", "s3://bkt/w/"];
    nothing_goes(
        &store,
        &run(&store.url, &words, ""),
        66,
        &["there is no object", "s3://bkt/w/"],
    );
}

#[test]
fn a_store_that_cannot_be_reached_or_cannot_serve_is_69() {
    expect(
        &run(&closed(), SERIES, ""),
        69,
        &["list 's3://bkt/v/vault_raft_'", "connection refused"],
    );
    for turn in [Turn::Reply(error("503 Slow Down", "SlowDown")), Turn::Last(Vec::new())] {
        let store = series(StandIn::always("list", turn), 4);
        nothing_goes(
            &store,
            &run(&store.url, SERIES, ""),
            69,
            &["list 's3://bkt/v/vault_raft_'", &store.url],
        );
        assert_eq!(store.asked(), ["list", "list"]);
    }
}

/// The rest of the policy language, through the command line.
#[test]
fn every_rule_keeps_what_it_names() {
    let name = |day: &str, time: &str| format!("v/vault_raft_{day}_{time}.snap");
    let history = [
        name("20231231", "120000"),
        name("20240229", "230000"),
        name("20250105", "120000"),
        name("20250106", "110000"),
        name("20250106", "113000"),
        name("20250106", "115900"),
    ];
    for (words, kept) in [
        (&["--keep-hourly", "1"][..], &[5][..]),
        (&["--keep-hourly", "2"], &[2, 5]),
        (&["--keep-daily", "2"], &[2, 5]),
        (&["--keep-weekly", "2"], &[2, 5]),
        (&["--keep-monthly", "2"], &[1, 5]),
        (&["--keep-yearly", "2"], &[1, 5]),
        (&["--keep-yearly", "3"], &[0, 1, 5]),
        (&["--keep-yearly", "unlimited"], &[0, 1, 5]),
        (&["--keep-within", "1h"], &[3, 4, 5]),
        (&["--keep-within", "1y"], &[1, 2, 3, 4, 5]),
        (&["--keep-last", "2", "--keep-yearly", "2"], &[1, 4, 5]),
        (&["--keep-last", "unlimited"], &[0, 1, 2, 3, 4, 5]),
    ] {
        let store = history
            .iter()
            .fold(StandIn::new().receiving("2023-01-01T00:00:00Z"), |store, key| {
                store.holding(key, "x")
            });
        let output = run(&store.url, &[&["--series", "s3://bkt/v/"], words].concat(), "");
        expect(&output, 0, &[]);
        let kept: Vec<_> = kept.iter().map(|n: &usize| history[*n].clone()).collect();
        assert_eq!(store.keys(), kept, "{words:?}");
    }
}

/// Each row has its place in the table, and JSON lines have the same as values.
#[test]
fn v_shows_each_object_and_why_it_stays() {
    let store = series(StandIn::new(), 3)
        .describing(&key(9), "x", &[("Last-Modified", "2026-02-01T00:00:00Z")])
        .holding(&key(8), "");
    let words = ["--keep-last", "1", "--keep-daily", "2", "--dry-run", "-v"];
    let output = run(&store.url, &words, &line(2));
    expect(&output, 0, &[]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    let table: Vec<_> = stderr
        .lines()
        .filter(|line| !line.contains(": warning: ") && !line.contains("compared"))
        .collect();
    let expected = [
        "keep 2 snapshots:",
        "decision  taken                 size  reasons           object",
        "keep      2026-01-01T00:00:02Z     7  last, daily, new  s3://bkt/v/vault_raft_20260101_000002.snap",
        "keep      2026-01-01T00:00:00Z     7  oldest daily      s3://bkt/v/vault_raft_20260101_000000.snap",
        "delete 1 snapshot:",
        "decision  taken                 size  reasons  object",
        "delete    2026-01-01T00:00:01Z     7           s3://bkt/v/vault_raft_20260101_000001.snap",
        "leave alone 2 snapshots:",
        "decision     taken                 size  reasons  object",
        "leave alone  2026-01-01T00:00:09Z     1  late     s3://bkt/v/vault_raft_20260101_000009.snap",
        "leave alone  2026-01-01T00:00:08Z     0  empty    s3://bkt/v/vault_raft_20260101_000008.snap",
    ];
    for line in expected {
        assert!(
            table.contains(&&*format!("snap-prune: {line}")),
            "no '{line}' in {table:#?}"
        );
    }
    let output = run(&store.url, &[&words[..], &["--log-format", "json"]].concat(), &line(2));
    let stderr = String::from_utf8(output.stderr).unwrap();
    let lines = stderr
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let rows: Vec<_> = lines.filter(|line| line["decision"].is_string()).collect();
    assert_eq!(rows.len(), 5);
    assert_eq!(rows[0]["reasons"], serde_json::json!(["last", "daily", "new"]));
    assert_eq!(rows[0]["taken"], "2026-01-01T00:00:02Z");
    assert_eq!(rows[0]["size"], 7);
    assert_eq!(
        (&rows[2]["decision"], &rows[2]["object"]),
        (&"delete".into(), &line(1).trim().into())
    );
    assert_eq!(rows[2]["reasons"], serde_json::json!([]));
}

#[test]
fn an_input_that_cannot_be_read_is_74() {
    let store = series(StandIn::new(), 3);
    let mut command = program::program(PROGRAM, &store.url);
    command.args(["--keep-last", "1"]).stdin(File::open("/").unwrap());
    nothing_goes(&store, &command.output().unwrap(), 74, &["standard input"]);
}

#[test]
fn an_output_that_is_full_is_74_and_one_that_nobody_reads_141() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let full = File::options().write(true).open("/dev/full").unwrap();
    for (stdout, code) in [(Stdio::from(full), 74), (Stdio::from(writer), 141)] {
        let store = series(StandIn::new(), 4);
        let mut command = program::program(PROGRAM, &store.url);
        command
            .args(SERIES)
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(Stdio::piped());
        // What is gone is named all the same.
        let output = command.spawn().unwrap().wait_with_output().unwrap();
        expect(&output, code, &[line(0).trim(), "is deleted", "standard output"]);
        assert_eq!(store.keys(), keys(1..4));
    }
}

#[test]
fn a_refusal_is_77_with_the_stores_own_words() {
    for code in ["AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch"] {
        let store = series(StandIn::always("list", Turn::Reply(error("403 Forbidden", code))), 4);
        nothing_goes(
            &store,
            &run(&store.url, SERIES, ""),
            77,
            &[code, "so it is", "s3://bkt/v/"],
        );
        assert_eq!(store.asked(), ["list"]);
    }
}

#[test]
fn a_wrong_configuration_is_78() {
    let store = series(StandIn::new(), 4);
    for (name, value, part) in [
        ("AWS_ACCESS_KEY_ID", None, "AWS_ACCESS_KEY_ID"),
        (
            "AWS_SECRET_ACCESS_KEY",
            Some(""),
            "AWS_SECRET_ACCESS_KEY is set but empty",
        ),
        ("AWS_SESSION_TOKEN", Some(""), "AWS_SESSION_TOKEN is set but empty"),
        (
            "AWS_PROFILE",
            Some("x"),
            "find profile 'x' of AWS_PROFILE: there is none",
        ),
        ("AWS_PROFILE", Some(""), "AWS_PROFILE is set but empty"),
        ("AWS_ENDPOINT_URL_S3", Some("nonsense"), "AWS_ENDPOINT_URL_S3"),
    ] {
        let mut command = program::program(PROGRAM, &store.url);
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
        expect(&run_with(command, SERIES, ""), 78, &[part]);
    }
    assert_eq!(store.connections(), 0);
    let store = StandIn::always("list", Turn::Reply(error("404 Not Found", "NoSuchBucket")));
    nothing_goes(&store, &run(&store.url, SERIES, ""), 78, &["NoSuchBucket", "hint: "]);
}

#[test]
fn a_signal_ends_it_with_128_and_its_number() {
    let store = StandIn::new();
    let mut command = program::program(PROGRAM, &store.url);
    command
        .args(["--keep-last", "1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"s3://bkt/").unwrap();
    wait_until_it_listens(&child);
    signal(&child, Signal::TERM);
    expect(&end_of(child, Duration::from_secs(5)), 143, &["ended by SIGTERM"]);
    assert_eq!(store.connections(), 0);
}

#[test]
fn the_newest_stay_and_what_goes_is_printed_oldest_first() {
    let store = series(StandIn::new(), 5);
    // The same list, and nothing goes.
    let dry = run(&store.url, &["--keep-last", "2", "--dry-run"], &line(4));
    expect(
        &dry,
        0,
        &[
            "snap-prune: pruned 's3://bkt/v/vault_raft_",
            " kept=2 would_delete=3 seconds=",
        ],
    );
    assert!(store.those("DELETE").is_empty());
    let output = run(&store.url, &["--keep-last", "2"], &line(4));
    expect(&output, 0, &[" kept=2 deleted=3 "]);
    assert_eq!(output.stdout, dry.stdout);
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        [line(0), line(1), line(2)].concat()
    );
    assert_eq!(store.keys(), keys(3..5));
    let gone: Vec<_> = store.those("DELETE").into_iter().map(|seen| seen.path).collect();
    assert_eq!(
        gone,
        keys(0..3).iter().map(|key| format!("/bkt/{key}")).collect::<Vec<_>>()
    );
    for seen in store.seen() {
        assert!(["list", "look", "DELETE"].contains(&seen.asks()));
        assert_eq!(seen.header("x-amz-security-token"), Some(SECRETS[1]));
    }
}

#[test]
fn the_new_object_stays_although_newer_ones_fill_the_rule() {
    let store = series(StandIn::new(), 5);
    expect(
        &run(&store.url, &["--keep-last", "1"], &line(1)),
        0,
        &["kept=2 deleted=3"],
    );
    assert_eq!(store.keys(), keys([1, 4]));
}

#[test]
fn no_secret_is_ever_said_quiet_says_nothing_and_json_lines_carry_the_code() {
    let store = series(StandIn::new(), 5);
    expect(
        &run(&store.url, &[SERIES, &["-vvv"]].concat(), ""),
        0,
        &["keep 2 snapshots:", "7  last     s3://bkt/v/"],
    );
    let output = run(&store.url, &[SERIES, &["-q"]].concat(), "");
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
    let refusing = series(
        StandIn::always("DELETE", Turn::Reply(error("403 Forbidden", "AccessDenied"))),
        3,
    );
    for (words, stdin, code) in [
        (SERIES, "", 0),
        (&["--keep-last", "1"], "", 66),
        (&["--keep-last", "1"], "x", 65),
        (&["--keep-last", "0"], "", 64),
        (&["--keep-last", "1", "--series", "s3://bkt/v/"], "", 77),
    ] {
        let url = if code == 77 { &refusing.url } else { &store.url };
        let output = run(url, &[words, &["-vv", "--log-format=json"]].concat(), stdin);
        assert_eq!(output.status.code(), Some(code));
        let stderr = String::from_utf8(output.stderr).unwrap();
        let lines: Vec<serde_json::Value> = stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let last = lines.last().unwrap();
        assert_eq!(last["program"], "snap-prune");
        if code == 0 {
            assert_eq!(last["kept"], 2);
        } else {
            assert_eq!(last["exit"], code);
        }
    }
}

#[test]
fn without_credentials_it_is_78_and_each_source_says_why() {
    let store = StandIn::new();
    let mut command = program::program(PROGRAM, &store.url);
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] {
        command.env_remove(name);
    }
    command.env("AWS_EC2_METADATA_DISABLED", "true");
    let words = [
        "environment: ",
        "web identity: ",
        "profile 'default': ",
        "container: ",
        "instance metadata: ",
    ];
    expect(&run_with(command, SERIES, ""), 78, &words);
    assert_eq!(store.connections(), 0);
}
