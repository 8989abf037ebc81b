//! A place on disk for an archive, for those who must have it whole before anything else.

use std::fs::{File, Permissions};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;

use snapline_cli::{Failure, Kind, OrExit as _, Output};

use crate::copy::CHUNK;
use crate::{Waiting, Watch};

/// A file without a name, mode 0600: it is gone with the process, however that ends.
#[derive(Debug)]
pub struct Spool {
    file: File,
    name: String,
}

impl Spool {
    /// Makes one in `folder`.
    ///
    /// # Errors
    /// 74 if that cannot be written to.
    pub fn new(folder: &str) -> Result<Self, Failure> {
        let name = format!("a temporary file in '{folder}'");
        let opening = format!("open {name}");
        let file = tempfile::tempfile_in(folder).or_exit(Kind::Io, &opening)?;
        // Where the kernel makes it without a name from the beginning, it has the mode that the umask gives.
        file.set_permissions(Permissions::from_mode(0o600))
            .or_exit(Kind::Io, opening)?;
        Ok(Self { file, name })
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// 74, for example when the disk is full.
    pub fn write_all(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.file
            .write_all(bytes)
            .or_exit(Kind::Io, format!("write to {}", self.name))
    }

    /// Goes back to the first byte, for reading.
    ///
    /// # Errors
    /// 74 if that fails.
    pub fn rewind(&mut self) -> Result<(), Failure> {
        self.file.rewind().or_exit(Kind::Io, format!("read {}", self.name))
    }

    /// Reads the next bytes into `buffer`; 0 is the end.
    ///
    /// # Errors
    /// 74 if that fails.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Failure> {
        loop {
            match self.file.read(buffer) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                read => return read.or_exit(Kind::Io, format!("read {}", self.name)),
            }
        }
    }

    /// Hands all of it on.
    ///
    /// # Errors
    /// 74 if it cannot be read, and those of the output.
    pub fn hand_on(mut self, output: &mut Output, watch: &Watch) -> Result<(), Failure> {
        self.rewind()?;
        let mut buffer = vec![0; CHUNK];
        loop {
            watch.waits_for(Waiting::Spool);
            let count = self.read(&mut buffer)?;
            if count == 0 {
                return Ok(());
            }
            watch.waits_for(Waiting::Output);
            output.write_all(&buffer[..count])?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_back_from_the_start() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::new(folder.path().to_str().unwrap()).unwrap();
        spool.write_all(b"ab").unwrap();
        spool.write_all(b"c").unwrap();
        spool.rewind().unwrap();
        let mut buffer = [0; 8];
        assert_eq!(spool.read(&mut buffer).unwrap(), 3);
        assert_eq!(spool.read(&mut buffer).unwrap(), 0);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "it has no name");
    }

    #[test]
    fn a_directory_that_is_not_there_is_an_error_with_its_name() {
        let failure = Spool::new("/no/such/directory").unwrap_err();
        assert_eq!(failure.kind(), Kind::Io);
        assert!(failure.to_string().contains("'/no/such/directory'"), "{failure}");
    }
}
