//! Interim responses (1xx), which come before the one that counts.
//!
//! ureq takes `100 Continue` only without header lines, and while it waits for that it takes any other response with header lines
//! for the final one (seen with ureq-proto 0.7.1). RFC 9110, 15.2 wants any number of interim responses skipped, unasked too.

/// What comes next of a server's responses.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// A response that counts, or what is none.
    Final,
    /// Too little to tell, or the beginning of an interim response.
    Unfinished,
    /// An interim response of this many bytes; whether it asks for the request's body.
    Interim(usize, bool),
}

/// `100 Continue` as ureq knows it.
pub(crate) const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// What `bytes` begin with.
pub(crate) fn next(bytes: &[u8]) -> Next {
    // A digit stands for any digit.
    let pattern = b"HTTP/1.0 1";
    for (byte, expected) in bytes.iter().zip(pattern) {
        let fits = if *expected == b'0' {
            byte.is_ascii_digit()
        } else {
            byte == expected
        };
        if !fits {
            return Next::Final;
        }
    }
    match bytes.get(pattern.len()..pattern.len() + 2) {
        None => Next::Unfinished,
        // Switching Protocols is the last word in HTTP.
        Some(b"01") => Next::Final,
        Some(rest) => end(bytes).map_or(Next::Unfinished, |length| Next::Interim(length, rest == b"00")),
    }
}

/// Behind the empty line.
fn end(bytes: &[u8]) -> Option<usize> {
    let find = |line: &[u8]| Some(bytes.windows(line.len()).position(|window| window == line)? + line.len());
    [find(b"\r\n\r\n"), find(b"\n\n")].into_iter().flatten().min()
}

/// `bytes` without the interim responses that they begin with, and whether one of these asked for the body.
pub(crate) fn skipped(mut bytes: &[u8]) -> (&[u8], bool) {
    let mut asked = false;
    while let Next::Interim(length, asks) = next(bytes) {
        bytes = &bytes[length..];
        asked |= asks;
    }
    (bytes, asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interim_responses_are_told_from_final_ones() {
        for (text, expected) in [
            ("", Next::Unfinished),
            ("HTTP/1.1", Next::Unfinished),
            ("HTTP/1.1 1", Next::Unfinished),
            ("HTTP/1.1 103 Early Hints\r\nLink: </a", Next::Unfinished),
            ("HTTP/1.1 100 Continue\r\n\r\n", Next::Interim(25, true)),
            ("HTTP/1.0 100 Continue\nA: b\n\nHTTP", Next::Interim(28, true)),
            ("HTTP/1.1 102 x\r\nA: b\r\n\r\nHTTP/1.1 200", Next::Interim(24, false)),
            ("HTTP/1.1 101 Switching Protocols\r\n\r\n", Next::Final),
            ("HTTP/1.1 200 OK\r\n\r\n", Next::Final),
            ("HTTP/2", Next::Final),
            ("220 smtp", Next::Final),
        ] {
            assert_eq!(next(text.as_bytes()), expected, "{text:?}");
        }
    }

    #[test]
    fn all_of_them_are_skipped() {
        let all = "HTTP/1.1 103 x\r\nA: b\r\n\r\nHTTP/1.1 100 x\r\nB: c\r\n\r\nHTTP/1.1 102 x\r\n\r\nHTTP/1.1 403 no";
        assert_eq!(skipped(all.as_bytes()), (&b"HTTP/1.1 403 no"[..], true));
        assert_eq!(skipped(b"HTTP/1.1 200 OK"), (&b"HTTP/1.1 200 OK"[..], false));
    }
}
