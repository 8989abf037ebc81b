//! Changes to a reply on its way.

use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::message::Message;

/// What is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Header and element `ETag` name another tag.
    WrongEtag,
    /// Both are missing.
    NoEtag,
    /// The elements `ETag` and `Location` are there, and empty.
    EmptyElements,
    /// White space before the body, as S3 sends it while it is at work.
    Blanks,
    /// The first element `Size` says so many bytes.
    Size(u64),
    /// The listing is never complete, and each page names another next one.
    Endless,
    /// The first element of this name has another text, or is missing.
    Element(&'static str, Option<&'static str>),
}

const WRONG: &str = "\"00000000000000000000000000000000\"";

impl Edit {
    pub(super) fn apply(self, reply: &Message) -> Vec<u8> {
        let head = String::from_utf8_lossy(&reply.head).into_owned();
        let body = String::from_utf8_lossy(&reply.content).into_owned();
        let (head, body) = match self {
            Self::WrongEtag => (
                with_header(&head, "etag", Some(WRONG)),
                with_element(&body, "ETag", Some(WRONG)),
            ),
            Self::NoEtag => (with_header(&head, "etag", None), with_element(&body, "ETag", None)),
            Self::EmptyElements => {
                let body = with_element(&body, "ETag", Some(""));
                (head, with_element(&body, "Location", Some("")))
            }
            Self::Size(size) => (head, with_element(&body, "Size", Some(&size.to_string()))),
            Self::Endless => (head, endless(&body)),
            Self::Element(name, text) => (head, with_element(&body, name, text)),
            Self::Blanks => (head, format!("{}{body}", " \r\n".repeat(40))),
        };
        let head = with_header(&head, "transfer-encoding", None);
        let head = with_header(&head, "content-length", None);
        let end = head.len() - 2;
        format!("{}Content-Length: {}\r\n\r\n{body}", &head[..end], body.len()).into_bytes()
    }
}

/// The page with a token that none before it had. MinIO's are base64, and stand for a key below the prefix.
fn endless(page: &str) -> String {
    static PAGES: AtomicUsize = AtomicUsize::new(0);
    let number = PAGES.fetch_add(1, Ordering::Relaxed);
    let more = with_element(page, "IsTruncated", Some("true"));
    let prefix = page
        .split("<Prefix>")
        .nth(1)
        .and_then(|rest| rest.split("</Prefix>").next());
    let prefix = prefix.unwrap_or_default().replace("%2F", "/");
    let token = STANDARD.encode(format!("{prefix}zzz{number:08}"));
    let token = format!("<NextContinuationToken>{token}</NextContinuationToken></ListBucketResult>");
    more.replace("</ListBucketResult>", &token)
}

/// The head with the value of a header replaced, or without the header.
pub(super) fn with_header(head: &str, name: &str, value: Option<&str>) -> String {
    let lines = head
        .split_inclusive("\r\n")
        .filter_map(|line| match line.split_once(": ") {
            Some((found, _)) if found.eq_ignore_ascii_case(name) => value.map(|value| format!("{found}: {value}\r\n")),
            _ => Some(line.to_owned()),
        });
    lines.collect()
}

/// The document with the text of an element replaced, or without the element.
fn with_element(body: &str, name: &str, text: Option<&str>) -> String {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let Some((before, rest)) = body.split_once(&open) else {
        return body.to_owned();
    };
    let (_, after) = rest.split_once(&close).expect("an end tag");
    text.map_or_else(
        || format!("{before}{after}"),
        |text| format!("{before}{open}{text}{close}{after}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPLY: &str =
        "HTTP/1.1 200 OK\r\nEtag: \"a\"\r\nContent-Length: 39\r\n\r\n<R><ETag>a</ETag><Location>l</Location></R>";

    fn edited(edit: Edit) -> String {
        let mut reply = Message::read_reply(&mut REPLY.as_bytes(), false).unwrap();
        reply.content = REPLY.split_once("\r\n\r\n").unwrap().1.as_bytes().to_vec();
        String::from_utf8(edit.apply(&reply)).unwrap()
    }

    #[test]
    fn a_reply_is_changed_and_framed_anew() {
        assert_eq!(
            edited(Edit::NoEtag),
            "HTTP/1.1 200 OK\r\nContent-Length: 29\r\n\r\n<R><Location>l</Location></R>"
        );
        assert!(edited(Edit::EmptyElements).ends_with("<R><ETag></ETag><Location></Location></R>"));
        assert!(edited(Edit::WrongEtag).starts_with("HTTP/1.1 200 OK\r\nEtag: \"0000"));
        assert!(edited(Edit::Blanks).contains("\r\n\r\n \r\n"));
    }
}
