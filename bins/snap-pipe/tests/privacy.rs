//! What each stage sees of the environment, and what others see of the programs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod harness;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use harness::{Running, executable, wait_until};

/// One of each family, and one of neither.
const VARIABLES: [&str; 4] = [
    "AWS_SECRET_ACCESS_KEY",
    "BAO_TOKEN",
    "VAULT_APPROLE_SECRET_ID",
    "SNAPLINE_NAME",
];

/// The variables above that a stage of this name sees.
fn seen_by(folder: &Path, name: &str, is_path: bool) -> Vec<&'static str> {
    let path = executable(folder, name, "#!/bin/sh\nenv\n");
    let mut command = Command::new(env!("CARGO_BIN_EXE_snap-pipe"));
    command.arg(if is_path { &path } else { name });
    command.env("PATH", format!("{}:/bin:/usr/bin", folder.display()));
    for name in VARIABLES {
        command.env(name, "secret");
    }
    let outcome = Running::spawn(command).finish();
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let sees = |name: &&str| outcome.stdout.lines().any(|line| line == format!("{name}=secret"));
    VARIABLES.into_iter().filter(sees).collect()
}

#[test]
fn a_stage_sees_nothing_of_the_side_that_it_does_not_talk_to() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["s3-get", "s3-put", "snap-check", "snap-prune"] {
        for is_path in [false, true] {
            let expected = ["AWS_SECRET_ACCESS_KEY", "SNAPLINE_NAME"];
            assert_eq!(seen_by(folder.path(), name, is_path), expected, "{name}");
        }
    }
    for name in ["vault-restore", "vault-snapshot"] {
        let expected = ["BAO_TOKEN", "VAULT_APPROLE_SECRET_ID", "SNAPLINE_NAME"];
        assert_eq!(seen_by(folder.path(), name, false), expected, "{name}");
    }
    // It logs in with either; and what is not ours may be anything.
    for name in ["vault-login", "aws", "s3-putter"] {
        assert_eq!(seen_by(folder.path(), name, false), VARIABLES, "{name}");
    }
}

/// A command without special rights, which would read anything.
fn without_rights(program: &str) -> Command {
    if !rustix::process::geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--bounding-set=-all", program]);
    command
}

/// Reads a file in another process of the same user.
fn read(path: &str) -> Output {
    without_rights("cat").arg(path).output().unwrap()
}

#[test]
fn nobody_else_reads_the_environment() {
    let mut command = without_rights(env!("CARGO_BIN_EXE_snap-pipe"));
    command.arg("cat").env("VAULT_TOKEN", "hvs.secret");
    let running = Running::spawn(command);
    let children = format!("/proc/{id}/task/{id}/children", id = running.id());
    let child = || fs::read_to_string(&children).unwrap().trim().to_owned();
    wait_until("the stage runs", || {
        !child().is_empty() && fs::read_to_string(format!("/proc/{}/comm", child())).unwrap() == "cat\n"
    });
    // The stage is a foreign program, and shows that there is something to read.
    let open = read(&format!("/proc/{}/environ", child()));
    assert!(String::from_utf8_lossy(&open.stdout).contains("VAULT_TOKEN=hvs.secret"));
    let closed = read(&format!("/proc/{}/environ", running.id()));
    assert!(!closed.status.success() && closed.stdout.is_empty());
    assert_eq!(running.finish().code, 0);
}
