//! The archive as it comes: proven whole, and copied where nobody else can change it.

use std::io::Read as _;

use snapline_archive::{Inspection, Inspector, Verifier};
use snapline_cli::{Failure, Kind, input};
use snapline_relay::{Spool, Stalls, Stop, take};

use crate::args::Config;

/// An archive that passed every gate.
#[derive(Debug)]
pub(crate) struct Archive {
    /// What is known of it.
    pub(crate) inspection: Inspection,
    /// All of it.
    pub(crate) spool: Spool,
}

impl Archive {
    /// Reads the whole input into an unlinked file.
    ///
    /// # Errors
    /// 66 for an empty input, 65 for one that is no whole archive, 74 if it cannot be read or the copy not be written, 64 if
    /// it is a terminal.
    pub(crate) fn take(config: &Config) -> Result<Self, Failure> {
        let input = input(config.input.as_deref(), "an archive")?;
        let reading = format!("read the archive from {}", input.name);
        let checking = format!("check the archive from {}", input.name);
        let mut spool = Spool::new(&config.spool)?;
        let stalls = Stalls {
            limit: config.stall,
            reading: Some(&reading),
            output: None,
            spool: Some(&config.spool),
        };
        let watch = stalls.watch()?;
        let mut source = input.into_file();
        let inspector = Inspector::new(Verifier::new().with_digest());
        let taken = take(|buffer| source.read(buffer), inspector, &mut spool, &watch);
        match taken {
            Ok(inspection) => Ok(Self { inspection, spool }),
            Err(Stop::Source(error)) => Err(Failure::says(Kind::Io, format!("{reading}: {error}"))),
            Err(Stop::Archive(error)) => Err(Failure::from(error).context(checking)),
            Err(Stop::Target(failure)) => Err(failure),
        }
    }
}
