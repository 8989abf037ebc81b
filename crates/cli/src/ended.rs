//! How a program ended that we ran.

use std::fmt;
use std::io;
use std::os::unix::process::ExitStatusExt as _;

use rustix::io::Errno;

use crate::{Failure, Kind};

/// How a program ended that was run on the user's behalf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// With this code.
    Code(u8),
    /// By this signal.
    Signal(u8),
}

impl Ended {
    /// The code that stands for it, as a shell shows it.
    pub fn code(self) -> u8 {
        match self {
            Self::Code(code) => code,
            Self::Signal(number) => 128_u8.saturating_add(number),
        }
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Code(code) => write!(f, "ended with {code}"),
            Self::Signal(number) => match signal_hook::low_level::signal_name(i32::from(number)) {
                Some(name) => write!(f, "ended by {name}"),
                None => write!(f, "ended by signal {number}"),
            },
        }
    }
}

impl From<std::process::ExitStatus> for Ended {
    fn from(status: std::process::ExitStatus) -> Self {
        let number = |number: i32| u8::try_from(number).unwrap_or(u8::MAX);
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Code(number(code)),
            (None, signal) => Self::Signal(number(signal.unwrap_or(i32::MAX))),
        }
    }
}

/// Why `what`, a program whose file was found, could not be started: whether another try can help (69), the machine stands in
/// the way (74), or the program can never be run (64).
pub fn not_started(what: &str, error: &io::Error) -> Failure {
    let failure = Failure::says(exit(error), format!("start {what}: {error}"));
    // The file itself was there a moment ago.
    if error.kind() == io::ErrorKind::NotFound {
        return failure.hint("the interpreter in its first line, or its dynamic loader, is not there");
    }
    failure
}

fn exit(error: &io::Error) -> Kind {
    match Errno::from_io_error(error) {
        Some(Errno::AGAIN | Errno::NOMEM | Errno::MFILE | Errno::NFILE | Errno::TXTBSY) => Kind::Unavailable,
        Some(Errno::NOEXEC | Errno::NOENT | Errno::NOTDIR | Errno::ACCESS | Errno::PERM | Errno::LOOP) => Kind::Usage,
        _ => Kind::Io,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_told_in_words_and_as_a_code() {
        assert_eq!(Ended::Signal(9).code(), 137);
        assert_eq!(Ended::Signal(9).to_string(), "ended by SIGKILL");
        assert_eq!(Ended::Signal(40).to_string(), "ended by signal 40");
    }

    #[test]
    fn a_program_that_cannot_be_started_fails_by_kind() {
        for (errno, expected) in [
            (Errno::AGAIN, Kind::Unavailable),
            (Errno::NOMEM, Kind::Unavailable),
            (Errno::TOOBIG, Kind::Io),
            (Errno::IO, Kind::Io),
            (Errno::NOEXEC, Kind::Usage),
            (Errno::ACCESS, Kind::Usage),
        ] {
            assert_eq!(not_started("x", &errno.into()).kind(), expected, "{errno}");
        }
    }
}
