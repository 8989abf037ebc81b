//! What a policy keeps of a history, as a person would work it out with a calendar.

use std::collections::BTreeSet;

use snapline_integration::name::snapshot_name;
use time::OffsetDateTime;

pub(crate) fn key_of(time: OffsetDateTime) -> String {
    format!("vault/{}", snapshot_name(time))
}

/// How many of each.
pub(crate) struct Rules {
    pub(crate) last: usize,
    pub(crate) daily: usize,
    pub(crate) weekly: usize,
    pub(crate) monthly: usize,
    pub(crate) yearly: usize,
}

impl Rules {
    pub(crate) fn kept(&self, history: &[OffsetDateTime]) -> BTreeSet<OffsetDateTime> {
        let mut newest_first = history.to_vec();
        newest_first.sort();
        newest_first.reverse();
        let mut kept: BTreeSet<_> = newest_first.iter().take(self.last).copied().collect();
        let mut keep = |count: usize, period: &dyn Fn(OffsetDateTime) -> String| {
            let mut seen: Vec<String> = Vec::new();
            for time in &newest_first {
                let period = period(*time);
                if seen.len() < count && seen.last() != Some(&period) {
                    seen.push(period);
                    kept.insert(*time);
                }
            }
            if seen.len() < count {
                kept.extend(newest_first.last());
            }
        };
        keep(self.daily, &|time| time.date().to_string());
        keep(self.weekly, &|time| {
            format!("{:?}", (time.to_iso_week_date().0, time.iso_week()))
        });
        keep(self.monthly, &|time| format!("{} {}", time.year(), time.month()));
        keep(self.yearly, &|time| time.year().to_string());
        kept
    }
}
