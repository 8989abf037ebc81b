//! The kinds of failure.

/// What a failure means to whoever has to act on it.
///
/// Each kind has the number that BSD's `sysexits.h` gives it; programs end with that number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The caller asked for something that makes no sense.
    Usage,
    /// What came over the wire is cut, corrupt or foreign.
    Data,
    /// What was asked for is not there.
    NoInput,
    /// The server cannot be reached or cannot serve now; another time it may.
    Unavailable,
    /// A local file cannot be read or written.
    Io,
    /// The server refuses: wrong or missing rights, wrong credentials. Trying again does not help.
    Refused,
    /// The configuration is missing or contradictory, or names what does not exist.
    Config,
    /// A bug.
    Unexpected,
}

impl Kind {
    /// The number in `sysexits.h` (`EX_USAGE`, `EX_DATAERR`, `EX_NOINPUT`, `EX_UNAVAILABLE`, `EX_IOERR`, `EX_NOPERM`,
    /// `EX_CONFIG`); 1 for a bug.
    pub const fn code(self) -> u8 {
        match self {
            Self::Usage => 64,
            Self::Data => 65,
            Self::NoInput => 66,
            Self::Unavailable => 69,
            Self::Io => 74,
            Self::Refused => 77,
            Self::Config => 78,
            Self::Unexpected => 1,
        }
    }
}
