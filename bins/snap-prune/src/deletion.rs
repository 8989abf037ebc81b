//! Deletes objects, one at a time.

use snapline_cli::{Failure, Kind, Output, yield_to_ending};
use snapline_s3::Client;
use snapline_series::Member;

/// After so many deletions in a row that did not get through, the store is taken to be away.
const MOST_OUTAGES: usize = 3;

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Deleted {
    pub(crate) done: usize,
    /// Those of them that only got a marker: the bucket keeps their versions.
    pub(crate) marked: usize,
    pub(crate) failed: usize,
    first_failure: Option<Failure>,
}

impl Deleted {
    /// The first failure, and how many more there were.
    pub(crate) fn outcome(self) -> Result<(), Failure> {
        match self.first_failure {
            None => Ok(()),
            Some(failure) if self.failed == 1 => Err(failure),
            Some(failure) => Err(failure.context(format!("{} deletions failed, the first", self.failed))),
        }
    }
}

/// Deletes in the order given and prints each that is gone; with `dry_run` it only prints. A deletion that fails does not stop
/// the rest.
pub(crate) fn delete(client: &Client, bucket: &str, members: &[Member], dry_run: bool) -> Result<Deleted, Failure> {
    let mut output = Output::open(None)?;
    let mut deleted = Deleted::default();
    let mut outages = 0;
    for member in members {
        let object = member.uri(bucket);
        let gone = if dry_run {
            Ok(false)
        } else {
            yield_to_ending();
            client.delete(&object).map_err(Failure::from)
        };
        match gone {
            Ok(marked) => {
                outages = 0;
                deleted.done += 1;
                deleted.marked += usize::from(marked);
                let fate = if dry_run { "would be" } else { "is" };
                output
                    .write_all(format!("{object}\n").as_bytes())
                    .map_err(|failure| failure.context(format!("tell that '{object}' {fate} deleted")))?;
            }
            Err(failure) => {
                outages = if failure.kind() == Kind::Unavailable {
                    outages + 1
                } else {
                    0
                };
                deleted.failed += 1;
                log::warn!("{failure}");
                deleted.first_failure.get_or_insert(failure);
                if outages == MOST_OUTAGES {
                    log::warn!("the store seems to be away: the rest is left to the next run");
                    break;
                }
            }
        }
    }
    Ok(deleted)
}
