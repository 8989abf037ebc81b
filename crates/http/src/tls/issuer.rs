//! The issuer's name in a certificate: the few bytes of DER (X.690) and of X.509 (RFC 5280, 4.1) that it takes to read it.
//!
//! For messages only. Nothing is decided by it.

/// `2.5.4.3`, the common name.
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
/// `2.5.4.10`, the organisation.
const ORGANISATION: &[u8] = &[0x55, 0x04, 0x0a];

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OBJECT_IDENTIFIER: u8 = 0x06;
/// The explicit tag of `version`.
const VERSION: u8 = 0xa0;
/// More of a name than this, in characters, helps nobody.
const LONGEST: usize = 100;

/// The issuer's common name, else its organisation, fit for one line.
pub(super) fn name(certificate: &[u8]) -> Option<String> {
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
    let (SEQUENCE, issuer, _) = element(rest)? else {
        return None;
    };
    attribute(issuer, COMMON_NAME).or_else(|| attribute(issuer, ORGANISATION))
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
    let text: String = String::from_utf8_lossy(text)
        .chars()
        .filter(|c| !c.is_control())
        .take(LONGEST)
        .collect();
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
        assert_eq!(name(&both).as_deref(), Some("Root1"));
        assert_eq!(
            name(&certificate(&[(ORGANISATION, "Example")])).as_deref(),
            Some("Example")
        );
        assert_eq!(name(&certificate(&[(&[0x55, 0x04, 0x06], "DE")])), None);
        let long = certificate(&[(COMMON_NAME, &"x".repeat(300))]);
        assert_eq!(name(&long).map(|name| name.len()), Some(LONGEST));
    }

    #[test]
    fn what_is_cut_or_garbage_has_no_name() {
        let whole = certificate(&[(COMMON_NAME, "Root")]);
        for end in 0..whole.len() {
            assert_eq!(name(&whole[..end]), None, "{end}");
        }
        assert_eq!(name(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]), None);
        assert_eq!(name(&[0x30, 0x89, 1, 1, 1, 1, 1, 1, 1, 1, 1]), None);
    }
}
