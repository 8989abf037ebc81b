//! The programs under test, run as a user runs them: by name, in a clean environment.

use std::collections::BTreeMap;
use std::env;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::bucket::Signer;
use crate::minio::{ACCESS_KEY, Minio, SECRET_KEY};
use crate::running::{Outcome, Running};
use crate::vault::{AppRole, Vault};

/// The variables of a run, and its home directory. Nothing of the machine's own environment gets in.
pub struct Environment {
    variables: BTreeMap<String, String>,
    home: TempDir,
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

    /// Logs in there as somebody else, after [`Self::minio`].
    #[must_use]
    pub fn signer(self, signer: &Signer) -> Self {
        let environment = self
            .set("AWS_ACCESS_KEY_ID", &signer.access_key)
            .set("AWS_SECRET_ACCESS_KEY", &signer.secret_key);
        match &signer.session_token {
            Some(token) => environment.set("AWS_SESSION_TOKEN", token),
            None => environment,
        }
    }

    /// How the command line of the container engine finds it.
    #[must_use]
    pub fn engine(mut self) -> Self {
        for name in ["DOCKER_HOST", "XDG_RUNTIME_DIR"] {
            if let Ok(value) = env::var(name) {
                self = self.set(name, &value);
            }
        }
        self
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
        self.spawn_raw(program, arguments).collecting()
    }

    /// Like [`Self::spawn`], but also leaves standard output to the caller.
    pub fn spawn_raw(&self, program: &str, arguments: &[&str]) -> Running {
        let mut command = Command::new(find(program));
        command
            .args(arguments)
            .env_clear()
            .envs(&self.variables)
            .current_dir(self.home());
        Running::start(&mut command)
    }
}

impl Default for Environment {
    fn default() -> Self {
        Self::new()
    }
}

/// A port on loopback where nothing listens.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("listen on loopback");
    listener.local_addr().expect("know the own address").port()
}

/// A URL at which nobody listens. Another loopback address than that of every server here: on theirs a free port might be given
/// to the next one that starts.
pub fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.2:0").expect("listen on loopback");
    format!("http://{}", listener.local_addr().expect("know the own address"))
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
