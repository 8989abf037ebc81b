//! The exit codes: an interface. Adding is allowed, changing is not.

use std::fmt::Write as _;

/// How a program ends. The numbers are those of BSD's `sysexits.h` where it has a fitting one, and the shell's 128+n.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 1: a bug in snapline.
    Unexpected,
    /// 64: called wrongly.
    Usage,
    /// 65: input that is cut, corrupt or foreign.
    Data,
    /// 66: no input, no such object, an empty series.
    NoInput,
    /// 69: a server could not be reached or could not serve, after retries.
    Unavailable,
    /// 74: a local read or write failed.
    Io,
    /// 77: the server refused.
    Refused,
    /// 78: configuration missing or contradictory.
    Config,
    /// 141: the reader closed our standard output; what a shell shows for a program that SIGPIPE ended.
    BrokenPipe,
    /// 128+n: ended by signal n.
    Signal(u8),
    /// Any code: that of a program which was run on the user's behalf, passed on as it is.
    Passed(u8),
}

/// The rows of the table that every `--help` shows.
const TABLE: [(&str, &str); 11] = [
    ("0", "done"),
    ("1", "unexpected: a bug"),
    ("64", "called wrongly"),
    ("65", "bad data: cut, corrupt or foreign"),
    ("66", "no input: empty standard input, no such object, empty series"),
    ("69", "unavailable after retries"),
    ("74", "local read or write failed"),
    ("77", "refused by the server"),
    ("78", "configuration missing or contradictory"),
    ("141", "the reader closed standard output"),
    ("128+n", "ended by signal n"),
];

impl Exit {
    /// The number that the process ends with.
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

    /// The kind that a library means by a `sysexits.h` number. Libraries do not know this crate, so they carry the number;
    /// one that is not in the table is a bug and becomes [`Exit::Unexpected`].
    pub const fn from_code(code: u8) -> Self {
        match code {
            64 => Self::Usage,
            65 => Self::Data,
            66 => Self::NoInput,
            69 => Self::Unavailable,
            74 => Self::Io,
            77 => Self::Refused,
            78 => Self::Config,
            141 => Self::BrokenPipe,
            _ => Self::Unexpected,
        }
    }

    /// The exit codes as the last part of a help text.
    pub fn table() -> String {
        let mut text = String::from("Exit codes:\n");
        for (code, meaning) in TABLE {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "  {code:<7} {meaning}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_in_the_table_and_survives_the_way_through_a_number() {
        for exit in [
            Exit::Unexpected,
            Exit::Usage,
            Exit::Data,
            Exit::NoInput,
            Exit::Unavailable,
            Exit::Io,
            Exit::Refused,
            Exit::Config,
            Exit::BrokenPipe,
        ] {
            assert_eq!(Exit::from_code(exit.code()), exit);
            let code = exit.code().to_string();
            assert!(TABLE.iter().any(|(number, _)| *number == code), "{code}");
        }
    }

    #[test]
    fn a_signal_ends_with_128_and_its_number() {
        assert_eq!(Exit::Signal(15).code(), 143);
    }

    #[test]
    fn the_code_of_a_program_that_was_run_is_passed_on_as_it_is() {
        for code in 0..=u8::MAX {
            assert_eq!(Exit::Passed(code).code(), code);
        }
    }
}
