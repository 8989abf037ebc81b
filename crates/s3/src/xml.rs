//! Reading the store's XML.

use quick_xml::Reader;
use quick_xml::events::Event;

/// The name of a document's root element, if the document is whole: well-formed from the first byte to the root's end tag.
pub(crate) fn root(text: &str) -> Option<String> {
    let mut reader = Reader::from_str(text.trim_start());
    let mut depth = 0_usize;
    let mut name = None;
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) => {
                depth += 1;
                name.get_or_insert_with(|| String::from_utf8_lossy(start.local_name().as_ref()).into_owned());
            }
            Event::Empty(start) if depth == 0 => {
                return Some(String::from_utf8_lossy(start.local_name().as_ref()).into_owned());
            }
            Event::End(_) => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return name;
                }
            }
            Event::Eof => return None,
            _ => {}
        }
    }
}

/// The text of the first element of this name, as soon as that one is whole: the document may be cut behind it.
pub(crate) fn text(document: &str, name: &str) -> Option<String> {
    let mut reader = Reader::from_str(document.trim_start());
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) if start.local_name().as_ref() == name.as_bytes() => {
                let end = start.to_end().into_owned();
                let text = reader.read_text(end.name()).ok()?;
                return quick_xml::escape::unescape(&text.decode().ok()?)
                    .ok()
                    .map(|text| text.trim().to_owned());
            }
            Event::Eof => return None,
            _ => {}
        }
    }
}

/// What an `<Error>` document says (docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html); what is absent is empty.
#[derive(Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct ErrorReply {
    pub(crate) code: String,
    pub(crate) message: String,
    /// Where the bucket is, if the request went elsewhere.
    pub(crate) region: String,
    /// The host that would take the request, if the one asked did not.
    pub(crate) endpoint: String,
}

/// What an error says; of what is no `<Error>` document, a bounded piece is the message.
pub(crate) fn error(text: &str) -> Option<ErrorReply> {
    if text.trim().is_empty() {
        return None;
    }
    if root(text).as_deref() == Some("Error")
        && let Ok(reply) = quick_xml::de::from_str(text.trim_start())
    {
        return Some(reply);
    }
    let message = snapline_failure::one_line(text, 200);
    Some(ErrorReply {
        message,
        ..ErrorReply::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_is_named_only_when_the_document_is_whole() {
        let whole = "  \n<?xml version=\"1.0\"?>\n<A xmlns=\"x\"><B>1</B></A>\n";
        assert_eq!(root(whole).as_deref(), Some("A"));
        let end = whole.find("</A>").unwrap() + 4;
        for cut in 0..end {
            assert_eq!(root(&whole[..cut]), None, "{cut}");
        }
        assert_eq!(root("<A/>").as_deref(), Some("A"));
        assert_eq!(root(""), None);
        assert_eq!(root("no xml"), None);
    }

    #[test]
    fn an_element_is_read_only_when_it_is_whole() {
        let whole = "<?xml version=\"1.0\"?><a:A xmlns:a=\"x\"><B/><a:Id> a&amp;b&#43;= </a:Id><C>";
        assert_eq!(text(whole, "Id").as_deref(), Some("a&b+="));
        let end = whole.find("</a:Id>").unwrap() + 7;
        for cut in 0..end {
            assert_eq!(text(&whole[..cut], "Id"), None, "{cut}");
        }
        assert_eq!(text(whole, "B"), None);
        assert_eq!(text("<A><B></B></A>", "B").as_deref(), Some(""));
    }

    #[test]
    fn what_is_no_error_document_is_shown_in_part() {
        assert_eq!(error(""), None);
        let code = "A".to_owned();
        let known = ErrorReply {
            code,
            ..ErrorReply::default()
        };
        assert_eq!(error("<Error><Code>A</Code></Error>"), Some(known));
        let page = format!("<html>{}</html>", "x".repeat(1000));
        assert_eq!(error(&page).unwrap().message.chars().count(), 201);
    }
}
