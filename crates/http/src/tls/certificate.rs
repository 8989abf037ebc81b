//! What rustls does not tell of a certificate: who issued it, when it is valid, what it may be used for. What it takes of
//! X.509 (RFC 5280, 4.1) to read that.

use std::time::Duration;

use rustls::pki_types::UnixTime;
use snapline_failure::one_line;
use time::OffsetDateTime;

use super::der::{BOOLEAN, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, SET, bits, element, instant, sequence};

/// `2.5.4.3`, the common name.
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
/// `2.5.4.10`, the organisation.
const ORGANISATION: &[u8] = &[0x55, 0x04, 0x0a];
/// `2.5.29.15`, keyUsage.
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
/// `2.5.29.17`, subjectAltName.
const ALTERNATIVE_NAMES: &[u8] = &[0x55, 0x1d, 0x11];
/// `2.5.29.19`, basicConstraints.
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
/// `2.5.29.30`, nameConstraints.
const NAME_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x1e];
/// `2.5.29.37`, extKeyUsage.
const PURPOSES: &[u8] = &[0x55, 0x1d, 0x25];
/// `1.2.840.113549.1.1.1`, rsaEncryption.
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// `1.3.6.1.5.5.7.3.1`, the purpose serverAuth.
const SERVER: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];
/// `2.5.29.37.0`, any purpose.
const ANY_PURPOSE: &[u8] = &[0x55, 0x1d, 0x25, 0x00];

/// The explicit tag of `extensions`.
const EXTENSIONS: u8 = 0xa3;
/// The explicit tag of `version`.
const VERSION: u8 = 0xa0;
/// More of a name than this, in characters, helps nobody.
const LONGEST: usize = 100;

/// A certificate, cut into its parts. Sequences are without their own tag and length.
pub(super) struct Parsed<'a> {
    /// What the issuer has signed, with its tag.
    pub(super) signed: &'a [u8],
    /// The algorithm of the signature.
    pub(super) algorithm: &'a [u8],
    pub(super) signature: &'a [u8],
    pub(super) issuer: &'a [u8],
    pub(super) subject: &'a [u8],
    /// Algorithm and public key.
    pub(super) key: &'a [u8],
    validity: (UnixTime, UnixTime),
    extensions: Vec<Extension<'a>>,
}

struct Extension<'a> {
    kind: &'a [u8],
    is_critical: bool,
    value: &'a [u8],
}

impl<'a> Parsed<'a> {
    /// The parts of a certificate in DER; nothing if it is not one.
    pub(super) fn new(der: &'a [u8]) -> Option<Self> {
        let whole = sequence(der)?.0;
        let (body, rest) = sequence(whole)?;
        let signed = &whole[..whole.len() - rest.len()];
        let (algorithm, rest) = sequence(rest)?;
        let signature = bits(rest)?;
        let (issuer, rest) = sequence(from_issuer(body)?)?;
        let (validity, rest) = sequence(rest)?;
        let (subject, rest) = sequence(rest)?;
        let (key, mut rest) = sequence(rest)?;
        let mut extensions = Vec::new();
        while !rest.is_empty() {
            let (tag, content, after) = element(rest)?;
            if tag == EXTENSIONS {
                extensions = read_extensions(sequence(content)?.0)?;
            }
            rest = after;
        }
        Some(Self {
            signed,
            algorithm,
            signature,
            issuer,
            subject,
            key,
            validity: times(validity)?,
            extensions,
        })
    }

    /// The first and the last second in which it is valid.
    pub(super) fn validity(&self) -> (UnixTime, UnixTime) {
        self.validity
    }

    fn extension(&self, kind: &[u8]) -> Option<&Extension<'a>> {
        self.extensions.iter().find(|extension| extension.kind == kind)
    }

    /// Whether a server may use it: where it names purposes, that is one of them.
    pub(super) fn is_for_servers(&self) -> bool {
        let Some(extension) = self.extension(PURPOSES) else {
            return true;
        };
        let Some((mut purposes, _)) = sequence(extension.value) else {
            return false;
        };
        while let Some((OBJECT_IDENTIFIER, purpose, rest)) = element(purposes) {
            if purpose == SERVER || purpose == ANY_PURPOSE {
                return true;
            }
            purposes = rest;
        }
        false
    }

    /// Whether it may sign other certificates, with so many below it that sign as well.
    pub(super) fn is_authority(&self, below: u32) -> bool {
        let Some((constraints, _)) = self
            .extension(BASIC_CONSTRAINTS)
            .and_then(|found| sequence(found.value))
        else {
            return false;
        };
        let Some((BOOLEAN, [0xff], rest)) = element(constraints) else {
            return false;
        };
        let is_deep_enough = match element(rest) {
            None => rest.is_empty(),
            Some((INTEGER, digits, _)) => {
                digits.len() <= 4
                    && digits.first().is_some_and(|digit| *digit < 0x80)
                    && digits
                        .iter()
                        .fold(0_u32, |number, digit| number << 8 | u32::from(*digit))
                        >= below
            }
            Some(_) => false,
        };
        // keyCertSign is the sixth bit (RFC 5280, 4.2.1.3).
        let may_sign = self.extension(KEY_USAGE).is_none_or(|usage| {
            bits(usage.value)
                .and_then(<[u8]>::first)
                .is_some_and(|bits| bits & 0x04 != 0)
        });
        is_deep_enough && may_sign
    }

    /// Whether it demands something that nobody here checks.
    pub(super) fn demands_more(&self) -> bool {
        let known = [KEY_USAGE, ALTERNATIVE_NAMES, BASIC_CONSTRAINTS, PURPOSES];
        self.extensions.iter().any(|extension| {
            extension.kind == NAME_CONSTRAINTS || (extension.is_critical && !known.contains(&extension.kind))
        })
    }
}

fn read_extensions(mut list: &[u8]) -> Option<Vec<Extension<'_>>> {
    let mut extensions = Vec::new();
    while !list.is_empty() {
        let (extension, rest) = sequence(list)?;
        list = rest;
        let (OBJECT_IDENTIFIER, kind, rest) = element(extension)? else {
            return None;
        };
        let (is_critical, value) = match element(rest)? {
            (BOOLEAN, flag, rest) => (flag != [0], element(rest)?),
            value => (false, value),
        };
        let (OCTET_STRING, value, _) = value else {
            return None;
        };
        extensions.push(Extension {
            kind,
            is_critical,
            value,
        });
    }
    Some(extensions)
}

/// The algorithm and the key itself, of what [`Parsed::key`] holds.
pub(super) fn public_key(key: &[u8]) -> Option<(&[u8], &[u8])> {
    let (algorithm, rest) = sequence(key)?;
    Some((algorithm, bits(rest)?))
}

/// How many bits the modulus of an RSA key has, if the certificate has such a key (RFC 8017, A.1.1).
pub(super) fn rsa_bits(certificate: &[u8]) -> Option<usize> {
    let parsed = Parsed::new(certificate)?;
    let (algorithm, key) = public_key(parsed.key)?;
    let (OBJECT_IDENTIFIER, RSA, _) = element(algorithm)? else {
        return None;
    };
    let (INTEGER, modulus, _) = element(sequence(key)?.0)? else {
        return None;
    };
    let first = modulus.iter().position(|byte| *byte != 0)?;
    let unused = usize::try_from(modulus.get(first)?.leading_zeros()).ok()?;
    Some((modulus.len() - first) * 8 - unused)
}

/// The issuer's common name, else its organisation, fit for one line.
pub(super) fn issuer(certificate: &[u8]) -> Option<String> {
    let (body, _) = sequence(sequence(certificate)?.0)?;
    let (issuer, _) = sequence(from_issuer(body)?)?;
    attribute(issuer, COMMON_NAME).or_else(|| attribute(issuer, ORGANISATION))
}

/// What stands from the issuer on.
fn from_issuer(body: &[u8]) -> Option<&[u8]> {
    let mut rest = body;
    let (tag, _, after_version) = element(rest)?;
    if tag == VERSION {
        rest = after_version;
    }
    let (_, _, rest) = element(rest)?; // serialNumber
    let (_, _, rest) = element(rest)?; // signature
    Some(rest)
}

fn times(validity: &[u8]) -> Option<(UnixTime, UnixTime)> {
    let (tag, from, rest) = element(validity)?;
    let from = instant(tag, from)?;
    let (tag, to, _) = element(rest)?;
    Some((since_epoch(from), since_epoch(instant(tag, to)?)))
}

/// One before 1970 counts as 1970.
fn since_epoch(time: OffsetDateTime) -> UnixTime {
    let seconds = u64::try_from(time.unix_timestamp()).unwrap_or_default();
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
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

#[cfg(test)]
mod tests {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject as _;

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

    /// With an RSA key of 1024 bits, which no tool of these tests makes any more.
    const WEAK: &str = "\
-----BEGIN CERTIFICATE-----
MIIB+jCCAWOgAwIBAgIURxna6QacvOC73HJdc0om1h2LUN4wDQYJKoZIhvcNAQEL
BQAwDzENMAsGA1UEAwwEd2VhazAeFw0yNjExMjYxOTQ1MDFaFw0zNjExMjMxOTQ1
MDFaMA8xDTALBgNVBAMMBHdlYWswgZ8wDQYJKoZIhvcNAQEBBQADgY0AMIGJAoGB
ALq7uCrRzkd7mYCNs1mT5orVecaaxnlZ64cjwUsdi6EmOwbbmhQZHKJsAtKlOaqK
vqhi1AfTjHAbIStbzzs9n9kv/GorEzSmZK7ZWcEnXFS3jr4Y0x35k3KcSjirmUxP
0wgsOTTHB0izH41WY4oJ28s49M5QPG5drsFC2V44Uog3AgMBAAGjUzBRMB0GA1Ud
DgQWBBQgq/wguQ8XQUxran6Q1DIuzvXn6zAfBgNVHSMEGDAWgBQgq/wguQ8XQUxr
an6Q1DIuzvXn6zAPBgNVHRMBAf8EBTADAQH/MA0GCSqGSIb3DQEBCwUAA4GBAD5o
Ip5cSZgdlwtzFopTF+MjVJq1Q9xcQYB7rfTkQpeH53dn1GlbB9OUQ8S/ePsYZLoN
agBcs7TvmzDbHn+VFW4eymHSkPahwdhFmp0fCxVrcoYGcvtYd9ksp3tAvrQOvezC
ssRg/X7mTVqEZn4xBU14Y4hemkCST+PHsf1iMiWJ
-----END CERTIFICATE-----
";

    #[test]
    fn the_length_of_an_rsa_key_is_read() {
        let weak: CertificateDer<'_> = CertificateDer::from_pem_slice(WEAK.as_bytes()).unwrap();
        assert_eq!(rsa_bits(&weak), Some(1024));
        for end in 0..weak.len() {
            assert_eq!(rsa_bits(&weak[..end]), None, "{end}");
        }
        assert_eq!(issuer(&weak).as_deref(), Some("weak"));
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
}
