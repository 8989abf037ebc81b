//! Which snapshot of a series is fetched.

use snapline_cli::{Failure, Kind, Progress};
use snapline_s3::Client;
use snapline_series::{Member, Members, ObjectUri};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::args::Series;

/// An object to fetch.
#[derive(Debug)]
pub(crate) struct Chosen {
    pub(crate) object: ObjectUri,
    /// Its size in bytes by the listing, if it was chosen from one.
    pub(crate) size: Option<u64>,
    /// The next older snapshot, for somebody who learns that this one is broken.
    pub(crate) before: Option<ObjectUri>,
}

impl Chosen {
    /// An object that was asked for by its key.
    pub(crate) const fn object(object: ObjectUri) -> Self {
        Self {
            object,
            size: None,
            before: None,
        }
    }
}

impl Series {
    /// Its members at the time `now`, after a warning for each that does not count.
    ///
    /// # Errors
    /// 66 if there is none that counts, and those of the listing.
    pub(crate) fn members(&self, client: &Client, now: OffsetDateTime) -> Result<Members, Failure> {
        let mut progress = Progress::of_objects("listed");
        let members = client.members(&self.bucket, &self.template, now, |objects| progress.add(objects))?;
        drop(progress);
        for member in &members.future {
            log::warn!("'{}' is from the future: it is never the newest", self.uri(member));
        }
        for member in &members.empty {
            log::warn!("'{}' is empty: it is no snapshot", self.uri(member));
        }
        if members.snapshots.is_empty() {
            let cause = if members.is_empty() {
                "there is no object of this series"
            } else {
                "all its objects are empty or from the future"
            };
            let failure = Failure::says(Kind::NoInput, format!("find a snapshot of '{self}': {cause}"));
            return Err(if members.foreign > 0 {
                failure.hint(format!(
                    "{} objects under 's3://{}/{}' have other names; --name tells how they are made",
                    members.foreign,
                    self.bucket,
                    self.template.literal_prefix()
                ))
            } else {
                failure
            });
        }
        Ok(members)
    }

    /// The newest snapshot.
    pub(crate) fn newest(&self, members: &Members) -> Result<Chosen, Failure> {
        let newest = members.newest();
        newest
            .map(|member| self.chosen(members, member))
            .ok_or_else(|| Failure::says(Kind::NoInput, format!("find a snapshot of '{self}': there is none")))
    }

    /// The newest snapshot that is not newer than `time`.
    ///
    /// # Errors
    /// 66 if all are newer.
    pub(crate) fn newest_at(&self, members: &Members, time: OffsetDateTime) -> Result<Chosen, Failure> {
        if let Some(member) = members.newest_at(time) {
            return Ok(self.chosen(members, member));
        }
        let time = time.format(&Rfc3339).unwrap_or_else(|_| time.to_string());
        let failure = Failure::says(
            Kind::NoInput,
            format!("find a snapshot of '{self}' that is not newer than {time}: there is none"),
        );
        Err(match members.snapshots.last() {
            Some(oldest) => failure.hint(format!("the oldest is '{}'", self.uri(oldest))),
            None => failure,
        })
    }

    /// The URI of a member.
    pub(crate) fn uri(&self, member: &Member) -> ObjectUri {
        member.uri(&self.bucket)
    }

    fn chosen(&self, members: &Members, member: &Member) -> Chosen {
        Chosen {
            object: self.uri(member),
            size: Some(member.size),
            before: members.before(member).map(|before| self.uri(before)),
        }
    }
}

impl std::fmt::Display for Series {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.template)
    }
}
