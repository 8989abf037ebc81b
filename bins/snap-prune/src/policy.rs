//! Which objects stay and which go: pure, decided from values alone.

use snapline_series::{Member, Members};

/// The rules; an object stays if any of them keeps it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Policy {
    /// Keep the newest of this number.
    pub(crate) last: Option<usize>,
}

impl Policy {
    /// Whether there is no rule at all.
    pub(crate) const fn is_empty(&self) -> bool {
        self.last.is_none()
    }

    /// Whether some rule keeps the object at `position` from the newest.
    fn keeps(&self, position: usize) -> bool {
        self.last.is_some_and(|last| position < last)
    }
}

/// What becomes of each.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Decisions {
    /// Newest first.
    pub(crate) keep: Vec<Member>,
    /// Oldest first, so that what is left after a break is the newest.
    pub(crate) delete: Vec<Member>,
    /// Times ahead of the clock: kept, and left out before the rules are applied.
    pub(crate) future: Vec<Member>,
    /// Empty objects: no backups, so they do not count; not ours to delete either.
    pub(crate) empty: Vec<Member>,
}

/// Applies `policy` to `members`. `always` is a key that stays whatever the rules say.
pub(crate) fn decide(members: Members, policy: Policy, always: Option<&str>) -> Decisions {
    let mut decisions = Decisions {
        future: members.future,
        empty: members.empty,
        ..Decisions::default()
    };
    for (position, member) in members.snapshots.into_iter().enumerate() {
        // The newest is kept by every rule there can be; said here again, so that no rule to come can forget it.
        if position == 0 || policy.keeps(position) || always == Some(member.key.as_str()) {
            decisions.keep.push(member);
        } else {
            decisions.delete.push(member);
        }
    }
    decisions.delete.reverse();
    decisions
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use snapline_series::{Gathering, Template};
    use time::macros::datetime;
    use time::{Duration, OffsetDateTime};

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-24 12:00:00 UTC);

    fn template() -> Template {
        Template::parse("%Y%m%d_%H%M%S").unwrap()
    }

    /// Objects of so many minutes ago, with their sizes.
    fn members(all: &[(i64, u64)]) -> Members {
        let template = template();
        let mut gathering = Gathering::new(&template);
        for (minutes_ago, size) in all {
            gathering.add(key(*minutes_ago), *size, None).unwrap();
        }
        gathering.at(NOW)
    }

    fn key(minutes_ago: i64) -> String {
        template().format(NOW - Duration::minutes(minutes_ago))
    }

    fn minutes(members: &[Member]) -> Vec<i64> {
        members
            .iter()
            .map(|member| (NOW - member.time).whole_minutes())
            .collect()
    }

    fn last(count: usize) -> Policy {
        Policy { last: Some(count) }
    }

    #[test]
    fn the_newest_stay_and_the_oldest_go_first() {
        let decisions = decide(members(&[(5, 1), (1, 1), (9, 1), (3, 1)]), last(2), None);
        assert_eq!(minutes(&decisions.keep), [1, 3]);
        assert_eq!(minutes(&decisions.delete), [9, 5]);
    }

    #[test]
    fn the_new_object_stays_even_where_it_is_not_among_the_newest() {
        let decisions = decide(members(&[(1, 1), (2, 1), (3, 1)]), last(1), Some(&key(3)));
        assert_eq!(minutes(&decisions.keep), [1, 3]);
    }

    #[test]
    fn an_object_from_the_future_stays_and_pushes_nobody_out() {
        let decisions = decide(members(&[(-16, 1), (1, 1), (2, 1)]), last(1), None);
        assert_eq!(minutes(&decisions.future), [-16]);
        assert_eq!(
            (minutes(&decisions.keep), minutes(&decisions.delete)),
            (vec![1], vec![2])
        );
    }

    #[test]
    fn an_empty_object_neither_counts_nor_goes() {
        let decisions = decide(members(&[(1, 0), (2, 1), (3, 0), (4, 1)]), last(1), None);
        assert_eq!(minutes(&decisions.empty), [1, 3]);
        assert_eq!(
            (minutes(&decisions.keep), minutes(&decisions.delete)),
            (vec![2], vec![4])
        );
    }

    #[test]
    fn an_object_that_was_listed_twice_counts_once() {
        let decisions = decide(members(&[(1, 1), (1, 1), (2, 1), (3, 1), (2, 1)]), last(2), None);
        assert_eq!(
            (minutes(&decisions.keep), minutes(&decisions.delete)),
            (vec![1, 2], vec![3])
        );
    }

    fn any_objects() -> impl Strategy<Value = Vec<(i64, u64)>> {
        proptest::collection::btree_map(-60_i64..600, 0_u64..3, 0..40).prop_map(|all| all.into_iter().collect())
    }

    proptest! {
        #[test]
        fn every_object_has_one_fate(all in any_objects(), count in 1_usize..20) {
            let before: BTreeSet<_> = all.iter().map(|(minutes, _)| *minutes).collect();
            let d = decide(members(&all), last(count), None);
            let after = minutes(&[d.keep, d.delete, d.future, d.empty].concat());
            prop_assert_eq!(after.len(), before.len());
            prop_assert_eq!(after.into_iter().collect::<BTreeSet<_>>(), before);
        }

        #[test]
        fn the_newest_is_kept_and_everything_that_goes_is_older_than_everything_kept(
            all in any_objects(), count in 1_usize..20
        ) {
            let d = decide(members(&all), last(count), None);
            let counted = all.iter().filter(|(minutes, size)| *size > 0 && *minutes >= -15).count();
            prop_assert_eq!(d.keep.len(), counted.min(count));
            for gone in &d.delete {
                prop_assert!(d.keep.iter().all(|kept| kept.time > gone.time));
            }
        }

        #[test]
        fn keeping_more_never_deletes_more(all in any_objects(), count in 1_usize..20) {
            let fewer = decide(members(&all), last(count), None).keep;
            let more = decide(members(&all), last(count + 1), None).keep;
            prop_assert!(fewer.iter().all(|member| more.contains(member)));
        }

        #[test]
        fn the_order_of_the_listing_does_not_matter(all in any_objects().prop_shuffle(), count in 1_usize..20) {
            let mut sorted = all.clone();
            sorted.sort_unstable();
            let (a, b) = (decide(members(&all), last(count), None), decide(members(&sorted), last(count), None));
            prop_assert_eq!((a.keep, a.delete), (b.keep, b.delete));
        }
    }
}
