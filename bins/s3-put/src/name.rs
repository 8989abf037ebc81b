//! Under which key to store.

use snapline_cli::{Failure, Kind};
use snapline_s3::{Client, Guard};
use snapline_series::{Location, ObjectUri};
use time::{Duration, OffsetDateTime};

/// How many seconds a name may move on.
const MOST_SECONDS: i64 = 60;

/// The keys that may be tried, one after the other: an exact key once; the name for now and for each of the next seconds.
#[derive(Debug)]
pub(crate) struct Names<'a> {
    location: &'a Location,
    overwrite: bool,
    now: OffsetDateTime,
    tried: i64,
}

impl<'a> Names<'a> {
    pub(crate) fn new(location: &'a Location, overwrite: bool, now: OffsetDateTime) -> Self {
        Self {
            location,
            overwrite,
            now,
            tried: 0,
        }
    }

    /// The next key that is free, as far as can be seen, and what keeps an object there from being replaced.
    ///
    /// # Errors
    /// 77 if the exact key is taken, 69 if a minute's worth of names is, or if the store cannot be asked.
    pub(crate) fn next_free(&mut self, client: &Client) -> Result<(ObjectUri, Guard), Failure> {
        while let Some(object) = self.next() {
            if self.overwrite {
                return Ok((object, Guard::Absent));
            }
            match client.exists(&object)? {
                Some(false) => return Ok((object, Guard::Seen)),
                None => return Ok((object, Guard::Unseen)),
                Some(true) => log::info!("'{object}' is taken"),
            }
        }
        Err(self.taken())
    }

    /// Why there is no next name.
    pub(crate) fn taken(&self) -> Failure {
        match self.location {
            Location::Object { bucket, key } => {
                let object = ObjectUri {
                    bucket: bucket.clone(),
                    key: key.clone(),
                };
                Failure::says(Kind::Refused, format!("store '{object}': there is an object already"))
                    .hint("--overwrite replaces it")
            }
            Location::Series { bucket, .. } => Failure::says(
                Kind::Unavailable,
                format!(
                    "find a free name in 's3://{bucket}': those of this second and the next {MOST_SECONDS} are taken"
                ),
            ),
        }
    }

    /// Why an upload in parts could not take its name: unlike a single request it cannot move to another one.
    pub(crate) fn taken_meanwhile(&self, object: &ObjectUri) -> Failure {
        match self.location {
            Location::Object { .. } => self.taken(),
            Location::Series { .. } => {
                let message = format!("store '{object}': somebody else stored an object there meanwhile");
                Failure::says(Kind::Unavailable, message).hint("run it again")
            }
        }
    }

    /// Whether there are other names than this one.
    pub(crate) const fn is_series(&self) -> bool {
        matches!(self.location, Location::Series { .. })
    }

    fn next(&mut self) -> Option<ObjectUri> {
        let tried = self.tried;
        self.tried += 1;
        match self.location {
            Location::Object { bucket, key } => (tried == 0).then(|| ObjectUri {
                bucket: bucket.clone(),
                key: key.clone(),
            }),
            Location::Series { bucket, template } => (tried <= MOST_SECONDS).then(|| ObjectUri {
                bucket: bucket.clone(),
                key: template.format(self.now + Duration::seconds(tried)),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_taken_second_moves_on_by_one_second_at_most_sixty() {
        let location = Location::parse("s3://bkt/v/", "n_%Y%m%d_%H%M%S").unwrap();
        let mut names = Names::new(&location, false, datetime!(2026-12-31 23:59:59 UTC));
        assert_eq!(names.next().unwrap().key, "v/n_20261231_235959");
        assert_eq!(names.next().unwrap().key, "v/n_20270101_000000");
        assert_eq!(std::iter::from_fn(|| names.next()).count(), 59);
        assert_eq!(names.taken().kind(), Kind::Unavailable);
    }

    #[test]
    fn a_minute_of_names_and_no_more_is_said_to_be_taken() {
        let location = Location::parse("s3://bkt/v/", "n_%Y%m%d_%H%M%S").unwrap();
        let mut names = Names::new(&location, false, OffsetDateTime::UNIX_EPOCH);
        assert_eq!(std::iter::from_fn(|| names.next()).count(), 61);
        let words = "find a free name in 's3://bkt': those of this second and the next 60 are taken";
        assert_eq!(names.taken().to_string(), words);
    }

    #[test]
    fn an_exact_key_is_tried_once() {
        let location = Location::parse("s3://bkt/k", "unused").unwrap();
        let mut names = Names::new(&location, false, OffsetDateTime::UNIX_EPOCH);
        assert_eq!(names.next().unwrap().key, "k");
        assert_eq!(names.next(), None);
        assert_eq!(names.taken().kind(), Kind::Refused);
    }
}
