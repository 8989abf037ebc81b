//! PAX extended headers (POSIX.1-2001, "pax Extended Header"): they carry what a ustar field is too small for.
//!
//! In snapshots that is the length of a `state.bin` of 8 GiB and more: Go's writer then leaves the ustar field at 0.

use crate::error::Error;

/// What a PAX header says about the member that follows it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Pax {
    /// The length in bytes, in place of the one in the ustar header.
    pub(crate) size: Option<u64>,
    /// The name, in place of the one in the ustar header.
    pub(crate) path: Option<Vec<u8>>,
}

impl Pax {
    /// Parses records of the form `<length> <key>=<value>\n`, where the length counts the whole record.
    ///
    /// Keys that change neither name nor length (times, owners, comments) are passed over, as Go's reader does; sparse
    /// files are refused, because their bytes are not what the tar stream holds.
    pub(crate) fn parse(mut records: &[u8]) -> Result<Self, Error> {
        let mut pax = Self::default();
        while !records.is_empty() {
            let (key, value, rest) = record(records).ok_or(damaged("a PAX record has no proper form"))?;
            match key {
                b"size" => pax.size = Some(decimal(value).ok_or(damaged("a PAX size is no number"))?),
                b"path" => pax.path = Some(value.to_vec()),
                _ if key.starts_with(b"GNU.sparse") => return Err(damaged("sparse files are not supported")),
                _ => {}
            }
            records = rest;
        }
        Ok(pax)
    }
}

fn record(records: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let blank = records.iter().position(|&byte| byte == b' ')?;
    let length = usize::try_from(decimal(&records[..blank])?).ok()?;
    let (record, rest) = records.split_at_checked(length)?;
    let pair = record.get(blank + 1..)?.strip_suffix(b"\n")?;
    let equals = pair.iter().position(|&byte| byte == b'=')?;
    Some((&pair[..equals], &pair[equals + 1..], rest))
}

fn decimal(digits: &[u8]) -> Option<u64> {
    // `u64::from_str` alone would also take a plus sign.
    let all_digits = digits.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(digits).ok().filter(|_| all_digits)?.parse().ok()
}

fn damaged(reason: &'static str) -> Error {
    Error::TarHeader { reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_gibibytes_are_read_from_the_record_that_go_writes() {
        let pax = Pax::parse(b"19 size=8589934592\n").unwrap();
        assert_eq!(
            pax,
            Pax {
                size: Some(1 << 33),
                path: None
            }
        );
    }

    #[test]
    fn other_keys_are_passed_over_and_the_last_of_a_key_counts() {
        let pax = Pax::parse(b"30 mtime=1350244992.023960108\n10 size=1\n10 size=2\n12 path=a=b\n").unwrap();
        assert_eq!(
            pax,
            Pax {
                size: Some(2),
                path: Some(b"a=b".to_vec())
            }
        );
    }

    #[test]
    fn damaged_records_are_refused() {
        let bad: [&[u8]; 11] = [
            b"19 size=8589934592",
            b"18 size=8589934592\n",
            b"20 size=8589934592\n",
            b"9 size=+1\n",
            b"10 size=-1\n",
            b"9 size=\n",
            b"size=1\n",
            b"0 size=1\n",
            b"7 size\n",
            b"99999999999999999999 size=1\n",
            b"23 GNU.sparse.major=1\n\n",
        ];
        for records in bad {
            assert!(Pax::parse(records).is_err(), "{}", records.escape_ascii());
        }
    }
}
