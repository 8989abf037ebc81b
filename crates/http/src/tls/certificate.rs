//! What rustls does not tell of a certificate: who issued it, and when it is valid. The few bytes of DER (X.690) and of X.509
//! (RFC 5280, 4.1) that it takes to read them.

use std::time::Duration;

use rustls::pki_types::UnixTime;
use snapline_failure::one_line;
use time::{Date, Month, OffsetDateTime, Time};

/// `2.5.4.3`, the common name.
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
/// `2.5.4.10`, the organisation.
const ORGANISATION: &[u8] = &[0x55, 0x04, 0x0a];

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OBJECT_IDENTIFIER: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// The explicit tag of `version`.
const VERSION: u8 = 0xa0;
/// More of a name than this, in characters, helps nobody.
const LONGEST: usize = 100;

/// The issuer's common name, else its organisation, fit for one line.
pub(super) fn issuer(certificate: &[u8]) -> Option<String> {
    let (SEQUENCE, issuer, _) = element(from_issuer(certificate)?)? else {
        return None;
    };
    attribute(issuer, COMMON_NAME).or_else(|| attribute(issuer, ORGANISATION))
}

/// The first and the last second in which it is valid.
pub(super) fn validity(certificate: &[u8]) -> Option<(UnixTime, UnixTime)> {
    let (_, _, rest) = element(from_issuer(certificate)?)?;
    let (SEQUENCE, validity, _) = element(rest)? else {
        return None;
    };
    let (tag, from, rest) = element(validity)?;
    let from = instant(tag, from)?;
    let (tag, to, _) = element(rest)?;
    Some((since_epoch(from), since_epoch(instant(tag, to)?)))
}

/// What stands from the issuer on.
fn from_issuer(certificate: &[u8]) -> Option<&[u8]> {
    let (SEQUENCE, certificate, _) = element(certificate)? else {
        return None;
    };
    let (SEQUENCE, mut rest, _) = element(certificate)? else {
        return None;
    };
    let (tag, _, after_version) = element(rest)?;
    if tag == VERSION {
        rest = after_version;
    }
    let (_, _, rest) = element(rest)?; // serialNumber
    let (_, _, rest) = element(rest)?; // signature
    Some(rest)
}

/// One before 1970 counts as 1970.
fn since_epoch(time: OffsetDateTime) -> UnixTime {
    let seconds = u64::try_from(time.unix_timestamp()).unwrap_or_default();
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

/// `YYMMDDHHMMSSZ`, where 50 and later are of the last century, or `YYYYMMDDHHMMSSZ` (RFC 5280, 4.1.2.5).
fn instant(tag: u8, text: &[u8]) -> Option<OffsetDateTime> {
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

fn attribute(mut names: &[u8], wanted: &[u8]) -> Option<String> {
    while !names.is_empty() {
        let (SET, mut set, rest) = element(names)? else {
            return None;
        };
        names = rest;
        while !set.is_empty() {
            let (SEQUENCE, pair, rest) = element(set)? else {
                return None;
            };
            set = rest;
            let (OBJECT_IDENTIFIER, kind, value) = element(pair)? else {
                return None;
            };
            if kind == wanted {
                let (_, text, _) = element(value)?;
                return printable(text);
            }
        }
    }
    None
}

fn printable(text: &[u8]) -> Option<String> {
    let text = one_line(&String::from_utf8_lossy(text), LONGEST);
    (!text.is_empty()).then_some(text)
}

/// Tag, content and what follows.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn der(tag: u8, content: &[u8]) -> Vec<u8> {
        let mut der = vec![tag];
        match u8::try_from(content.len()) {
            Ok(length) if length < 0x80 => der.push(length),
            Ok(length) => der.extend([0x81, length]),
            Err(_) => {
                der.push(0x82);
                der.extend(u16::try_from(content.len()).unwrap().to_be_bytes());
            }
        }
        der.extend(content);
        der
    }

    fn certificate(names: &[(&[u8], &str)]) -> Vec<u8> {
        let names: Vec<u8> = names
            .iter()
            .flat_map(|(kind, text)| {
                let pair = [der(OBJECT_IDENTIFIER, kind), der(0x0c, text.as_bytes())].concat();
                der(SET, &der(SEQUENCE, &pair))
            })
            .collect();
        let body = [
            der(VERSION, &der(0x02, &[2])),
            der(0x02, &[1]),
            der(SEQUENCE, &[]),
            der(SEQUENCE, &names),
        ];
        der(SEQUENCE, &der(SEQUENCE, &body.concat()))
    }

    #[test]
    fn the_common_name_comes_before_the_organisation() {
        let both = certificate(&[(ORGANISATION, "Example"), (COMMON_NAME, "Root\n1")]);
        assert_eq!(issuer(&both).as_deref(), Some("Root 1"));
        assert_eq!(
            issuer(&certificate(&[(ORGANISATION, "Example")])).as_deref(),
            Some("Example")
        );
        assert_eq!(issuer(&certificate(&[(&[0x55, 0x04, 0x06], "DE")])), None);
        let long = certificate(&[(COMMON_NAME, &"x".repeat(300))]);
        assert_eq!(issuer(&long).map(|name| name.chars().count()), Some(LONGEST + 1));
    }

    #[test]
    fn what_is_cut_or_garbage_has_no_name() {
        let whole = certificate(&[(COMMON_NAME, "Root")]);
        for end in 0..whole.len() {
            assert_eq!(issuer(&whole[..end]), None, "{end}");
        }
        assert_eq!(issuer(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]), None);
        assert_eq!(issuer(&[0x30, 0x89, 1, 1, 1, 1, 1, 1, 1, 1, 1]), None);
    }

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
