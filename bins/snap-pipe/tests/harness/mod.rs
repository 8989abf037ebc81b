//! Running snap-pipe with a limit on its time, so that a hang is a failed test.
#![allow(dead_code, reason = "each test file uses its part")]

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// Far more than anything here takes.
const LIMIT: Duration = Duration::from_secs(60);

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    pub(crate) fn last_line(&self) -> &str {
        self.stderr.lines().last().unwrap_or_default()
    }
}

/// Runs snap-pipe with empty input.
pub(crate) fn run(words: &[&str]) -> Outcome {
    run_with(words, "")
}

/// Runs snap-pipe with this input.
pub(crate) fn run_with(words: &[&str], input: &str) -> Outcome {
    let mut running = Running::start(words);
    running.child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    running.finish()
}

/// Stages joined by bars.
pub(crate) fn pipe<'a>(stages: &[&[&'a str]]) -> Vec<&'a str> {
    stages.join(&"|")
}

/// An executable file with this content.
pub(crate) fn executable(folder: &Path, name: &str, content: &str) -> String {
    let file = folder.join(name);
    std::fs::write(&file, content).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    file.to_str().unwrap().to_owned()
}

/// Waits until `done`, for so long that only a hang takes longer.
pub(crate) fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < LIMIT, "waited too long until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// snap-pipe, running. It gets a TERM if a test fails meanwhile.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    stdout: Option<JoinHandle<String>>,
    stderr: Option<JoinHandle<String>>,
}

impl Running {
    pub(crate) fn start(words: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_snap-pipe"));
        command.args(words);
        Self::spawn(command)
    }

    pub(crate) fn spawn(mut command: Command) -> Self {
        let child = command
            .env_remove("SNAPLINE_LOG_FORMAT")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            child,
            stdout: None,
            stderr: None,
        }
    }

    pub(crate) fn close_stdin(&mut self) {
        self.child.stdin = None;
    }

    pub(crate) fn close_stdout(&mut self) {
        self.child.stdout = None;
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Closes its input, reads all its output, and waits for it.
    pub(crate) fn finish(mut self) -> Outcome {
        self.child.stdin = None;
        self.stdout = self.child.stdout.take().map(read);
        self.stderr = self.child.stderr.take().map(read);
        let mut status = None;
        wait_until("snap-pipe ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        let text = |thread: Option<JoinHandle<String>>| thread.map(|thread| thread.join().unwrap()).unwrap_or_default();
        Outcome {
            code: status.unwrap().code().expect("snap-pipe was ended by a signal itself"),
            stdout: text(self.stdout.take()),
            stderr: text(self.stderr.take()),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            self.signal(Signal::TERM);
        }
    }
}

fn read(mut from: impl std::io::Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
