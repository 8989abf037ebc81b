//! One line from a pipe: a token, or the URI of an object.

use std::io::Read;

use crate::{Failure, Kind};

/// A line as it came.
#[derive(Debug, PartialEq, Eq)]
pub struct Line {
    /// Its text without the line ending.
    pub text: String,
    /// Whether it ended with a newline. A line without one may be the beginning of a longer one.
    pub terminated: bool,
}

/// Reads everything and expects one line of at most `limit` bytes; CR LF counts as a line ending.
///
/// `what` names the line in messages, `from` where it is read. The content is never shown: it may be a secret.
///
/// # Errors
/// 66 if there is nothing, 65 if there is more than one line, more than `limit` bytes, or a control character, 74 if reading
/// fails.
pub fn read_line(reader: impl Read, limit: usize, what: &str, from: &str) -> Result<Line, Failure> {
    let fail = |exit, cause: &str| Failure::says(exit, format!("read {what} from {from}: {cause}"));
    let mut bytes = Vec::new();
    // Two more than the limit: the line ending does not count.
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(3);
    reader
        .take(most)
        .read_to_end(&mut bytes)
        .map_err(|error| fail(Kind::Io, &error.to_string()))?;
    if bytes.is_empty() {
        return Err(fail(Kind::NoInput, "it is empty"));
    }
    let terminated = bytes.ends_with(b"\n");
    if terminated {
        bytes.pop();
        if bytes.ends_with(b"\r") {
            bytes.pop();
        }
    }
    if bytes.contains(&b'\n') {
        return Err(fail(Kind::Data, "there is more than one line"));
    }
    if bytes.len() > limit {
        return Err(fail(Kind::Data, &format!("it is longer than {limit} bytes")));
    }
    if bytes.is_empty() {
        return Err(fail(Kind::Data, "the line is empty"));
    }
    match String::from_utf8(bytes) {
        Ok(text) if !text.contains(char::is_control) => Ok(Line { text, terminated }),
        _ => Err(fail(Kind::Data, "it is not a line of text")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Line, Kind> {
        read_line(bytes, 8, "a token", "standard input").map_err(|failure| failure.kind())
    }

    #[test]
    fn a_line_with_or_without_its_ending_is_read() {
        for (bytes, terminated) in [(&b"token"[..], false), (b"token\n", true), (b"token\r\n", true)] {
            assert_eq!(
                read(bytes),
                Ok(Line {
                    text: "token".to_owned(),
                    terminated
                })
            );
        }
    }

    #[test]
    fn nothing_is_no_input() {
        assert_eq!(read(b""), Err(Kind::NoInput));
    }

    #[test]
    fn what_is_not_one_line_is_bad_data() {
        let bad = [
            &b"\n"[..],
            b"a\nb",
            b"a\nb\n",
            b"a\n\n",
            b"123456789",
            b"123456789\r\n",
            b"a\tb",
            b"\xff\n",
            b"\r\n",
        ];
        for bytes in bad {
            assert_eq!(read(bytes), Err(Kind::Data), "{bytes:?}");
        }
    }

    #[test]
    fn the_limit_does_not_count_the_line_ending() {
        assert!(read(b"12345678\r\n").is_ok());
    }

    #[test]
    fn a_failure_never_shows_the_content() {
        let failure = read_line(&b"s.secret\ns.secret2\n"[..], 64, "the token", "standard input").unwrap_err();
        assert!(!failure.to_string().contains("secret"), "{failure}");
    }
}
