//! Which objects stay and which go: pure, decided from values alone.

use time::{Duration, OffsetDateTime};

/// How far ahead of the clock an object's time may be.
const SKEW: Duration = Duration::minutes(15);

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

/// An object of the series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    /// The whole key.
    pub(crate) key: String,
    /// The time in the key.
    pub(crate) time: OffsetDateTime,
    /// Bytes.
    pub(crate) size: u64,
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

/// Applies `policy` to `members` at the time `now`. `always` is a key that stays whatever the rules say.
pub(crate) fn decide(members: Vec<Member>, policy: Policy, always: Option<&str>, now: OffsetDateTime) -> Decisions {
    let mut decisions = Decisions::default();
    let mut members = members;
    members.sort_by(|a, b| (b.time, &b.key).cmp(&(a.time, &a.key)));
    // Where pages of a listing overlap, an object comes twice. It must not count twice, and must not be kept as one and
    // deleted as the other.
    members.dedup_by(|a, b| a.key == b.key);
    let (empty, members): (Vec<_>, Vec<_>) = members.into_iter().partition(|member| member.size == 0);
    let (future, members): (Vec<_>, Vec<_>) = members.into_iter().partition(|member| member.time > now + SKEW);
    decisions.empty = empty;
    decisions.future = future;
    for (position, member) in members.into_iter().enumerate() {
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
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-24 12:00:00 UTC);

    fn member(minutes_ago: i64, size: u64) -> Member {
        Member {
            key: format!("k{minutes_ago}"),
            time: NOW - Duration::minutes(minutes_ago),
            size,
        }
    }

    fn keys(members: &[Member]) -> Vec<&str> {
        members.iter().map(|member| member.key.as_str()).collect()
    }

    fn last(count: usize) -> Policy {
        Policy { last: Some(count) }
    }

    #[test]
    fn the_newest_stay_and_the_oldest_go_first() {
        let members = [5, 1, 9, 3].map(|minutes| member(minutes, 1)).to_vec();
        let decisions = decide(members, last(2), None, NOW);
        assert_eq!(keys(&decisions.keep), ["k1", "k3"]);
        assert_eq!(keys(&decisions.delete), ["k9", "k5"]);
    }

    #[test]
    fn the_new_object_stays_even_where_it_is_not_among_the_newest() {
        let members = [1, 2, 3].map(|minutes| member(minutes, 1)).to_vec();
        let decisions = decide(members, last(1), Some("k3"), NOW);
        assert_eq!(keys(&decisions.keep), ["k1", "k3"]);
    }

    #[test]
    fn an_object_from_the_future_stays_and_pushes_nobody_out() {
        let members = [-16, 1, 2].map(|minutes| member(minutes, 1)).to_vec();
        let decisions = decide(members, last(1), None, NOW);
        assert_eq!(keys(&decisions.future), ["k-16"]);
        assert_eq!(
            (keys(&decisions.keep), keys(&decisions.delete)),
            (vec!["k1"], vec!["k2"])
        );
        let decisions = decide(vec![member(-15, 1)], last(1), None, NOW);
        assert_eq!(keys(&decisions.keep), ["k-15"]);
    }

    #[test]
    fn an_empty_object_neither_counts_nor_goes() {
        let decisions = decide(
            vec![member(1, 0), member(2, 1), member(3, 0), member(4, 1)],
            last(1),
            None,
            NOW,
        );
        assert_eq!(keys(&decisions.empty), ["k1", "k3"]);
        assert_eq!(
            (keys(&decisions.keep), keys(&decisions.delete)),
            (vec!["k2"], vec!["k4"])
        );
    }

    #[test]
    fn an_object_that_was_listed_twice_counts_once() {
        let members = [1, 1, 2, 3, 2].map(|minutes| member(minutes, 1)).to_vec();
        let decisions = decide(members, last(2), None, NOW);
        assert_eq!(
            (keys(&decisions.keep), keys(&decisions.delete)),
            (vec!["k1", "k2"], vec!["k3"])
        );
    }

    fn any_members() -> impl Strategy<Value = Vec<Member>> {
        proptest::collection::btree_map(-60_i64..600, 0_u64..3, 0..40)
            .prop_map(|all| all.into_iter().map(|(minutes, size)| member(minutes, size)).collect())
    }

    proptest! {
        #[test]
        fn every_object_has_one_fate(members in any_members(), count in 1_usize..20) {
            let before: BTreeSet<_> = members.iter().map(|member| member.key.clone()).collect();
            let d = decide(members, last(count), None, NOW);
            let after: Vec<_> = [d.keep, d.delete, d.future, d.empty].concat();
            prop_assert_eq!(after.len(), before.len());
            prop_assert_eq!(after.into_iter().map(|member| member.key).collect::<BTreeSet<_>>(), before);
        }

        #[test]
        fn the_newest_is_kept_and_everything_that_goes_is_older_than_everything_kept(
            members in any_members(), count in 1_usize..20
        ) {
            let d = decide(members.clone(), last(count), None, NOW);
            let counted = members.iter().filter(|member| member.size > 0 && member.time <= NOW + SKEW).count();
            prop_assert_eq!(d.keep.len(), counted.min(count));
            for gone in &d.delete {
                prop_assert!(d.keep.iter().all(|kept| kept.time > gone.time));
            }
        }

        #[test]
        fn keeping_more_never_deletes_more(members in any_members(), count in 1_usize..20) {
            let fewer = decide(members.clone(), last(count), None, NOW).keep;
            let more = decide(members, last(count + 1), None, NOW).keep;
            prop_assert!(fewer.iter().all(|member| more.contains(member)));
        }

        #[test]
        fn the_order_of_the_listing_does_not_matter(members in any_members().prop_shuffle(), count in 1_usize..20) {
            let mut sorted = members.clone();
            sorted.sort_by_key(|member| member.time);
            let (a, b) = (decide(members, last(count), None, NOW), decide(sorted, last(count), None, NOW));
            prop_assert_eq!((a.keep, a.delete), (b.keep, b.delete));
        }
    }
}
