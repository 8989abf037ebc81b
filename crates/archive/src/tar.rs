//! The tar stream: headers, members, padding, end blocks. What the members say is the business of `contents`.

use crate::contents::Contents;
use crate::error::{Error, Place, quote};
use crate::pax::Pax;

const BLOCK: usize = 512;

/// The largest PAX header that is accepted, in bytes. The one that Go writes for a large `state.bin` has about 20.
const PAX_LIMIT: u64 = 8192;

/// Where the next plain byte belongs.
enum Stage {
    /// Into a header block, or the first of the two zero blocks.
    Header,
    /// Into a PAX header's records.
    Pax { left: u64 },
    /// Into a member.
    Member { left: u64 },
    /// Into the zeros that fill up a member's last block.
    Padding { left: usize },
    /// Into the second zero block.
    SecondZeroBlock,
    /// Behind the end.
    End,
}

/// The push parser of the tar stream.
pub(crate) struct Tar {
    stage: Stage,
    /// A header block that has not come whole yet.
    block: [u8; BLOCK],
    filled: usize,
    /// The records of a PAX header.
    records: Vec<u8>,
    /// A PAX header that applies to the next member.
    pax: Option<Pax>,
    contents: Contents,
}

impl Tar {
    pub(crate) fn new(contents: Contents) -> Self {
        Self {
            stage: Stage::Header,
            block: [0; BLOCK],
            filled: 0,
            records: Vec::new(),
            pax: None,
            contents,
        }
    }

    pub(crate) fn contents(&self) -> &Contents {
        &self.contents
    }

    /// Takes plain bytes; those of `state.bin` go to `sink` as well.
    pub(crate) fn push(&mut self, mut plain: &[u8], sink: &mut dyn FnMut(&[u8])) -> Result<(), Error> {
        while !plain.is_empty() {
            let used = match self.stage {
                Stage::Header | Stage::SecondZeroBlock => self.push_block(plain)?,
                Stage::Pax { left } => {
                    let part = prefix(plain, left);
                    self.records.extend_from_slice(part);
                    self.advance_pax(left - part.len() as u64)?;
                    part.len()
                }
                Stage::Member { left } => {
                    let part = prefix(plain, left);
                    self.contents.push(part, sink);
                    self.advance_member(left - part.len() as u64)?;
                    part.len()
                }
                Stage::Padding { left } => {
                    let part = prefix(plain, left as u64);
                    // Go's writer pads with zeros; its reader does not look at the padding, and neither do we: it is
                    // covered by the gzip checksum.
                    self.stage = padding_or_header(left - part.len());
                    part.len()
                }
                // Not even zeros: Vault's own reader refuses what is padded any further ("unread uncompressed bytes
                // remain", raft-snapshot archive.go), so it could not be restored.
                Stage::End => {
                    return Err(Error::TarEnd {
                        reason: "data follows it",
                    });
                }
            };
            plain = &plain[used..];
        }
        Ok(())
    }

    /// Tells that no plain byte follows.
    pub(crate) fn close(&self) -> Result<(), Error> {
        match self.stage {
            Stage::End => Ok(()),
            _ => Err(Error::Incomplete { place: self.place() }),
        }
    }

    /// Whether the members have ended, and none was missing.
    pub(crate) fn has_all_members(&self) -> bool {
        matches!(self.stage, Stage::SecondZeroBlock | Stage::End)
    }

    /// How far the stream got.
    pub(crate) fn place(&self) -> Place {
        match self.stage {
            Stage::Header | Stage::Pax { .. } | Stage::Padding { .. } => Place::MemberHeader {
                complete: self.contents.complete(),
            },
            Stage::Member { left } => self.contents.place(left),
            Stage::SecondZeroBlock => Place::EndBlocks,
            Stage::End => Place::DeflateEnd,
        }
    }

    fn push_block(&mut self, plain: &[u8]) -> Result<usize, Error> {
        let part = &plain[..plain.len().min(BLOCK - self.filled)];
        self.block[self.filled..self.filled + part.len()].copy_from_slice(part);
        self.filled += part.len();
        if self.filled == BLOCK {
            self.filled = 0;
            self.take_block()?;
        }
        Ok(part.len())
    }

    fn take_block(&mut self) -> Result<(), Error> {
        let is_zero = self.block.iter().all(|&byte| byte == 0);
        match (&self.stage, is_zero) {
            (Stage::SecondZeroBlock, true) => self.stage = Stage::End,
            (Stage::SecondZeroBlock, false) => {
                return Err(Error::TarEnd {
                    reason: "a single zero block",
                });
            }
            (_, true) if self.pax.is_some() => return Err(damaged("a PAX header without a member")),
            (_, true) => {
                // All four members must have come by now, so a missing one is known here.
                self.contents.close()?;
                self.stage = Stage::SecondZeroBlock;
            }
            (_, false) => self.take_header()?,
        }
        Ok(())
    }

    fn take_header(&mut self) -> Result<(), Error> {
        let header = Header::parse(&self.block)?;
        if header.flag == b'x' {
            return self.begin_pax(header.size);
        }
        let pax = self.pax.take().unwrap_or_default();
        let name = pax.path.unwrap_or(header.name);
        if !matches!(header.flag, b'0' | 0) {
            return Err(Error::MemberType {
                name: quote(&name),
                flag: header.flag,
            });
        }
        let size = pax.size.unwrap_or(header.size);
        self.contents.begin(&name, size, header.time)?;
        self.advance_member(size)
    }

    fn begin_pax(&mut self, size: u64) -> Result<(), Error> {
        if self.pax.is_some() {
            return Err(damaged("two PAX headers in a row"));
        }
        if size >= PAX_LIMIT {
            return Err(damaged("a PAX header of more than 8191 bytes"));
        }
        self.records.clear();
        self.advance_pax(size)
    }

    fn advance_pax(&mut self, left: u64) -> Result<(), Error> {
        self.stage = Stage::Pax { left };
        if left == 0 {
            self.pax = Some(Pax::parse(&self.records)?);
            self.stage = padding_or_header(padding(self.records.len() as u64));
        }
        Ok(())
    }

    fn advance_member(&mut self, left: u64) -> Result<(), Error> {
        self.stage = Stage::Member { left };
        if left == 0 {
            let size = self.contents.end()?;
            self.stage = padding_or_header(padding(size));
        }
        Ok(())
    }
}

/// The fields of a ustar header that matter.
struct Header {
    name: Vec<u8>,
    size: u64,
    /// Seconds since 1970 UTC; nothing depends on it, so it may be damaged.
    time: Option<u64>,
    flag: u8,
}

impl Header {
    fn parse(block: &[u8; BLOCK]) -> Result<Self, Error> {
        let promised = octal(&block[148..156]).ok_or(damaged("its checksum is no number"))?;
        // The checksum is the sum of all bytes, with its own field counted as eight blanks.
        let own: u64 = block[148..156].iter().map(|&byte| u64::from(byte)).sum();
        let actual = block.iter().map(|&byte| u64::from(byte)).sum::<u64>() - own + 8 * u64::from(b' ');
        if promised != actual {
            return Err(damaged("its checksum differs"));
        }
        let size = octal(&block[124..136]).ok_or(damaged("its size is no number"))?;
        let mut name = text(&block[0..100]).to_vec();
        // Only POSIX ustar has a prefix of the name here; GNU's variant keeps times in its place.
        let folder = text(&block[345..500]);
        if block[257..263] == *b"ustar\0" && !folder.is_empty() {
            name = [folder, b"/", &name].concat();
        }
        Ok(Self {
            name,
            size,
            time: octal(&block[136..148]).filter(|&time| time > 0),
            flag: block[156],
        })
    }
}

/// A field up to its first NUL.
fn text(field: &[u8]) -> &[u8] {
    field.split(|&byte| byte == 0).next().unwrap_or_default()
}

/// A number in octal digits, with blanks and NULs around it; an empty field is 0, as Go's reader has it.
fn octal(field: &[u8]) -> Option<u64> {
    let is_blank = |byte: &u8| matches!(byte, b' ' | 0);
    let Some(start) = field.iter().position(|byte| !is_blank(byte)) else {
        return Some(0);
    };
    let digits = field[start..].split(is_blank).next()?;
    let is_rest_blank = field[start + digits.len()..].iter().all(is_blank);
    // At most twelve digits, so three bits each do not overflow.
    let number = digits.iter().try_fold(0, |number: u64, &digit| match digit {
        b'0'..=b'7' => Some(number << 3 | u64::from(digit - b'0')),
        _ => None,
    })?;
    is_rest_blank.then_some(number)
}

/// The first `left` bytes, or all if there are fewer.
fn prefix(plain: &[u8], left: u64) -> &[u8] {
    // What does not fit into usize is more than any slice has.
    &plain[..usize::try_from(left).map_or(plain.len(), |left| left.min(plain.len()))]
}

/// The number of bytes that fill up the last block of `size` bytes.
fn padding(size: u64) -> usize {
    // Below 512, so it fits.
    (size.wrapping_neg() % BLOCK as u64) as usize
}

fn padding_or_header(left: usize) -> Stage {
    if left == 0 {
        Stage::Header
    } else {
        Stage::Padding { left }
    }
}

fn damaged(reason: &'static str) -> Error {
    Error::TarHeader { reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octal_fields_are_read_as_tar_writers_write_them() {
        assert_eq!(octal(b"00000000273\0"), Some(0o273));
        assert_eq!(octal(b"   273 \0"), Some(0o273));
        assert_eq!(octal(b"777777777777"), Some((1 << 36) - 1));
        assert_eq!(octal(b"\0\0\0\0"), Some(0));
        assert_eq!(octal(b"0000008\0"), None);
        assert_eq!(octal(b"12 34\0"), None);
        assert_eq!(octal(b"-1\0"), None);
        assert_eq!(octal(b"\x80\0\0\0\0\0\0\0\0\0\x01\0"), None);
    }

    #[test]
    fn padding_fills_the_last_block() {
        assert_eq!([0, 1, 511, 512, 513, 1 << 33].map(padding), [0, 511, 1, 0, 511, 0]);
        assert_eq!(padding(u64::MAX), 1);
    }
}
