//! The members of the series, once the new object is among them.

use std::time::{Duration, Instant};

use snapline_cli::{Failure, Kind, Progress};
use snapline_s3::Client;
use snapline_series::{Location, Members, ObjectUri, Template};
use time::OffsetDateTime;

/// For so long a store may be slow to list what it has stored.
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest wait between two listings.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Lists the series. Nothing is deleted before the `new` object is seen there, and is not empty; without one, before there is
/// any object.
pub(crate) fn members(
    client: &Client,
    series: &Location,
    (bucket, template): (&str, &Template),
    new: Option<&ObjectUri>,
) -> Result<Members, Failure> {
    let start = Instant::now();
    let mut wait = Duration::from_millis(500);
    loop {
        let mut progress = Progress::of_objects("listed");
        let now = OffsetDateTime::now_utc();
        let members = client.members(bucket, template, now, |objects| progress.add(objects))?;
        drop(progress);
        let Some(object) = new else {
            return if members.is_empty() {
                Err(no_input(format!("prune '{series}': there is no object of this series")))
            } else {
                Ok(members)
            };
        };
        let confirming = format!("find the new object '{object}' in the listing of its series");
        match members.find(&object.key) {
            Some(member) if member.size > 0 => return Ok(members),
            Some(_) => return Err(no_input(format!("{confirming}: it is empty; nothing is pruned"))),
            None if start.elapsed() + wait > PATIENCE => {
                return Err(no_input(format!("{confirming}: it is not there; nothing is pruned")));
            }
            None => {
                log::info!(
                    "{confirming}: it is not there yet; asking again in {} ms",
                    wait.as_millis()
                );
                std::thread::sleep(wait);
                wait = (wait * 2).min(LONGEST_WAIT);
            }
        }
    }
}

fn no_input(message: String) -> Failure {
    Failure::says(Kind::NoInput, message)
}
