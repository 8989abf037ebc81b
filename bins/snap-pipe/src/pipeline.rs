//! Starting the stages, each with its end of a pipe.

use std::io::{self, PipeReader, PipeWriter};
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use snapline_cli::{Failure, Kind, OrExit as _, enlarge_pipe, not_started, privacy};

use crate::children::Children;
use crate::stage::Stage;

/// Starts `stages` from left to right and adds them to `children`.
///
/// No copy of a pipe's end is kept: each stage sees the end of its input as soon as its writer has ended.
///
/// # Errors
/// If one cannot be started. Those before it are running then.
pub(crate) fn start(stages: &[Stage], children: &mut Children) -> Result<(), Failure> {
    let mut input: Option<PipeReader> = None;
    for (index, stage) in stages.iter().enumerate() {
        let mut command = Command::new(&stage.path);
        command.arg0(&stage.program).args(&stage.arguments);
        privacy::withhold(&mut command, stage.withheld());
        if let Some(input) = input.take() {
            command.stdin(input);
        }
        if index + 1 < stages.len() {
            let (reader, writer) = pipe().or_exit(Kind::Io, format!("make the pipe behind {stage}"))?;
            command.stdout(writer);
            input = Some(reader);
        }
        let child = command
            .spawn()
            .map_err(|error| not_started(&stage.to_string(), &error))?;
        log::debug!("{stage}: started '{}' as {}", stage.path.display(), child.id());
        children.add(child);
        // `command` is dropped here, and our copies of its ends with it.
    }
    Ok(())
}

/// A large pipe whose ends no other stage inherits.
fn pipe() -> io::Result<(PipeReader, PipeWriter)> {
    let (reader, writer) = io::pipe()?;
    enlarge_pipe(&writer);
    Ok((reader, writer))
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd as _;

    use super::*;

    #[test]
    fn a_pipe_is_not_inherited() {
        let (reader, writer) = pipe().unwrap();
        for end in [reader.as_fd(), writer.as_fd()] {
            let flags = rustix::io::fcntl_getfd(end).unwrap();
            assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
        }
    }
}
