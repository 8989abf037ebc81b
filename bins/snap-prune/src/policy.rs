//! Which snapshots stay and which go: pure, decided from values alone.

use std::fmt;

use snapline_series::{Member, Members};

use crate::rule::{Count, Rule};
use crate::span::Span;

/// The rules; a snapshot stays if any of them keeps it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Policy {
    /// The rules with a count, each at most once.
    pub(crate) counts: Vec<(Rule, Count)>,
    /// Keep everything that is newer than this before the newest.
    pub(crate) within: Option<Span>,
    /// Count snapshots that the store received more than a day after the time in their name.
    pub(crate) trust_names: bool,
}

impl Policy {
    /// Whether there is no rule at all.
    pub(crate) const fn is_empty(&self) -> bool {
        self.counts.is_empty() && self.within.is_none()
    }
}

/// Why a snapshot stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The newest of its period.
    Rule(Rule),
    /// The oldest of all, while the rule has periods left.
    Oldest(Rule),
    Within(Span),
    /// It has just been stored.
    New,
    /// Nothing that any rule can say deletes the newest.
    Newest,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rule(rule) => f.write_str(rule.name()),
            Self::Oldest(rule) => write!(f, "oldest {}", rule.name()),
            Self::Within(span) => write!(f, "within {span}"),
            Self::New => f.write_str("new"),
            Self::Newest => f.write_str("newest"),
        }
    }
}

/// A snapshot that stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) member: Member,
    /// At least one.
    pub(crate) reasons: Vec<Reason>,
}

/// What becomes of each object of a series.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Newest first.
    pub(crate) keep: Vec<Kept>,
    /// Oldest first, so that what is left after a break is the newest.
    pub(crate) delete: Vec<Member>,
    /// Times ahead of the clock: left alone, and not counted.
    pub(crate) future: Vec<Member>,
    /// Stored more than a day after the time in their names: left alone, and not counted.
    pub(crate) late: Vec<Member>,
    /// Empty objects: no backups, so they are not counted; left alone.
    pub(crate) empty: Vec<Member>,
}

impl Plan {
    /// Applies `policy` to `members`. `new` is a key that stays whatever the rules say.
    pub(crate) fn new(members: Members, policy: &Policy, new: Option<&str>) -> Self {
        let is_late = |member: &Member| !policy.trust_names && member.is_late();
        let (late, snapshots): (Vec<_>, Vec<_>) = members.snapshots.into_iter().partition(is_late);
        let mut plan = Self {
            future: members.future,
            late,
            empty: members.empty,
            ..Self::default()
        };
        let mut keeping = Keeping::new(policy, &snapshots);
        for (position, member) in snapshots.into_iter().enumerate() {
            let mut reasons = keeping.reasons(&member, position);
            if new == Some(member.key.as_str()) {
                reasons.push(Reason::New);
            }
            // Every rule keeps the newest; said here again, so that no rule to come can forget it.
            if position == 0 && reasons.is_empty() {
                reasons.push(Reason::Newest);
            }
            if reasons.is_empty() {
                plan.delete.push(member);
            } else {
                plan.keep.push(Kept { member, reasons });
            }
        }
        plan.delete.reverse();
        plan
    }

    /// How many snapshots count.
    pub(crate) const fn counted(&self) -> usize {
        self.keep.len() + self.delete.len()
    }

    /// The two newest snapshots that count, the newest first.
    pub(crate) fn newest_two(&self) -> Option<(&Member, &Member)> {
        let mut kept = self.keep.iter().map(|kept| &kept.member);
        let newest = kept.next()?;
        let second = kept.next().into_iter().chain(self.delete.last());
        Some((newest, second.max_by_key(|member| member.time)?))
    }
}

/// The rules on their way from the newest snapshot to the oldest.
struct Keeping {
    /// With what is left of each count, and the period that was kept last.
    counts: Vec<(Rule, Count, Option<i64>)>,
    within: Option<(Span, Option<time::OffsetDateTime>)>,
    oldest: usize,
}

impl Keeping {
    fn new(policy: &Policy, snapshots: &[Member]) -> Self {
        let newest = snapshots.first().map(|member| member.time);
        Self {
            counts: policy.counts.iter().map(|&(rule, count)| (rule, count, None)).collect(),
            within: policy
                .within
                .map(|span| (span, newest.and_then(|newest| span.before(newest)))),
            oldest: snapshots.len().saturating_sub(1),
        }
    }

    /// Why the snapshot at `position` from the newest stays. Asked once for each, in order.
    fn reasons(&mut self, member: &Member, position: usize) -> Vec<Reason> {
        let mut reasons = Vec::new();
        if let Some((span, since)) = self.within
            && since.is_none_or(|since| member.time > since)
        {
            reasons.push(Reason::Within(span));
        }
        for (rule, count, last) in &mut self.counts {
            let period = Some(rule.period(member.time, position));
            let is_new = *last != period;
            if count.is_left() && (is_new || position == self.oldest) {
                count.spend();
                *last = period;
                reasons.push(if is_new {
                    Reason::Rule(*rule)
                } else {
                    Reason::Oldest(*rule)
                });
            }
        }
        reasons
    }
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
