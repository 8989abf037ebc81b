//! Bodies of replies.

use std::io::Read as _;
use std::time::{Duration, Instant};

use http::HeaderMap;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use ureq::Body;

use crate::{TransportError, deadline};

/// How a reply says where its body ends (RFC 9112, 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// After this many bytes.
    Length(u64),
    /// With a last chunk.
    Chunked,
    /// With the connection: a cut cannot be told from an end. A reset even counts as an end in ureq.
    Close,
}

/// The framing of a reply with these headers.
pub fn framing(headers: &HeaderMap) -> Framing {
    if headers.contains_key(TRANSFER_ENCODING) {
        return Framing::Chunked;
    }
    let length = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.trim().parse().ok());
    length.map_or(Framing::Close, Framing::Length)
}

/// Reads a body that is meant to be small, at most `limit` bytes of it; whatever is not UTF-8 is replaced.
///
/// # Errors
/// If the connection fails on the way.
pub fn read_bounded(body: &mut Body, limit: u64) -> Result<String, TransportError> {
    let mut bytes = Vec::new();
    body.as_reader()
        .take(limit)
        .read_to_end(&mut bytes)
        .map_err(TransportError::from_io)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// What a failure's body says, as much of it as comes before `deadline`, at most `limit` bytes; whatever is not UTF-8 is replaced.
///
/// A server that sends one byte now and then holds nobody up, and what it has said by then is not lost.
pub fn read_until(body: &mut Body, limit: u64, deadline: Instant) -> String {
    let mut bytes = Vec::new();
    // What cannot be read is left out.
    let _ = deadline::until(deadline, || body.as_reader().take(limit).read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What a proxy's refusal says.
pub(crate) fn read_some(body: &mut Body) -> String {
    read_until(body, 4096, Instant::now() + Duration::from_secs(2))
}

/// Whether a reply with this status and body says that this port takes TLS only, in the words of Go's server (Vault, MinIO), nginx or Apache.
pub fn demands_tls(status: u16, body: &str) -> bool {
    let phrases = [
        "HTTP request to an HTTPS server",
        "plain HTTP request was sent to HTTPS port",
        "speaking plain HTTP to an SSL-enabled server port",
    ];
    status == 400 && phrases.iter().any(|phrase| body.contains(phrase))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn framing_is_told_from_the_headers() {
        let mut headers = HeaderMap::new();
        assert_eq!(framing(&headers), Framing::Close);
        headers.insert(CONTENT_LENGTH, "12".parse().unwrap());
        assert_eq!(framing(&headers), Framing::Length(12));
        headers.insert(TRANSFER_ENCODING, "chunked".parse().unwrap());
        assert_eq!(framing(&headers), Framing::Chunked);
    }
}
