//! Where a program's input comes from.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read};
use std::os::fd::AsFd as _;

use crate::{Failure, Kind, OrExit as _, enlarge_pipe};

/// What standard input is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A person types there.
    Terminal,
    /// `/dev/null`: there is no input, and none is meant.
    Null,
    /// A pipe, a socket, a file: somebody means it to be read.
    Stream,
}

/// Looks at standard input without reading from it.
pub fn stdin_source() -> Source {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        return Source::Terminal;
    }
    let null = rustix::fs::stat("/dev/null").map(|stat| stat.st_rdev);
    match (rustix::fs::fstat(&stdin), null) {
        (Ok(stat), Ok(null)) if is_character_device(&stat) && stat.st_rdev == null => Source::Null,
        (Err(_), _) => Source::Null,
        _ => Source::Stream,
    }
}

fn is_character_device(stat: &rustix::fs::Stat) -> bool {
    rustix::fs::FileType::from_raw_mode(stat.st_mode) == rustix::fs::FileType::CharacterDevice
}

/// An open input, unbuffered.
#[derive(Debug)]
pub struct Input {
    /// How messages name it: `standard input`, or the quoted path.
    pub name: String,
    file: File,
}

/// Opens `path`, or standard input where it is absent or `-`. A pipe is enlarged to 1 MiB where the kernel allows it: that
/// doubles what passes through it.
///
/// # Errors
/// 64 if standard input is a terminal, 66 if there is no such file, 74 if it cannot be opened. `product` names what is
/// expected there.
pub fn input(path: Option<&str>, product: &str) -> Result<Input, Failure> {
    match path {
        None | Some("-") => {
            if stdin_source() == Source::Terminal {
                let message = format!("read {product} from standard input: it is a terminal");
                return Err(Failure::says(Kind::Usage, message).hint("pipe it in, or name a file"));
            }
            let fd = io::stdin()
                .as_fd()
                .try_clone_to_owned()
                .or_exit(Kind::Io, "open standard input")?;
            enlarge_pipe(&fd);
            Ok(Input {
                name: "standard input".to_owned(),
                file: File::from(fd),
            })
        }
        Some(path) => {
            let file = File::open(path).map_err(|error| {
                let exit = if error.kind() == io::ErrorKind::NotFound {
                    Kind::NoInput
                } else {
                    Kind::Io
                };
                Failure::says(exit, format!("open '{path}': {error}"))
            })?;
            Ok(Input {
                name: format!("'{path}'"),
                file,
            })
        }
    }
}

impl Input {
    /// What it reads from: unlike reading through a trait, reading from a file into spare room need not fill that with zeros
    /// before.
    pub fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// The same, without the name.
    pub fn into_file(self) -> File {
        self.file
    }
}

impl Read for Input {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.file.read(buf)
    }

    fn read_to_end(&mut self, buf: &mut Vec<u8>) -> io::Result<usize> {
        self.file.read_to_end(buf)
    }
}
