//! A command that runs, and what it leaves.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::wait::wait_at_most;

/// More than any single command's own limits together.
const LIMIT: Duration = Duration::from_secs(240);

/// What a finished command left.
#[derive(Debug)]
pub struct Outcome {
    /// The exit status as a shell's `$?` shows it: 128 + n after signal n.
    pub status: i32,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: String,
}

/// A command that has not ended yet; ended when dropped.
pub struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Option<JoinHandle<Vec<u8>>>,
    stderr: Option<JoinHandle<Vec<u8>>>,
}

impl Running {
    /// Starts it with pipes for all three; standard error is collected.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|err| panic!("start {command:?}: {err}"));
        Self {
            stdin: child.stdin.take(),
            stdout: None,
            stderr: child.stderr.take().map(drain),
            child,
        }
    }

    /// Collects standard output as well.
    pub(crate) fn collecting(mut self) -> Self {
        self.stdout = self.child.stdout.take().map(drain);
        self
    }

    /// Writes to its standard input. A program that has stopped reading is no failure here: its status tells.
    pub fn write(&mut self, input: &[u8]) {
        if let Some(stdin) = &mut self.stdin {
            let _ = stdin.write_all(input);
        }
    }

    /// Ends its standard input.
    pub fn close(&mut self) {
        self.stdin = None;
    }

    /// Closes the reading end of its standard output, for a caller of `spawn_raw`.
    pub fn close_output(&mut self) {
        self.child.stdout = None;
    }

    /// Its standard output, for a caller of `spawn_raw`.
    pub fn output(&mut self) -> &mut impl Read {
        self.child
            .stdout
            .as_mut()
            .expect("standard output was left to the caller")
    }

    /// Asks it to end.
    pub fn terminate(&self) {
        terminate(Pid::from_child(&self.child));
    }

    /// The process of a stage, among the children of a shell or of snap-pipe.
    pub fn stage(&self, program: &str) -> Pid {
        let parent = self.child.id();
        let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).expect("list the children");
        children
            .split_whitespace()
            .find(|pid| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == program))
            .and_then(|pid| Pid::from_raw(pid.parse().expect("a number")))
            .unwrap_or_else(|| panic!("no {program} among the children: {children}"))
    }

    /// Ends its input and waits for the end.
    pub fn end(&mut self) -> Outcome {
        self.close();
        self.wait(LIMIT)
    }

    /// Waits for the end, with its input still open.
    pub fn wait(&mut self, limit: Duration) -> Outcome {
        let status = wait_at_most(limit, "the program ends", || {
            self.child.try_wait().expect("ask for the status")
        });
        let mut rest = Vec::new();
        if let Some(mut stdout) = self.child.stdout.take() {
            stdout.read_to_end(&mut rest).expect("read standard output");
        }
        let collect = |handle: Option<JoinHandle<Vec<u8>>>| handle.map(|handle| handle.join().expect("collect output"));
        Outcome {
            status: shell_status(status),
            stdout: collect(self.stdout.take()).unwrap_or(rest),
            stderr: String::from_utf8(collect(self.stderr.take()).unwrap_or_default())
                .expect("UTF-8 on standard error"),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Outcome {
    /// Standard output as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).expect("UTF-8 on standard output")
    }

    /// The last line on standard error, which is where the reason stands.
    pub fn last_line(&self) -> &str {
        self.stderr.lines().last().unwrap_or_default()
    }

    /// Panics with everything the command said unless it ended with `status`.
    #[track_caller]
    pub fn expect(self, status: i32) -> Self {
        assert_eq!(
            self.status,
            status,
            "\nstdout: {}\nstderr: {}",
            String::from_utf8_lossy(&self.stdout),
            self.stderr
        );
        self
    }
}

/// Asks a process to end.
pub fn terminate(process: Pid) {
    kill_process(process, Signal::TERM).expect("send a signal");
}

fn drain(mut from: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut all = Vec::new();
        from.read_to_end(&mut all).expect("read output");
        all
    })
}

fn shell_status(status: ExitStatus) -> i32 {
    status
        .code()
        .unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
}
