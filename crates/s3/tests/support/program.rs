//! Programs, run as a user runs them, with nothing in their environment but what a test says.

#![allow(dead_code, reason = "each test program uses its own part")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::process::{Child, Command, Output};
use std::time::{Duration, Instant};

/// Not in any output, ever.
pub(crate) const SECRETS: [&str; 2] = ["wJalrXUtnFEMI-SECRET", "FwoGZXIvYXdzE-SESSION"];

/// The program at `path` with credentials, towards the store at `url`.
pub(crate) fn program(path: &str, url: &str) -> Command {
    let mut command = Command::new(path);
    command
        .env_clear()
        .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", SECRETS[0])
        .env("AWS_SESSION_TOKEN", SECRETS[1])
        .env("AWS_MAX_ATTEMPTS", "2")
        .env("AWS_ENDPOINT_URL_S3", url);
    command
}

/// Runs it with `words` and this standard input, which it need not read.
pub(crate) fn run_with(command: Command, words: &[&str], stdin: impl Into<Vec<u8>>) -> Output {
    assert_cmd::Command::from_std(command)
        .args(words)
        .write_stdin(stdin)
        .timeout(Duration::from_secs(60))
        .output()
        .unwrap()
}

/// Waits for its end, which must come within `limit`.
pub(crate) fn end_of(mut child: Child, limit: Duration) -> Output {
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if start.elapsed() > limit {
            child.kill().unwrap();
            let output = child.wait_with_output().unwrap();
            panic!(
                "it runs on after {limit:?}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.wait_with_output().unwrap()
}

/// It ended with `code`, said all of `words`, and no secret; a failure is one line, perhaps with warnings before and a hint
/// behind.
#[track_caller]
pub(crate) fn expect(output: &Output, code: i32, words: &[&str]) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    for word in words {
        assert!(stderr.contains(word), "no '{word}' in {stderr}");
    }
    let errors = stderr.lines().filter(|line| line.contains(": error: ")).count();
    assert_eq!(errors, usize::from(code != 0), "{stderr}");
    if code != 0 {
        let last = stderr.lines().rfind(|line| !line.contains(": hint: ")).unwrap();
        assert!(last.contains(": error: "), "the last line is no error: {stderr}");
    }
    let all = [&*stderr, &*String::from_utf8_lossy(&output.stdout)].concat();
    for secret in SECRETS {
        assert!(!all.contains(secret), "{secret} in {all}");
    }
}
