//! Whether a series is as it must be: pure, decided from values alone.

use std::time::Duration;

use snapline_series::Members;
use time::OffsetDateTime;

use crate::problem::Problem;

/// What a series must be like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Policy {
    /// How old the newest snapshot may be.
    pub(crate) max_age: Duration,
    /// How many snapshots there must be, at least 1.
    pub(crate) min_count: usize,
}

impl Policy {
    /// What is wrong with these members of a series in `bucket` at the time `now`; of each kind at most one.
    pub(crate) fn judge(self, bucket: &str, members: &Members, now: OffsetDateTime) -> Vec<Problem> {
        let count = members.snapshots.len();
        let Some(newest) = members.newest() else {
            return vec![Problem::Missing {
                future: members.future.len(),
                empty: members.empty.len(),
            }];
        };
        let mut problems = Vec::new();
        let age = newest.age(now);
        if age > self.max_age {
            problems.push(Problem::TooOld {
                newest: newest.uri(bucket),
                age,
                limit: self.max_age,
            });
        }
        if count < self.min_count {
            problems.push(Problem::TooFew {
                count,
                limit: self.min_count,
            });
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use snapline_series::{Gathering, Template};
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-24 12:00:00 UTC);
    const HOUR: u64 = 3600;

    /// Objects by their age in seconds and their size.
    fn members(all: &[(i64, u64)]) -> Members {
        let template = Template::parse("v/%Y%m%d_%H%M%S").unwrap();
        let mut gathering = Gathering::new(&template);
        for (age, size) in all {
            let key = template.format(NOW - time::Duration::seconds(*age));
            // The store received all of them just now: a copied bucket.
            gathering.add(key, *size, Some(NOW)).unwrap();
        }
        gathering.at(NOW)
    }

    fn judged(all: &[(i64, u64)], hours: u64, min_count: usize) -> Vec<&'static str> {
        let policy = Policy {
            max_age: Duration::from_secs(hours * HOUR),
            min_count,
        };
        let problems = policy.judge("bkt", &members(all), NOW);
        problems.iter().map(Problem::code).collect()
    }

    #[test]
    fn a_snapshot_is_fresh_up_to_the_very_second() {
        assert_eq!(judged(&[(3600, 1)], 1, 1), [] as [&str; 0]);
        assert_eq!(judged(&[(3601, 1)], 1, 1), ["too_old"]);
    }

    #[test]
    fn a_snapshot_from_a_clock_that_is_a_little_ahead_is_fresh() {
        assert_eq!(judged(&[(-900, 1)], 1, 1), [] as [&str; 0]);
    }

    #[test]
    fn neither_the_empty_nor_those_from_the_future_count() {
        assert_eq!(judged(&[], 1, 1), ["missing"]);
        assert_eq!(judged(&[(1, 0), (-901, 1)], 1, 1), ["missing"]);
        assert_eq!(judged(&[(1, 0), (-901, 1), (3601, 1)], 1, 1), ["too_old"]);
        assert_eq!(judged(&[(1, 0), (-901, 1), (2, 1)], 1, 2), ["too_few"]);
    }

    #[test]
    fn all_that_is_wrong_is_told() {
        assert_eq!(judged(&[(7200, 1)], 1, 2), ["too_old", "too_few"]);
        assert_eq!(judged(&[(1, 1), (7200, 1)], 1, 2), [] as [&str; 0]);
    }

    proptest! {
        #[test]
        fn a_series_is_good_if_enough_count_and_the_newest_of_them_is_fresh(
            all in proptest::collection::btree_map(-2000_i64..10_000, 0_u64..2, 0..20),
            min_count in 1_usize..5,
        ) {
            let all: Vec<_> = all.into_iter().collect();
            let counting: Vec<_> = all.iter().filter(|(age, size)| *age >= -900 && *size > 0).collect();
            let is_fresh = counting.iter().any(|(age, _)| *age <= 3600);
            prop_assert_eq!(judged(&all, 1, min_count).is_empty(), is_fresh && counting.len() >= min_count);
        }
    }
}
