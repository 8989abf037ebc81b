//! The snapshots of a series, one a line.

use snapline_cli::{Failure, Kind, Output, age};
use snapline_s3::{Attributes, Client};
use snapline_series::{Member, Members, ObjectUri};
use time::OffsetDateTime;

use crate::args::Series;

/// Prints the URIs of the snapshots, newest first; if `verbose`, with what else is known of each, which takes a request each.
///
/// # Errors
/// Those of the store and of the output; a reader that has seen enough is none.
pub(crate) fn print(
    client: &Client,
    series: &Series,
    members: &Members,
    verbose: bool,
    now: OffsetDateTime,
    mut output: Output,
) -> Result<(), Failure> {
    let mut metadata = Metadata {
        client,
        is_refused: false,
    };
    for member in &members.snapshots {
        let object = series.uri(member);
        let line = if verbose {
            line(&object, member, metadata.of(&object)?.as_ref(), now)
        } else {
            format!("{object}\n")
        };
        match output.write_all(line.as_bytes()) {
            Err(failure) if failure.kind() == Kind::BrokenPipe => return Ok(()),
            written => written?,
        }
    }
    output.commit()
}

/// What the store says about each object.
struct Metadata<'a> {
    client: &'a Client,
    /// It does not, to us.
    is_refused: bool,
}

impl Metadata<'_> {
    /// Nothing for an object that is gone, or where the right to read is missing: to list is a right of its own.
    fn of(&mut self, object: &ObjectUri) -> Result<Option<Attributes>, Failure> {
        if self.is_refused {
            return Ok(None);
        }
        match self.client.head(object) {
            Err(error) if error.is_mute() => {
                log::warn!("{error}; so index and term of the snapshots are not shown");
                self.is_refused = true;
                Ok(None)
            }
            found => Ok(found?),
        }
    }
}

/// URI, size, age, index, term. A tab is in no URI.
fn line(object: &ObjectUri, member: &Member, attributes: Option<&Attributes>, now: OffsetDateTime) -> String {
    let number = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
    let index = number(attributes.and_then(|attributes| attributes.index));
    let term = number(attributes.and_then(|attributes| attributes.term));
    format!("{object}\t{}\t{}\t{index}\t{term}\n", member.size, age(member.age(now)))
}
