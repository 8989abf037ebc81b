//! The command line: help, codes, the report; every gate and every sample.

#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../../crates/s3/tests/support/program.rs"]
mod program;

use std::fs::File;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use program::{end_of, expect, run_with};
use serde_json::Value;
use snapline_archive::synthetic::{Synthetic, broken};

const PROGRAM: &str = env!("CARGO_BIN_EXE_snap-inspect");
const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../crates/archive/tests/data");

fn command() -> Command {
    let mut command = Command::new(PROGRAM);
    command.env_clear();
    command
}

fn run(words: &[&str], stdin: impl Into<Vec<u8>>) -> Output {
    run_with(command(), words, stdin)
}

fn sample(name: &str) -> String {
    format!("{SAMPLES}/{name}.snap")
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn json(output: &Output) -> Value {
    let text = text(output);
    assert_eq!(text.lines().count(), 1, "{text}");
    serde_json::from_str(&text).unwrap()
}

#[test]
fn help_and_version_need_no_input() {
    let output = run(&["--help"], "");
    assert_eq!(output.status.code(), Some(0));
    for part in [
        "[<file>]",
        "--format",
        "--keys",
        "--depth",
        "--quiet",
        "--verbose",
        "--log-format",
        "--version",
        "| snap-inspect",
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
        assert!(text(&output).contains(part), "no {part} in {}", text(&output));
    }
    let output = run(&["--version"], "");
    assert_eq!(text(&output), format!("snap-inspect {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn wrong_calls_are_64() {
    for (words, part) in [
        (&["--no-such"][..], "--no-such"),
        (&["one.snap", "two.snap"], "two.snap"),
        (&["--format", "yaml"], "'yaml' is neither text nor json"),
        (&["--keys", "--depth", "-1"], "-1"),
        (&["--depth", "3"], "hint: --keys discloses paths"),
        (&["--log-format", "xml"], "xml"),
    ] {
        let output = run(words, "x");
        expect(&output, 64, &[part]);
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn a_whole_archive_gets_its_verdict_and_its_card() {
    let file = sample("barrier/main");
    let output = run(&[&file], "");
    let digest = "sha256=3da6a059a0824e6ee654f771b10dc0bf12f651b9855619fecad8ac98156275a8";
    expect(
        &output,
        0,
        &[&format!(
            "verified '{file}': it is whole bytes=182518 index=693 term=3 entries=549 {digest} "
        )],
    );
    let text = text(&output);
    assert!(
        text.starts_with("verdict        whole\nV1             passed     gzip header\n"),
        "{text}"
    );
    assert_eq!(text.matches(" passed ").count(), 10, "{text}");
    assert!(
        text.contains("\n\ntaken          2026-11-26T11:26:27Z\nraft           index 693, term 3\n"),
        "{text}"
    );
    assert!(
        text.contains("\nseal           shamir: 3 of 5 unseal keys are needed\n"),
        "{text}"
    );
    assert!(
        !text.contains("Key Name") && !text.contains("/user/ann"),
        "paths are shown on request only"
    );
}

#[test]
fn file_and_standard_input_are_the_same_with_and_without_a_dash() {
    let archive = std::fs::read(sample("openbao-stored")).unwrap();
    let expected = text(&run(&[&sample("openbao-stored")], ""));
    assert!(expected.contains("product        OpenBao"));
    for words in [&[][..], &["-"], &["-", "-q"]] {
        let output = run(words, archive.clone());
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(text(&output), expected);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(said.is_empty(), words.contains(&"-q"), "{said}");
        assert!(said.is_empty() || said.contains("verified standard input: "), "{said}");
    }
}

#[test]
fn every_gate_is_named_with_65() {
    for broken in broken(3000) {
        let output = run(&[], broken.archive.clone());
        let (what, gate) = (broken.what, broken.gate);
        if broken.archive.is_empty() {
            expect(&output, 66, &["read a snapshot from standard input: it is empty"]);
            assert!(output.stdout.is_empty());
            continue;
        }
        expect(
            &output,
            65,
            &[&format!("error: verify standard input at gate {gate}: ")],
        );
        let text = text(&output);
        assert!(text.starts_with("verdict        BROKEN: "), "{what}: {text}");
        let failed: Vec<_> = text.lines().filter(|line| line.contains(" FAILED ")).collect();
        assert_eq!(failed.len(), 1, "{what}: {text}");
        assert!(
            failed[0].starts_with(&format!("{:14} FAILED     {}: ", gate.code(), gate.name())),
            "{what}: {text}"
        );
        for part in ["\nraft", "\nseal", "\ntaken"] {
            assert!(!text.contains(part), "a card of a broken archive: {what}: {text}");
        }

        let output = run(&["--format", "json", "--keys"], broken.archive);
        assert_eq!(output.status.code(), Some(65), "{what}");
        let json = json(&output);
        assert_eq!(json["verdict"], "broken", "{what}");
        assert_eq!(json["failed_gate"], gate.code(), "{what}");
        assert!(json["card"].is_null() && json.get("StatsKV").is_none(), "{what}");
        let status = |code: &str| {
            let gates = json["gates"].as_array().unwrap();
            gates.iter().find(|row| row["gate"] == code).unwrap()["status"].clone()
        };
        assert_eq!(status(gate.code()), "failed", "{what}");
    }
}

#[test]
fn what_the_damage_leaves_open_is_undecided_and_damaged_entries_show_beside_their_checksum() {
    let mut archive = Synthetic::new(5000).to_vec();
    let output = run(&[], &archive[..3000]);
    expect(&output, 65, &["at gate V9"]);
    for (gate, status) in [
        ("V3", "passed"),
        ("V4", "undecided"),
        ("V9", "FAILED"),
        ("entries", "undecided"),
    ] {
        assert!(
            text(&output).contains(&format!("\n{gate:14} {status} ")),
            "{}",
            text(&output)
        );
    }

    // Not UTF-8 any more, in the first key.
    let key = archive
        .windows(12)
        .position(|window| window == b"core/keyring")
        .unwrap();
    archive[key] = 0xff;
    let output = run(&[], archive);
    expect(&output, 65, &["at gate V4"]);
    for gate in ["V4", "entries"] {
        assert!(
            text(&output).contains(&format!("\n{gate:14} FAILED ")),
            "{}",
            text(&output)
        );
    }
}

#[test]
fn what_a_filter_has_made_is_named_with_the_way_back() {
    let output = run(&[], "age-encryption.org/v1\n-> X25519 abc\n");
    expect(
        &output,
        65,
        &[
            "data encrypted by age",
            "hint: decrypt it first: pipe it through 'age -d -i KEYFILE'",
        ],
    );
}

#[test]
fn json_is_one_object_whose_names_stay() {
    let output = run(&["--format=json", &sample("barrier/auto")], "");
    expect(&output, 0, &[]);
    let json = json(&output);
    assert_eq!(json["verdict"], "whole");
    assert_eq!(json["gates"].as_array().unwrap().len(), 10);
    assert_eq!(json["gates"][3]["gate"], "V4");
    assert_eq!(json["gates"][3]["status"], "passed");
    assert!(json["error"].is_null() && json["failed_gate"].is_null());
    assert_eq!(json["card"]["seal"]["type"], "transit");
    assert_eq!(json["card"]["recovery"]["shares"], 5);
    assert!(json.get("StatsKV").is_none(), "paths are shown on request only");
}

#[test]
fn warnings_are_in_the_card_and_beside_the_json() {
    let file = sample("barrier/openbao");
    let output = run(&[&file], "");
    expect(&output, 0, &[]);
    let warning = "1 namespace has a seal of its own";
    assert!(text(&output).contains(&format!("\nwarning        {warning}")));
    let output = run(&["--format", "json", &file], "");
    expect(&output, 0, &[&format!("snap-inspect: warning: {warning}")]);
    assert_eq!(json(&output)["card"]["warnings"][0]["code"], "namespaces_with_own_seal");
}

#[test]
fn keys_are_listed_on_request_to_the_depth_asked_for() {
    let file = sample("barrier/other");
    let output = run(&["--keys", &file], "");
    expect(&output, 0, &[]);
    let table = text(&output);
    assert!(table.contains("\n\n Key Name "), "{table}");
    assert!(table.contains("\n core/versions "), "{table}");
    assert!(!table.contains("\n core/versions/1.21.0 "), "{table}");
    assert!(table.contains("\n Total Size "), "{table}");
    for (depth, rows) in [("1", 3), ("0", 36), ("9", 36)] {
        let output = run(&["--keys", "--depth", depth, "--format=json", &file], "");
        let json = json(&output);
        assert_eq!(json["StatsKV"].as_array().unwrap().len(), rows, "{depth}");
        assert_eq!(json["TotalCountKV"], 36);
        assert_eq!(json["Meta"]["ID"], "bolt-snapshot");
        assert_eq!(json["Meta"]["Index"], 45);
    }
}

#[test]
fn what_is_not_there_or_cannot_be_read_is_told_apart() {
    expect(&run(&["/no/such.snap"], ""), 66, &["open '/no/such.snap'"]);
    expect(&run(&["/"], ""), 74, &["read '/'"]);
    let empty = run(&["/dev/null"], "");
    expect(&empty, 66, &["read a snapshot from '/dev/null': it is empty"]);
}

/// Reads no more than the first bytes of the report.
fn without_a_reader(words: &[&str]) -> Output {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let child = command()
        .args(words)
        .stdin(Stdio::null())
        .stdout(writer)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    end_of(child, Duration::from_secs(60))
}

#[test]
fn a_reader_that_has_seen_enough_ends_it_quietly_but_does_not_change_the_verdict() {
    let output = without_a_reader(&[&sample("barrier/other")]);
    assert_eq!(output.status.code(), Some(141));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.snap");
    let archive = Synthetic::new(5000).to_vec();
    File::create(&path).unwrap().write_all(&archive[..3000]).unwrap();
    expect(&without_a_reader(&[path.to_str().unwrap()]), 65, &["at gate V9"]);
}

#[test]
fn a_report_that_cannot_be_written_is_74() {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let child = command()
        .arg(sample("barrier/other"))
        .stdin(Stdio::null())
        .stdout(full)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    expect(
        &end_of(child, Duration::from_secs(60)),
        74,
        &["write to standard output"],
    );
}

/// Peak memory in KiB, once a program has read `mebibytes` of a pipe and waits for more.
#[cfg(target_os = "linux")]
fn peak_memory(words: &[&str], mebibytes: u64) -> u64 {
    let mut child = command()
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    Synthetic::new(mebibytes << 20).write(&mut stdin).unwrap();
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    drop(stdin);
    assert!(end_of(child, Duration::from_secs(60)).status.success());
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
#[cfg(target_os = "linux")]
fn memory_does_not_grow_with_the_archive() {
    for words in [&["-q"][..], &["-q", "--keys"]] {
        let peak = peak_memory(words, 192);
        assert!(peak < 40 << 10, "{peak} KiB");
    }
}

#[test]
fn messages_are_json_on_request() {
    let output = run(&["--log-format", "json", &sample("barrier/other")], "");
    let line: Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(line["program"], "snap-inspect");
    assert_eq!(line["index"], 45);
    assert_eq!(line["sha256"].as_str().unwrap().len(), 64);
}
