//! The rules that keep the newest snapshot of each period, as restic has them.

use time::OffsetDateTime;

/// A rule with a count. Each looks at the whole series by itself; a snapshot that one of them keeps stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    Last,
    Hourly,
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

impl Rule {
    /// All rules, from the finest to the coarsest.
    pub(crate) const ALL: [Self; 6] = [
        Self::Last,
        Self::Hourly,
        Self::Daily,
        Self::Weekly,
        Self::Monthly,
        Self::Yearly,
    ];

    /// The name in reports.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Last => "last",
            Self::Hourly => "hourly",
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
            Self::Yearly => "yearly",
        }
    }

    /// The number of the period that `time`, in UTC, falls into. `position` is the place of the snapshot from the newest: for
    /// `Last`, each is a period of its own.
    pub(crate) fn period(self, time: OffsetDateTime, position: usize) -> i64 {
        match self {
            Self::Last => i64::try_from(position).unwrap_or(i64::MAX),
            Self::Hourly => time.unix_timestamp().div_euclid(60 * 60),
            Self::Daily => i64::from(time.to_julian_day()),
            // Julian day 0 was a Monday, the first day of an ISO week.
            Self::Weekly => i64::from(time.to_julian_day().div_euclid(7)),
            Self::Monthly => i64::from(time.year()) * 12 + i64::from(u8::from(time.month())),
            Self::Yearly => i64::from(time.year()),
        }
    }
}

/// How many periods a rule keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Count {
    Periods(usize),
    Unlimited,
}

impl Count {
    /// Whether there is something left to keep.
    pub(crate) const fn is_left(self) -> bool {
        !matches!(self, Self::Periods(0))
    }

    /// One less.
    pub(crate) const fn spend(&mut self) {
        if let Self::Periods(left) = self {
            *left = left.saturating_sub(1);
        }
    }
}

impl std::str::FromStr for Count {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "unlimited" => Ok(Self::Unlimited),
            _ if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => {
                // A number that does not fit is more than any series has.
                Ok(Self::Periods(text.parse().unwrap_or(usize::MAX)))
            }
            _ => Err(format!("'{text}' is neither a number nor 'unlimited'")),
        }
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn periods_end_where_the_calendar_in_utc_says() {
        let cases = [
            (
                Rule::Hourly,
                datetime!(2026-01-01 00:59:59 UTC),
                datetime!(2026-01-01 01:00:00 UTC),
            ),
            (
                Rule::Daily,
                datetime!(2024-02-29 23:59:59 UTC),
                datetime!(2024-03-01 00:00:00 UTC),
            ),
            (
                Rule::Monthly,
                datetime!(2025-12-31 23:59:59 UTC),
                datetime!(2026-01-01 00:00:00 UTC),
            ),
            (
                Rule::Yearly,
                datetime!(2025-12-31 23:59:59 UTC),
                datetime!(2026-01-01 00:00:00 UTC),
            ),
            // A Sunday and a Monday.
            (
                Rule::Weekly,
                datetime!(2026-11-22 23:59:59 UTC),
                datetime!(2026-11-23 00:00:00 UTC),
            ),
        ];
        for (rule, end, beginning) in cases {
            assert_eq!(rule.period(end, 0) + 1, rule.period(beginning, 0), "{}", rule.name());
        }
    }

    #[test]
    fn an_iso_week_spans_the_turn_of_the_year() {
        // Monday, 29 December 2025, begins week 1 of 2026.
        let week = |time| Rule::Weekly.period(time, 0);
        let monday = week(datetime!(2025-12-29 00:00 UTC));
        assert_eq!(monday, week(datetime!(2026-01-04 23:59 UTC)));
        assert_ne!(monday, week(datetime!(2025-12-28 23:59 UTC)));
        assert_ne!(monday, week(datetime!(2026-01-05 00:00 UTC)));
    }

    #[test]
    fn counts_are_numbers_or_unlimited() {
        assert_eq!("0".parse(), Ok(Count::Periods(0)));
        assert_eq!("30".parse(), Ok(Count::Periods(30)));
        assert_eq!("99999999999999999999999".parse(), Ok(Count::Periods(usize::MAX)));
        assert_eq!("unlimited".parse(), Ok(Count::Unlimited));
        for text in ["", "-1", "+1", "1.5", "all", " 1"] {
            assert!(text.parse::<Count>().is_err(), "{text}");
        }
    }
}
