//! Templates: keys with a time in them.

use std::fmt;

use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};

use crate::error::Error;
use crate::uri::check_key;

/// The name that an object gets behind a prefix, unless another one is asked for. In UTC, and so that names sort by
/// time.
pub const DEFAULT_NAME: &str = "vault_raft_%Y%m%d_%H%M%S.snap";

/// A part of a time, of fixed width, so that a key can be parsed in one way only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
}

impl Field {
    const ALL: [Self; 6] = [
        Self::Year,
        Self::Month,
        Self::Day,
        Self::Hour,
        Self::Minute,
        Self::Second,
    ];

    const fn letter(self) -> char {
        match self {
            Self::Year => 'Y',
            Self::Month => 'm',
            Self::Day => 'd',
            Self::Hour => 'H',
            Self::Minute => 'M',
            Self::Second => 'S',
        }
    }

    const fn width(self) -> usize {
        match self {
            Self::Year => 4,
            _ => 2,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Field(Field),
}

/// The keys of a series: text with each of `%Y %m %d %H %M %S` exactly once, in any order, and `%%` for a percent
/// sign. Times are UTC, to the second. Displayed as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    source: String,
    /// Never two literals in a row.
    pieces: Vec<Piece>,
}

impl Template {
    /// Parses a whole key's template.
    ///
    /// # Errors
    ///
    /// A field that is unknown, missing or there twice; a control character; keys of more than 1024 bytes.
    pub fn parse(source: &str) -> Result<Self, Error> {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut characters = source.chars();
        while let Some(character) = characters.next() {
            if character != '%' {
                literal.push(character);
                continue;
            }
            let letter = characters.next();
            if letter == Some('%') {
                literal.push('%');
                continue;
            }
            let field = Field::ALL
                .into_iter()
                .find(|field| Some(field.letter()) == letter)
                .ok_or_else(|| Error::UnknownField {
                    template: source.to_owned(),
                    field: letter,
                })?;
            if pieces.contains(&Piece::Field(field)) {
                return Err(Error::DoubledField {
                    template: source.to_owned(),
                    field: field.letter(),
                });
            }
            if !literal.is_empty() {
                pieces.push(Piece::Literal(std::mem::take(&mut literal)));
            }
            pieces.push(Piece::Field(field));
        }
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal));
        }
        if let Some(field) = Field::ALL
            .into_iter()
            .find(|&field| !pieces.contains(&Piece::Field(field)))
        {
            return Err(Error::MissingField {
                template: source.to_owned(),
                field: field.letter(),
            });
        }
        let template = Self {
            source: source.to_owned(),
            pieces,
        };
        // Every key has the same length, and the characters of this one.
        check_key(&template.format(OffsetDateTime::UNIX_EPOCH))?;
        Ok(template)
    }

    /// The key for a time, which is converted to UTC and cut to the second.
    ///
    /// Years are 0000 to 9999; a year before or after that becomes the first or the last of these. No key of such a
    /// time is parsed back into the same time.
    pub fn format(&self, time: OffsetDateTime) -> String {
        let utc = time.checked_to_offset(UtcOffset::UTC).unwrap_or(time);
        let year = utc.year().clamp(0, 9999);
        let mut key = String::with_capacity(self.source.len() + Field::Year.width());
        for piece in &self.pieces {
            let (number, width) = match piece {
                Piece::Literal(text) => {
                    key.push_str(text);
                    continue;
                }
                Piece::Field(Field::Year) => (year.unsigned_abs(), Field::Year.width()),
                Piece::Field(Field::Month) => (u8::from(utc.month()).into(), Field::Month.width()),
                Piece::Field(Field::Day) => (utc.day().into(), Field::Day.width()),
                Piece::Field(Field::Hour) => (utc.hour().into(), Field::Hour.width()),
                Piece::Field(Field::Minute) => (utc.minute().into(), Field::Minute.width()),
                Piece::Field(Field::Second) => (utc.second().into(), Field::Second.width()),
            };
            key.push_str(&format!("{number:0width$}"));
        }
        key
    }

    /// The time in `key`, in UTC, or `None` if the key does not belong to the series.
    ///
    /// A key belongs to it if and only if [`format`](Self::format) gives the same key for that time. Dates that do not
    /// exist do not belong; nor does a second of 60, because formatting never gives one.
    pub fn parse_key(&self, key: &str) -> Option<OffsetDateTime> {
        let mut rest = key;
        let mut numbers = [0_u16; Field::ALL.len()];
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => rest = rest.strip_prefix(text.as_str())?,
                Piece::Field(field) => {
                    let (digits, after) = rest.split_at_checked(field.width())?;
                    // Parsing alone would also take a plus sign.
                    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
                    numbers[*field as usize] = digits.parse().ok().filter(|_| is_number)?;
                    rest = after;
                }
            }
        }
        if !rest.is_empty() {
            return None;
        }
        let [year, month, day, hour, minute, second] = numbers;
        let [month, day, hour, minute, second] = [month, day, hour, minute, second].map(u8::try_from);
        let date = Date::from_calendar_date(year.into(), Month::try_from(month.ok()?).ok()?, day.ok()?).ok()?;
        let time = Time::from_hms(hour.ok()?, minute.ok()?, second.ok()?).ok()?;
        let time = PrimitiveDateTime::new(date, time).assume_utc();
        // By construction it is the same key; but this is the promise that deletions rest on.
        (self.format(time) == key).then_some(time)
    }

    /// What every key begins with: the text before the first field, with `%%` read as a percent sign. For listing.
    pub fn literal_prefix(&self) -> &str {
        match self.pieces.first() {
            Some(Piece::Literal(text)) => text,
            _ => "",
        }
    }

    /// The template as it was written.
    pub fn as_str(&self) -> &str {
        &self.source
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}
