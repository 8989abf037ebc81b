//! From the server through the check to the output.

use snapline_archive::{Error, Guard, Held, Summary};
use snapline_cli::{Exit, Failure, Output, Progress, Watchdog};
use snapline_vault::Snapshot;

use crate::stalls;

/// What one read may bring.
const CHUNK: usize = 128 * 1024;

/// Why the copy stopped.
pub(crate) enum Stop {
    /// The server, or the way to it.
    Server(snapline_vault::Error),
    /// The archive, or our output: another try would end alike.
    Here(Failure),
}

/// Copies the archive but for its last bytes, and returns those with the good verdict; `left` counts what left. The
/// connection is closed when this returns, whatever it returns: the server must not hold its locks for us.
pub(crate) fn copy(
    mut snapshot: Snapshot,
    output: &mut Output,
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
                watchdog.waits_for(stalls::OUTPUT);
                output.write_all(slice).map_err(Stop::Here)?;
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
    Stop::Here(match error {
        Error::Empty | Error::Truncated { .. } | Error::Incomplete { .. } => {
            failure.hint("the reply ended properly, but too early: the server's log may say why")
        }
        Error::NotGzip { .. } => failure.hint("does the address name Vault itself?"),
        _ => failure,
    })
}
