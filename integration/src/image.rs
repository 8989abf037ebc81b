//! The image of our programs, run as a cluster would run it: user 65532, nothing writable, no privilege.

use std::env;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::container::{LABEL, engine, engine_program, run_id};
use crate::manifest::Container;
use crate::program::Environment;
use crate::running::{Outcome, Running};

/// The image that `images/snapline/build` made.
pub fn image() -> String {
    env::var("SNAPLINE_IMAGE").unwrap_or_else(|_| format!("localhost/snapline:{}", env!("CARGO_PKG_VERSION")))
}

/// The image of that name, as the manifests call it: one with all programs, or with a half of them.
pub fn image_named(name: &str) -> String {
    let whole = image();
    let (repository, tag) = whole.rsplit_once(':').expect("a tag");
    let suffix = name.strip_prefix("snapline").expect("a name of ours");
    format!("{repository}{suffix}:{tag}")
}

/// A container of our image; removed when dropped.
pub struct Job {
    name: String,
    /// The engine's command line, which passes standard input, output, error and the status on.
    pub client: Running,
}

impl Job {
    /// Starts `arguments`, the words after the entry point, with these variables.
    pub fn start(variables: &[(&str, &str)], arguments: &[&str]) -> Self {
        Self::start_with(&image(), &[], variables, arguments)
    }

    /// The same, of another image and with further `options` for the engine.
    pub fn start_with(image: &str, options: &[&str], variables: &[(&str, &str)], arguments: &[&str]) -> Self {
        static COUNTER: AtomicUsize = AtomicUsize::new(1);
        let name = format!(
            "snapline-{}-{}-{}",
            run_id(),
            std::process::id(),
            COUNTER.fetch_add(1, Ordering::Relaxed)
        );
        let label = format!("{LABEL}={}", run_id());
        let mut words = vec!["run", "--interactive", "--name", &name, "--label", &label];
        words.extend([
            "--read-only",
            "--cap-drop",
            "ALL",
            "--security-opt",
            "no-new-privileges",
        ]);
        words.extend(options);
        let settings: Vec<String> = variables
            .iter()
            .map(|(variable, value)| format!("{variable}={value}"))
            .collect();
        for setting in &settings {
            words.extend(["--env", setting]);
        }
        words.push(image);
        words.extend(arguments);
        let client = Environment::new().engine().spawn(&engine_program(), &words);
        Self { name, client }
    }

    /// `docker stop`: TERM, and KILL ten seconds later.
    pub fn stop(&self) {
        engine(&["stop", &self.name]);
    }

    /// What the engine knows about it, by a template as `docker inspect` takes it.
    pub fn inspect(&self, template: &str) -> String {
        let output = engine(&["inspect", "--format", template, &self.name]);
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

/// Runs a container of a manifest to its end, with these variables and further `options` for the engine.
pub fn run_container(container: &Container, options: &[&str], variables: &[(String, String)]) -> Outcome {
    let args: Vec<&str> = container.args.iter().map(String::as_str).collect();
    let variables: Vec<(&str, &str)> = variables
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let image = image_named(&container.image);
    Job::start_with(&image, &[&["--user", "65532"], options].concat(), &variables, &args)
        .client
        .end()
}

/// A volume that two containers of ours share, as a pod's containers share an emptyDir; removed when dropped.
pub struct Share {
    name: String,
}

impl Share {
    /// An empty one that user 65532 may write to.
    #[must_use]
    pub fn new() -> Self {
        static COUNTER: AtomicUsize = AtomicUsize::new(1);
        let name = format!(
            "snapline-share-{}-{}-{}",
            run_id(),
            std::process::id(),
            COUNTER.fetch_add(1, Ordering::Relaxed)
        );
        engine(&["volume", "create", &name]);
        let share = Self { name };
        // A new volume takes its rights from the folder of the image that it is first mounted on.
        let mount = share.at("/tmp");
        let label = format!("{LABEL}={}", run_id());
        engine(&[
            "run",
            "--rm",
            "--label",
            &label,
            "--volume",
            &mount,
            &image(),
            "--version",
        ]);
        share
    }

    /// What the engine's `--volume` takes to mount it there.
    pub fn at(&self, path: &str) -> String {
        format!("{}:{path}", self.name)
    }
}

impl Default for Share {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let _ = Command::new(engine_program())
            .args(["volume", "rm", "--force", &self.name])
            .output();
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        // Where it never came up there is nothing to remove.
        let _ = Command::new(engine_program())
            .args(["rm", "--force", "--volumes", &self.name])
            .output();
    }
}
