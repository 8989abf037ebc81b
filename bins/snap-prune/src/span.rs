//! Spans of calendar time in restic's form, `1y6m14d12h`.

use std::fmt;
use std::str::FromStr;

use time::{Date, Duration, Month, OffsetDateTime};

/// Years, months, days and hours. Months and years have the length that the calendar gives them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Span {
    years: u32,
    months: u32,
    days: u32,
    hours: u32,
}

impl Span {
    /// Whether it has no length.
    pub(crate) fn is_zero(self) -> bool {
        self == Self::default()
    }

    /// The moment this long before `time`; nothing if that is before the calendar begins.
    ///
    /// As in restic, a day that the month does not have runs over into the next one: a month before 31 March is 3 March, or
    /// 2 March in a leap year.
    pub(crate) fn before(self, time: OffsetDateTime) -> Option<OffsetDateTime> {
        let months = i64::from(time.year()) * 12 + i64::from(u8::from(time.month())) - 1;
        let months = months - i64::from(self.years) * 12 - i64::from(self.months);
        let month = Month::try_from(u8::try_from(months.rem_euclid(12) + 1).ok()?).ok()?;
        let first = Date::from_calendar_date(i32::try_from(months.div_euclid(12)).ok()?, month, 1).ok()?;
        let day = first.checked_add(Duration::days(i64::from(time.day()) - 1))?;
        let day = day.checked_sub(Duration::days(i64::from(self.days)))?;
        time.replace_date(day)
            .checked_sub(Duration::hours(i64::from(self.hours)))
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("'{text}' is not a span such as 1y6m14d12h (years, months, days, hours)");
        let mut span = Self::default();
        let mut rest = text;
        while !rest.is_empty() {
            let end = rest.find(|letter: char| !letter.is_ascii_digit()).ok_or_else(wrong)?;
            let number: u32 = rest[..end].parse().map_err(|_| wrong())?;
            let field = match rest.as_bytes()[end] {
                b'y' => &mut span.years,
                b'm' => &mut span.months,
                b'd' => &mut span.days,
                b'h' => &mut span.hours,
                _ => return Err(wrong()),
            };
            *field = field.checked_add(number).ok_or_else(wrong)?;
            rest = &rest[end + 1..];
        }
        if text.is_empty() { Err(wrong()) } else { Ok(span) }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            (self.years, 'y'),
            (self.months, 'm'),
            (self.days, 'd'),
            (self.hours, 'h'),
        ];
        for (number, unit) in parts {
            if number > 0 {
                write!(f, "{number}{unit}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_span_goes_back_by_the_calendar() {
        let at = datetime!(2026-03-31 12:30:15 UTC);
        for (span, expected) in [
            ("12h", datetime!(2026-03-31 00:30:15 UTC)),
            ("31d", datetime!(2026-02-28 12:30:15 UTC)),
            ("2m", datetime!(2026-01-31 12:30:15 UTC)),
            ("1m", datetime!(2026-03-03 12:30:15 UTC)),
            ("1m1d", datetime!(2026-03-02 12:30:15 UTC)),
            ("4m", datetime!(2025-12-01 12:30:15 UTC)),
            ("2y1m", datetime!(2024-03-02 12:30:15 UTC)),
            ("1y5m40d12h", datetime!(2024-09-21 00:30:15 UTC)),
            ("0h", at),
        ] {
            assert_eq!(span.parse::<Span>().unwrap().before(at), Some(expected), "{span}");
        }
        assert_eq!("20000y".parse::<Span>().unwrap().before(at), None);
    }

    #[test]
    fn a_span_is_written_as_it_is_read() {
        for (text, shown) in [
            ("1y6m14d12h", "1y6m14d12h"),
            ("12h1y", "1y12h"),
            ("7d7d", "14d"),
            ("0d", ""),
        ] {
            assert_eq!(text.parse::<Span>().unwrap().to_string(), shown);
        }
        assert!("0y0h".parse::<Span>().unwrap().is_zero());
        for text in [
            "",
            "7",
            "d",
            "7w",
            "7D",
            "-7d",
            "7 d",
            "7d ",
            "4294967296d",
            "1d4294967295d",
            "ü",
        ] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }
}
