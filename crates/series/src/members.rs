//! The members of a series, in the order that everybody agrees on.

use time::{Duration, OffsetDateTime};

use crate::template::Template;
use crate::uri::ObjectUri;

/// How far ahead of the clock an object's time may be, as far as a clock may be wrong.
const SKEW: Duration = Duration::minutes(15);

/// How long after the time in its name a store may receive an object that was uploaded right away.
const LATE: Duration = Duration::days(1);

/// The most objects of one series that are looked at. A snapshot a minute makes as many in two years.
const MOST: usize = 1_000_000;

/// An object of a series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The whole key.
    pub key: String,
    /// The time in the key, in UTC.
    pub time: OffsetDateTime,
    /// Its size in bytes.
    pub size: u64,
    /// When the store received it (`LastModified`), if it says so.
    pub received: Option<OffsetDateTime>,
}

impl Member {
    /// Its URI, where `bucket` is that of the series.
    pub fn uri(&self, bucket: &str) -> ObjectUri {
        ObjectUri {
            bucket: bucket.to_owned(),
            key: self.key.clone(),
        }
    }

    /// How old it is by the time in its key; 0 for one that is ahead of our clock by a little.
    pub fn age(&self, now: OffsetDateTime) -> std::time::Duration {
        (now - self.time).try_into().unwrap_or_default()
    }

    /// Whether the store received it more than a day after the time in its name: it was copied here, or its name is made up.
    pub fn is_late(&self) -> bool {
        self.received.is_some_and(|received| received > self.time + LATE)
    }
}

/// What a listing shows of a series, as it comes.
#[derive(Debug)]
pub struct Gathering<'a> {
    template: &'a Template,
    found: Vec<Member>,
    foreign: u64,
}

impl<'a> Gathering<'a> {
    /// Nothing of the series that `template` names yet.
    pub fn new(template: &'a Template) -> Self {
        Self {
            template,
            found: Vec::new(),
            foreign: 0,
        }
    }

    /// Takes an object of a listing. What does not belong to the series is only counted.
    ///
    /// # Errors
    /// The most objects that a series may have, if this is one too many.
    pub fn add(&mut self, key: String, size: u64, received: Option<OffsetDateTime>) -> Result<(), usize> {
        match self.template.parse_key(&key) {
            Some(_) if self.found.len() == MOST => return Err(MOST),
            Some(time) => self.found.push(Member {
                key,
                time,
                size,
                received,
            }),
            None => self.foreign += 1,
        }
        Ok(())
    }

    /// The members at the time `now`.
    pub fn at(self, now: OffsetDateTime) -> Members {
        let mut found = self.found;
        found.sort_by(|a, b| (b.time, &b.key).cmp(&(a.time, &a.key)));
        // Where pages of a listing overlap, an object comes twice. It must not count twice, and must not be kept as one and
        // deleted as the other.
        found.dedup_by(|a, b| a.key == b.key);
        let (empty, found): (Vec<_>, Vec<_>) = found.into_iter().partition(|member| member.size == 0);
        let (future, snapshots) = found.into_iter().partition(|member| member.time > now + SKEW);
        Members {
            snapshots,
            future,
            empty,
            foreign: self.foreign,
        }
    }
}

/// The members of a series, each list newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Members {
    /// Those that count.
    pub snapshots: Vec<Member>,
    /// Those whose time is more than 15 minutes ahead of the clock. They are never the newest: a wrong clock, or somebody who
    /// may only write, would decide what is restored and what is deleted.
    pub future: Vec<Member>,
    /// Those of size 0: failed uploads of other tools. They are no snapshots.
    pub empty: Vec<Member>,
    /// How many other objects are under the same prefix.
    pub foreign: u64,
}

impl Members {
    /// The newest snapshot.
    pub fn newest(&self) -> Option<&Member> {
        self.snapshots.first()
    }

    /// The newest snapshot that is not newer than `time`.
    pub fn newest_at(&self, time: OffsetDateTime) -> Option<&Member> {
        self.snapshots.iter().find(|member| member.time <= time)
    }

    /// The next older snapshot.
    pub fn before(&self, member: &Member) -> Option<&Member> {
        self.snapshots
            .iter()
            .find(|other| (other.time, &other.key) < (member.time, &member.key))
    }

    /// Whether there is no object of this series at all.
    pub fn is_empty(&self) -> bool {
        self.snapshots.is_empty() && self.future.is_empty() && self.empty.is_empty()
    }

    /// The member with this key, whatever it counts as.
    pub fn find(&self, key: &str) -> Option<&Member> {
        let mut all = self.snapshots.iter().chain(&self.future).chain(&self.empty);
        all.find(|member| member.key == key)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-24 12:00:00 UTC);

    fn template() -> Template {
        Template::parse("v/%Y%m%d_%H%M%S").unwrap()
    }

    fn members(all: &[(i64, u64)]) -> Members {
        let template = template();
        let mut gathering = Gathering::new(&template);
        for (minutes_ago, size) in all {
            let key = template.format(NOW - Duration::minutes(*minutes_ago));
            gathering.add(key, *size, None).unwrap();
        }
        gathering.at(NOW)
    }

    fn minutes(members: &[Member]) -> Vec<i64> {
        members
            .iter()
            .map(|member| (NOW - member.time).whole_minutes())
            .collect()
    }

    #[test]
    fn the_newest_comes_first_and_the_future_and_the_empty_are_apart() {
        let members = members(&[(5, 1), (-16, 1), (1, 1), (0, 0), (-15, 1)]);
        assert_eq!(minutes(&members.snapshots), [-15, 1, 5]);
        assert_eq!(minutes(&members.future), [-16]);
        assert_eq!(minutes(&members.empty), [0]);
        assert_eq!(members.newest().unwrap(), &members.snapshots[0]);
    }

    #[test]
    fn an_age_is_counted_from_the_time_in_the_key() {
        let members = members(&[(5, 1), (-15, 1)]);
        let ages: Vec<_> = members
            .snapshots
            .iter()
            .map(|member| member.age(NOW).as_secs())
            .collect();
        assert_eq!(ages, [0, 300]);
        assert_eq!(
            members.snapshots[1].uri("bkt").to_string(),
            "s3://bkt/v/20261124_115500"
        );
    }

    #[test]
    fn an_object_that_was_listed_twice_is_there_once() {
        assert_eq!(minutes(&members(&[(1, 1), (2, 1), (1, 1)]).snapshots), [1, 2]);
    }

    #[test]
    fn the_newest_of_a_time_is_not_newer_and_may_be_of_that_very_second() {
        let members = members(&[(1, 1), (3, 1), (2, 0)]);
        let at = |minutes| {
            members
                .newest_at(NOW - Duration::minutes(minutes))
                .map(|m| (NOW - m.time).whole_minutes())
        };
        assert_eq!(
            (at(0), at(1), at(2), at(3), at(4)),
            (Some(1), Some(1), Some(3), Some(3), None)
        );
    }

    #[test]
    fn the_one_before_is_the_next_older_snapshot() {
        let members = members(&[(1, 1), (2, 0), (3, 1)]);
        let newest = members.newest().unwrap();
        assert_eq!(members.before(newest), Some(&members.snapshots[1]));
        assert_eq!(members.before(&members.snapshots[1]), None);
    }

    #[test]
    fn what_has_no_name_of_the_series_is_only_counted() {
        let template = template();
        let mut gathering = Gathering::new(&template);
        for key in ["v/20261124_115900.old", "v/", "v/20261324_115900", "w/20261124_115900"] {
            gathering.add(key.to_owned(), 1, None).unwrap();
        }
        let members = gathering.at(NOW);
        assert_eq!((members.is_empty(), members.foreign), (true, 4));
    }

    #[test]
    fn an_object_is_late_a_day_after_the_time_in_its_name() {
        let member = |received| Member {
            key: String::new(),
            time: NOW,
            size: 1,
            received,
        };
        assert!(!member(None).is_late());
        assert!(!member(Some(NOW - Duration::days(9))).is_late());
        assert!(!member(Some(NOW + Duration::days(1))).is_late());
        assert!(member(Some(NOW + Duration::days(1) + Duration::SECOND)).is_late());
    }

    proptest! {
        #[test]
        fn every_object_is_in_one_list_whatever_the_order(all in proptest::collection::btree_map(-60_i64..600, 0_u64..3, 0..40)) {
            let sorted: Vec<_> = all.clone().into_iter().collect();
            let reversed: Vec<_> = all.clone().into_iter().rev().collect();
            let found = members(&sorted);
            prop_assert_eq!(found.snapshots.len() + found.future.len() + found.empty.len(), all.len());
            prop_assert_eq!(members(&reversed), found);
        }
    }
}
