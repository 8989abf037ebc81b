//! HTTP/1.1 messages, kept as they came.

use std::io::{self, BufRead, Read};

/// A message.
#[derive(Debug)]
pub(super) struct Message {
    /// The lines before the body, the empty one included.
    pub(super) head: Vec<u8>,
    /// The body as on the wire.
    pub(super) body: Vec<u8>,
    /// The body without its framing.
    pub(super) content: Vec<u8>,
}

impl Message {
    /// Reads a reply; what only says that the server goes on (1xx) is passed over.
    pub(super) fn read_reply(from: &mut impl BufRead, to_head: bool) -> io::Result<Self> {
        let ended = || io::Error::new(io::ErrorKind::UnexpectedEof, "no reply");
        let mut head = read_head(from)?.ok_or_else(ended)?;
        while (100..200).contains(&status(&head)) {
            head = read_head(from)?.ok_or_else(ended)?;
        }
        let mut reply = Self {
            head,
            body: Vec::new(),
            content: Vec::new(),
        };
        if to_head || matches!(reply.status(), 204 | 304) {
            return Ok(reply);
        }
        if header(&reply.head, "transfer-encoding").is_some() {
            reply.read_chunks(from)?;
        } else if let Some(length) = length(&reply.head) {
            reply.body = exactly(from, length)?;
            reply.content.clone_from(&reply.body);
        } else {
            from.read_to_end(&mut reply.body)?;
            reply.content.clone_from(&reply.body);
        }
        Ok(reply)
    }

    pub(super) fn status(&self) -> u16 {
        status(&self.head)
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        [&*self.head, &self.body].concat()
    }

    fn read_chunks(&mut self, from: &mut impl BufRead) -> io::Result<()> {
        loop {
            let start = self.body.len();
            from.read_until(b'\n', &mut self.body)?;
            let line = String::from_utf8_lossy(&self.body[start..]).into_owned();
            let digits = line.trim().split(';').next().unwrap_or_default();
            let size = usize::from_str_radix(digits, 16).map_err(io::Error::other)?;
            if size == 0 {
                // Trailers, if any, and the last empty line.
                let end = read_head(from)?.unwrap_or_default();
                self.body.extend(end);
                return Ok(());
            }
            let chunk = exactly(from, size + 2)?;
            self.content.extend(&chunk[..size]);
            self.body.extend(chunk);
        }
    }
}

/// The lines up to the first empty one; nothing at the end of the connection.
pub(super) fn read_head(from: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut head = Vec::new();
    loop {
        let start = head.len();
        if from.read_until(b'\n', &mut head)? == 0 {
            return Ok(None);
        }
        if &head[start..] == b"\r\n" {
            return Ok(Some(head));
        }
    }
}

/// The value of a header.
pub(super) fn header<'a>(head: &'a [u8], name: &str) -> Option<&'a str> {
    let text = std::str::from_utf8(head).ok()?;
    text.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then_some(value.trim())
    })
}

/// `Content-Length`.
pub(super) fn length(head: &[u8]) -> Option<usize> {
    header(head, "content-length")?.parse().ok()
}

/// This many bytes.
pub(super) fn exactly(from: &mut impl Read, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn status(head: &[u8]) -> u16 {
    let text = String::from_utf8_lossy(head);
    text.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_read_to_its_end_however_it_is_framed() {
        for (bytes, content) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP", "abc"),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\nHTTP",
                "abc",
            ),
            (
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
                "abc",
            ),
            ("HTTP/1.1 204 No Content\r\n\r\nHTTP", ""),
            ("HTTP/1.1 200 OK\r\n\r\nabc", "abc"),
        ] {
            let reply = Message::read_reply(&mut bytes.as_bytes(), false).unwrap();
            assert_eq!(String::from_utf8(reply.content.clone()).unwrap(), content, "{bytes}");
            let whole = String::from_utf8(reply.bytes()).unwrap();
            assert!(bytes.contains(&whole), "{whole}");
        }
    }
}
