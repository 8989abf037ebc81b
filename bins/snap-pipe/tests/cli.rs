//! snap-pipe as a user runs it, with small programs that every Linux has as its stages.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test's helpers may fail the test"
)]

mod harness;

use std::fs;

use harness::{Running, pipe, run, run_with};

#[test]
fn help_has_examples_and_exit_codes() {
    let outcome = run(&["--help"]);
    assert_eq!(outcome.code, 0);
    assert!(outcome.stdout.starts_with("Usage: snap-pipe [options] prog "));
    for part in [
        "'|' s3-put s3://backups/vault/",
        "args: [\"vault-login\", \"|\"",
        "128+n",
    ] {
        assert!(outcome.stdout.contains(part), "{part} is missing in {}", outcome.stdout);
    }
    assert_eq!(run(&["-h"]).stdout, outcome.stdout);
}

#[test]
fn version_is_printed() {
    let outcome = run(&["--version"]);
    assert_eq!(
        (outcome.code, outcome.stdout.as_str()),
        (0, concat!("snap-pipe ", env!("CARGO_PKG_VERSION"), "\n"))
    );
}

#[test]
fn options_behind_the_first_program_are_the_programs() {
    let outcome = run(&["printf", "%s\n", "--version", "-q", "--k=v"]);
    assert_eq!(outcome.stdout, "--version\n-q\n--k=v\n");
}

#[test]
fn a_command_line_without_a_program_somewhere_is_a_usage_error() {
    for line in [
        &[][..],
        &["|"],
        &["|", "cat"],
        &["cat", "|"],
        &["cat", "|", "|", "cat"],
        &[""],
        &["--nope", "cat"],
    ] {
        let outcome = run(line);
        assert_eq!(outcome.code, 64, "{line:?}");
        assert!(
            outcome.stderr.starts_with("snap-pipe: error: read the command line: "),
            "{line:?}: {}",
            outcome.stderr
        );
    }
}

#[test]
fn a_program_that_is_not_found_keeps_every_stage_from_starting() {
    let folder = tempfile::tempdir().unwrap();
    let marker = folder.path().join("marker");
    let outcome = run(&["touch", marker.to_str().unwrap(), "|", "no-such-program", "secret"]);
    assert_eq!(outcome.code, 64);
    assert!(!marker.exists());
    assert!(
        outcome
            .stderr
            .starts_with("snap-pipe: error: find stage 2 'no-such-program': there is no such program on PATH"),
        "{}",
        outcome.stderr
    );
    assert!(!outcome.stderr.contains("secret"));
    assert_eq!(run(&["/no/such/file"]).code, 64);
}

#[test]
fn a_file_that_is_not_executable_keeps_every_stage_from_starting() {
    let folder = tempfile::tempdir().unwrap();
    let marker = folder.path().join("marker");
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let outcome = run(&["touch", marker.to_str().unwrap(), "|", file.to_str().unwrap()]);
    assert_eq!(outcome.code, 64);
    assert!(outcome.stderr.contains("is not executable"), "{}", outcome.stderr);
    assert!(!marker.exists());
}

#[test]
fn a_whole_line_in_one_word_gets_a_hint() {
    let outcome = run(&["echo a | cat"]);
    assert_eq!(outcome.code, 64);
    assert_eq!(
        outcome.last_line(),
        "snap-pipe: hint: each word, and each |, is an argument of its own"
    );
}

#[test]
fn a_stage_that_cannot_be_started_ends_those_before_it() {
    let folder = tempfile::tempdir().unwrap();
    // The first would never end by itself.
    for (name, content, cause) in [
        ("garbage", "\0garbage", "Exec format error"),
        ("script", "#!/no/such/interpreter\n", "No such file"),
    ] {
        let file = harness::executable(folder.path(), name, content);
        let outcome = run(&["sleep", "1000", "|", &file, "|", "sleep", "1000"]);
        assert_eq!(outcome.code, 64, "{}", outcome.stderr);
        let expected = format!("snap-pipe: error: start stage 2 '{file}': {cause}");
        assert!(outcome.stderr.starts_with(&expected), "{}", outcome.stderr);
    }
}

#[test]
fn the_code_of_a_stage_is_passed_on() {
    assert_eq!(run(&["true"]).code, 0);
    for code in [1, 2, 64, 65, 66, 69, 74, 77, 78, 127, 141, 143, 255] {
        let exit = format!("exit {code}");
        let outcome = run(&["sh", "-c", &exit]);
        assert_eq!(outcome.code, code);
        assert_eq!(
            outcome.stderr,
            format!("snap-pipe: error: stage 1 'sh': ended with {code}\n")
        );
    }
}

#[test]
fn the_leftmost_failure_that_is_not_141_decides() {
    for (codes, expected) in [
        (&[0, 0, 0][..], 0),
        (&[77, 66, 66], 77),
        (&[0, 69, 65], 69),
        (&[0, 0, 65], 65),
        (&[141, 78, 66], 78),
        (&[141, 141, 0], 0),
        (&[141, 0, 141], 141),
    ] {
        let exits: Vec<String> = codes.iter().map(|code| format!("exit {code}")).collect();
        let words: Vec<[&str; 3]> = exits.iter().map(|exit| ["sh", "-c", exit.as_str()]).collect();
        let outcome = run(&words.join(&"|"));
        assert_eq!(outcome.code, expected, "{codes:?}: {}", outcome.stderr);
        assert_eq!(
            outcome.stderr.is_empty(),
            expected == 0,
            "{codes:?}: {}",
            outcome.stderr
        );
    }
}

#[test]
fn a_stage_ended_by_a_signal_counts_as_128_and_its_number() {
    let outcome = run(&["sh", "-c", "kill -KILL $$", "|", "cat"]);
    assert_eq!(outcome.code, 137);
    assert_eq!(outcome.last_line(), "snap-pipe: error: stage 1 'sh': ended by SIGKILL");
}

#[test]
fn a_reader_that_has_had_enough_is_no_failure() {
    let outcome = run(&["-v", "yes", "|", "head", "-n", "1"]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (0, "y\n"));
    // By the signal: a stage must not inherit that we ignore it.
    assert_eq!(
        outcome.stderr,
        "snap-pipe: stage 1 'yes': ended by SIGPIPE\nsnap-pipe: done stages=2\n"
    );
}

#[test]
fn a_reader_of_the_whole_pipe_that_leaves_is_141() {
    let mut running = Running::start(&["cat", "|", "yes"]);
    running.close_stdin();
    running.close_stdout();
    let outcome = running.finish();
    assert_eq!(outcome.code, 141);
    assert_eq!(outcome.last_line(), "snap-pipe: error: stage 2 'yes': ended by SIGPIPE");
}

#[test]
fn the_failing_stage_is_the_very_last_line() {
    let slow = "cat >&2; echo late >&2; exit 66";
    let line = pipe(&[
        &["sh", "-c", "echo early; exit 69", "secret"],
        &["sh", "-c", slow, "secret"],
    ]);
    let outcome = run(&line);
    assert_eq!(outcome.code, 69);
    assert_eq!(
        outcome.stderr,
        "early\nlate\nsnap-pipe: error: stage 1 'sh': ended with 69\n"
    );

    let outcome = run(&[&["-v"], &line[..]].concat());
    assert_eq!(
        outcome.stderr,
        "early\nlate\nsnap-pipe: stage 2 'sh': ended with 66\nsnap-pipe: error: stage 1 'sh': ended with 69\n"
    );
    assert!(run(&[&["-q"], &line[..]].concat()).stderr.ends_with("ended with 69\n"));
}

#[test]
fn the_failing_stage_is_told_as_json_too() {
    let outcome = run(&["--log-format", "json", "sh", "-c", "exit 69", "|", "cat"]);
    assert_eq!(outcome.code, 69);
    for part in [
        r#""level":"error""#,
        r#""message":"stage 1 'sh': ended with 69""#,
        r#""exit":69"#,
        r#""program":"snap-pipe""#,
    ] {
        assert!(outcome.last_line().contains(part), "{part}: {}", outcome.stderr);
    }
}

#[test]
fn success_says_nothing() {
    let outcome = run(&["echo", "a", "|", "cat"]);
    assert_eq!(
        (outcome.code, outcome.stdout.as_str(), outcome.stderr.as_str()),
        (0, "a\n", "")
    );
}

#[test]
fn the_first_stage_reads_our_standard_input_to_its_end() {
    let outcome = run_with(&["cat", "|", "cat", "|", "wc", "-c"], "12345");
    assert_eq!((outcome.code, outcome.stdout.trim()), (0, "5"));
}

#[test]
fn a_program_sees_its_name_as_typed() {
    let outcome = run(&["cat", "/proc/self/cmdline"]);
    assert_eq!(outcome.stdout, "cat\0/proc/self/cmdline\0");
}

#[test]
fn no_descriptor_leaks_into_a_stage() {
    let count = |words: &[&str]| run(words).stdout.lines().count();
    // What the caller leaves open is not ours, so a single stage is the measure.
    let alone = count(&["ls", "/proc/self/fd"]);
    let list = ["ls", "/proc/self/fd"];
    assert_eq!(count(&pipe(&[&list, &["cat"]])), alone);
    assert_eq!(count(&pipe(&[&["true"], &list, &["cat"]])), alone);
    assert_eq!(count(&pipe(&[&["true"], &["cat"], &list])), alone);
}

#[test]
fn a_writer_notices_that_its_reader_has_gone_while_others_still_run() {
    let folder = tempfile::tempdir().unwrap();
    let go = folder.path().join("go");
    // The last stage ends only when the first has: neither its own copy of the first pipe nor ours may keep that open.
    let first = "yes 2>/dev/null; : > \"$0\"";
    let line = pipe(&[
        &["sh", "-c", first, go.to_str().unwrap()],
        &["true"],
        &[
            "sh",
            "-c",
            "until [ -e \"$0\" ]; do sleep 0.01; done",
            go.to_str().unwrap(),
        ],
    ]);
    assert_eq!(run(&line).code, 0);
}

#[test]
fn a_stage_in_a_process_group_of_its_own_is_waited_for() {
    let outcome = run(&["setsid", "sh", "-c", "exit 65", "|", "cat"]);
    assert_eq!(outcome.code, 65, "{}", outcome.stderr);
}

#[test]
fn much_data_passes_whole() {
    let count = "8700000"; // 64 MiB of lines
    let expected = std::process::Command::new("sh")
        .args(["-c", "seq \"$0\" | sha256sum", count])
        .output()
        .unwrap();
    let outcome = run(&["seq", count, "|", "cat", "|", "cat", "|", "sha256sum"]);
    assert_eq!(outcome.code, 0);
    assert_eq!(outcome.stdout.as_bytes(), expected.stdout);
}

#[test]
fn fifty_quick_runs_neither_hang_nor_fail() {
    for _ in 0..50 {
        assert_eq!(run(&["true", "|", "true", "|", "true"]).code, 0);
    }
}
