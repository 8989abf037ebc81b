//! How large parts are, and the buffers that hold them.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::mpsc::Sender;

pub(crate) use snapline_archive::largest_archive;
use snapline_cli::{Failure, Kind, OrExit as _};

/// Limits of S3: docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
pub(crate) const SMALLEST_PART: u64 = 5 << 20;
/// The largest part.
pub(crate) const LARGEST_PART: u64 = 5 << 30;
/// The most parts of an upload.
pub(crate) const MOST_PARTS: u32 = 10_000;

/// The part size for an object of at most `bytes`: `wanted`, or as much more as [`MOST_PARTS`] demand. All parts of an upload
/// must be of one size, so it has to be known before the first. Nothing if no part size would do.
pub(crate) fn part_size(wanted: u64, bytes: u64) -> Option<u64> {
    let needed = bytes
        .div_ceil(u64::from(MOST_PARTS))
        .checked_next_multiple_of(1 << 20)?;
    Some(wanted.max(needed)).filter(|size| *size <= LARGEST_PART)
}

/// Bytes of all buffers together, where a part size is raised.
pub(crate) const MOST_MEMORY: u64 = 128 << 20;

/// How far a part size may be raised from `wanted`, so that as many `buffers` stay within [`MOST_MEMORY`].
pub(crate) fn largest_raised(wanted: u64, buffers: u64) -> u64 {
    wanted.max(MOST_MEMORY / buffers.max(1))
}

/// How much a filter may make of an archive whose `state.bin` has `state_bytes`, for the choice of the part size: half as much
/// again. age adds 0.03 %, and with the lines of text that `--armor` writes 37 %.
pub(crate) fn largest_product(state_bytes: u64) -> u64 {
    let archive = largest_archive(state_bytes);
    archive.saturating_add(archive / 2)
}

/// Memory for one part. It is only touched as far as it is used.
#[derive(Debug)]
pub(crate) struct Buffer {
    content: Vec<u8>,
    size: usize,
}

impl Buffer {
    /// # Errors
    /// 74 if there is not that much memory: an allocation that fails elsewhere ends the process without a word about why.
    pub(crate) fn new(size: usize) -> Result<Self, Failure> {
        let content = Vec::new();
        let mut buffer = Self { content, size: 0 };
        buffer.enlarge(size)?;
        Ok(buffer)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.content
    }

    /// Reads until it is full or the input ends; says whether it ended.
    pub(crate) fn fill(&mut self, input: &mut impl Read) -> io::Result<bool> {
        let room = self.size - self.content.len();
        let limit = u64::try_from(room).unwrap_or(u64::MAX);
        let count = input.take(limit).read_to_end(&mut self.content)?;
        Ok(count < room)
    }

    /// Makes room up to `size`, keeping the content.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub(crate) fn enlarge(&mut self, size: usize) -> Result<(), Failure> {
        self.content
            .try_reserve_exact(size.saturating_sub(self.content.len()))
            .or_exit(Kind::Io, format!("get memory for a part of {size} bytes"))?;
        self.size = self.size.max(size);
        Ok(())
    }

    pub(crate) fn clear(&mut self) {
        self.content.clear();
    }
}

/// A part on its way: shared by whoever verifies and whoever uploads it. The last one to let go sends the buffer home.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) number: u32,
    buffer: Option<Buffer>,
    home: Sender<Buffer>,
}

impl Part {
    pub(crate) fn new(number: u32, buffer: Buffer, home: Sender<Buffer>) -> Arc<Self> {
        Arc::new(Self {
            number,
            buffer: Some(buffer),
            home,
        })
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.buffer.as_ref().map_or(&[], Buffer::bytes)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if let Some(buffer) = self.buffer.take() {
            // Nobody is home when the reader is done.
            let _ = self.home.send(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_thousand_parts_always_suffice_up_to_the_largest_object() {
        // 5 TiB is the largest object of S3.
        let mut state_bytes = 1_u64;
        while state_bytes <= 5 << 40 {
            for state_bytes in [state_bytes - 1, state_bytes, state_bytes + 1] {
                for bytes in [largest_archive(state_bytes), largest_product(state_bytes)] {
                    let size = part_size(8 << 20, bytes).unwrap();
                    assert!(bytes <= size * u64::from(MOST_PARTS), "{bytes}");
                }
            }
            state_bytes *= 2;
        }
    }

    #[test]
    fn a_part_size_is_raised_only_where_it_must_be() {
        assert_eq!(part_size(8 << 20, 1 << 30), Some(8 << 20));
        assert!(part_size(8 << 20, 100 << 30).unwrap() > 8 << 20);
        assert_eq!(part_size(64 << 20, 100 << 30), Some(64 << 20));
    }

    #[test]
    fn a_part_size_is_raised_within_the_memory_for_it_and_never_lowered() {
        for (wanted, buffers, most) in [(8, 4, 32), (8, 2, 64), (5, 65, 5), (64, 4, 64), (100, 2, 100)] {
            assert_eq!(largest_raised(wanted << 20, buffers), most << 20, "{wanted} {buffers}");
        }
    }

    #[test]
    fn what_no_part_size_can_hold_is_told_beforehand() {
        assert_eq!(part_size(8 << 20, 60 << 40), None);
        assert_eq!(part_size(8 << 20, u64::MAX), None);
        assert_eq!(part_size(8 << 20, largest_product(u64::MAX)), None);
    }

    #[test]
    fn what_an_armouring_filter_makes_of_an_archive_fits() {
        // Four characters for three bytes, and a line ending for 64 characters.
        for state_bytes in [0_u64, 1 << 20, 1 << 40] {
            let armoured = largest_archive(state_bytes).div_ceil(48) * 65;
            assert!(armoured + 1000 <= largest_product(state_bytes));
        }
    }

    #[test]
    fn a_buffer_is_filled_whatever_the_size_of_the_reads() {
        let mut buffer = Buffer::new(5).unwrap();
        assert!(!buffer.fill(&mut io::Read::chain(&b"ab"[..], &b"cdefg"[..])).unwrap());
        assert_eq!(buffer.bytes(), b"abcde");
        buffer.enlarge(7).unwrap();
        assert!(!buffer.fill(&mut &b"fg"[..]).unwrap());
        assert_eq!(buffer.bytes(), b"abcdefg");
        buffer.clear();
        assert!(buffer.fill(&mut &b"x"[..]).unwrap());
        assert_eq!(buffer.bytes(), b"x");
    }

    #[test]
    fn a_buffer_comes_home_when_the_last_holder_lets_go() {
        let (home, pool) = std::sync::mpsc::channel();
        let part = Part::new(1, Buffer::new(1).unwrap(), home);
        let other = Arc::clone(&part);
        drop(part);
        assert!(pool.try_recv().is_err());
        drop(other);
        assert!(pool.try_recv().is_ok());
    }
}
