//! Starting the stages, each with its end of a pipe.

use std::io::{self, PipeReader, PipeWriter};
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use rustix::io::Errno;
use snapline_cli::{Exit, Failure, OrExit as _, enlarge_pipe};

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
        if let Some(input) = input.take() {
            command.stdin(input);
        }
        if index + 1 < stages.len() {
            let (reader, writer) = pipe().or_exit(Exit::Io, format!("make the pipe behind {stage}"))?;
            command.stdout(writer);
            input = Some(reader);
        }
        let child = command.spawn().map_err(|error| not_started(stage, &error))?;
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

fn not_started(stage: &Stage, error: &io::Error) -> Failure {
    let failure = Failure::says(exit(error), format!("start {stage}: {error}"));
    // The file itself was there a moment ago.
    if error.kind() == io::ErrorKind::NotFound {
        return failure.hint("the interpreter in its first line, or its dynamic loader, is not there");
    }
    failure
}

/// Whether another try can help (69), the machine stands in the way (74), or the program can never be run (64).
fn exit(error: &io::Error) -> Exit {
    match Errno::from_io_error(error) {
        Some(Errno::AGAIN | Errno::NOMEM | Errno::MFILE | Errno::NFILE | Errno::TXTBSY) => Exit::Unavailable,
        Some(Errno::NOEXEC | Errno::NOENT | Errno::NOTDIR | Errno::ACCESS | Errno::PERM | Errno::LOOP) => Exit::Usage,
        _ => Exit::Io,
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd as _;

    use super::*;

    #[test]
    fn a_stage_that_cannot_be_started_fails_by_kind() {
        for (errno, expected) in [
            (Errno::AGAIN, Exit::Unavailable),
            (Errno::NOMEM, Exit::Unavailable),
            (Errno::TOOBIG, Exit::Io),
            (Errno::IO, Exit::Io),
            (Errno::NOEXEC, Exit::Usage),
            (Errno::ACCESS, Exit::Usage),
        ] {
            assert_eq!(exit(&errno.into()), expected, "{errno}");
        }
    }

    #[test]
    fn a_pipe_is_not_inherited() {
        let (reader, writer) = pipe().unwrap();
        for end in [reader.as_fd(), writer.as_fd()] {
            let flags = rustix::io::fcntl_getfd(end).unwrap();
            assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
        }
    }
}
