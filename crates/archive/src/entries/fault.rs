//! What is wrong with an entry.

use std::fmt;

use super::{Entries, LONGEST_KEY};

/// Why an entry of `state.bin` is not one that a server writes. Displayed as the end of a sentence about the entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// `state.bin` ends inside it.
    Cut,
    /// A number in it has more than 64 bits.
    Number,
    /// It is longer than [`Entries::LONGEST`].
    TooLong {
        /// Its length in bytes.
        bytes: u64,
    },
    /// It is not a protobuf message of the right form.
    Field(&'static str),
    /// It has no key.
    NoKey,
    /// Its key is longer than bolt stores.
    KeyTooLong,
    /// Its key is not UTF-8.
    KeyNotUtf8,
    /// Its key is not greater than the one before.
    Order,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cut => write!(f, "'state.bin' ends inside it"),
            Self::Number => write!(f, "a number in it has more than 64 bits"),
            Self::TooLong { bytes } => {
                write!(f, "it has {bytes} bytes, more than {} MiB", Entries::LONGEST >> 20)
            }
            Self::Field(reason) => write!(f, "it is malformed: {reason}"),
            Self::NoKey => write!(f, "it has no key"),
            Self::KeyTooLong => write!(f, "its key has more than {LONGEST_KEY} bytes"),
            Self::KeyNotUtf8 => write!(f, "its key is not UTF-8"),
            Self::Order => write!(f, "its key does not come after the one before"),
        }
    }
}
