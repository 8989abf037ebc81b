//! A filter between the gate and the store: the object appears only if both the snapshot and the filter are whole, and no
//! process of a filter outlives the program.

#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../../crates/s3/tests/support/program.rs"]
mod program;
#[path = "../../../crates/cli/tests/support/signals.rs"]
mod signals;
#[path = "../../../crates/s3/tests/support/stand_in.rs"]
mod stand_in;

use std::io::Write as _;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use program::{SECRETS, end_of, expect, run_with};
use rustix::process::{Pid, Signal};
use signals::signal_twice;
use snapline_archive::synthetic::Synthetic;
use stand_in::{StandIn, Turn, error};

const URI: &str = "s3://bkt/vault/one.snap.x";
const KEY: &str = "vault/one.snap.x";
const PARTS: [&str; 3] = ["--part-size", "5MiB", URI];

fn program(store: &StandIn) -> Command {
    let mut command = program::program(env!("CARGO_BIN_EXE_s3-put"), &store.url);
    // Where a machine keeps its programs is its own affair.
    command.env("PATH", std::env::var_os("PATH").unwrap());
    command
}

fn put(store: &StandIn, words: &[&str], stdin: impl Into<Vec<u8>>) -> Output {
    run_with(program(store), words, stdin)
}

/// Runs `script` as the filter.
fn through(store: &StandIn, script: &str, stdin: impl Into<Vec<u8>>) -> Output {
    put(
        store,
        &[&PARTS[..], &["--stall-timeout", "1s", "--", "sh", "-c", script]].concat(),
        stdin,
    )
}

fn small() -> Vec<u8> {
    Synthetic::new(20_000).to_vec()
}

fn large() -> Vec<u8> {
    Synthetic::new(12 << 20).to_vec()
}

/// What is kept until meta.json comes has an end, also where it never comes: blocks of nothing are proper gzip.
#[test]
fn input_without_a_beginning_is_not_kept_without_end() {
    let mut nothing = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    nothing.extend([0, 0, 0, 0xff, 0xff].repeat((3 << 20) / 5));
    let store = StandIn::new();
    nothing_is_left(
        &store,
        &through(&store, "cat", nothing),
        65,
        &["no meta.json in its first 1 MiB"],
    );
    assert_eq!(store.connections(), 0);
}

/// It failed, nothing is named, nothing is stored, no upload is left.
#[track_caller]
fn nothing_is_left(store: &StandIn, output: &Output, code: i32, words: &[&str]) {
    expect(output, code, words);
    assert!(output.stdout.is_empty());
    assert_eq!((store.keys(), store.uploads()), (Vec::new(), 0), "{:?}", store.asked());
    assert!(store.those("complete").is_empty() && store.those("put").is_empty());
}

/// A file that each of a filter's processes writes its id into.
struct Ids(tempfile::NamedTempFile);

impl Ids {
    fn new() -> Self {
        Self(tempfile::NamedTempFile::new().unwrap())
    }

    /// The beginning of a script: its own id is noted, and that of a child which it starts and which would stay.
    fn noted(&self) -> String {
        let file = self.0.path().display();
        format!("sleep 1000 >/dev/null 2>&1 & echo $$ $! >{file};")
    }

    fn read(&self) -> Vec<i32> {
        let text = std::fs::read_to_string(self.0.path()).unwrap();
        text.split_whitespace().map(|id| id.parse().unwrap()).collect()
    }

    /// Waits until they are noted.
    fn wait(&self) {
        let start = Instant::now();
        while self.read().len() < 2 {
            assert!(start.elapsed() < Duration::from_secs(20), "the filter was not started");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// All of them have ended. Who reaps the grandchild is somebody else's affair, and may take a moment.
    #[track_caller]
    fn have_ended(&self) {
        let ids = self.read();
        assert_eq!(ids.len(), 2, "the filter was not started");
        let lives = |id: i32| {
            let state = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
            !state.is_empty() && !state.contains(") Z ")
        };
        let start = Instant::now();
        while ids.iter().any(|id| lives(*id)) {
            assert!(start.elapsed() < Duration::from_secs(2), "processes are left: {ids:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(
            rustix::process::test_kill_process(Pid::from_raw(ids[0]).unwrap()).is_err(),
            "the filter was not reaped before the program ended"
        );
    }
}

#[test]
fn what_a_filter_makes_of_the_snapshot_is_stored_in_one_part_or_in_several() {
    for bytes in [small(), large()] {
        let store = StandIn::new();
        let output = through(&store, "tr '\\000-\\377' '\\001-\\377\\000'", bytes.clone());
        expect(&output, 0, &["s3-put: stored ", "index=592 term=3"]);
        assert_eq!(output.stdout, format!("{URI}\n").as_bytes());
        let shifted: Vec<u8> = bytes.iter().map(|byte| byte.wrapping_add(1)).collect();
        assert!(store.object(KEY).body == shifted, "another object");
        let first = if bytes.len() < 5 << 20 { "put" } else { "begin" };
        let seen = &store.those(first)[0];
        assert_eq!(seen.header("content-type"), Some("application/octet-stream"));
        assert_eq!(seen.header("x-amz-meta-snapline-index"), Some("592"));
        assert_eq!(seen.header("x-amz-meta-snapline-term"), Some("3"));
    }
}

#[test]
fn a_filter_may_make_less_or_more_of_it() {
    for (script, length) in [
        ("sha256sum", 64 + "  -\n".len()),
        ("cat; head -c 6000000 /dev/zero", small().len() + 6_000_000),
    ] {
        let store = StandIn::new();
        expect(&through(&store, script, small()), 0, &["stored"]);
        assert_eq!(store.object(KEY).body.len(), length, "{script}");
    }
}

#[test]
fn a_broken_snapshot_is_65_whatever_the_filter_says_and_the_filter_is_killed() {
    let cut = |mut bytes: Vec<u8>| {
        bytes.truncate(bytes.len() - 1);
        bytes
    };
    for script in ["cat", "cat >/dev/null", "trap '' TERM INT HUP; cat; sleep 1000"] {
        for bytes in [cut(small()), cut(large()), [large(), b"\n".to_vec()].concat()] {
            let store = StandIn::new();
            let ids = Ids::new();
            let (before, length) = (Instant::now(), bytes.len());
            let output = through(&store, &[&ids.noted(), script].concat(), bytes);
            nothing_is_left(&store, &output, 65, &["verify the snapshot: "]);
            // With little input it may be killed before it has noted anything.
            if length > 1 << 20 {
                ids.have_ended();
            }
            assert!(before.elapsed() < Duration::from_secs(10));
        }
    }
}

#[test]
fn what_is_empty_or_no_snapshot_at_all_starts_no_filter() {
    let store = StandIn::new();
    let mark = tempfile::tempdir().unwrap();
    let script = format!("touch {}/started; cat", mark.path().display());
    for (bytes, code) in [
        (Vec::new(), 66),
        (b"{\"errors\":[]}".to_vec(), 65),
        (small()[..100].to_vec(), 65),
    ] {
        nothing_is_left(&store, &through(&store, &script, bytes), code, &[]);
    }
    assert_eq!(std::fs::read_dir(mark.path()).unwrap().count(), 0);
    assert_eq!(store.connections(), 0);
}

#[test]
fn a_filter_that_fails_in_whatever_way_is_74_and_nothing_is_stored() {
    for (script, part) in [
        ("false", "it ended with 1"),
        ("exit 7", "it ended with 7"),
        ("cat; exit 3", "it ended with 3"),
        ("cat >/dev/null; exit 3", "it ended with 3"),
        ("head -c 100; exit 9", "it ended with 9"),
        ("cat; kill -9 $$", "it ended by SIGKILL"),
        // What it leaves running holds its output open.
        ("sleep 1000 & exit 4", "it ended with 4"),
        ("true", "it stopped reading before the end"),
        ("dd bs=100 count=1 2>/dev/null", "it stopped reading before the end"),
        (
            "dd bs=100 count=1 2>/dev/null; exec <&-; sleep 1000",
            "it stopped reading before the end",
        ),
        ("cat >/dev/null", "it wrote nothing"),
        ("sleep 1000", "it neither read nor wrote for 1 s"),
        ("cat; sleep 1000", "it neither read nor wrote for 1 s"),
        ("cat; exec >&-; sleep 1000", "it neither read nor wrote for 1 s"),
    ] {
        for bytes in [small(), large()] {
            let store = StandIn::new();
            let ids = Ids::new();
            let output = through(&store, &[&ids.noted(), script].concat(), bytes);
            nothing_is_left(&store, &output, 74, &["pass the snapshot through 'sh': ", part]);
            ids.have_ended();
        }
    }
}

/// It could not be told from one that is about to write more.
#[test]
fn a_filter_that_writes_without_end_is_no_stall_but_one_that_the_store_refuses_ends() {
    let store = StandIn::always("part", Turn::Early(error("403 Forbidden", "AccessDenied")));
    let ids = Ids::new();
    let output = through(&store, &[&ids.noted(), "yes"].concat(), large());
    nothing_is_left(&store, &output, 77, &["AccessDenied"]);
    ids.have_ended();
}

#[test]
fn waiting_for_the_input_is_no_stall_of_the_filter() {
    let store = StandIn::new();
    let mut child = program(&store)
        .args(PARTS)
        .args(["--stall-timeout", "200ms", "--", "cat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let bytes = large();
    stdin.write_all(&bytes[..6 << 20]).unwrap();
    std::thread::sleep(Duration::from_millis(900));
    stdin.write_all(&bytes[6 << 20..]).unwrap();
    drop(stdin);
    expect(&end_of(child, Duration::from_secs(20)), 0, &["stored"]);
    assert!(store.object(KEY).body == bytes);
}

/// The store takes its time: the filter cannot write, and so does not read either.
#[test]
fn waiting_for_the_store_is_no_stall_of_the_filter() {
    let pause = stand_in::Interlude::Pause(Duration::from_millis(700));
    let store = StandIn::always("part", Turn::After(pause));
    let words = ["--concurrency", "1", "--stall-timeout", "200ms", "--", "cat"];
    expect(&put(&store, &[&PARTS[..], &words].concat(), large()), 0, &["stored"]);
}

/// The whole is proven before the filter can end: one that ends only with its input has not ended yet.
#[test]
fn the_input_of_a_filter_ends_only_after_the_gate_has_passed() {
    let store = StandIn::new();
    let mark = tempfile::tempdir().unwrap();
    let script = format!("cat; touch {}/ended", mark.path().display());
    let mut cut = large();
    cut.truncate(cut.len() - 1);
    nothing_is_left(&store, &through(&store, &script, cut), 65, &[]);
    assert_eq!(std::fs::read_dir(mark.path()).unwrap().count(), 0);
    expect(&through(&store, &script, large()), 0, &[]);
    assert_eq!(std::fs::read_dir(mark.path()).unwrap().count(), 1);
}

fn start(store: &StandIn, script: &str, bytes: &[u8]) -> (Child, std::process::ChildStdin) {
    let mut child = program(store)
        .args(PARTS)
        .args(["--", "sh", "-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(bytes).unwrap();
    (child, stdin)
}

#[test]
fn a_signal_ends_the_filter_too_and_aborts_the_upload() {
    for (number, code) in [(Signal::TERM, 143), (Signal::INT, 130), (Signal::HUP, 129)] {
        for length in [1000, 11 << 20] {
            let store = StandIn::new();
            let ids = Ids::new();
            let bytes = large();
            let (child, stdin) = start(&store, &[&ids.noted(), "cat"].concat(), &bytes[..length.max(70_000)]);
            ids.wait();
            if length > 10 << 20 {
                store.wait_for("part", 1);
            }
            signal_twice(&child, number);
            let output = end_of(child, Duration::from_secs(10));
            nothing_is_left(&store, &output, code, &["ended by SIG"]);
            ids.have_ended();
            drop(stdin);
        }
    }
}

#[test]
fn a_filter_that_cannot_be_run_is_64_and_the_store_hears_nothing() {
    let store = StandIn::new();
    let not_executable = tempfile::NamedTempFile::new().unwrap();
    let not_executable = not_executable.path().to_str().unwrap();
    for (words, part) in [
        (&["--"][..], "no filter behind '--'"),
        (&["--", ""], "find the filter ''"),
        (&["--", "no-such-program"], "there is no such program on PATH '"),
        (&["--", "age -r age1"], "hint: each word"),
        (&["--", "/no/such/program"], "no such file"),
        (&["--", not_executable], "is not executable"),
        (&["--raw", "--", "cat"], "--raw together with a filter"),
        (&["cat"], "'cat' is one word too many"),
        (&["cat", "--", "cat"], "'cat' is one word too many"),
        (&["--stall-timeout", "1s"], "--stall-timeout: it is for a filter"),
        (&["--stall-timeout", "0", "--", "cat"], "--stall-timeout: it is 0"),
    ] {
        let output = put(&store, &[&[URI], words].concat(), small());
        nothing_is_left(&store, &output, 64, &[part]);
    }
    let output = put(&store, &["--", URI], small());
    nothing_is_left(&store, &output, 64, &["the URI stands before '--'"]);
    assert_eq!(store.connections(), 0);
}

#[test]
fn options_behind_the_double_dash_are_the_filters() {
    let store = StandIn::new();
    let output = put(
        &store,
        &[
            URI,
            "--",
            "sh",
            "-c",
            "cat; echo \"$@\"",
            "sh",
            "--version",
            "-vq",
            "--a=b",
            "--",
        ],
        small(),
    );
    expect(&output, 0, &["stored"]);
    let body = store.object(KEY).body;
    assert_eq!(&body[small().len()..], b"--version -vq --a=b --\n");
}

#[test]
fn a_filter_gets_the_environment_but_nothing_of_vaults_and_the_stores_and_what_it_says_is_seen() {
    let store = StandIn::new();
    let mut command = program(&store);
    command
        .env("AGE_RECIPIENT", "age1x")
        .env("VAULT_APPROLE_SECRET_ID", SECRETS[0])
        .env("VAULT_TOKEN", SECRETS[1])
        .env("BAO_ADDR", "https://vault")
        .env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/1");
    let output = run_with(
        command,
        &[URI, "--", "sh", "-c", "cat >/dev/null; env; echo hello >&2"],
        small(),
    );
    expect(&output, 0, &["stored", "hello"]);
    let environment = String::from_utf8(store.object(KEY).body).unwrap();
    assert!(environment.contains("AGE_RECIPIENT=age1x"));
    let is_withheld = |line: &str| ["AWS_", "BAO_", "VAULT_"].iter().any(|prefix| line.starts_with(prefix));
    assert!(!environment.lines().any(is_withheld), "{environment}");
    for secret in SECRETS {
        assert!(!environment.contains(secret), "{environment}");
    }
}
