//! The verdict on an archive, from slices of any size.

use std::fmt;

use flate2::{Crc, Decompress, FlushDecompress, Status};
use sha2::{Digest as _, Sha256};

use crate::contents::Contents;
use crate::error::{Error, Place};
use crate::gate::Gate;
use crate::gzip::{Header, Trailer};
use crate::meta::Meta;
use crate::tar::Tar;

/// The size of the buffer that plain bytes pass through. It stays in the second-level cache, where the checksums find
/// it again.
const PLAIN: usize = 64 * 1024;

/// What is known of an archive that passed every gate.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// Its metadata.
    pub meta: Meta,
    /// The length of the archive in bytes.
    pub bytes: u64,
    /// The length of the tar stream in it, in bytes.
    pub plain_bytes: u64,
    /// The SHA-256 of `state.bin`.
    pub state_sha256: [u8; 32],
    /// The SHA-256 of the archive itself, where [`Verifier::with_digest`] asked for it.
    pub archive_sha256: Option<[u8; 32]>,
    /// When the snapshot was taken, in seconds since 1970 UTC: the time in the tar header of `state.bin`. The server
    /// writes its own clock there; nothing else in an archive tells the time. `None` if the field is 0 or damaged.
    pub taken: Option<u64>,
    /// Whether the tar stream is stored as it is, as OpenBao writes it since 2.6.0, and not compressed: told by the type
    /// of the first deflate block.
    pub stored: bool,
    /// Whether it has a `SHA256SUMS.sealed`. Always so unless [`Verifier::with_optional_seal`] was asked for.
    pub sealed: bool,
}

/// Where the next byte of input belongs.
enum Stage {
    Header(Header),
    Deflate,
    Trailer(Trailer),
    End,
}

/// Checks an archive while it passes, in constant memory; the gates are those of the crate's documentation.
///
/// Takes about 110 KiB, whatever the archive. The verdict does not depend on how the input is cut into slices.
pub struct Verifier {
    stage: Stage,
    inflater: Decompress,
    plain: Box<[u8]>,
    crc: Crc,
    tar: Tar,
    bytes: u64,
    digest: Option<Sha256>,
    stored: bool,
    failed: Option<Error>,
}

impl Verifier {
    /// A verifier that demands all four members, as every archive of Vault and OpenBao has them.
    pub fn new() -> Self {
        Self::with(Contents::new(true))
    }

    /// A verifier that also accepts archives without `SHA256SUMS.sealed`, as Consul and Nomad write them.
    pub fn with_optional_seal() -> Self {
        Self::with(Contents::new(false))
    }

    fn with(contents: Contents) -> Self {
        Self {
            stage: Stage::Header(Header::new()),
            inflater: Decompress::new(false),
            plain: vec![0; PLAIN].into_boxed_slice(),
            crc: Crc::new(),
            tar: Tar::new(contents),
            bytes: 0,
            digest: None,
            stored: false,
            failed: None,
        }
    }

    /// The same, which also computes [`Summary::archive_sha256`]. That costs about as much as the check of `state.bin`.
    #[must_use]
    pub fn with_digest(mut self) -> Self {
        self.digest = Some(Sha256::new());
        self
    }

    /// Takes the next bytes of the archive.
    ///
    /// # Errors
    ///
    /// As soon as the bytes so far prove that this is no whole archive, whatever follows. Once there was an error,
    /// every further call returns the same one.
    pub fn push(&mut self, chunk: &[u8]) -> Result<(), Error> {
        self.push_with(chunk, &mut |_| {})
    }

    /// Like [`push`](Self::push), and hands every byte of `state.bin` to `sink` in order, in slices of any size.
    ///
    /// # Errors
    ///
    /// Like `push`. What went to `sink` before is as unproven as the rest.
    pub fn push_with(&mut self, chunk: &[u8], sink: &mut dyn FnMut(&[u8])) -> Result<(), Error> {
        if let Some(err) = &self.failed {
            return Err(err.clone());
        }
        self.bytes += chunk.len() as u64;
        if let Some(digest) = &mut self.digest {
            digest.update(chunk);
        }
        let result = self.advance(chunk, sink);
        self.failed = result.clone().err();
        result
    }

    /// The metadata, as soon as `meta.json` has been read and checked; the archive as a whole is still unproven then.
    pub fn meta(&self) -> Option<&Meta> {
        self.tar.contents().meta()
    }

    /// Whether the gzip trailer has been consumed and was right, so that any further byte is an error.
    pub fn member_ended(&self) -> bool {
        self.failed.is_none() && matches!(self.stage, Stage::End)
    }

    /// Whether the bytes so far prove that the archive passes `gate`; the last one that can be proven before the end of
    /// the input is V8. For a report of what was right with an archive that failed.
    pub fn has_passed(&self, gate: Gate) -> bool {
        if self.failed.as_ref().is_some_and(|err| err.gate() == gate) {
            return false;
        }
        let contents = self.tar.contents();
        match gate {
            Gate::GzipHeader => !matches!(self.stage, Stage::Header(_)),
            Gate::Members => self.tar.has_all_members(),
            Gate::Meta => contents.meta().is_some() && contents.has_state(),
            Gate::Digests => contents.has_equal_digests(),
            Gate::Sums => contents.has_sums(),
            Gate::Sealed => self.tar.has_all_members() || contents.is_sealed(),
            Gate::TarEnd => matches!(self.stage, Stage::Trailer(_) | Stage::End),
            Gate::GzipChecksum => matches!(self.stage, Stage::End),
            Gate::End | Gate::Entries => false,
        }
    }

    /// Whether all of `state.bin` has passed.
    pub(crate) fn has_state(&self) -> bool {
        self.tar.contents().state_digest().is_some()
    }

    /// The verdict, at the end of input.
    ///
    /// # Errors
    ///
    /// The error that a [`push`](Self::push) returned, [`Error::Empty`] if there was no byte at all, and
    /// [`Error::Truncated`] if the input ended before the archive did.
    pub fn finish(self) -> Result<Summary, Error> {
        if let Some(err) = self.failed {
            return Err(err);
        }
        if self.bytes == 0 {
            return Err(Error::Empty);
        }
        let place = match &self.stage {
            Stage::Header(header) => match header.not_gzip() {
                Some(err) => return Err(err),
                None => Place::GzipHeader,
            },
            Stage::Deflate => self.tar.place(),
            // At most eight.
            Stage::Trailer(trailer) => Place::GzipTrailer {
                missing: trailer.missing() as u8,
            },
            Stage::End => return self.summary(),
        };
        Err(Error::Truncated { place })
    }

    fn summary(self) -> Result<Summary, Error> {
        let contents = self.tar.contents();
        // The tar stream does not end well without these two, so there is always something to return.
        let (Some(meta), Some(state_sha256)) = (contents.meta(), contents.state_digest()) else {
            return Err(Error::Incomplete {
                place: self.tar.place(),
            });
        };
        Ok(Summary {
            meta: meta.clone(),
            bytes: self.bytes,
            plain_bytes: self.inflater.total_out(),
            state_sha256,
            archive_sha256: self.digest.map(|digest| digest.finalize().into()),
            taken: contents.taken(),
            stored: self.stored,
            sealed: contents.is_sealed(),
        })
    }

    fn advance(&mut self, mut input: &[u8], sink: &mut dyn FnMut(&[u8])) -> Result<(), Error> {
        while let Some(&first) = input.first() {
            let used = match &mut self.stage {
                Stage::Header(header) => {
                    let used = header.push(input)?;
                    if header.is_complete() {
                        self.stage = Stage::Deflate;
                    }
                    used
                }
                Stage::Deflate => {
                    if self.inflater.total_in() == 0 {
                        // BTYPE of the first block (RFC 1951, section 3.2.3).
                        self.stored = first & 0b110 == 0;
                    }
                    self.inflate(input, sink)?
                }
                Stage::Trailer(trailer) => {
                    let used = trailer.push(input, self.crc.sum(), self.inflater.total_out())?;
                    if trailer.missing() == 0 {
                        self.stage = Stage::End;
                    }
                    used
                }
                Stage::End => return Err(Error::TrailingData { doubled: first == 0x1f }),
            };
            input = &input[used..];
        }
        Ok(())
    }

    /// Decodes the beginning of `input` up to its end or to that of the deflate stream; returns how many bytes it was.
    fn inflate(&mut self, input: &[u8], sink: &mut dyn FnMut(&[u8])) -> Result<usize, Error> {
        let mut used = 0;
        loop {
            let (before_in, before_out) = (self.inflater.total_in(), self.inflater.total_out());
            let result = self
                .inflater
                .decompress(&input[used..], &mut self.plain, FlushDecompress::None);
            // Both are bounded by the lengths of the slices. The counters are also right after an error, and what was
            // decoded before it is looked at first: otherwise the verdict would depend on the slicing of the input.
            used += (self.inflater.total_in() - before_in) as usize;
            let produced = (self.inflater.total_out() - before_out) as usize;
            let plain = &self.plain[..produced];
            self.crc.update(plain);
            self.tar.push(plain, sink)?;
            match result {
                Ok(Status::StreamEnd) => {
                    self.tar.close()?;
                    self.stage = Stage::Trailer(Trailer::new());
                    return Ok(used);
                }
                Ok(Status::Ok | Status::BufError) if produced == PLAIN => {}
                Ok(Status::Ok | Status::BufError) if used == input.len() => return Ok(used),
                // The decoder stops early only for the end of its input, of its output, or of the stream. Should it
                // ever do otherwise, this is better than to turn round for ever.
                Ok(Status::Ok | Status::BufError) | Err(_) => return Err(Error::Deflate),
            }
        }
    }
}

impl Default for Verifier {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bytes, failed, .. } = self;
        f.debug_struct("Verifier")
            .field("bytes", bytes)
            .field("failed", failed)
            .finish_non_exhaustive()
    }
}
