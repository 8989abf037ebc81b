//! The file of metrics: there on success only, whole, and never a reason to lose the object or its URI.

#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../../crates/s3/tests/support/program.rs"]
mod program;
#[path = "../../../crates/s3/tests/support/stand_in.rs"]
mod stand_in;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Output;
use std::time::SystemTime;

use program::{expect, run_with};
use snapline_archive::synthetic::Synthetic;
use stand_in::{StandIn, Turn, error};

const URI: &str = "s3://bkt/vault/one.snap";

fn put(store: &StandIn, words: &[&str], stdin: Vec<u8>) -> Output {
    run_with(program::program(env!("CARGO_BIN_EXE_s3-put"), &store.url), words, stdin)
}

fn small() -> Vec<u8> {
    Synthetic::new(20_000).to_vec()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn a_success_writes_a_whole_file_that_everybody_can_read() {
    let store = StandIn::new();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("vault.prom");
    fs::write(&file, "older").unwrap();
    let before = now();
    let words = ["--metrics-file", file.to_str().unwrap(), "s3://bkt/vault/"];
    expect(&put(&store, &words, small()), 0, &["stored"]);
    let text = fs::read_to_string(&file).unwrap();
    let value = |name: &str| -> f64 {
        let start = format!("snapline_{name}{{series=\"s3://bkt/vault/vault_raft_%Y%m%d_%H%M%S.snap\"}} ");
        let line = text.lines().find_map(|line| line.strip_prefix(&start));
        line.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
    };
    let time = value("last_success_timestamp_seconds");
    assert!((before..=now()).contains(&time), "{time}");
    assert_eq!(value("snapshot_size_bytes") as usize, small().len());
    assert_eq!((value("snapshot_index"), value("snapshot_term")), (592.0, 3.0));
    assert!((0.0..60.0).contains(&value("upload_duration_seconds")));
    assert_eq!(names(folder.path()), ["vault.prom"]);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o644);
}

#[allow(clippy::cast_precision_loss, reason = "a time of these days")]
fn now() -> f64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    since.as_secs() as f64
}

#[test]
fn a_failure_leaves_the_older_file_as_it_is() {
    let refusing = StandIn::always("put", Turn::Reply(error("403 Forbidden", "AccessDenied")));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("vault.prom");
    fs::write(&file, "older").unwrap();
    let words = ["--metrics-file", file.to_str().unwrap(), URI];
    for (bytes, code) in [(small(), 77), (small()[..9000].to_vec(), 65), (Vec::new(), 66)] {
        expect(&put(&refusing, &words, bytes), code, &[]);
        assert_eq!(fs::read_to_string(&file).unwrap(), "older");
        assert_eq!(names(folder.path()), ["vault.prom"]);
    }
}

#[test]
fn a_place_that_cannot_be_written_to_is_told_before_anything_is_stored() {
    let store = StandIn::new();
    let folder = tempfile::tempdir().unwrap();
    for (file, code, part) in [
        ("/no/such/folder/vault.prom", 74, "/no/such/folder/vault.prom"),
        (folder.path().to_str().unwrap(), 74, "it is a folder"),
        ("-", 64, "--metrics-file"),
    ] {
        let output = put(&store, &["--metrics-file", file, URI], small());
        expect(&output, code, &[part]);
        assert!(output.stdout.is_empty());
    }
    assert_eq!(store.connections(), 0);
}

/// The next program of the pipe sees the URI and prunes; the code tells that not all was done.
#[test]
fn metrics_that_cannot_be_written_in_the_end_are_74_behind_the_uri() {
    let store = StandIn::new();
    let output = put(&store, &["--metrics-file", "/dev/full", URI], small());
    expect(
        &output,
        74,
        &["s3-put: stored ", "tell the metrics of", "which is stored", "/dev/full"],
    );
    assert_eq!(output.stdout, format!("{URI}\n").as_bytes());
    assert_eq!(store.keys(), ["vault/one.snap"]);
}

#[test]
fn what_was_not_verified_has_no_index() {
    let store = StandIn::new();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.prom");
    let words = ["--raw", "--metrics-file", file.to_str().unwrap(), URI];
    expect(&put(&store, &words, b"anything".to_vec()), 0, &[]);
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains("snapline_snapshot_size_bytes{series=\"s3://bkt/vault/one.snap\"} 8\n"));
    assert!(!text.contains("index") && !text.contains("term"));
}
