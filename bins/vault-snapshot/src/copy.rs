//! From the server through the check to the output, or to the spool before it.

use snapline_archive::{Error, Guard, Held, Summary};
use snapline_cli::{Exit, Failure, Output, Progress, Watchdog};
use snapline_vault::Snapshot;

use crate::spool::Spool;
use crate::stalls;

/// What one read may bring.
const CHUNK: usize = 128 * 1024;

/// Why the copy stopped.
pub(crate) enum Stop {
    /// The server, or the way to it.
    Server(snapline_vault::Error),
    /// The reply ended properly, but the archive in it did not: a server that is sealed or restarted ends it so, and
    /// another try may be whole.
    Cut(Failure),
    /// The archive, or our output: another try would end alike.
    Here(Failure),
}

/// Where the archive goes, but for its last bytes.
pub(crate) enum Target<'a> {
    /// To the reader, who cannot be asked to forget it.
    Output(&'a mut Output),
    /// To our own disk.
    Spool(&'a mut Spool),
}

impl Target<'_> {
    fn write_all(&mut self, bytes: &[u8], watchdog: &Watchdog) -> Result<(), Failure> {
        match self {
            Self::Output(output) => {
                watchdog.waits_for(stalls::OUTPUT);
                output.write_all(bytes)
            }
            Self::Spool(spool) => {
                watchdog.waits_for(stalls::SPOOL);
                spool.write_all(bytes)
            }
        }
    }
}

/// Copies the archive but for its last bytes, and returns those with the good verdict; `left` counts what went to the
/// target. The connection is closed when this returns, whatever it returns: the server must not hold its locks for us.
pub(crate) fn copy(
    mut snapshot: Snapshot,
    mut target: Target<'_>,
    watchdog: &Watchdog,
    left: &mut u64,
) -> Result<(Summary, Held), Stop> {
    let mut guard = Guard::new();
    let mut buffer = vec![0; CHUNK];
    let mut progress = Progress::new("read");
    loop {
        watchdog.waits_for(stalls::SERVER);
        let count = snapshot.read(&mut buffer).map_err(Stop::Server)?;
        if count == 0 {
            break;
        }
        let ready = guard.push(&buffer[..count]).map_err(|error| bad(&snapshot, &error))?;
        for slice in ready {
            if !slice.is_empty() {
                target.write_all(slice, watchdog).map_err(Stop::Here)?;
                *left += slice.len() as u64;
            }
        }
        progress.add(count as u64);
    }
    guard.finish().map_err(|error| bad(&snapshot, &error))
}

fn bad(snapshot: &Snapshot, error: &Error) -> Stop {
    let failure = Failure::says(
        Exit::Data,
        format!("check the snapshot from '{}': {error}", snapshot.url()),
    );
    match (error, snapshot.encoding()) {
        (Error::Empty | Error::Truncated { .. } | Error::Incomplete { .. }, None) => {
            Stop::Cut(failure.hint("the reply ended properly, but too early: the server's log may say why"))
        }
        (_, Some(encoding)) => Stop::Here(failure.hint(format!(
            "the reply says 'Content-Encoding: {encoding}': a proxy in between encodes it, which must be off for this path"
        ))),
        (Error::NotGzip { .. }, None) => Stop::Here(failure.hint(match snapshot.content_type() {
            Some(kind) => format!("the reply is of type '{kind}': does the address name Vault itself?"),
            None => "does the address name Vault itself?".to_owned(),
        })),
        (_, None) => Stop::Here(failure),
    }
}
