//! The few bytes of DER (X.690) that a certificate is made of.

use time::{Date, Month, OffsetDateTime, Time};

pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

/// The content of a sequence, and what follows.
pub(super) fn sequence(der: &[u8]) -> Option<(&[u8], &[u8])> {
    match element(der)? {
        (SEQUENCE, content, rest) => Some((content, rest)),
        _ => None,
    }
}

/// The whole bytes of a bit string.
pub(super) fn bits(der: &[u8]) -> Option<&[u8]> {
    match element(der)? {
        (BIT_STRING, [_unused, bits @ ..], _) => Some(bits),
        _ => None,
    }
}

/// Tag, content and what follows.
pub(super) fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, mut rest) = rest.split_first()?;
    let length = if first < 0x80 {
        usize::from(first)
    } else {
        let (digits, after) = rest.split_at_checked(usize::from(first & 0x7f))?;
        rest = after;
        let digits: &[u8; 4] = &{
            let mut padded = [0; 4];
            padded
                .get_mut(4usize.checked_sub(digits.len())?..)?
                .copy_from_slice(digits);
            padded
        };
        usize::try_from(u32::from_be_bytes(*digits)).ok()?
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// `YYMMDDHHMMSSZ`, where 50 and later are of the last century, or `YYYYMMDDHHMMSSZ` (RFC 5280, 4.1.2.5).
pub(super) fn instant(tag: u8, text: &[u8]) -> Option<OffsetDateTime> {
    let digits = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (year, rest) = match (tag, digits.len()) {
        (UTC_TIME, 12) => {
            let (year, rest) = digits.split_at(2);
            let year: i32 = year.parse().ok()?;
            (if year < 50 { 2000 + year } else { 1900 + year }, rest)
        }
        (GENERALIZED_TIME, 14) => {
            let (year, rest) = digits.split_at(4);
            (year.parse().ok()?, rest)
        }
        _ => return None,
    };
    let part = |index: usize| rest.get(index * 2..index * 2 + 2)?.parse::<u8>().ok();
    let date = Date::from_calendar_date(year, Month::try_from(part(0)?).ok()?, part(1)?).ok()?;
    let time = Time::from_hms(part(2)?, part(3)?, part(4)?).ok()?;
    Some(date.with_time(time).assume_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_both_forms() {
        let seconds = |tag, text: &str| instant(tag, text.as_bytes()).map(OffsetDateTime::unix_timestamp);
        assert_eq!(seconds(UTC_TIME, "700101000001Z"), Some(1));
        assert_eq!(seconds(UTC_TIME, "490101000000Z"), Some(2_493_072_000));
        assert_eq!(seconds(GENERALIZED_TIME, "20500101000000Z"), Some(2_524_608_000));
        for text in [
            "",
            "Z",
            "700101000001",
            "7001010000010",
            "701301000000Z",
            "-00101000001Z",
        ] {
            assert_eq!(seconds(UTC_TIME, text), None, "{text}");
        }
        assert_eq!(seconds(GENERALIZED_TIME, "700101000001Z"), None);
    }
}
