//! The gates that an archive passes, and which of them an error belongs to.

use std::fmt;

use crate::contents::Member;
use crate::error::Error;

/// A gate of the crate's documentation. Displayed as its code and its name: `V4, checksums of the members`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gate {
    /// V1: the gzip header.
    GzipHeader,
    /// V2: tar headers and the names of the members.
    Members,
    /// V3: `meta.json`.
    Meta,
    /// V4: the SHA-256 of `meta.json` and `state.bin`.
    Digests,
    /// V5: the form of `SHA256SUMS`.
    Sums,
    /// V6: `SHA256SUMS.sealed`.
    Sealed,
    /// V7: the end of the tar stream.
    TarEnd,
    /// V8: the compressed data and its checksum.
    GzipChecksum,
    /// V9: the end of the input.
    End,
    /// The entries of `state.bin`, which only [`Entries`](crate::Entries) looks at.
    Entries,
}

impl Gate {
    /// All of them, in the order of the stream.
    pub const ALL: [Self; 10] = [
        Self::GzipHeader,
        Self::Members,
        Self::Meta,
        Self::Digests,
        Self::Sums,
        Self::Sealed,
        Self::TarEnd,
        Self::GzipChecksum,
        Self::End,
        Self::Entries,
    ];

    /// Its short name, which stays the same: `V1` to `V9`, and `entries`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::GzipHeader => "V1",
            Self::Members => "V2",
            Self::Meta => "V3",
            Self::Digests => "V4",
            Self::Sums => "V5",
            Self::Sealed => "V6",
            Self::TarEnd => "V7",
            Self::GzipChecksum => "V8",
            Self::End => "V9",
            Self::Entries => "entries",
        }
    }

    /// What it looks at, in a few words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::GzipHeader => "gzip header",
            Self::Members => "tar headers and names of the members",
            Self::Meta => "meta.json",
            Self::Digests => "checksums of meta.json and state.bin",
            Self::Sums => "SHA256SUMS",
            Self::Sealed => "SHA256SUMS.sealed",
            Self::TarEnd => "end of the tar stream",
            Self::GzipChecksum => "compressed data and its checksum",
            Self::End => "end of the input",
            Self::Entries => "entries of state.bin",
        }
    }
}

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entries => f.write_str(self.name()),
            _ => write!(f, "{}, {}", self.code(), self.name()),
        }
    }
}

impl Error {
    /// The gate that the archive did not pass.
    pub const fn gate(&self) -> Gate {
        match self {
            // Wherever it was cut: the input does not end where it must.
            Self::Empty | Self::Truncated { .. } | Self::TrailingData { .. } => Gate::End,
            Self::NotGzip { .. } | Self::Foreign { .. } | Self::GzipHeader { .. } => Gate::GzipHeader,
            Self::Deflate | Self::GzipChecksum | Self::GzipLength => Gate::GzipChecksum,
            Self::Incomplete { .. } | Self::TarEnd { .. } => Gate::TarEnd,
            Self::MissingMember { member: Member::Sealed }
            | Self::MemberSize {
                member: Member::Sealed, ..
            } => Gate::Sealed,
            Self::MemberSize {
                member: Member::Sums, ..
            }
            | Self::Sums { .. } => Gate::Sums,
            Self::MemberSize { .. } | Self::Meta { .. } | Self::StateSize { .. } => Gate::Meta,
            Self::TarHeader { .. }
            | Self::UnexpectedMember { .. }
            | Self::MemberType { .. }
            | Self::DuplicateMember { .. }
            | Self::MissingMember { .. } => Gate::Members,
            Self::Digest { .. } => Gate::Digests,
            Self::Entry { .. } => Gate::Entries,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gates_are_listed_in_their_order_with_different_codes() {
        assert!(Gate::ALL.is_sorted());
        let codes = Gate::ALL.map(Gate::code);
        assert_eq!(codes.join(" "), "V1 V2 V3 V4 V5 V6 V7 V8 V9 entries");
        assert_eq!(Gate::Sealed.to_string(), "V6, SHA256SUMS.sealed");
        assert_eq!(Gate::Entries.to_string(), "entries of state.bin");
    }
}
