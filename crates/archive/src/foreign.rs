//! Other programs' formats, so that an archive which was encrypted or compressed again is called by its name.

use std::fmt;

/// What a filter made, told by the magic bytes at its beginning. Displayed as a noun: `data encrypted by age`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Foreign {
    /// age, binary or armored.
    Age,
    /// OpenPGP, binary or armored: what `gpg` encrypts.
    OpenPgp,
    /// `openssl enc` with a password.
    OpenSsl,
    /// Zstandard.
    Zstd,
    /// xz.
    Xz,
    /// bzip2.
    Bzip2,
    /// The LZ4 frame format.
    Lz4,
}

/// A beginning; `None` stands for any byte.
type Pattern = &'static [Option<u8>];

/// `Some` around every byte of a text.
macro_rules! text {
    ($text:literal) => {{
        const TEXT: &[u8] = $text;
        const PATTERN: [Option<u8>; TEXT.len()] = {
            let mut pattern = [None; TEXT.len()];
            let mut at = 0;
            while at < TEXT.len() {
                pattern[at] = Some(TEXT[at]);
                at += 1;
            }
            pattern
        };
        &PATTERN
    }};
}

/// The beginnings that are known. Those of OpenPGP are the headers of an encrypted session key packet with its version
/// (RFC 9580, sections 4.2, 5.1 and 5.3), which every encrypted message begins with.
const KNOWN: [(Pattern, Foreign); 17] = [
    (text!(b"age-encryption.org/v1"), Foreign::Age),
    (text!(b"-----BEGIN AGE ENCRYPTED FILE-----"), Foreign::Age),
    (text!(b"-----BEGIN PGP MESSAGE-----"), Foreign::OpenPgp),
    (&[Some(0x84), None, Some(3)], Foreign::OpenPgp),
    (&[Some(0x85), None, None, Some(3)], Foreign::OpenPgp),
    (&[Some(0xc1), None, Some(3)], Foreign::OpenPgp),
    (&[Some(0xc1), None, None, Some(3)], Foreign::OpenPgp),
    (&[Some(0xc1), None, Some(6)], Foreign::OpenPgp),
    (&[Some(0x8c), None, Some(4)], Foreign::OpenPgp),
    (&[Some(0x8c), None, Some(5)], Foreign::OpenPgp),
    (&[Some(0xc3), None, Some(4)], Foreign::OpenPgp),
    (&[Some(0xc3), None, Some(6)], Foreign::OpenPgp),
    (text!(b"Salted__"), Foreign::OpenSsl),
    (text!(b"\x28\xb5\x2f\xfd"), Foreign::Zstd),
    (text!(b"\xfd7zXZ\0"), Foreign::Xz),
    (text!(b"BZh"), Foreign::Bzip2),
    (text!(b"\x04\x22\x4d\x18"), Foreign::Lz4),
];

/// What is known after some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guess {
    /// It is this.
    Is(Foreign),
    /// It may become one of them.
    Open,
    /// No known product of a filter.
    None,
}

impl Foreign {
    /// What begins with `head`. At most 34 bytes decide it.
    pub(crate) fn guess(head: &[u8]) -> Guess {
        let mut open = false;
        for (pattern, format) in KNOWN {
            let fits = pattern
                .iter()
                .zip(head)
                .all(|(expected, found)| expected.is_none_or(|expected| expected == *found));
            if fits && pattern.len() <= head.len() {
                return Guess::Is(format);
            }
            open |= fits;
        }
        if open { Guess::Open } else { Guess::None }
    }

    /// How an archive is made of it again.
    pub(crate) const fn hint(self) -> &'static str {
        match self {
            Self::Age => "decrypt it first: pipe it through 'age -d -i KEYFILE'",
            Self::OpenPgp => "decrypt it first: pipe it through 'gpg -d'",
            Self::OpenSsl => "decrypt it first: pipe it through 'openssl enc -d', with the options that encrypted it",
            Self::Zstd => "decompress it first: pipe it through 'zstd -dc'",
            Self::Xz => "decompress it first: pipe it through 'xz -dc'",
            Self::Bzip2 => "decompress it first: pipe it through 'bzip2 -dc'",
            Self::Lz4 => "decompress it first: pipe it through 'lz4 -dc'",
        }
    }
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Age => "data encrypted by age",
            Self::OpenPgp => "data encrypted by OpenPGP",
            Self::OpenSsl => "data encrypted by openssl",
            Self::Zstd => "data compressed by zstd",
            Self::Xz => "data compressed by xz",
            Self::Bzip2 => "data compressed by bzip2",
            Self::Lz4 => "data compressed by lz4",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn real_beginnings_are_recognised_as_soon_as_they_are_whole() {
        let heads: [(&[u8], usize, Foreign); 9] = [
            (b"age-encryption.org/v1\n-> X25519", 21, Foreign::Age),
            (b"-----BEGIN AGE ENCRYPTED FILE-----\nYWdl", 34, Foreign::Age),
            (b"-----BEGIN PGP MESSAGE-----\n\nhQ", 27, Foreign::OpenPgp),
            // gpg -r, with an RSA key and with one on Curve25519; gpg -c.
            (b"\x85\x02\x0c\x03\xd0", 4, Foreign::OpenPgp),
            (b"\x84\x5e\x03\x1c", 3, Foreign::OpenPgp),
            (b"\x8c\x0d\x04\x09\x03", 3, Foreign::OpenPgp),
            (b"Salted__\x01\x02", 8, Foreign::OpenSsl),
            (b"\x28\xb5\x2f\xfd\x04", 4, Foreign::Zstd),
            (b"BZh91AY", 3, Foreign::Bzip2),
        ];
        for (head, length, format) in heads {
            for cut in 0..length {
                assert_eq!(Foreign::guess(&head[..cut]), Guess::Open, "{format} {cut}");
            }
            assert_eq!(Foreign::guess(&head[..length]), Guess::Is(format));
            assert_eq!(Foreign::guess(head), Guess::Is(format));
        }
    }

    #[test]
    fn anything_else_is_none_of_them() {
        for head in [
            &b"{\"errors\""[..],
            b"<html>",
            b"\x1f\x8b\x08",
            b"agf",
            b"-----BEGIN CERT",
            b"meta.json",
        ] {
            assert_eq!(Foreign::guess(head), Guess::None, "{}", head.escape_ascii());
        }
        assert!(KNOWN.iter().all(|(pattern, _)| pattern.len() <= 34));
    }
}
