//! The rules once more, in the plainest way that the manual page can be read, and without a look at the code that deletes.

use std::collections::BTreeSet;

use time::{Date, Duration, Month, OffsetDateTime, Time};

/// An object as a person would list it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Thing {
    pub(super) time: OffsetDateTime,
    pub(super) size: u64,
    pub(super) received: OffsetDateTime,
}

/// The rules as a person would write them down.
#[derive(Debug, Clone, Default)]
pub(super) struct Rules {
    pub(super) last: usize,
    pub(super) hourly: usize,
    pub(super) daily: usize,
    pub(super) weekly: usize,
    pub(super) monthly: usize,
    pub(super) yearly: usize,
    /// Years, months, days, hours.
    pub(super) within: Option<(i32, i32, i64, i64)>,
    pub(super) trust_names: bool,
}

/// The times that go.
pub(super) fn deleted(things: &[Thing], rules: &Rules, now: OffsetDateTime) -> BTreeSet<OffsetDateTime> {
    let mut snapshots: Vec<OffsetDateTime> = things
        .iter()
        .filter(|thing| thing.size > 0)
        .filter(|thing| thing.time <= now + Duration::minutes(15))
        .filter(|thing| rules.trust_names || thing.received - thing.time <= Duration::hours(24))
        .map(|thing| thing.time)
        .collect();
    snapshots.sort();
    let mut kept = BTreeSet::new();
    keep_newest_of_each(&snapshots, rules.last, &mut kept, |time| {
        time.unix_timestamp().to_string()
    });
    keep_newest_of_each(&snapshots, rules.hourly, &mut kept, |time| {
        format!("{} {}", time.date(), time.hour())
    });
    keep_newest_of_each(&snapshots, rules.daily, &mut kept, |time| time.date().to_string());
    keep_newest_of_each(&snapshots, rules.weekly, &mut kept, |time| {
        let (year, week, _) = time.to_iso_week_date();
        format!("{year} week {week}")
    });
    keep_newest_of_each(&snapshots, rules.monthly, &mut kept, |time| {
        format!("{} {}", time.year(), time.month())
    });
    keep_newest_of_each(&snapshots, rules.yearly, &mut kept, |time| time.year().to_string());
    if let (Some(span), Some(newest)) = (rules.within, snapshots.last()) {
        let since = back(*newest, span);
        kept.extend(snapshots.iter().filter(|time| **time > since));
    }
    snapshots.into_iter().filter(|time| !kept.contains(time)).collect()
}

fn keep_newest_of_each(
    oldest_first: &[OffsetDateTime],
    count: usize,
    kept: &mut BTreeSet<OffsetDateTime>,
    period: impl Fn(&OffsetDateTime) -> String,
) {
    let mut periods: Vec<String> = Vec::new();
    for time in oldest_first.iter().rev() {
        let name = period(time);
        if periods.len() < count && !periods.contains(&name) {
            periods.push(name);
            kept.insert(*time);
        }
    }
    if periods.len() < count {
        kept.extend(oldest_first.first());
    }
}

/// Goes back step by step on a calendar.
fn back(time: OffsetDateTime, (years, months, days, hours): (i32, i32, i64, i64)) -> OffsetDateTime {
    let (mut year, mut month) = (time.year() - years, time.month());
    for _ in 0..months {
        if month == Month::January {
            year -= 1;
        }
        month = month.previous();
    }
    let mut date = Date::from_calendar_date(year, month, 1).unwrap();
    for _ in 1..time.day() {
        date = date.next_day().unwrap();
    }
    for _ in 0..days {
        date = date.previous_day().unwrap();
    }
    let time: Time = time.time();
    OffsetDateTime::new_utc(date, time) - Duration::hours(hours)
}
