//! snap-pipe between a sender of signals and its stages, and as process 1.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test's helpers may fail the test"
)]

mod harness;

use std::fs;
use std::path::Path;
use std::process::Command;

use harness::{Outcome, Running, pipe, wait_until};
use rustix::process::Signal;

/// Says in folder `$0` that it is ready to be signalled, and stays.
const STAY: &str = "; : > \"$0/ready\"; while :; do sleep 0.01; done";

/// Ends as soon as the file `go` appears in folder `$0`.
const UNTIL_GO: &str = "; until [ -e \"$0/go\" ]; do sleep 0.01; done";

fn touch(folder: &Path, name: &str) {
    fs::write(folder.join(name), "").unwrap();
}

fn wait_for(folder: &Path, name: &str) {
    wait_until(&format!("'{name}' appears"), || folder.join(name).exists());
}

#[test]
fn each_signal_is_forwarded_and_the_stages_code_is_the_pipes() {
    for (signal, name) in [
        (Signal::TERM, "TERM"),
        (Signal::INT, "INT"),
        (Signal::HUP, "HUP"),
        (Signal::QUIT, "QUIT"),
        (Signal::USR1, "USR1"),
        (Signal::USR2, "USR2"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let script = format!("trap 'exit 42' {name}{STAY}");
        let running = Running::start(&["sh", "-c", &script, folder.path().to_str().unwrap()]);
        wait_for(folder.path(), "ready");
        running.signal(signal);
        let outcome = running.finish();
        assert_eq!(outcome.code, 42, "{name}: {}", outcome.stderr);
    }
}

#[test]
fn term_ends_stages_that_do_not_care_with_143() {
    // The second sees no end of file as long as its writer lives.
    let mut running = Running::start(&["sleep", "1000", "|", "cat"]);
    wait_until("both stages run", || children(&running).len() == 2);
    assert!(running.is_alive());
    running.signal(Signal::TERM);
    let outcome = running.finish();
    assert_eq!(outcome.code, 143);
    assert_eq!(outcome.stderr, "snap-pipe: error: stage 1 'sleep': ended by SIGTERM\n");
}

#[test]
fn a_stage_that_cleans_up_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_str().unwrap();
    let cleaning = format!("trap '' HUP; trap ': > \"$0/cleaning\"{UNTIL_GO}; echo aborted >&2; exit 143' TERM{STAY}");
    let mut running = Running::start(&pipe(&[&["sh", "-c", &cleaning, place], &["cat"]]));
    wait_for(folder.path(), "ready");
    running.signal(Signal::TERM);
    wait_for(folder.path(), "cleaning");
    wait_until("the other stage has ended", || children(&running).len() == 1);
    // Once more, now that one stage is gone.
    running.signal(Signal::HUP);
    assert!(running.is_alive());
    touch(folder.path(), "go");
    let outcome = running.finish();
    assert_eq!(outcome.code, 143);
    assert_eq!(
        outcome.stderr,
        "aborted\nsnap-pipe: error: stage 1 'sh': ended with 143\n"
    );
}

#[test]
fn a_stage_that_ignores_term_is_not_killed() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_str().unwrap();
    let first = format!("trap '' TERM; : > \"$0/ready\"{UNTIL_GO}; echo done");
    let second = "trap '' TERM; : > \"$0/ready too\"; cat";
    let mut running = Running::start(&pipe(&[&["sh", "-c", &first, place], &["sh", "-c", second, place]]));
    wait_for(folder.path(), "ready too");
    wait_for(folder.path(), "ready");
    running.signal(Signal::TERM);
    assert!(running.is_alive());
    touch(folder.path(), "go");
    let outcome = running.finish();
    assert_eq!((outcome.code, outcome.stdout.as_str()), (0, "done\n"), "{outcome:?}");
}

/// As a supervisor does that blocks signals for itself and forgets to unblock them for what it starts.
#[test]
fn signals_that_the_starter_left_blocked_are_heard() {
    let blocked = |words: &[&str]| {
        let mut command = Command::new("env");
        command
            .args(["--block-signal", env!("CARGO_BIN_EXE_snap-pipe")])
            .args(words);
        Running::spawn(command)
    };
    let outcome = blocked(&["echo", "done", "|", "cat"]).finish();
    assert_eq!((outcome.code, outcome.stdout.as_str()), (0, "done\n"), "{outcome:?}");
    let folder = tempfile::tempdir().unwrap();
    let script = format!("trap 'exit 42' TERM{STAY}");
    let running = blocked(&["sh", "-c", &script, folder.path().to_str().unwrap()]);
    wait_for(folder.path(), "ready");
    running.signal(Signal::TERM);
    assert_eq!(running.finish().code, 42);
}

#[test]
fn a_signal_that_the_starter_ignores_is_ignored_by_the_pipe_and_its_stages() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_str().unwrap();
    let stage = format!(": > \"$0/ready\"{UNTIL_GO}; echo done");
    let mut command = Command::new("sh");
    command.args([
        "-c",
        "trap '' HUP; exec \"$@\"",
        "sh",
        env!("CARGO_BIN_EXE_snap-pipe"),
        "sh",
        "-c",
        &stage,
        place,
    ]);
    let mut running = Running::spawn(command);
    wait_for(folder.path(), "ready");
    running.signal(Signal::HUP);
    for stat in children(&running) {
        let id = stat.split(' ').next().and_then(|id| id.parse().ok()).unwrap();
        rustix::process::kill_process(rustix::process::Pid::from_raw(id).unwrap(), Signal::HUP).unwrap();
    }
    assert!(running.is_alive());
    touch(folder.path(), "go");
    let outcome = running.finish();
    assert_eq!((outcome.code, outcome.stdout.as_str()), (0, "done\n"), "{outcome:?}");
}

#[test]
fn as_process_1_it_hears_term_and_reaps_orphans() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_str().unwrap();
    let unshare = unshare().expect("this test needs unshare(1), and the right to make a PID namespace");
    let as_first = |words: &[&str]| -> Outcome {
        let mut command = Command::new(unshare[0]);
        command
            .args(&unshare[1..])
            .arg(env!("CARGO_BIN_EXE_snap-pipe"))
            .args(words);
        Running::spawn(command).finish()
    };

    // The kernel drops a signal to process 1 from its own namespace unless a handler is set.
    let outcome = as_first(&[
        "sh",
        "-c",
        "trap 'exit 7' TERM; kill -TERM 1; while :; do sleep 0.01; done",
    ]);
    assert_eq!(outcome.code, 7, "{outcome:?}");
    assert_eq!(outcome.last_line(), "snap-pipe: error: stage 1 'sh': ended with 7");

    // An orphan that ends after its parent is a zombie, and thus in /proc, until process 1 has reaped it.
    let script = "
        mkfifo \"$0/hold\"
        (sh -c 'echo $$ > \"$0/orphan\"; read -r line < \"$0/hold\"' \"$0\" &)
        until [ -s \"$0/orphan\" ]; do sleep 0.01; done
        read -r orphan < \"$0/orphan\"
        read -r _ _ _ parent _ < \"/proc/$orphan/stat\"
        echo \"parent $parent\"
        echo > \"$0/hold\"
        while [ -e \"/proc/$orphan\" ]; do sleep 0.01; done
        echo reaped";
    let outcome = as_first(&["sh", "-c", script, place]);
    assert_eq!(
        (outcome.code, outcome.stdout.as_str()),
        (0, "parent 1\nreaped\n"),
        "{outcome:?}"
    );
}

/// The command line that makes a program process 1, as root or as anybody; nothing if neither is allowed here.
fn unshare() -> Option<&'static [&'static str]> {
    const LINES: [&[&str]; 2] = [
        &["unshare", "--pid", "--fork", "--mount-proc"],
        &[
            "unshare",
            "--user",
            "--map-root-user",
            "--pid",
            "--fork",
            "--mount-proc",
        ],
    ];
    LINES.into_iter().find(|line| {
        let tried = Command::new(line[0]).args(&line[1..]).arg("true").output();
        tried.is_ok_and(|output| output.status.success())
    })
}

/// The processes that snap-pipe has started and not yet reaped.
fn children(running: &Running) -> Vec<String> {
    let parent = running.id().to_string();
    let is_child = |stat: &str| {
        // Behind the name, which may hold anything: the state, then the parent.
        stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1)) == Some(&parent)
    };
    fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| fs::read_to_string(entry.ok()?.path().join("stat")).ok())
        .filter(|stat| is_child(stat))
        .collect()
}
