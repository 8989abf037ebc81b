//! The programs under test, run as a user runs them: by name, in a clean environment.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;
use std::{env, fs};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::minio::{ACCESS_KEY, Minio, SECRET_KEY};
use crate::vault::{AppRole, Vault};
use crate::wait::wait_at_most;

/// More than any single command's own limits together.
const LIMIT: Duration = Duration::from_secs(240);

/// The variables of a run, and its home directory. Nothing of the machine's own environment gets in.
pub struct Environment {
    variables: BTreeMap<String, String>,
    home: TempDir,
}

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

impl Environment {
    /// Only `PATH`, with our programs first, and an empty home.
    #[must_use]
    pub fn new() -> Self {
        let home = TempDir::new().expect("make a home directory");
        // Where a machine keeps its programs is its own affair: NixOS has next to nothing in /usr/bin.
        let others = env::var("PATH").unwrap_or_else(|_| "/usr/bin:/bin".into());
        let path = format!("{}:{others}", programs().display());
        let environment = Self {
            variables: BTreeMap::new(),
            home,
        };
        let folder = environment.home().display().to_string();
        environment
            .set("PATH", &path)
            .set("HOME", &folder)
            .set("TMPDIR", &folder)
    }

    /// Sets a variable.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    /// A variable's value.
    pub fn get(&self, name: &str) -> &str {
        &self.variables[name]
    }

    /// Where Vault is and how to log in there.
    #[must_use]
    pub fn vault(self, vault: &Vault, role: &AppRole) -> Self {
        self.set("VAULT_ADDR", &vault.address())
            .set("VAULT_APPROLE_ROLE_ID", &role.role_id)
            .set("VAULT_APPROLE_SECRET_ID", &role.secret_id)
    }

    /// Where MinIO is and how to log in there.
    #[must_use]
    pub fn minio(self, minio: &Minio) -> Self {
        self.set("AWS_ENDPOINT_URL", &minio.endpoint())
            .set("AWS_REGION", "us-east-1")
            .set("AWS_ACCESS_KEY_ID", ACCESS_KEY)
            .set("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    }

    /// The home directory, which is also the current one.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Runs a line in dash, which has no pipefail, with nothing on standard input.
    pub fn shell(&self, line: &str) -> Outcome {
        self.spawn("dash", &["-c", line]).end()
    }

    /// Runs a program with `input` on its standard input.
    pub fn run(&self, program: &str, arguments: &[&str], input: &[u8]) -> Outcome {
        let mut running = self.spawn(program, arguments);
        running.write(input);
        running.end()
    }

    /// Starts a program and leaves its standard input to the caller; its outputs are collected.
    pub fn spawn(&self, program: &str, arguments: &[&str]) -> Running {
        let mut running = self.spawn_raw(program, arguments);
        running.stdout = running.child.stdout.take().map(drain);
        running
    }

    /// Like [`Self::spawn`], but also leaves standard output to the caller.
    pub fn spawn_raw(&self, program: &str, arguments: &[&str]) -> Running {
        let mut child = Command::new(find(program))
            .args(arguments)
            .env_clear()
            .envs(&self.variables)
            .current_dir(self.home())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|err| panic!("start {program}: {err}"));
        Running {
            stdin: child.stdin.take(),
            stdout: None,
            stderr: child.stderr.take().map(drain),
            child,
        }
    }
}

impl Default for Environment {
    fn default() -> Self {
        Self::new()
    }
}

impl Running {
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

    /// Closes the reading end of its standard output, for a caller of [`Environment::spawn_raw`].
    pub fn close_output(&mut self) {
        self.child.stdout = None;
    }

    /// Its standard output, for a caller of [`Environment::spawn_raw`].
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

/// A port on loopback where nothing listens.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("listen on loopback");
    listener.local_addr().expect("know the own address").port()
}

/// The URL of a [`free_port`].
pub fn nowhere() -> String {
    format!("http://127.0.0.1:{}", free_port())
}

/// Where the programs are: `SNAPLINE_BIN_DIR`, else where cargo puts them, beside the tests.
pub fn programs() -> PathBuf {
    if let Some(folder) = env::var_os("SNAPLINE_BIN_DIR") {
        return folder.into();
    }
    let test = env::current_exe().expect("know the own path");
    let folder = test.parent().expect("a folder");
    if folder.ends_with("deps") {
        folder.parent().expect("a folder").into()
    } else {
        folder.into()
    }
}

fn find(program: &str) -> PathBuf {
    let ours = programs().join(program);
    if ours.exists() { ours } else { program.into() }
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
