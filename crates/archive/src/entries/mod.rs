//! The entries of `state.bin`: what the cluster's storage holds, one key and value after the other.
//!
//! The framing is that of Vault's `physical/raft/fsm.go` (`writeTo`) and `sdk/plugin/pb/backend.proto`: an unsigned
//! varint of the length, then `StorageEntry { 1: string key, 2: bytes value, 3: bool seal_wrap }`. The server walks one
//! bolt bucket in one transaction, so the keys ascend and none occurs twice; both are checked here, because they are
//! what a state put together by anything else would get wrong.

mod fault;
mod varint;

use std::fmt;

use crate::error::Error;

pub use fault::Fault;
use varint::Varint;

/// The longest key that bolt stores, in bytes (`MaxKeySize`).
const LONGEST_KEY: u64 = 32 * 1024;

/// One entry of `state.bin`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Its path in the storage, in clear.
    pub key: &'a str,
    /// Its value as stored, which is encrypted but for a few keys: all of it, or its beginning where it is longer than
    /// the limit of [`Entries::new`].
    pub value: &'a [u8],
    /// The length of the value in bytes.
    pub value_bytes: u64,
    /// The length of the entry in bytes, without its frame: what Vault's own `inspect` counts as its size.
    pub bytes: u64,
}

impl Entry<'_> {
    /// Whether `value` is all of the value.
    pub fn is_whole(&self) -> bool {
        self.value.len() as u64 == self.value_bytes
    }
}

// Neither paths nor values belong into a log.
impl fmt::Debug for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

/// Where the next byte belongs.
#[derive(Clone, Copy)]
enum Stage {
    /// Into the length in front of an entry.
    Frame,
    /// Into the number and type of a field.
    Tag,
    /// Into the length of a field of bytes.
    Length(Field),
    /// Into a field of bytes, `left` before its end.
    Bytes { field: Field, left: u64 },
    /// Into a number that means nothing here.
    Number,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    Key,
    Value,
    Unknown,
}

/// The push parser of `state.bin`; feed it from [`Verifier::push_with`](crate::Verifier::push_with).
///
/// Its memory is two keys and as much of one value as the caller wants, whatever the length of `state.bin`. What it
/// finds does not depend on how the input is cut into slices, and is as unproven as the archive until the verdict.
pub struct Entries {
    value_limit: u64,
    stage: Stage,
    varint: Varint,
    /// The length of the current entry, and how much of it has not come yet.
    length: u64,
    left: u64,
    key: Vec<u8>,
    value: Vec<u8>,
    value_bytes: u64,
    has_key: bool,
    has_value: bool,
    last_key: Vec<u8>,
    count: u64,
    /// Where the current entry begins, and the next byte.
    start: u64,
    offset: u64,
    failed: Option<Error>,
}

impl Entries {
    /// The longest entry that is accepted, in bytes. Vault and OpenBao refuse to store more than 1 MiB unless
    /// `max_entry_size` says otherwise.
    pub const LONGEST: u64 = 128 * 1024 * 1024;

    /// A parser that keeps at most `value_limit` bytes of a value: 0 for who needs none, [`LONGEST`](Self::LONGEST) for
    /// whole values.
    pub fn new(value_limit: u64) -> Self {
        Self {
            value_limit,
            stage: Stage::Frame,
            varint: Varint::default(),
            length: 0,
            left: 0,
            key: Vec::new(),
            value: Vec::new(),
            value_bytes: 0,
            has_key: false,
            has_value: false,
            last_key: Vec::new(),
            count: 0,
            start: 0,
            offset: 0,
            failed: None,
        }
    }

    /// Takes the next bytes of `state.bin`, and hands every entry that they complete to `sink`.
    ///
    /// # Errors
    ///
    /// [`Error::Entry`] as soon as the bytes so far are not what a server writes. Once there was an error, every further
    /// call returns the same one.
    pub fn push(&mut self, bytes: &[u8], sink: &mut dyn FnMut(&Entry<'_>)) -> Result<(), Error> {
        if let Some(err) = &self.failed {
            return Err(err.clone());
        }
        let result = self.advance(bytes, sink).map_err(|fault| self.damaged(fault));
        self.failed = result.clone().err();
        result
    }

    /// Whether `state.bin` may end here: all so far is good, and no entry is cut.
    pub fn is_whole(&self) -> bool {
        self.failed.is_none() && matches!(self.stage, Stage::Frame) && self.varint.is_empty()
    }

    /// What is wrong with the bytes so far.
    pub fn error(&self) -> Option<&Error> {
        self.failed.as_ref()
    }

    /// The end of `state.bin`; returns the number of entries.
    ///
    /// # Errors
    ///
    /// The error that a [`push`](Self::push) returned, or [`Error::Entry`] if the last entry is cut.
    pub fn finish(self) -> Result<u64, Error> {
        match &self.failed {
            Some(err) => Err(err.clone()),
            None if self.is_whole() => Ok(self.count),
            None => Err(self.damaged(Fault::Cut)),
        }
    }

    fn damaged(&self, fault: Fault) -> Error {
        Error::Entry {
            number: self.count + 1,
            offset: self.start,
            fault,
        }
    }

    fn advance(&mut self, mut bytes: &[u8], sink: &mut dyn FnMut(&Entry<'_>)) -> Result<(), Fault> {
        while !bytes.is_empty() {
            let used = match self.stage {
                Stage::Frame => {
                    let (used, length) = self.varint.push(bytes)?;
                    if let Some(length) = length {
                        self.begin(length)?;
                    }
                    used
                }
                Stage::Bytes { field, left } => {
                    // What does not fit into usize is more than any slice has.
                    let used = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
                    self.take(field, &bytes[..used]);
                    self.left -= used as u64;
                    self.enter(field, left - used as u64);
                    used
                }
                Stage::Tag | Stage::Length(_) | Stage::Number => {
                    // No further than the entry goes: a number that its end cuts is not completed by the next frame.
                    let most = usize::try_from(self.left).map_or(bytes.len(), |left| left.min(bytes.len()));
                    let (used, number) = self.varint.push(&bytes[..most])?;
                    self.left -= used as u64;
                    if let Some(number) = number {
                        self.step(number)?;
                    }
                    used
                }
            };
            self.offset += used as u64;
            bytes = &bytes[used..];
            match self.stage {
                Stage::Tag if self.left == 0 && self.varint.is_empty() => self.end(sink)?,
                Stage::Tag | Stage::Length(_) | Stage::Number if self.left == 0 => {
                    return Err(Fault::Field("it ends inside a field"));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// An entry of `length` bytes begins.
    fn begin(&mut self, length: u64) -> Result<(), Fault> {
        match length {
            // Without a field it has no key.
            0 => Err(Fault::NoKey),
            _ if length > Self::LONGEST => Err(Fault::TooLong { bytes: length }),
            _ => {
                (self.length, self.left) = (length, length);
                self.stage = Stage::Tag;
                Ok(())
            }
        }
    }

    /// A number is complete: what comes next depends on it (protobuf encoding, "Message Structure").
    fn step(&mut self, number: u64) -> Result<(), Fault> {
        self.stage = match self.stage {
            Stage::Tag => self.field(number)?,
            Stage::Length(field) => {
                if number > self.left {
                    return Err(Fault::Field("a field is longer than the entry"));
                }
                match field {
                    Field::Key if number > LONGEST_KEY => return Err(Fault::KeyTooLong),
                    Field::Value => self.value_bytes = number,
                    _ => {}
                }
                self.enter(field, number);
                return Ok(());
            }
            // The value of a field that means nothing here.
            _ => Stage::Tag,
        };
        Ok(())
    }

    /// What follows the tag of a field.
    fn field(&mut self, tag: u64) -> Result<Stage, Fault> {
        let (number, kind) = (tag >> 3, tag & 7);
        let seen = match number {
            0 => return Err(Fault::Field("it has a field 0")),
            1 => &mut self.has_key,
            2 => &mut self.has_value,
            _ => &mut false,
        };
        if std::mem::replace(seen, true) {
            return Err(Fault::Field("a field occurs twice"));
        }
        match (number, kind) {
            (1, 2) => Ok(Stage::Length(Field::Key)),
            (2, 2) => Ok(Stage::Length(Field::Value)),
            (1 | 2, _) => Err(Fault::Field("key or value has another type")),
            (_, 0) => Ok(Stage::Number),
            (_, 2) => Ok(Stage::Length(Field::Unknown)),
            (_, 1 | 5) => {
                let left = if kind == 1 { 8 } else { 4 };
                if left > self.left {
                    return Err(Fault::Field("a field is longer than the entry"));
                }
                let field = Field::Unknown;
                Ok(Stage::Bytes { field, left })
            }
            _ => Err(Fault::Field("a field has an unknown type")),
        }
    }

    /// Into a field of bytes that has `left` to come, or behind it.
    fn enter(&mut self, field: Field, left: u64) {
        self.stage = if left == 0 {
            Stage::Tag
        } else {
            Stage::Bytes { field, left }
        };
    }

    fn take(&mut self, field: Field, part: &[u8]) {
        match field {
            Field::Key => self.key.extend_from_slice(part),
            Field::Value => {
                let room = self.value_limit.saturating_sub(self.value.len() as u64);
                let kept = usize::try_from(room).map_or(part.len(), |room| room.min(part.len()));
                self.value.extend_from_slice(&part[..kept]);
            }
            Field::Unknown => {}
        }
    }

    /// The entry is complete.
    fn end(&mut self, sink: &mut dyn FnMut(&Entry<'_>)) -> Result<(), Fault> {
        if self.key.is_empty() {
            return Err(Fault::NoKey);
        }
        let key = std::str::from_utf8(&self.key).map_err(|_| Fault::KeyNotUtf8)?;
        if self.count > 0 && self.key <= self.last_key {
            return Err(Fault::Order);
        }
        sink(&Entry {
            key,
            value: &self.value,
            value_bytes: self.value_bytes,
            bytes: self.length,
        });
        self.count += 1;
        self.start = self.offset;
        std::mem::swap(&mut self.key, &mut self.last_key);
        self.key.clear();
        self.value.clear();
        (self.has_key, self.has_value, self.value_bytes) = (false, false, 0);
        self.stage = Stage::Frame;
        Ok(())
    }
}

impl fmt::Debug for Entries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entries")
            .field("count", &self.count)
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}
