//! The hold-back: the end of an archive leaves only after the verdict.

use std::fmt;

use crate::error::Error;
use crate::meta::Meta;
use crate::verifier::{Summary, Verifier};

/// A [`Verifier`] between a source and a sink, which hands bytes on only as far as they cannot do harm.
///
/// Readers accept an archive that lacks its end: with 8 bytes missing most of them notice nothing, and without
/// compression the last 1,303 may be missing. So the last [`HOLD_BACK`](Self::HOLD_BACK) bytes are kept until the
/// whole archive is proven. A smaller archive leaves whole or not at all.
pub struct Guard {
    verifier: Verifier,
    /// What is held back is in here, between `start` and `end`; the bytes before it may still be lent to a [`Ready`].
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
}

impl Guard {
    /// How many bytes are held back.
    pub const HOLD_BACK: usize = 64 * 1024;

    /// Room for what is lent and what is held, and more, so that the held bytes need not be moved for every push.
    const CAPACITY: usize = 4 * Self::HOLD_BACK;

    /// A guard that demands all four members, like [`Verifier::new`].
    pub fn new() -> Self {
        Self {
            verifier: Verifier::new(),
            buffer: vec![0; Self::CAPACITY].into_boxed_slice(),
            start: 0,
            end: 0,
        }
    }

    /// Like [`Verifier::with_digest`].
    #[must_use]
    pub fn with_digest(mut self) -> Self {
        self.verifier = self.verifier.with_digest();
        self
    }

    /// Takes the next bytes of the archive and returns those that may leave now, which are all but the last
    /// [`HOLD_BACK`](Self::HOLD_BACK) of what came so far.
    ///
    /// Nothing of a `chunk` is copied but its last 64 KiB. Once the gzip stream has ended nothing leaves any more.
    ///
    /// # Errors
    ///
    /// Like [`Verifier::push`]; then nothing leaves of this chunk, nor of what is held.
    pub fn push<'a>(&'a mut self, chunk: &'a [u8]) -> Result<Ready<'a>, Error> {
        self.verifier.push(chunk)?;
        let held = self.end - self.start;
        let ready = (held + chunk.len()).saturating_sub(Self::HOLD_BACK);
        let (from_held, from_chunk) = (ready.min(held), ready.saturating_sub(held));
        let (leaving, staying) = chunk.split_at(from_chunk);

        // At most HOLD_BACK each, so this makes room.
        if self.end + staying.len() > Self::CAPACITY {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, held);
        }
        self.buffer[self.end..self.end + staying.len()].copy_from_slice(staying);
        self.end += staying.len();
        let lent = self.start..self.start + from_held;
        self.start = lent.end;
        Ok(Ready([&self.buffer[lent], leaving]))
    }

    /// Like [`Verifier::meta`].
    pub fn meta(&self) -> Option<&Meta> {
        self.verifier.meta()
    }

    /// Like [`Verifier::member_ended`].
    pub fn member_ended(&self) -> bool {
        self.verifier.member_ended()
    }

    /// The verdict at the end of input, and, if it is good, the bytes that were held back.
    ///
    /// # Errors
    ///
    /// Like [`Verifier::finish`]; then the bytes that were held back are gone.
    pub fn finish(self) -> Result<(Summary, Held), Error> {
        let summary = self.verifier.finish()?;
        Ok((
            summary,
            Held {
                buffer: self.buffer,
                start: self.start,
                end: self.end,
            },
        ))
    }
}

impl Default for Guard {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard")
            .field("verifier", &self.verifier)
            .finish_non_exhaustive()
    }
}

/// Bytes that may leave now: two slices, of which one or both may be empty, to be written in this order.
#[derive(Clone, Copy, Debug)]
#[must_use = "bytes that are not written are missing from the output"]
pub struct Ready<'a>([&'a [u8]; 2]);

impl<'a> Ready<'a> {
    /// The two slices.
    pub fn slices(&self) -> [&'a [u8]; 2] {
        self.0
    }

    /// The number of bytes in both.
    pub fn len(&self) -> usize {
        self.0[0].len() + self.0[1].len()
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<'a> IntoIterator for Ready<'a> {
    type Item = &'a [u8];
    type IntoIter = std::array::IntoIter<&'a [u8], 2>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// The bytes that were held back, at most [`Guard::HOLD_BACK`], and handed out with the good verdict.
pub struct Held {
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Held({} bytes)", self.as_ref().len())
    }
}
