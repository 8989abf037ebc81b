//! The kinds of failure, which are the exit codes: an interface. Adding is allowed, changing is not.

use std::error::Error;

/// What a failure means to the operator who has to act on it.
///
/// Each kind has the number that BSD's `sysexits.h` gives it where there is a fitting one, else the shell's 128+n. Programs end
/// with that number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// 1: a bug in snapline.
    Unexpected,
    /// 64: called wrongly.
    Usage,
    /// 65: input that is cut, corrupt or foreign.
    Data,
    /// 66: no input, no such object, an empty series.
    NoInput,
    /// 69: a server cannot be reached or cannot serve now; another time it may.
    Unavailable,
    /// 74: a local file cannot be read or written.
    Io,
    /// 77: the server refuses: wrong or missing rights, wrong credentials. Trying again does not help.
    Refused,
    /// 78: the configuration is missing or contradictory, or names what does not exist.
    Config,
    /// 141: the reader closed our standard output; what a shell shows for a program that SIGPIPE ended.
    BrokenPipe,
    /// 128+n: ended by signal n.
    Signal(u8),
    /// Any code: that of a program which was run on the user's behalf, passed on as it is.
    Passed(u8),
}

impl Kind {
    /// The number that a program ends with (`EX_USAGE`, `EX_DATAERR`, `EX_NOINPUT`, `EX_UNAVAILABLE`, `EX_IOERR`, `EX_NOPERM`
    /// and `EX_CONFIG` in `sysexits.h`); 1 for a bug.
    pub const fn code(self) -> u8 {
        match self {
            Self::Unexpected => 1,
            Self::Usage => 64,
            Self::Data => 65,
            Self::NoInput => 66,
            Self::Unavailable => 69,
            Self::Io => 74,
            Self::Refused => 77,
            Self::Config => 78,
            Self::BrokenPipe => 141,
            Self::Signal(number) => 128_u8.saturating_add(number),
            Self::Passed(code) => code,
        }
    }
}

/// An error of a library, displayed as one line `<what we were doing> <to what>: <cause>`.
pub trait Fail: Error + Send + Sync + 'static {
    /// What it means to a user.
    fn kind(&self) -> Kind;

    /// What a user may do about it.
    fn hint(&self) -> Option<&str> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_the_documented_ones() {
        let codes = [
            (Kind::Unexpected, 1),
            (Kind::Usage, 64),
            (Kind::Data, 65),
            (Kind::NoInput, 66),
            (Kind::Unavailable, 69),
            (Kind::Io, 74),
            (Kind::Refused, 77),
            (Kind::Config, 78),
            (Kind::BrokenPipe, 141),
            (Kind::Signal(15), 143),
            (Kind::Passed(3), 3),
        ];
        for (kind, code) in codes {
            assert_eq!(kind.code(), code, "{kind:?}");
        }
    }
}
