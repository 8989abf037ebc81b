//! From the source through the check to the output, or to the spool before it.

use snapline_archive::{Error, Guard, Held, Summary};
use snapline_cli::{Failure, Output, Progress};

use crate::{Spool, Waiting, Watch};

/// What one read may bring, in bytes.
pub(crate) const CHUNK: usize = 128 * 1024;

/// Why a copy stopped.
#[derive(Debug)]
pub enum Stop<E> {
    /// The source failed.
    Source(E),
    /// The bytes are no whole archive. What has left is refused by every reader.
    Archive(Error),
    /// The output or the spool failed.
    Target(Failure),
}

/// Where an archive goes, but for its last bytes.
#[derive(Debug)]
pub enum Target<'a> {
    /// To the reader, who cannot be asked to forget it.
    Output(&'a mut Output),
    /// To our own disk.
    Spool(&'a mut Spool),
}

impl Target<'_> {
    fn write_all(&mut self, bytes: &[u8], watch: &Watch) -> Result<(), Failure> {
        match self {
            Self::Output(output) => {
                watch.waits_for(Waiting::Output);
                output.write_all(bytes)
            }
            Self::Spool(spool) => {
                watch.waits_for(Waiting::Spool);
                spool.write_all(bytes)
            }
        }
    }
}

/// Copies an archive but for its last bytes, and returns those with the good verdict of `guard`. `read` fills a buffer like
/// [`std::io::Read::read`]; `left` counts the bytes that went to the target, also where the copy fails.
///
/// # Errors
/// Which of the three failed: source, archive or target.
pub fn copy<E>(
    mut read: impl FnMut(&mut [u8]) -> Result<usize, E>,
    mut guard: Guard,
    mut target: Target<'_>,
    watch: &Watch,
    left: &mut u64,
) -> Result<(Summary, Held), Stop<E>> {
    let mut buffer = vec![0; CHUNK];
    let mut progress = Progress::new("read");
    loop {
        watch.waits_for(Waiting::Source);
        let count = read(&mut buffer).map_err(Stop::Source)?;
        if count == 0 {
            return guard.finish().map_err(Stop::Archive);
        }
        let ready = guard.push(&buffer[..count]).map_err(Stop::Archive)?;
        for slice in ready {
            if !slice.is_empty() {
                target.write_all(slice, watch).map_err(Stop::Target)?;
                *left += slice.len() as u64;
            }
        }
        progress.add(count as u64);
    }
}

/// Copies whatever comes, and returns its length in bytes. Nothing is verified, and nothing held back.
///
/// # Errors
/// [`Stop::Source`] or [`Stop::Target`].
pub fn copy_raw<E>(
    mut read: impl FnMut(&mut [u8]) -> Result<usize, E>,
    mut target: Target<'_>,
    watch: &Watch,
) -> Result<u64, Stop<E>> {
    let mut buffer = vec![0; CHUNK];
    let mut progress = Progress::new("read");
    let mut bytes = 0;
    loop {
        watch.waits_for(Waiting::Source);
        let count = read(&mut buffer).map_err(Stop::Source)?;
        if count == 0 {
            return Ok(bytes);
        }
        target.write_all(&buffer[..count], watch).map_err(Stop::Target)?;
        bytes += count as u64;
        progress.add(count as u64);
    }
}
