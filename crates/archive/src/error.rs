//! Why an archive was refused, in words for an operator.

use std::fmt;

use snapline_failure::{Fail, Kind, one_line};

use crate::contents::Member;
use crate::entries::Fault;
use crate::foreign::Foreign;

/// The longest part of a foreign name or message that is repeated in an error, in characters.
const QUOTE_LIMIT: usize = 80;

/// Why the input is not a whole snapshot archive.
///
/// Displayed as one lower-case line without a full stop; whatever comes from the input is bounded and escaped. Every
/// variant but [`Error::Empty`] means bad data.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// There was no input at all. Kept apart, because a stage of a pipe whose predecessor failed sees this.
    Empty,
    /// The input ended before the archive did.
    Truncated {
        /// How far the archive got.
        place: Place,
    },
    /// The gzip stream ended properly, but the tar stream inside it did not: it had been cut before it was compressed.
    Incomplete {
        /// How far the tar stream got.
        place: Place,
    },
    /// The input does not begin as a gzip stream does.
    NotGzip {
        /// The position of the first byte that differs from gzip's magic, 0 or 1.
        at: u8,
        /// That byte.
        found: u8,
    },
    /// The input is the product of another program, most likely made from an archive: encrypted, or compressed again.
    Foreign {
        /// Whose.
        format: Foreign,
    },
    /// The gzip header is damaged, or uses something that RFC 1952 reserves.
    GzipHeader {
        /// What is wrong.
        reason: &'static str,
    },
    /// The compressed data cannot be decoded.
    Deflate,
    /// The CRC-32 in the gzip trailer differs from that of the data.
    GzipChecksum,
    /// The length in the gzip trailer differs from that of the data.
    GzipLength,
    /// Bytes follow the gzip stream.
    TrailingData {
        /// The first of them is the first byte of another gzip stream.
        doubled: bool,
    },
    /// A tar header, or a PAX header, is damaged or of an unknown form.
    TarHeader {
        /// What is wrong.
        reason: &'static str,
    },
    /// A member that does not belong into a snapshot archive.
    UnexpectedMember {
        /// Its name, escaped and bounded.
        name: String,
    },
    /// A tar entry that is no plain file.
    MemberType {
        /// Its name, escaped and bounded.
        name: String,
        /// The type flag of its tar header.
        flag: u8,
    },
    /// A member occurs a second time.
    DuplicateMember {
        /// Which one.
        member: Member,
    },
    /// A member's length is one that a server could not restore.
    MemberSize {
        /// Which one.
        member: Member,
        /// Its length in bytes.
        size: u64,
    },
    /// The tar stream ended without this member.
    MissingMember {
        /// Which one.
        member: Member,
    },
    /// `meta.json` cannot be understood, or says what no snapshot says.
    Meta {
        /// What is wrong, escaped and bounded.
        reason: String,
    },
    /// `meta.json` and the tar header disagree about the length of `state.bin`.
    StateSize {
        /// The length in bytes that `meta.json` tells.
        meta: u64,
        /// The length in bytes that the tar header tells.
        tar: u64,
    },
    /// `SHA256SUMS` does not have the form that it must have.
    Sums {
        /// What is wrong, escaped and bounded.
        reason: String,
    },
    /// The SHA-256 of a member differs from the one in `SHA256SUMS`.
    Digest {
        /// Which one.
        member: Member,
    },
    /// The tar stream is not ended by two zero blocks, or something follows them.
    TarEnd {
        /// What is wrong.
        reason: &'static str,
    },
    /// An entry of `state.bin` is not one that a server writes. Only [`Entries`](crate::Entries) looks at them.
    Entry {
        /// Its number, from 1 on.
        number: u64,
        /// Where in `state.bin` it begins, in bytes.
        offset: u64,
        /// What is wrong.
        fault: Fault,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "the input is empty"),
            Self::Truncated { place } => write!(f, "the archive is truncated: the input ends {place}"),
            Self::Incomplete { place } => {
                write!(
                    f,
                    "the archive is incomplete: its gzip stream is whole, but ends {place}"
                )
            }
            Self::NotGzip {
                at: 0,
                found: b'{' | b'[',
            } => {
                write!(f, "the input looks like a JSON reply, not like a snapshot archive")
            }
            Self::NotGzip { at: 0, found: b'<' } => {
                write!(
                    f,
                    "the input looks like an HTML or XML page, not like a snapshot archive"
                )
            }
            Self::NotGzip { at, found } => {
                write!(
                    f,
                    "the input is not a snapshot archive: byte {at} is 0x{found:02x}, which is not gzip"
                )
            }
            Self::Foreign { format } => write!(f, "the input is not a snapshot archive but {format}"),
            Self::GzipHeader { reason } => write!(f, "the gzip header is damaged: {reason}"),
            Self::Deflate => write!(f, "the compressed data is damaged"),
            Self::GzipChecksum => write!(f, "the gzip checksum differs from that of the data"),
            Self::GzipLength => write!(f, "the gzip length differs from that of the data"),
            Self::TrailingData { doubled: true } => {
                write!(
                    f,
                    "another gzip stream seems to follow the archive; was it written twice?"
                )
            }
            Self::TrailingData { doubled: false } => write!(f, "the archive is followed by other data"),
            Self::TarHeader { reason } => write!(f, "a tar header is damaged: {reason}"),
            Self::UnexpectedMember { name } => write!(f, "unexpected member '{name}' in the archive"),
            Self::MemberType { name, flag } => {
                write!(f, "member '{name}' is not a plain file: type '{}'", flag.escape_ascii())
            }
            Self::DuplicateMember { member } => write!(f, "member '{member}' occurs twice"),
            Self::MemberSize { member, size } => {
                write!(
                    f,
                    "member '{member}' has {size} bytes; a server restores 1 to {} only",
                    Member::SMALL - 1
                )
            }
            Self::MissingMember { member } => write!(f, "member '{member}' is missing"),
            Self::Meta { reason } => write!(f, "'meta.json' is not that of a snapshot: {reason}"),
            Self::StateSize { meta, tar } => {
                write!(f, "'state.bin' has {tar} bytes, but 'meta.json' says {meta}")
            }
            Self::Sums { reason } => write!(f, "'SHA256SUMS' is damaged: {reason}"),
            Self::Digest { member } => write!(f, "checksum of '{member}' differs from SHA256SUMS"),
            Self::TarEnd { reason } => write!(f, "the end of the tar stream is damaged: {reason}"),
            Self::Entry { number, offset, fault } => {
                write!(
                    f,
                    "entry {number} of 'state.bin', at byte {offset}, is damaged: {fault}"
                )
            }
        }
    }
}

impl std::error::Error for Error {}

impl Fail for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Empty => Kind::NoInput,
            _ => Kind::Data,
        }
    }

    fn hint(&self) -> Option<&str> {
        match self {
            Self::Foreign { format } => Some(format.hint()),
            _ => None,
        }
    }
}

/// A position in the archive, as far as it matters to somebody who asks why it is too short.
///
/// Displayed as the end of a sentence that begins with "the input ends".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// Inside the gzip header.
    GzipHeader,
    /// Before the tar header of a member, or inside it.
    MemberHeader {
        /// How many members were complete.
        complete: u8,
    },
    /// Inside a member.
    Member {
        /// Which one.
        member: Member,
        /// How many of its bytes were there.
        read: u64,
        /// How many bytes it has.
        size: u64,
    },
    /// Inside the two zero blocks that end the tar stream.
    EndBlocks,
    /// After the tar stream, before the end of the compressed data.
    DeflateEnd,
    /// Inside the gzip trailer, the last eight bytes.
    GzipTrailer {
        /// How many of them are missing.
        missing: u8,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::GzipHeader => write!(f, "in the gzip header"),
            Self::MemberHeader { complete } => write!(f, "at a tar header, after {complete} of 4 members"),
            Self::Member { member, read, size } => write!(f, "in '{member}', after {read} of {size} bytes"),
            Self::EndBlocks => write!(f, "in the end mark of the tar stream"),
            Self::DeflateEnd => write!(f, "after the tar stream, before the end of the compressed data"),
            Self::GzipTrailer { missing: 1 } => write!(f, "in the gzip trailer, 1 byte is missing"),
            Self::GzipTrailer { missing } => write!(f, "in the gzip trailer, {missing} bytes are missing"),
        }
    }
}

/// Foreign bytes, fit for a message.
pub(crate) fn quote(foreign: &[u8]) -> String {
    one_line(&String::from_utf8_lossy(foreign), QUOTE_LIMIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_names_are_escaped_and_bounded() {
        assert_eq!(quote(b"'a'\x1b[2J\n\xff"), "'a'\\u{1b}[2J \u{fffd}");
        assert_eq!(quote(&[b'a'; 80]), "a".repeat(80));
        assert_eq!(quote(&[b'a'; 8000]), format!("{}…", "a".repeat(80)));
    }
}
