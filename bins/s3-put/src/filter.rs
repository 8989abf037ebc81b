//! The program that a snapshot passes through on its way to the store: what it is, and how it is started.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{ChildStdin, Command, Stdio};
use std::time::Duration;

use snapline_cli::{Failure, Kind, Missing, enlarge_pipe, find_program, privacy};

use crate::product::Product;
use crate::running::Running;

/// A program that is there.
#[derive(Debug)]
pub(crate) struct Filter {
    /// Its name as typed.
    program: String,
    path: PathBuf,
    arguments: Vec<String>,
    /// How long it may neither read nor write.
    stall: Duration,
}

impl Filter {
    /// The filter that `words` describe, found in `path`, the value of PATH.
    ///
    /// # Errors
    /// 64 if there are no words, or no such program.
    pub(crate) fn find(words: &[String], path: Option<&OsStr>, stall: Duration) -> Result<Self, Failure> {
        let [program, arguments @ ..] = words else {
            return Err(Failure::says(
                Kind::Usage,
                "read the command line: no filter behind '--'",
            ));
        };
        let found = find_program(program, path).map_err(|missing| not_found(program, &missing))?;
        Ok(Self {
            program: program.clone(),
            path: found,
            arguments: arguments.to_vec(),
            stall,
        })
    }

    /// Starts it: its process, its standard input, and what it writes. Its standard error is ours.
    ///
    /// It leads a process group, so that whatever it starts is ended with it.
    ///
    /// # Errors
    /// As [`Running::start`] says.
    pub(crate) fn start(&self) -> Result<(Running, ChildStdin, Product), Failure> {
        let mut command = Command::new(&self.path);
        command
            .arg0(&self.program)
            .args(&self.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0);
        // It needs nothing of this pipe's, and what it prints or dumps is not ours to check. A filter that has to sign in somewhere
        // gets its own by another way.
        for family in [privacy::OF_VAULT, privacy::OF_AWS] {
            privacy::withhold(&mut command, family);
        }
        log::debug!("the filter '{}' is '{}'", self.program, self.path.display());
        let (running, ends) = Running::start(&mut command, &self.program, self.stall)?;
        enlarge_pipe(&ends.stdin);
        enlarge_pipe(&ends.stdout);
        let product = Product::new(ends.stdout, ends.cancelled, &running);
        Ok((running, ends.stdin, product))
    }
}

fn not_found(program: &str, missing: &Missing) -> Failure {
    let failure = Failure::says(Kind::Usage, format!("find the filter '{program}': {missing}"));
    if program.contains(' ') {
        return failure.hint("each word of the filter is an argument of its own");
    }
    failure
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_found_on_path_or_is_64_with_its_name() {
        let find = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            Filter::find(&words, Some(OsStr::new("/bin:/usr/bin")), Duration::from_secs(1))
        };
        assert_eq!(find(&["sh", "-c", "x"]).unwrap().arguments, ["-c", "x"]);
        for (words, part) in [
            (&[][..], "no filter behind '--'"),
            (&[""], "find the filter ''"),
            (&["no-such-program"], "no such program on PATH '/bin:/usr/bin'"),
            (&["/no/such/program"], "no such file"),
            (&["/etc/passwd"], "not executable"),
        ] {
            let failure = find(words).unwrap_err();
            assert_eq!(failure.kind(), Kind::Usage);
            assert!(failure.to_string().contains(part), "{failure}");
        }
    }
}
