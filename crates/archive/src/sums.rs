//! `SHA256SUMS`: one line for each of the two members that it covers.

use crate::contents::Member;
use crate::error::{Error, quote};

/// A SHA-256 digest.
pub(crate) type Digest = [u8; 32];

/// The digests that `SHA256SUMS` promises.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) meta: Digest,
    pub(crate) state: Digest,
}

impl Sums {
    /// Parses the two lines `<64 hexadecimal digits>  <name>`.
    ///
    /// Their order is free: upstream writes them by walking a Go map, whose order is random. The last newline may be
    /// missing, as upstream's reader allows.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, Error> {
        let (mut meta, mut state) = (None, None);
        for line in text.strip_suffix(b"\n").unwrap_or(text).split(|&byte| byte == b'\n') {
            let (digest, name) = parse_line(line).ok_or_else(|| damaged("a line has not the form of a checksum"))?;
            let sum = match Member::from_name(name) {
                Some(Member::Meta) => &mut meta,
                Some(Member::State) => &mut state,
                _ => return Err(damaged(&format!("it lists '{}'", quote(name)))),
            };
            if sum.replace(digest).is_some() {
                return Err(damaged(&format!("it lists '{}' twice", quote(name))));
            }
        }
        Ok(Self {
            meta: meta.ok_or_else(|| damaged("it does not list 'meta.json'"))?,
            state: state.ok_or_else(|| damaged("it does not list 'state.bin'"))?,
        })
    }
}

fn parse_line(line: &[u8]) -> Option<(Digest, &[u8])> {
    let (hex, name) = line.split_at_checked(64)?;
    let mut digest = [0; 32];
    for (byte, pair) in digest.iter_mut().zip(hex.chunks_exact(2)) {
        *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Some((digest, name.strip_prefix(b"  ")?))
}

fn nibble(digit: u8) -> Option<u8> {
    // A radix of 16 gives at most 15.
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

fn damaged(reason: &str) -> Error {
    Error::Sums {
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    const B: &str = "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";

    #[test]
    fn both_orders_of_the_lines_are_the_same() {
        let one = Sums::parse(format!("{A}  meta.json\n{B}  state.bin\n").as_bytes()).unwrap();
        let other = Sums::parse(format!("{B}  state.bin\n{A}  meta.json").as_bytes()).unwrap();
        assert_eq!(one, other);
        assert_eq!((one.meta[..3].to_vec(), one.state), (vec![0, 0x11, 0x22], [255; 32]));
    }

    #[test]
    fn everything_else_is_refused() {
        let bad = [
            String::new(),
            "\n".to_owned(),
            format!("{A}  meta.json\n"),
            format!("{A}  state.bin\n"),
            format!("{A}  meta.json\n{A}  meta.json\n"),
            format!("{A}  meta.json\n{B}  state.bin\n\n"),
            format!("{A}  meta.json\n{B}  state.bin\n{B}  nope\n"),
            format!("{A}  meta.json\n{B}  state.bin\n{B}  SHA256SUMS\n"),
            format!("{A}  meta.json\n{B} state.bin\n"),
            format!("{A}  meta.json\r\n{B}  state.bin\r\n"),
            format!("{A}  meta.json\n{}  state.bin\n", &B[1..]),
            format!("{A}  meta.json\ng{}  state.bin\n", &B[1..]),
            format!("{A}  meta.json\n+{}  state.bin\n", &B[1..]),
        ];
        for text in bad {
            assert!(
                matches!(Sums::parse(text.as_bytes()), Err(Error::Sums { .. })),
                "{text:?}"
            );
        }
    }
}
