//! Hands the archive to the leader, once.

use snapline_cli::{Ending, Failure, at_end, yield_to_ending};
use snapline_relay::Spool;
use snapline_vault::{Client, Secret, Upload, Verdict};

use crate::args::Config;
use crate::copy::{Copy, Stage};

/// What of it is known afterwards.
#[derive(Debug)]
pub(crate) enum Sent {
    /// The server has taken it, at this URL, and applies it.
    Accepted(String),
    /// Nobody knows.
    Unknown(Failure),
}

/// Sends the archive in `spool`, which has `length` bytes with the SHA-256 `digest`.
///
/// # Errors
/// If nothing was changed: why.
pub(crate) fn send(
    config: &Config,
    client: &Client,
    token: Option<&Secret>,
    spool: &mut Spool,
    length: u64,
    digest: [u8; 32],
    stage: &Stage,
) -> Result<Sent, Failure> {
    spool.rewind()?;
    let mut copy = Copy::new(spool, length, digest, stage.clone());
    let mut upload = Upload::new(&mut copy, length, config.stall);
    // After a signal, not a byte leaves.
    yield_to_ending();
    match client.restore(token, &mut upload, config.force, &mut client.tries()) {
        Ok(url) => {
            stage.set(Stage::ACCEPTED);
            Ok(Sent::Accepted(url))
        }
        Err((error, Verdict::Unchanged)) => Err(error.into()),
        Err((error, Verdict::Unknown)) => Ok(Sent::Unknown(error.into())),
    }
}

/// Says at a signal how far `stage` has come, for as long as what it returns lives.
pub(crate) fn tell_at_end(stage: &Stage) -> snapline_cli::AtEnd {
    let stage = stage.clone();
    at_end(move || {
        log::warn!(
            "{}",
            match stage.get() {
                Stage::NOTHING => "nothing of the archive was sent",
                Stage::PART => "the archive was not sent whole, so nothing was changed",
                Stage::WHOLE => "the archive was sent whole and may have been applied",
                _ => "the server has taken the archive and applies it",
            }
        );
        Ending::End
    })
}
