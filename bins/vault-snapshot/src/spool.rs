//! A place on disk for the archive, for those who would rather free the server at once than need no disk.

use std::fs::{File, Permissions};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;

use snapline_cli::{Exit, Failure, OrExit as _, Output, Watchdog};

use crate::stalls;

/// What one read brings.
const CHUNK: usize = 128 * 1024;

/// A file without a name, mode 0600: it is gone with the process, however that ends.
#[derive(Debug)]
pub(crate) struct Spool {
    file: File,
    name: String,
}

impl Spool {
    /// Makes one in `folder`.
    ///
    /// # Errors
    /// 74 if that cannot be written to.
    pub(crate) fn new(folder: &str) -> Result<Self, Failure> {
        let name = format!("a temporary file in '{folder}'");
        let opening = format!("open {name}");
        let file = tempfile::tempfile_in(folder).or_exit(Exit::Io, &opening)?;
        // Where the kernel makes it without a name from the beginning, it has the mode that the umask gives.
        file.set_permissions(Permissions::from_mode(0o600))
            .or_exit(Exit::Io, opening)?;
        Ok(Self { file, name })
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// 74, for example when the disk is full.
    pub(crate) fn write_all(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.file
            .write_all(bytes)
            .or_exit(Exit::Io, format!("write to {}", self.name))
    }

    /// Hands all of it on.
    ///
    /// # Errors
    /// 74 if it cannot be read, and those of the output.
    pub(crate) fn hand_on(mut self, output: &mut Output, watchdog: &Watchdog) -> Result<(), Failure> {
        let reading = format!("read {}", self.name);
        self.file.rewind().or_exit(Exit::Io, &reading)?;
        let mut buffer = vec![0; CHUNK];
        loop {
            watchdog.waits_for(stalls::SPOOL);
            let count = match self.file.read(&mut buffer) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                read => read.or_exit(Exit::Io, &reading)?,
            };
            if count == 0 {
                return Ok(());
            }
            watchdog.waits_for(stalls::OUTPUT);
            output.write_all(&buffer[..count])?;
        }
    }
}
