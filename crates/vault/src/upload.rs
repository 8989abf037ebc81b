//! A body that is read while it is sent, and how much of it has gone.

use std::fmt;
use std::io::{self, Read};
use std::time::Duration;

/// A body to send once.
pub struct Upload<'a> {
    source: &'a mut dyn Read,
    length: u64,
    stall: Duration,
    taken: u64,
    failure: Option<io::Error>,
}

/// How much of an upload may have reached a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Not a byte.
    Nothing,
    /// A part, which a server takes for a broken upload.
    Part,
    /// All of it.
    Whole,
}

impl<'a> Upload<'a> {
    /// The next `length` bytes of `source`, which are sent as that many. The connection is given up if the server takes none
    /// of them for `stall`.
    ///
    /// A `source` that fails, or ends early, breaks the upload off.
    pub fn new(source: &'a mut dyn Read, length: u64, stall: Duration) -> Self {
        Self {
            source,
            length,
            stall,
            taken: 0,
            failure: None,
        }
    }

    /// How many bytes there are to send.
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// How many of them have been handed to the connection.
    pub const fn taken(&self) -> u64 {
        self.taken
    }

    /// How much may have reached the server.
    pub const fn extent(&self) -> Extent {
        match self.taken {
            0 => Extent::Nothing,
            taken if taken < self.length => Extent::Part,
            _ => Extent::Whole,
        }
    }

    pub(crate) const fn stall(&self) -> Duration {
        self.stall
    }

    /// Why the source broke the upload off, if it did.
    pub(crate) fn failure(&mut self) -> Option<io::Error> {
        self.failure.take()
    }

    fn fill(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.length {
            // Whoever asks for more has sent all of it already.
            return Err(io::Error::other("it was sent before, and nothing is sent twice"));
        }
        let left = usize::try_from(self.length - self.taken).unwrap_or(usize::MAX);
        let most = left.min(buffer.len());
        loop {
            match self.source.read(&mut buffer[..most]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) if most > 0 => {
                    let cause = format!("it ended after {} of {} bytes", self.taken, self.length);
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, cause));
                }
                result => return result,
            }
        }
    }
}

impl Read for Upload<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill(buffer).map_err(|error| {
            let shown = error.to_string();
            self.failure = Some(error);
            io::Error::other(shown)
        })?;
        self.taken += count as u64;
        Ok(count)
    }
}

impl fmt::Debug for Upload<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload")
            .field("length", &self.length)
            .field("taken", &self.taken)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STALL: Duration = Duration::from_secs(1);

    #[test]
    fn an_upload_ends_where_it_said_it_would() {
        let mut source = io::Cursor::new(b"archive and more");
        let mut upload = Upload::new(&mut source, 7, STALL);
        assert_eq!(upload.extent(), Extent::Nothing);
        let mut buffer = [0; 4];
        assert_eq!(upload.read(&mut buffer).unwrap(), 4);
        assert_eq!(upload.extent(), Extent::Part);
        assert_eq!(upload.read(&mut buffer).unwrap(), 3);
        assert_eq!((&buffer[..3], upload.extent()), (&b"ive"[..], Extent::Whole));
        assert!(upload.read(&mut buffer).is_err(), "nobody gets it twice");
    }

    #[test]
    fn a_source_that_ends_early_is_a_failure_and_not_an_end() {
        let mut source = io::Cursor::new(b"archi");
        let mut upload = Upload::new(&mut source, 7, STALL);
        let mut all = Vec::new();
        assert!(upload.read_to_end(&mut all).is_err());
        assert_eq!((all.as_slice(), upload.extent()), (&b"archi"[..], Extent::Part));
        assert_eq!(upload.failure().unwrap().to_string(), "it ended after 5 of 7 bytes");
    }
}
