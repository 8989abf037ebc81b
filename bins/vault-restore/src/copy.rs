//! The copy on its way out: hashed once more, and its last bytes held back until that agrees.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use sha2::{Digest as _, Sha256};
use snapline_cli::{Progress, yield_to_ending};
use snapline_relay::Spool;

/// How many of the last bytes are held back. A server takes an archive that lacks the last few, and these have its checksums in
/// them.
const HELD: u64 = 64 * 1024;

/// How far a restore has come, to be reported after a signal.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stage(Arc<AtomicU8>);

impl Stage {
    /// Not a byte has left.
    pub(crate) const NOTHING: u8 = 0;
    /// Some have, and the last ones have not.
    pub(crate) const PART: u8 = 1;
    /// All have.
    pub(crate) const WHOLE: u8 = 2;
    /// The server has accepted it.
    pub(crate) const ACCEPTED: u8 = 3;

    pub(crate) fn get(&self) -> u8 {
        self.0.load(Ordering::SeqCst)
    }

    pub(crate) fn set(&self, stage: u8) {
        self.0.store(stage, Ordering::SeqCst);
    }
}

/// Reads a copy from its beginning.
pub(crate) struct Copy<'a> {
    spool: &'a mut Spool,
    /// How many bytes have not been read from the spool.
    left: u64,
    hash: Sha256,
    expected: [u8; 32],
    held: Option<io::Cursor<Vec<u8>>>,
    stage: Stage,
    progress: Progress,
}

impl<'a> Copy<'a> {
    /// `spool` is at its beginning and has `length` bytes, whose SHA-256 is `expected`.
    pub(crate) fn new(spool: &'a mut Spool, length: u64, expected: [u8; 32], stage: Stage) -> Self {
        Self {
            spool,
            left: length,
            hash: Sha256::new(),
            expected,
            held: None,
            stage,
            progress: Progress::new("sent"),
        }
    }

    fn next(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self
            .spool
            .read(buffer)
            .map_err(|failure| io::Error::other(failure.to_string()))?;
        if count == 0 {
            return Err(io::Error::other("the copy of the archive has become shorter"));
        }
        self.hash.update(&buffer[..count]);
        self.left -= count as u64;
        Ok(count)
    }

    /// The last bytes, once all are known to be those that were checked.
    fn hold(&mut self) -> io::Result<Vec<u8>> {
        let mut held = vec![0; usize::try_from(self.left).unwrap_or(usize::MAX)];
        let mut filled = 0;
        while filled < held.len() {
            let (_, free) = held.split_at_mut(filled);
            filled += self.next(free)?;
        }
        if self.hash.clone().finalize().as_slice() != self.expected {
            return Err(io::Error::other(
                "the copy of the archive is not what was checked any more",
            ));
        }
        Ok(held)
    }
}

impl Read for Copy<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = match &mut self.held {
            Some(held) => held.read(buffer)?,
            None if self.left > HELD => {
                let most = usize::try_from(self.left - HELD)
                    .unwrap_or(usize::MAX)
                    .min(buffer.len());
                self.stage.set(Stage::PART);
                self.next(&mut buffer[..most])?
            }
            None => {
                let mut held = io::Cursor::new(self.hold()?);
                // If a signal has come, nothing more leaves. What one finds from here on is an archive that may be restored.
                yield_to_ending();
                self.stage.set(Stage::WHOLE);
                yield_to_ending();
                let count = held.read(buffer)?;
                self.held = Some(held);
                count
            }
        };
        self.progress.add(count as u64);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copied(content: &[u8], expected: &[u8]) -> (Vec<u8>, io::Result<()>, u8) {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::new(folder.path().to_str().unwrap()).unwrap();
        spool.write_all(content).unwrap();
        spool.rewind().unwrap();
        let stage = Stage::default();
        let digest = Sha256::digest(expected).into();
        let mut copy = Copy::new(&mut spool, expected.len() as u64, digest, stage.clone());
        let (mut left, mut buffer) = (Vec::new(), [0; 10_000]);
        while left.len() < expected.len() {
            match copy.read(&mut buffer) {
                Ok(count) => left.extend_from_slice(&buffer[..count]),
                Err(error) => return (left, Err(error), stage.get()),
            }
        }
        (left, Ok(()), stage.get())
    }

    fn content(length: usize) -> Vec<u8> {
        (0..length).map(|at| (at * 7 % 251) as u8).collect()
    }

    #[test]
    fn a_copy_leaves_as_it_is() {
        for length in [1, 65_535, 65_536, 65_537, 300_000] {
            let content = content(length);
            let (left, result, stage) = copied(&content, &content);
            assert!(result.is_ok() && left == content, "{length}");
            assert_eq!(stage, Stage::WHOLE);
        }
    }

    #[test]
    fn a_copy_that_has_changed_keeps_its_last_bytes() {
        for length in [1, 65_536, 300_000] {
            let expected = content(length);
            for at in [0, length / 2, length - 1] {
                let mut changed = expected.clone();
                changed[at] ^= 1;
                let (left, result, stage) = copied(&changed, &expected);
                assert!(
                    result.unwrap_err().to_string().contains("not what was checked"),
                    "{length} {at}"
                );
                assert_eq!(left.len(), length.saturating_sub(65_536));
                assert_ne!(stage, Stage::WHOLE);
            }
        }
    }

    #[test]
    fn a_copy_that_has_become_shorter_keeps_its_last_bytes() {
        let expected = content(300_000);
        for length in [0, 100_000, 299_999] {
            let (left, result, _) = copied(&expected[..length], &expected);
            assert!(result.unwrap_err().to_string().contains("shorter"), "{length}");
            assert!(left.len() <= 300_000 - 65_536);
        }
    }
}
