//! Where a program's product goes: standard output, or a file that appears whole or not at all.

use std::fs::File;
use std::io::{self, IsTerminal as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempPath};

use crate::destination::{Destination, destination, folder_of};
use crate::{AtEnd, Ending, Failure, Kind, OrExit as _, at_end, yield_to_ending};

/// An open output, unbuffered.
#[derive(Debug)]
pub struct Output {
    name: String,
    sink: Sink,
}

/// What an [`Output`] writes to.
#[derive(Debug)]
pub enum Sink {
    /// A descriptor that bytes go to as they come: standard output, a device, a FIFO.
    Stream(File),
    /// A file under a temporary name beside its place.
    Whole {
        /// The temporary file.
        file: NamedTempFile,
        /// Its place.
        place: PathBuf,
        /// Removes the temporary file if a signal ends the program.
        _at_end: AtEnd,
    },
}

/// Refuses to write `product` to a terminal.
///
/// # Errors
/// 64 if `path` means standard output and that is a terminal.
pub fn refuse_terminal(path: Option<&str>, product: &str) -> Result<(), Failure> {
    if matches!(path, None | Some("-")) && io::stdout().is_terminal() {
        let message = format!("write {product} to standard output: it is a terminal");
        return Err(Failure::says(Kind::Usage, message).hint("pipe it on, or name a file with --output"));
    }
    Ok(())
}

impl Output {
    /// Opens `path`, or standard output where it is absent or `-`.
    ///
    /// A regular file is written under a temporary name in the same folder, mode 0600, and takes its place in
    /// [`commit`](Self::commit): an older file there stays whole until then. What exists and is no regular file (`/dev/null`, a
    /// FIFO) is written to directly. A link or a FIFO that belongs neither to us nor to root is refused: anyone who can write to the
    /// folder, as to `/tmp`, would choose where the product goes.
    ///
    /// # Errors
    /// 74 if it cannot be opened, the folder cannot be written to, or somebody else would get the product.
    pub fn open(path: Option<&str>) -> Result<Self, Failure> {
        let Some(path) = path.filter(|path| *path != "-") else {
            let fd = io::stdout()
                .as_fd()
                .try_clone_to_owned()
                .or_exit(Kind::Io, "open standard output")?;
            return Ok(Self {
                name: "standard output".to_owned(),
                sink: Sink::Stream(File::from(fd)),
            });
        };
        let name = format!("'{path}'");
        let opening = format!("open {name} for writing");
        let place = match destination(Path::new(path)).or_exit(Kind::Io, &opening)? {
            Destination::Stream(file) => {
                return Ok(Self {
                    name,
                    sink: Sink::Stream(file),
                });
            }
            Destination::Place(place) => place,
        };
        let folder = folder_of(&place);
        let file = tempfile::Builder::new()
            .prefix(".snapline-")
            .suffix(".tmp")
            // tempfile_in would add the path, which nobody has asked for, to what the system says.
            .make_in(folder, |path| {
                File::options()
                    .read(true)
                    .write(true)
                    .create_new(true)
                    .mode(0o600)
                    .open(path)
            })
            .or_exit(Kind::Io, opening)?;
        let temporary = file.path().to_path_buf();
        let at_end = at_end(move || {
            let _ = std::fs::remove_file(&temporary);
            Ending::End
        });
        Ok(Self {
            name,
            sink: Sink::Whole {
                file,
                place,
                _at_end: at_end,
            },
        })
    }

    /// Lets everybody read a file, mode 0644 whatever the umask is: for one that holds no secret and is meant for others.
    ///
    /// # Errors
    /// 74 if that is refused.
    pub fn readable_by_all(&self) -> Result<(), Failure> {
        match &self.sink {
            Sink::Stream(_) => Ok(()),
            Sink::Whole { file, .. } => file
                .as_file()
                .set_permissions(std::fs::Permissions::from_mode(0o644))
                .or_exit(Kind::Io, format!("let everybody read {}", self.name)),
        }
    }

    /// Enlarges a pipe to 1 MiB where the kernel allows it, for a product of many bytes: that doubles what passes through.
    pub fn enlarge_pipe(&self) {
        if let Sink::Stream(file) = &self.sink {
            crate::enlarge_pipe(file);
        }
    }

    /// Writes all of `bytes`; nothing once a signal that ends the program was delivered.
    ///
    /// # Errors
    /// 141 if the reader closed a pipe, else 74.
    pub fn write_all(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        yield_to_ending();
        let written = match &mut self.sink {
            Sink::Stream(file) => file.write_all(bytes),
            Sink::Whole { file, .. } => file.write_all(bytes),
        };
        written.map_err(|error| {
            let broken = error.kind() == io::ErrorKind::BrokenPipe;
            let exit = if broken { Kind::BrokenPipe } else { Kind::Io };
            let cause = if broken {
                "the reader closed it".to_owned()
            } else {
                error.to_string()
            };
            Failure::says(exit, format!("write to {}: {cause}", self.name))
        })
    }

    /// Puts a file in its place: synced, renamed, the folder synced. Nothing to do for a stream, and nothing is done once a
    /// signal that ends the program was delivered.
    ///
    /// # Errors
    /// 74 if a step fails; the temporary file is then gone.
    pub fn commit(self) -> Result<(), Failure> {
        let Sink::Whole { file, place, .. } = self.sink else {
            return Ok(());
        };
        let writing = format!("write to {}", self.name);
        file.as_file().sync_all().or_exit(Kind::Io, &writing)?;
        yield_to_ending();
        let path: TempPath = file.into_temp_path();
        path.persist(&place)
            .map_err(|failed| failed.error)
            .or_exit(Kind::Io, &writing)?;
        // The rename itself must survive a power cut.
        File::open(folder_of(&place))
            .and_then(|folder| folder.sync_all())
            .or_exit(Kind::Io, writing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_file_appears_only_when_committed_and_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("out");
        std::fs::write(&place, "old").unwrap();
        let mut output = Output::open(place.to_str()).unwrap();
        output.write_all(b"new").unwrap();
        assert_eq!(std::fs::read_to_string(&place).unwrap(), "old");
        output.commit().unwrap();
        assert_eq!(std::fs::read_to_string(&place).unwrap(), "new");
        assert_eq!(std::fs::metadata(&place).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn an_output_file_that_is_for_others_is_readable_by_all() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("out");
        let output = Output::open(place.to_str()).unwrap();
        output.readable_by_all().unwrap();
        output.commit().unwrap();
        assert_eq!(std::fs::metadata(&place).unwrap().permissions().mode() & 0o777, 0o644);
    }

    #[test]
    fn an_output_that_is_dropped_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let mut output = Output::open(folder.path().join("out").to_str()).unwrap();
        output.write_all(b"half").unwrap();
        drop(output);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_folder_that_is_not_there_is_told_without_the_name_of_a_temporary_file() {
        let failure = Output::open(Some("/no/such/folder/out")).err().unwrap();
        assert_eq!(failure.kind(), Kind::Io);
        let message = failure.to_string();
        assert!(
            message.ends_with("'/no/such/folder/out' for writing: No such file or directory (os error 2)"),
            "{message}"
        );
    }

    #[test]
    fn a_device_is_written_to_and_not_replaced() {
        let mut output = Output::open(Some("/dev/null")).unwrap();
        output.write_all(b"gone").unwrap();
        output.commit().unwrap();
        assert!(!std::fs::metadata("/dev/null").unwrap().is_file());
    }

    #[test]
    fn a_folder_that_is_not_there_is_a_local_failure() {
        assert_eq!(Output::open(Some("/no/such/folder/out")).unwrap_err().kind(), Kind::Io);
    }
}
