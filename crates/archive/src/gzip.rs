//! The gzip header and trailer (RFC 1952, section 2.3), byte by byte.
//!
//! flate2's own gzip readers are not used: they hide where the member ends, and this is what tells a doubled or
//! padded file from a whole one.

use flate2::Crc;

use crate::error::Error;
use crate::foreign::{Foreign, Guess};

const MAGIC: [u8; 2] = [0x1f, 0x8b];
const DEFLATE: u8 = 8;

const FHCRC: u8 = 0x02;
const FEXTRA: u8 = 0x04;
const FNAME: u8 = 0x08;
const FCOMMENT: u8 = 0x10;
const RESERVED: u8 = 0xe0;

/// The field that the next byte of the header belongs to.
#[derive(Clone, Copy)]
enum Field {
    Magic(u8),
    /// Into the magic bytes of another format: it is no gzip, and only its name is still to be found out.
    Foreign,
    Method,
    Flags,
    /// MTIME, XFL and OS, with the number of bytes that are left; they mean nothing here.
    Ignored(u8),
    ExtraLengthLow,
    ExtraLengthHigh(u8),
    Extra(u16),
    Name,
    Comment,
    ChecksumLow,
    ChecksumHigh(u8),
    Complete,
}

/// The parser of a gzip header.
pub(crate) struct Header {
    field: Field,
    flags: u8,
    crc: Crc,
    /// The first bytes, if they are those of another format.
    foreign: Vec<u8>,
}

impl Header {
    pub(crate) fn new() -> Self {
        Self {
            field: Field::Magic(0),
            flags: 0,
            crc: Crc::new(),
            foreign: Vec::new(),
        }
    }

    /// Takes the bytes of the header from the beginning of `input` and returns how many those were.
    pub(crate) fn push(&mut self, input: &[u8]) -> Result<usize, Error> {
        for (position, &byte) in input.iter().enumerate() {
            if self.is_complete() {
                return Ok(position);
            }
            self.step(byte)?;
        }
        Ok(input.len())
    }

    pub(crate) fn is_complete(&self) -> bool {
        matches!(self.field, Field::Complete)
    }

    /// What is wrong if the input ends here and it did not begin as a gzip stream does.
    pub(crate) fn not_gzip(&self) -> Option<Error> {
        self.foreign.first().map(|&found| Error::NotGzip { at: 0, found })
    }

    fn step(&mut self, byte: u8) -> Result<(), Error> {
        let expected = (self.crc.sum() & 0xffff).to_le_bytes();
        self.crc.update(&[byte]);
        self.field = match self.field {
            Field::Magic(0) | Field::Foreign if byte != MAGIC[0] || !self.foreign.is_empty() => {
                self.foreign.push(byte);
                match Foreign::guess(&self.foreign) {
                    Guess::Open => Field::Foreign,
                    Guess::Is(format) => return Err(Error::Foreign { format }),
                    Guess::None => {
                        let found = self.foreign[0];
                        return Err(Error::NotGzip { at: 0, found });
                    }
                }
            }
            Field::Magic(at) if byte != MAGIC[usize::from(at)] => return Err(Error::NotGzip { at, found: byte }),
            Field::Magic(0) => Field::Magic(1),
            Field::Magic(_) => Field::Method,
            Field::Method if byte != DEFLATE => return Err(header_error("unknown compression method")),
            Field::Method => Field::Flags,
            Field::Flags if byte & RESERVED != 0 => return Err(header_error("a reserved flag is set")),
            Field::Flags => {
                self.flags = byte;
                Field::Ignored(6)
            }
            Field::Ignored(1) => self.optional(FEXTRA),
            Field::Ignored(left) => Field::Ignored(left - 1),
            Field::ExtraLengthLow => Field::ExtraLengthHigh(byte),
            Field::ExtraLengthHigh(low) => match u16::from_le_bytes([low, byte]) {
                0 => self.optional(FNAME),
                length => Field::Extra(length),
            },
            Field::Extra(1) => self.optional(FNAME),
            Field::Extra(left) => Field::Extra(left - 1),
            Field::Name if byte == 0 => self.optional(FCOMMENT),
            Field::Comment if byte == 0 => self.optional(FHCRC),
            // The checksum covers the header up to itself, so its low byte is compared with the sum before that byte;
            // the high byte of that sum has to be kept.
            Field::ChecksumLow if byte == expected[0] => Field::ChecksumHigh(expected[1]),
            Field::ChecksumHigh(high) if byte == high => Field::Complete,
            Field::ChecksumLow | Field::ChecksumHigh(_) => return Err(header_error("its checksum differs")),
            same @ (Field::Foreign | Field::Name | Field::Comment | Field::Complete) => same,
        };
        Ok(())
    }

    /// The first optional field that is present, from the one behind `flag` on, in the order of the format.
    fn optional(&self, flag: u8) -> Field {
        let order = [
            (FEXTRA, Field::ExtraLengthLow),
            (FNAME, Field::Name),
            (FCOMMENT, Field::Comment),
            (FHCRC, Field::ChecksumLow),
        ];
        let mut rest = order.into_iter().skip_while(|&(candidate, _)| candidate != flag);
        rest.find(|&(candidate, _)| self.flags & candidate != 0)
            .map_or(Field::Complete, |(_, field)| field)
    }
}

fn header_error(reason: &'static str) -> Error {
    Error::GzipHeader { reason }
}

/// The parser of a gzip trailer: CRC-32 and length of the data.
pub(crate) struct Trailer {
    bytes: [u8; Self::LENGTH],
    filled: usize,
}

impl Trailer {
    const LENGTH: usize = 8;

    pub(crate) fn new() -> Self {
        Self {
            bytes: [0; Self::LENGTH],
            filled: 0,
        }
    }

    /// Takes the bytes of the trailer from the beginning of `input`, returns how many those were.
    ///
    /// `crc` and `length` are those of the data; only the low 32 bits of the length are in the trailer. The CRC is
    /// compared as soon as it is complete, in the middle of the trailer.
    pub(crate) fn push(&mut self, input: &[u8], crc: u32, length: u64) -> Result<usize, Error> {
        let used = input.len().min(self.missing());
        self.bytes[self.filled..self.filled + used].copy_from_slice(&input[..used]);
        self.filled += used;
        if self.filled >= 4 && self.bytes[..4] != crc.to_le_bytes() {
            return Err(Error::GzipChecksum);
        }
        if self.missing() == 0 && self.bytes[4..] != length.to_le_bytes()[..4] {
            return Err(Error::GzipLength);
        }
        Ok(used)
    }

    pub(crate) fn missing(&self) -> usize {
        Self::LENGTH - self.filled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(bytes: &[u8]) -> Result<(usize, bool), Error> {
        let mut header = Header::new();
        let used = header.push(bytes)?;
        Ok((used, header.is_complete()))
    }

    fn with_flags(flags: u8, optional: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x1f, 0x8b, 8, flags, 1, 2, 3, 4, 0, 255];
        bytes.extend_from_slice(optional);
        bytes
    }

    fn with_checksum(mut bytes: Vec<u8>) -> Vec<u8> {
        let mut crc = Crc::new();
        crc.update(&bytes);
        bytes.extend_from_slice(&crc.sum().to_le_bytes()[..2]);
        bytes
    }

    #[test]
    fn plain_header_has_ten_bytes() {
        assert_eq!(parse(&with_flags(0, b"rest")), Ok((10, true)));
        assert_eq!(parse(&with_flags(1, b"rest")), Ok((10, true)));
        assert_eq!(parse(&with_flags(0, b"")[..9]), Ok((9, false)));
    }

    #[test]
    fn optional_fields_are_skipped_in_their_order() {
        let all = with_checksum(with_flags(0x1e, b"\x03\x00abcname\0comment\0"));
        let length = all.len();
        let mut longer = all.clone();
        longer.extend_from_slice(b"rest");
        assert_eq!(parse(&longer), Ok((length, true)));
        for cut in 0..length {
            assert_eq!(parse(&all[..cut]), Ok((cut, false)));
        }
        assert_eq!(parse(&with_flags(FEXTRA, b"\0\0rest")), Ok((12, true)));
        assert_eq!(parse(&with_flags(FNAME, b"\0rest")), Ok((11, true)));
        assert_eq!(parse(&with_flags(FCOMMENT, b"c\0rest")), Ok((12, true)));
    }

    #[test]
    fn wrong_header_checksum_is_refused() {
        let good = with_checksum(with_flags(FHCRC, b""));
        for position in [4, 9, 10, 11] {
            let mut bad = good.clone();
            bad[position] ^= 0x40;
            assert!(matches!(parse(&bad), Err(Error::GzipHeader { .. })), "byte {position}");
        }
    }

    #[test]
    fn reserved_flags_and_other_methods_are_refused() {
        for flag in [0x20, 0x40, 0x80] {
            assert!(matches!(parse(&with_flags(flag, b"")), Err(Error::GzipHeader { .. })));
        }
        assert!(matches!(parse(&[0x1f, 0x8b, 7]), Err(Error::GzipHeader { .. })));
        assert_eq!(parse(b"{"), Err(Error::NotGzip { at: 0, found: b'{' }));
        assert_eq!(parse(b"\x1f\x9d"), Err(Error::NotGzip { at: 1, found: 0x9d }));
    }
}
