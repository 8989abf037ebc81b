//! The command line: help, codes, messages; what is refused before the store hears of anything.

#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../../crates/s3/tests/support/program.rs"]
mod program;
#[path = "../../../crates/cli/tests/support/signals.rs"]
mod signals;
#[path = "../../../crates/s3/tests/support/stand_in.rs"]
mod stand_in;

use std::fs::File;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use program::{SECRETS, end_of, expect, run_with};
use rustix::process::Signal;
use signals::{signal, wait_until_it_listens};
use snapline_archive::synthetic::Synthetic;
use stand_in::{StandIn, Turn, closed, error, reply};

const PROGRAM: &str = env!("CARGO_BIN_EXE_s3-put");
const URI: &str = "s3://bkt/vault/one.snap";

fn run(url: &str, words: &[&str], stdin: impl Into<Vec<u8>>) -> Output {
    run_with(program::program(PROGRAM, url), words, stdin)
}

/// An archive as small as that of a fresh cluster.
fn small() -> Vec<u8> {
    Synthetic::new(20_000).to_vec()
}

/// One that does not fit into a part of 5 MiB.
fn large() -> Vec<u8> {
    Synthetic::new(12 << 20).to_vec()
}

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
        "--input",
        "--raw",
        "--part-size",
        "--concurrency",
        "--overwrite",
        "--stall-timeout",
        "--metrics-file",
        "-- filter",
        "--storage-class",
        "--sse",
        "--sse-kms-key-id",
        "--tag",
        "--metadata",
        "--object-lock-mode",
        "--object-lock-days",
        "--legal-hold",
        "--content-type",
        "--endpoint-url",
        "--region",
        "--profile",
        "AWS_PROFILE",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "--addressing-style",
        "--ca-bundle",
        "AWS_CA_BUNDLE",
        "--no-verify-ssl",
        "--timeout",
        "--max-attempts",
        "--name",
        "--quiet",
        "--verbose",
        "--log-format",
        "--version",
        "AWS_ENDPOINT_URL_S3",
        "AWS_SESSION_TOKEN",
        "default: 8MiB",
        "vault-login |",
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
        format!("s3-put {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn wrong_calls_are_64() {
    let store = StandIn::new();
    for (words, part) in [
        (&["--secret-key", "x", URI][..], "--secret-key"),
        (&[], "uri"),
        (&[URI, "s3://bkt/two"], "s3://bkt/two"),
        (&["--part-size", "8TiB", URI], "8TiB"),
        (&["--part-size", "4MiB", URI], "--part-size"),
        (&["--part-size", "6GiB", URI], "--part-size"),
        (&["--concurrency", "0", URI], "--concurrency"),
        (&["--concurrency", "65", URI], "--concurrency"),
        (&["--overwrite", "s3://bkt/vault/"], "--overwrite"),
        (&["--overwrite", "s3://bkt/v_%Y%m%d_%H%M%S"], "--overwrite"),
        (&["--addressing-style", "dns", URI], "--addressing-style"),
        (&["--timeout", "0", URI], "--timeout"),
        (&["--log-format", "xml", URI], "xml"),
        (&["https://bkt/key"], "s3://bucket/key"),
        (&["s3://b/key"], "bucket name"),
        (&["s3://bkt"], "for the whole bucket write 's3://bkt/'"),
        (&["s3://bkt/v_%Y%m%d"], "%Y%m%d"),
        (&["s3://bkt/a/%q"], "%q"),
        (&["--name", "daily", "s3://bkt/vault/"], "daily"),
    ] {
        let output = run(&store.url, words, small());
        expect(&output, 64, &[part]);
        assert!(output.stdout.is_empty());
    }
    assert_eq!(store.connections(), 0);
}

/// A URL's parser takes `..` away: another object, or one of another bucket, would be written.
#[test]
fn a_key_that_a_url_cannot_carry_is_64_and_never_another_key() {
    for uri in [
        "s3://bkt/../other/key",
        "s3://bkt/a/../key",
        "s3://bkt/./key",
        "s3://bkt/a/..",
        "s3://bkt/../",
    ] {
        let store = StandIn::new();
        expect(&run(&store.url, &[uri], small()), 64, &["'.' or '..'"]);
        assert!(store.keys().is_empty(), "{uri}: {:?}", store.keys());
        assert_eq!(store.connections(), 0, "{uri}");
    }
}

#[test]
fn what_is_no_whole_snapshot_is_65_and_the_store_hears_nothing() {
    let whole = small();
    let mut flipped = whole.clone();
    flipped[10_000] ^= 1;
    for (bytes, part) in [
        (whole[..whole.len() - 1].to_vec(), "truncated"),
        (whole[..5_000].to_vec(), "truncated"),
        (flipped, "checksum"),
        (br#"{"errors":["permission denied"]}"#.to_vec(), "JSON"),
        (b"<html></html>".to_vec(), "HTML"),
        ([whole.as_slice(), &whole].concat(), "written twice"),
        ([whole.as_slice(), b"\n"].concat(), "followed by other data"),
    ] {
        let store = StandIn::new();
        let output = run(&store.url, &["s3://bkt/vault/"], bytes);
        expect(&output, 65, &["verify the snapshot: ", part]);
        assert!(output.stdout.is_empty());
        assert_eq!(store.connections(), 0);
    }
}

#[test]
fn a_large_broken_snapshot_is_65_and_its_upload_is_aborted() {
    let whole = large();
    let mut flipped = whole.clone();
    flipped[11 << 20] ^= 1;
    for bytes in [
        whole[..whole.len() - 1].to_vec(),
        whole[..10 << 20].to_vec(),
        flipped,
        [whole.as_slice(), b"\n"].concat(),
        [whole.as_slice(), &whole].concat(),
    ] {
        let store = StandIn::new();
        let output = run(&store.url, &["--part-size", "5MiB", URI], bytes);
        expect(&output, 65, &["verify the snapshot: "]);
        assert!(output.stdout.is_empty());
        assert_eq!((store.keys().len(), store.uploads()), (0, 0));
        assert!(store.those("complete").is_empty());
    }
}

#[test]
fn no_input_is_66() {
    let store = StandIn::new();
    for words in [&[URI][..], &["--raw", URI]] {
        expect(&run(&store.url, words, ""), 66, &["it is empty", "hint: "]);
    }
    expect(
        &run(&store.url, &["--input", "/no/such/file", URI], ""),
        66,
        &["/no/such/file"],
    );
    expect(
        &program::program(PROGRAM, &store.url)
            .arg(URI)
            .stdin(Stdio::null())
            .output()
            .unwrap(),
        66,
        &[],
    );
    assert_eq!(store.connections(), 0);
}

#[test]
fn a_store_that_cannot_be_reached_or_cannot_serve_is_69() {
    expect(
        &run(&closed(), &[URI], small()),
        69,
        &["look for", "connection refused"],
    );
    let busy = StandIn::with(|_, _| Turn::Reply(error("503 Slow Down", "SlowDown")));
    expect(&run(&busy.url, &[URI], small()), 69, &["503"]);
    assert_eq!(busy.asked(), ["look", "look"]);
    let closing = StandIn::with(|_, _| Turn::Last(Vec::new()));
    expect(&run(&closing.url, &[URI], small()), 69, &["look for", &closing.url]);
    let silent = StandIn::with(|_, _| Turn::Silence);
    expect(
        &run(&silent.url, &["--timeout", "1", "--max-attempts", "1", URI], small()),
        69,
        &["look for"],
    );
    let asks_for_patience = StandIn::with(|_, _| Turn::Reply(reply("503 Busy", "Retry-After: 3600\r\n", "")));
    expect(&run(&asks_for_patience.url, &[URI], small()), 69, &["503"]);
}

#[test]
fn an_input_that_cannot_be_read_and_an_output_that_is_full_are_74() {
    let store = StandIn::new();
    expect(&run(&store.url, &["--input", "/", URI], ""), 74, &["read '/'"]);
    assert_eq!(store.connections(), 0);
    let mut command = program::program(PROGRAM, &store.url);
    command.arg(URI).stdin(Stdio::piped()).stderr(Stdio::piped());
    let child = command
        .stdout(File::options().write(true).open("/dev/full").unwrap())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.as_ref().unwrap(), &small()).unwrap();
    // The object is there all the same, and whoever reads the message must know.
    expect(
        &child.wait_with_output().unwrap(),
        74,
        &[URI, "stored", "standard output"],
    );
    assert_eq!(store.keys(), ["vault/one.snap"]);
}

#[test]
fn more_memory_than_there_is_is_one_line_and_74() {
    let store = StandIn::new();
    let shell = "ulimit -v 1000000; exec \"$@\"";
    let mut command = Command::new("/bin/sh");
    let given = program::program(PROGRAM, &store.url);
    command
        .env_clear()
        .envs(given.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.args(["-c", shell, "sh", PROGRAM]);
    expect(
        &run_with(command, &["--part-size", "2GiB", URI], small()),
        74,
        &["2147483648 bytes"],
    );
}

#[test]
fn a_refusal_is_77_with_the_stores_own_words() {
    for (status, code) in [
        ("403 Forbidden", "AccessDenied"),
        ("403 Forbidden", "InvalidAccessKeyId"),
        ("403 Forbidden", "SignatureDoesNotMatch"),
        ("400 Bad Request", "ExpiredToken"),
    ] {
        // A reply to HEAD has no body, so the reason comes with the next request only.
        let store = StandIn::with(move |request, _| {
            Turn::Reply(if request.asks() == "look" {
                reply(status, "", "")
            } else {
                error(status, code)
            })
        });
        expect(&run(&store.url, &[URI], small()), 77, &[code, "so it is", URI]);
        expect(&run(&store.url, &["--part-size", "5MiB", URI], large()), 77, &[code]);
    }
    let taken = StandIn::new().holding("vault/one.snap", "older");
    expect(
        &run(&taken.url, &[URI], small()),
        77,
        &[URI, "there is an object already", "hint: --overwrite"],
    );
    assert_eq!(taken.object("vault/one.snap").body, b"older");
}

#[test]
fn a_wrong_configuration_is_78() {
    let store = StandIn::new();
    for (name, value, part) in [
        ("AWS_ACCESS_KEY_ID", None, "AWS_ACCESS_KEY_ID"),
        ("AWS_SECRET_ACCESS_KEY", None, "AWS_SECRET_ACCESS_KEY"),
        ("AWS_ACCESS_KEY_ID", Some(""), "AWS_ACCESS_KEY_ID is set but empty"),
        (
            "AWS_SECRET_ACCESS_KEY",
            Some(""),
            "AWS_SECRET_ACCESS_KEY is set but empty",
        ),
        ("AWS_SESSION_TOKEN", Some(""), "AWS_SESSION_TOKEN is set but empty"),
        ("AWS_SECRET_ACCESS_KEY", Some("wJalrXUtnFEMI-SECRET\n"), "white space"),
        ("AWS_ENDPOINT_URL_S3", Some("127.0.0.1:9000"), "AWS_ENDPOINT_URL_S3"),
        ("AWS_MAX_ATTEMPTS", Some("many"), "AWS_MAX_ATTEMPTS"),
        ("SNAPLINE_LOG_FORMAT", Some("xml"), "SNAPLINE_LOG_FORMAT"),
    ] {
        let mut command = program::program(PROGRAM, &store.url);
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
        expect(&run_with(command, &[URI], small()), 78, &[part]);
    }
    assert_eq!(store.connections(), 0);
    let no_bucket = StandIn::with(|request, _| {
        Turn::Reply(match request.asks() {
            "look" => reply("404 Not Found", "", ""),
            _ => error("404 Not Found", "NoSuchBucket"),
        })
    });
    expect(
        &run(&no_bucket.url, &[URI], small()),
        78,
        &["NoSuchBucket", "hint: create the bucket"],
    );
    expect(
        &run(&no_bucket.url, &["--part-size", "5MiB", URI], large()),
        78,
        &["NoSuchBucket"],
    );
    let elsewhere = StandIn::with(|_, _| Turn::Reply(reply("301 Moved", "x-amz-bucket-region: eu-west-1\r\n", "")));
    expect(
        &run(&elsewhere.url, &[URI], small()),
        78,
        &["hint: ", "--region eu-west-1"],
    );
}

#[test]
fn a_reader_that_went_away_is_141_and_the_message_says_that_the_object_is_there() {
    let store = StandIn::new();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = program::program(PROGRAM, &store.url);
    command
        .arg(URI)
        .stdin(Stdio::piped())
        .stdout(writer)
        .stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.as_ref().unwrap(), &small()).unwrap();
    expect(&child.wait_with_output().unwrap(), 141, &[URI, "stored"]);
    assert_eq!(store.keys(), ["vault/one.snap"]);
}

#[test]
fn a_signal_while_reading_ends_it_with_128_and_its_number() {
    for (number, code) in [(Signal::TERM, 143), (Signal::INT, 130), (Signal::HUP, 129)] {
        let store = StandIn::new();
        let mut command = program::program(PROGRAM, &store.url);
        command
            .arg(URI)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        std::io::Write::write_all(&mut stdin, &small()[..1000]).unwrap();
        wait_until_it_listens(&child);
        signal(&child, number);
        let output = end_of(child, Duration::from_secs(5));
        expect(&output, code, &["ended by SIG"]);
        assert!(output.stdout.is_empty());
        assert_eq!(store.connections(), 0);
    }
}

#[test]
fn no_secret_is_ever_said_and_quiet_says_nothing() {
    let store = StandIn::new();
    let output = run(&store.url, &["-vvv", "s3://bkt/vault/"], small());
    expect(
        &output,
        0,
        &[
            "s3-put: stored 's3://bkt/vault/vault_raft_",
            " index=592 term=3 parts=1 seconds=",
        ],
    );
    let refusing = StandIn::with(|_, _| Turn::Reply(error("403 Forbidden", "SignatureDoesNotMatch")));
    expect(&run(&refusing.url, &["-vvv", URI], small()), 77, &[]);
    let output = run(&store.url, &["-q", URI], small());
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
    for seen in store.seen() {
        assert_eq!(seen.header("x-amz-security-token"), Some(SECRETS[1]));
        assert!(!seen.header("authorization").unwrap().contains(SECRETS[0]));
    }
}

#[test]
fn json_lines_parse_and_the_last_carries_the_code() {
    let store = StandIn::new();
    let log = ["--log-format", "json", "-vv"];
    for (words, stdin, code) in [
        (&[URI][..], small(), 0),
        (&[URI], small(), 77),
        (&["--part-size=5MiB", "s3://bkt/large"], large(), 0),
        (&[URI], Vec::new(), 66),
        (&["s3://bkt/k"], small()[..100].to_vec(), 65),
        (&["s3://bkt"], small(), 64),
    ] {
        let output = run(&store.url, &[words, &log].concat(), stdin);
        assert_eq!(output.status.code(), Some(code));
        let stderr = String::from_utf8(output.stderr).unwrap();
        let lines: Vec<serde_json::Value> = stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let last = lines.last().unwrap();
        assert_eq!(last["program"], "s3-put");
        if code == 0 {
            assert_eq!((&last["level"], &last["index"]), (&"info".into(), &592.into()));
        } else {
            assert_eq!((&last["level"], &last["exit"]), (&"error".into(), &code.into()));
        }
    }
}
