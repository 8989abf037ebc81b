//! The command line: codes, messages, and that nothing plausible leaves unless it is proven.

#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../../crates/s3/tests/support/program.rs"]
mod program;
#[path = "../../../crates/s3/tests/support/stand_in.rs"]
mod stand_in;

use std::fs::File;
use std::process::{Command, Output, Stdio};

use program::{expect, run_with};
use sha2::{Digest as _, Sha256};
use snapline_archive::synthetic::Synthetic;
use stand_in::{StandIn, Turn, closed, error};

const PROGRAM: &str = env!("CARGO_BIN_EXE_s3-get");
const SERIES: &str = "s3://bkt/v/";
const ONE: &str = "s3://bkt/one.snap";

fn run(url: &str, words: &[&str]) -> Output {
    run_with(program::program(PROGRAM, url), words, "")
}

/// The key of the `n`th of its series, from the oldest.
fn key(n: usize) -> String {
    format!("v/vault_raft_20260101_0000{n:02}.snap")
}

fn uri(n: usize) -> String {
    format!("s3://bkt/{}", key(n))
}

/// The `n`th archive, smaller than what is held back.
fn small(n: u64) -> Vec<u8> {
    Synthetic {
        seed: n,
        index: 100 + n,
        ..Synthetic::new(20_000)
    }
    .to_vec()
}

/// A series of whole archives.
fn series(store: StandIn, count: usize) -> StandIn {
    (0..count).fold(store, |store, n| store.holding(&key(n), small(n as u64)))
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// It failed, and nothing left.
#[track_caller]
fn fails(output: &Output, code: i32, words: &[&str]) {
    expect(output, code, words);
    assert!(output.stdout.is_empty(), "{} bytes left", output.stdout.len());
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
    let help = text(&output);
    for part in [
        "<uri>",
        "--latest",
        "--before",
        "--list",
        "--raw",
        "--output",
        "--endpoint-url",
        "--name",
        "AWS_PROFILE",
        "--log-format",
        "| VAULT_TOKEN=$(vault-login) vault-restore --yes",
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
    let version = text(&run_with(bare(), &["--version"], ""));
    assert_eq!(version, format!("s3-get {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn wrong_calls_are_64_and_ask_nobody() {
    let store = series(StandIn::new(), 1);
    for (words, parts) in [
        (&[][..], &["uri"][..]),
        (&["--no-such", ONE], &["--no-such"]),
        (&["nonsense"], &["'nonsense'"]),
        (&[SERIES], &["it names a series", "--latest", "--before", "--list"]),
        (&["s3://bkt/v/%Y%m%d%H%M%S"], &["it names a series"]),
        (&["--latest", ONE], &["it names one object"]),
        (&["--list", ONE], &["it names one object"]),
        (&["--before", "2026-01-01T00:00:00Z", ONE], &["it names one object"]),
        (&["--latest", "--list", SERIES], &["only one of"]),
        (
            &["--latest", "--before", "2026-01-01T00:00:00Z", SERIES],
            &["only one of"],
        ),
        (&["--raw", "--list", SERIES], &["--raw together with --list"]),
        (&["--before", "yesterday", SERIES], &["--before 'yesterday'", "2026-"]),
        (&["--before", "2026-01-01T00:00:00", SERIES], &["--before"]),
        (&["--before", "2026-01-01", SERIES], &["--before"]),
        (&["--latest", "--name", "/x", SERIES], &["'/x'"]),
        (&["--timeout", "0", ONE], &["--timeout"]),
    ] {
        fails(&run(&store.url, words), 64, parts);
    }
    assert!(store.asked().is_empty(), "{:?}", store.asked());
}

#[test]
fn an_object_is_fetched_by_its_key_and_its_digest_is_reported() {
    let archive = small(1);
    let store = StandIn::new().holding("one.snap", archive.clone());
    let output = run(&store.url, &[ONE]);
    let digest: String = Sha256::digest(&archive)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let line = format!(
        "s3-get: got '{ONE}' bytes={} index=101 term=3 sha256={digest} seconds=0.",
        archive.len()
    );
    expect(&output, 0, &[&line]);
    assert!(output.stdout == archive);
    // Nobody who names a key needs the right to list.
    assert_eq!(store.asked(), ["get"]);
}

#[test]
fn messages_come_as_json_or_not_at_all() {
    let store = StandIn::new().holding("one.snap", small(1));
    let output = run(&store.url, &["--log-format=json", ONE]);
    let line: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(
        (line["index"].as_u64(), line["program"].as_str()),
        (Some(101), Some("s3-get"))
    );
    assert_eq!(line["sha256"].as_str().unwrap().len(), 64);
    assert!(run(&store.url, &["-q", ONE]).stderr.is_empty());
}

#[test]
fn the_newest_goes_by_the_time_in_its_name_and_passes_over_what_is_none() {
    let store = series(StandIn::new(), 3)
        .holding(&key(5), "")
        .holding("v/vault_raft_29990101_000000.snap", small(9))
        .holding("v/vault_raft_20260101_000003.snap.bak", small(9))
        .holding("v/sub/vault_raft_20260101_000004.snap", small(9))
        .holding("v-other/vault_raft_20260101_000005.snap", small(9));
    let output = run(&store.url, &["--latest", SERIES]);
    let got = format!("got '{}'", uri(2));
    let words = [
        "'s3://bkt/v/vault_raft_29990101_000000.snap' is from the future",
        "is empty",
        &got,
    ];
    expect(&output, 0, &words);
    assert!(output.stdout == small(2));
    assert_eq!(store.asked(), ["list", "get"]);
}

#[test]
fn before_is_a_time_that_the_snapshot_may_have_itself() {
    let store = series(StandIn::new(), 3);
    for (time, n) in [
        ("2026-01-01T00:00:02Z", 2),
        ("2026-01-01T00:00:01.999Z", 1),
        ("2026-01-01T00:00:01Z", 1),
        ("2026-01-01T02:00:00+02:00", 0),
        ("2099-01-01T00:00:00Z", 2),
    ] {
        let output = run(&store.url, &["--before", time, SERIES]);
        expect(&output, 0, &[&format!("got '{}'", uri(n))]);
        assert!(output.stdout == small(n as u64), "{time}");
    }
    let output = run(&store.url, &["--before", "2025-12-31T23:59:59Z", SERIES]);
    fails(
        &output,
        66,
        &["2025-12-31T23:59:59Z", &format!("the oldest is '{}'", uri(0))],
    );
}

#[test]
fn a_list_has_one_uri_a_line_newest_first() {
    let store = series(StandIn::new(), 5)
        .holding(&key(9), "")
        .holding("v/vault_raft_29990101_000000.snap", "x")
        .paged(2);
    let output = run(&store.url, &["--list", SERIES]);
    expect(&output, 0, &["is empty", "from the future"]);
    let lines: String = (0..5).rev().map(|n| format!("{}\n", uri(n))).collect();
    assert_eq!(text(&output), lines);
    assert!(store.asked().iter().all(|asked| asked == "list"), "{:?}", store.asked());
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("list");
    expect(
        &run(&store.url, &["--list", SERIES, "--output", place.to_str().unwrap()]),
        0,
        &[],
    );
    assert_eq!(std::fs::read_to_string(place).unwrap(), lines);
}

#[test]
fn a_verbose_list_adds_size_age_index_and_term() {
    let metadata = [("x-amz-meta-snapline-index", "592"), ("x-amz-meta-snapline-term", "3")];
    let store = StandIn::new()
        .describing(&key(1), "1234", &metadata)
        .holding(&key(0), "12");
    let listed = text(&run(&store.url, &["-v", "--list", SERIES]));
    let lines: Vec<Vec<&str>> = listed.lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(lines.len(), 2);
    let at = |line: usize| (lines[line][0], lines[line][1], lines[line][3], lines[line][4]);
    assert_eq!(at(0), (&*uri(1), "4", "592", "3"));
    assert_eq!(at(1), (&*uri(0), "2", "-", "-"));
    assert!(lines[0][2].contains('d'), "{}", lines[0][2]);
}

#[test]
fn a_verbose_list_goes_on_without_the_right_to_read() {
    let denied = Turn::Reply(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n".to_vec());
    let store = series(StandIn::always("look", denied), 3);
    let output = run(&store.url, &["-v", "--list", SERIES]);
    expect(&output, 0, &["warning", "index and term"]);
    assert_eq!(text(&output).lines().filter(|line| line.ends_with("\t-\t-")).count(), 3);
    assert_eq!(store.those("look").len(), 1);
}

#[test]
fn what_is_not_there_is_66() {
    let store = series(StandIn::new(), 2);
    fails(
        &run(&store.url, &["s3://bkt/none"]),
        66,
        &["get 's3://bkt/none'", "NoSuchKey"],
    );
    for choice in [&["--latest"][..], &["--list"], &["--before", "2099-01-01T00:00:00Z"]] {
        let words = [choice, &["s3://bkt/w/"]].concat();
        fails(
            &run(&store.url, &words),
            66,
            &["s3://bkt/w/vault_raft_%Y", "there is no object of this series"],
        );
    }
    let words = ["--latest", SERIES, "--name", "vault_raft_%Y%m%d_%H%M%S.snap.age"];
    let hint = "2 objects under 's3://bkt/v/vault_raft_' have other names";
    fails(&run(&store.url, &words), 66, &[hint, "--name"]);
    let store = StandIn::new()
        .holding(&key(1), "")
        .holding("v/vault_raft_29990101_000000.snap", "x");
    fails(
        &run(&store.url, &["--latest", SERIES]),
        66,
        &["empty or from the future"],
    );
}

#[test]
fn what_the_store_refuses_or_lacks_has_its_code() {
    let denied = || Turn::Reply(error("403 Forbidden", "AccessDenied"));
    let store = series(StandIn::always("list", denied()), 1);
    fails(
        &run(&store.url, &["--latest", SERIES]),
        77,
        &["list 's3://bkt/v/", "AccessDenied"],
    );
    let store = series(StandIn::always("get", denied()), 1);
    fails(
        &run(&store.url, &["--latest", SERIES]),
        77,
        &[&format!("get '{}'", uri(0)), "s3:ListBucket"],
    );
    let store = StandIn::always("get", Turn::Reply(error("404 Not Found", "NoSuchBucket")));
    fails(&run(&store.url, &[ONE]), 78, &["NoSuchBucket"]);
    let store = StandIn::always("get", Turn::Reply(error("503 Service Unavailable", "SlowDown")));
    fails(&run(&store.url, &[ONE]), 69, &["SlowDown"]);
    assert_eq!(store.those("get").len(), 2);
    fails(&run(&closed(), &[ONE]), 69, &["connection refused"]);
    let mut bare = Command::new(PROGRAM);
    bare.env_clear().env("AWS_EC2_METADATA_DISABLED", "true");
    fails(&run_with(bare, &[ONE], ""), 78, &["credentials"]);
}

#[test]
fn an_object_that_is_no_whole_archive_is_65_and_nothing_of_it_leaves() {
    let whole = small(1);
    let mut flipped = whole.clone();
    flipped[10_000] ^= 1;
    for (bytes, part) in [
        (whole[..whole.len() - 8].to_vec(), "truncated"),
        (whole[..5_000].to_vec(), "truncated"),
        (flipped, "checksum"),
        (whole.repeat(2), "written twice"),
        ([&whole[..], b"x"].concat(), "followed by other data"),
        (b"<html>".to_vec(), "HTML"),
        (Vec::new(), "empty"),
    ] {
        let store = StandIn::new().holding("one.snap", bytes);
        fails(&run(&store.url, &[ONE]), 65, &[&format!("check '{ONE}'"), part]);
    }
}

#[test]
fn what_leaves_of_a_large_broken_archive_is_refused_by_every_reader() {
    let whole = Synthetic::new(1 << 20).to_vec();
    let mut flipped = whole.clone();
    flipped[900_000] ^= 1;
    for bytes in [whole[..whole.len() - 1].to_vec(), flipped, [&whole[..], b"\n"].concat()] {
        let store = StandIn::new().holding("one.snap", bytes.clone());
        let output = run(&store.url, &[ONE]);
        expect(&output, 65, &[]);
        assert!(output.stdout.len() < whole.len() - 60_000 && bytes.starts_with(&output.stdout));
        let mut reader = flate2::read::GzDecoder::new(&output.stdout[..]);
        assert!(std::io::copy(&mut reader, &mut std::io::sink()).is_err());
    }
}

#[test]
fn if_the_newest_is_broken_the_one_before_is_named_and_not_fetched() {
    let newest = &small(3)[..15_000];
    let store = series(StandIn::new(), 2).holding(&key(3), newest).holding(&key(2), "");
    let hint = format!("hint: the snapshot before it: s3-get '{}'", uri(1));
    for choice in [&["--latest"][..], &["--before", "2026-01-02T00:00:00Z"]] {
        let words = [choice, &[SERIES]].concat();
        fails(
            &run(&store.url, &words),
            65,
            &[&format!("check '{}'", uri(3)), "truncated", &hint],
        );
    }
    assert_eq!(store.those("get").len(), 2);
    // Nothing is before the oldest.
    let store = StandIn::new().holding(&key(0), "x");
    let output = run(&store.url, &["--latest", SERIES]);
    fails(&output, 65, &[]);
    assert!(!String::from_utf8_lossy(&output.stderr).contains("hint"));
}

#[test]
fn a_filtered_object_is_an_error_that_says_how_it_is_read() {
    let encrypted = b"age-encryption.org/v1\n-> X25519 abc\n".repeat(5000);
    let ours = [
        ("Content-Type", "application/octet-stream"),
        ("x-amz-meta-snapline-id", "i"),
    ];
    let store = series(StandIn::new(), 1)
        .holding(&key(1), encrypted.clone())
        .describing("one.snap", "what is this", &ours)
        .describing("other.snap", "what is this", &ours[..1]);
    let words = ["encrypted by age", &format!("s3-get --raw '{}'", uri(1)), "'age -d -i"];
    fails(&run(&store.url, &["--latest", SERIES]), 65, &words);
    let hint = format!("through a filter or with --raw: s3-get --raw '{ONE}'");
    fails(&run(&store.url, &[ONE]), 65, &[&hint]);
    // Other tools give everything this type.
    let output = run(&store.url, &["s3://bkt/other.snap"]);
    fails(&output, 65, &[]);
    assert!(!String::from_utf8_lossy(&output.stderr).contains("hint"));
}

#[test]
fn raw_hands_an_object_out_as_it_is_but_for_an_empty_one() {
    let bytes = b"age-encryption.org/v1\n".repeat(50_000);
    let store = StandIn::new()
        .holding("one.snap", bytes.clone())
        .holding(&key(0), bytes.clone());
    for words in [&["--raw", ONE][..], &["--raw", "--latest", SERIES]] {
        let output = run(&store.url, words);
        expect(&output, 0, &[&format!("bytes={} sha256=", bytes.len())]);
        assert!(output.stdout == bytes);
    }
    let store = StandIn::new().holding("one.snap", "");
    fails(&run(&store.url, &["--raw", ONE]), 65, &["it is empty"]);
}

#[test]
fn a_listing_that_lies_about_a_length_is_noticed_before_a_byte_leaves() {
    let listing = format!(
        "<ListBucketResult><Name>bkt</Name><IsTruncated>false</IsTruncated><Contents><Key>{}</Key>\
         <LastModified>2026-01-01T00:00:00Z</LastModified><Size>7</Size></Contents></ListBucketResult>",
        key(0)
    );
    let store = series(
        StandIn::always("list", Turn::Reply(stand_in::reply("200 OK", "", &listing))),
        1,
    );
    for raw in [&[][..], &["--raw"]] {
        let words = [raw, &["--latest", SERIES]].concat();
        fails(&run(&store.url, &words), 69, &["its listing says 7"]);
    }
}

#[test]
fn an_object_that_is_cut_off_is_continued_and_one_that_is_replaced_is_not() {
    let archive = Synthetic::new(1 << 20).to_vec();
    let store = StandIn::once("get", Turn::Cut(700_000)).holding("one.snap", archive.clone());
    let output = run(&store.url, &["-v", ONE]);
    expect(&output, 0, &["trying again"]);
    assert!(output.stdout == archive);
    for raw in [&[][..], &["--raw"]] {
        let store = StandIn::with(|request, before| match (request.asks(), before) {
            ("get", 0) => Turn::Cut(700_000),
            _ => Turn::After(stand_in::Interlude::Foreign(b"another".to_vec())),
        });
        let store = store.holding("one.snap", archive.clone());
        let output = run(&store.url, &[raw, &[ONE]].concat());
        expect(&output, 69, &["replaced while it was downloaded"]);
        assert!(output.stdout.len() <= 700_000);
    }
}

#[test]
fn an_output_file_appears_whole_or_not_at_all() {
    let (archive, folder) = (small(1), tempfile::tempdir().unwrap());
    let place = folder.path().join("vault.snap");
    let words = |uri| ["--output", place.to_str().unwrap(), uri];
    let store = StandIn::new()
        .holding("one.snap", archive.clone())
        .holding("cut.snap", &archive[..10_000]);
    expect(&run(&store.url, &words("s3://bkt/cut.snap")), 65, &["truncated"]);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    let output = run(&store.url, &words(ONE));
    expect(&output, 0, &[]);
    assert!(output.stdout.is_empty() && std::fs::read(&place).unwrap() == archive);
    // What was there stays until the new one is whole.
    expect(&run(&store.url, &words("s3://bkt/cut.snap")), 65, &["truncated"]);
    assert!(std::fs::read(&place).unwrap() == archive);
    let asked = store.asked().len();
    let words = ["--output", "/no/such/directory/x", ONE];
    fails(&run(&store.url, &words), 74, &["'/no/such/directory/x'"]);
    assert_eq!(store.asked().len(), asked);
}

#[test]
fn a_terminal_gets_a_list_but_no_archive() {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let store = series(StandIn::new(), 1);
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap().into_string().unwrap();
    for (choice, code, words) in [("--latest", 64, &["terminal", "--output"][..]), ("--list", 0, &[])] {
        let stdout = File::options().read(true).write(true).open(&name).unwrap();
        let output = program::program(PROGRAM, &store.url)
            .args([choice, SERIES])
            .stdout(stdout)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
            .wait_with_output()
            .unwrap();
        expect(&output, code, words);
    }
    assert_eq!(store.asked(), ["list"]);
}
