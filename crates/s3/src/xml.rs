//! Reading the store's XML.

use std::ops::ControlFlow;

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};

/// No response of S3 nests deeper than a few elements; one that does is not read.
const DEEPEST: usize = 32;

/// Hands every element to `each` as it ends: the names from the root down to it, without their namespaces' prefixes, and its own
/// text. Returns the root's name, if the document is whole: well-formed from the first byte to the root's end tag.
pub(crate) fn walk(document: &str, mut each: impl FnMut(&[String], &str) -> ControlFlow<()>) -> Option<String> {
    let mut reader = Reader::from_str(document.trim_start_matches('\u{feff}').trim_start());
    // A key with an ampersand that a store forgot to escape.
    reader.config_mut().allow_dangling_amp = true;
    let mut path = Vec::new();
    let mut texts: Vec<String> = Vec::new();
    loop {
        let is_end = match reader.read_event().ok()? {
            Event::Start(start) => {
                open(&start, &mut path, &mut texts)?;
                false
            }
            Event::Empty(start) => {
                open(&start, &mut path, &mut texts)?;
                true
            }
            Event::End(_) => true,
            Event::Text(text) => push(&mut texts, &text.decode().ok()?),
            Event::CData(text) => push(&mut texts, &text.decode().ok()?),
            Event::GeneralRef(reference) => match reference.resolve_char_ref().ok()? {
                Some(character) => push(&mut texts, character.encode_utf8(&mut [0; 4])),
                None => push(&mut texts, resolve_predefined_entity(&reference.decode().ok()?)?),
            },
            Event::Eof => return None,
            _ => false,
        };
        if is_end {
            let text = texts.pop()?;
            if each(&path, &text).is_break() {
                return None;
            }
            let name = path.pop()?;
            if path.is_empty() {
                return Some(name);
            }
        }
    }
}

fn open(start: &BytesStart<'_>, path: &mut Vec<String>, texts: &mut Vec<String>) -> Option<()> {
    path.push(String::from_utf8_lossy(start.local_name().as_ref()).into_owned());
    texts.push(String::new());
    (path.len() <= DEEPEST).then_some(())
}

/// Adds to the text of the element that is open; that is no end of one.
fn push(texts: &mut [String], text: &str) -> bool {
    if let Some(last) = texts.last_mut() {
        last.push_str(text);
    }
    false
}

/// The name of a document's root element, if the document is whole.
pub(crate) fn root(document: &str) -> Option<String> {
    walk(document, |_, _| ControlFlow::Continue(()))
}

/// The text of the first element of this name, as soon as that one is whole: the document may be cut behind it.
pub(crate) fn text(document: &str, name: &str) -> Option<String> {
    let mut found = None;
    let _ = walk(document, |path, text| {
        if path.last().is_some_and(|last| last == name) {
            found = Some(text.trim().to_owned());
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    });
    found
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
        assert_eq!(
            root("\u{feff}<?xml version=\"1.0\"?><n:A xmlns:n=\"x\"/>").as_deref(),
            Some("A")
        );
        for wrong in ["", "no xml", "<A><B></A></B>", "<A>&unheard;</A>"] {
            assert_eq!(root(wrong), None, "{wrong}");
        }
        assert_eq!(root(&"<A>".repeat(1000)), None);
    }

    #[test]
    fn an_element_is_read_only_when_it_is_whole() {
        let whole = "<?xml version=\"1.0\"?><a:A xmlns:a=\"x\"><B/><a:Id> a&amp;b&#43;= </a:Id><C>";
        assert_eq!(text(whole, "Id").as_deref(), Some("a&b+="));
        let end = whole.find("</a:Id>").unwrap() + 7;
        for cut in 0..end {
            assert_eq!(text(&whole[..cut], "Id"), None, "{cut}");
        }
        assert_eq!(text(whole, "B").as_deref(), Some(""));
        assert_eq!(text("<A><B></B></A>", "B").as_deref(), Some(""));
    }

    #[test]
    fn the_text_of_an_element_is_put_together_whatever_it_is_written_as() {
        for (document, expected) in [
            ("<A><![CDATA[a<b]]>&gt;c<!-- no -->d</A>", "a<b>cd"),
            ("<A>a & b</A>", "a & b"),
            ("<A>a<B>not this</B>b</A>", "ab"),
        ] {
            assert_eq!(text(document, "A").as_deref(), Some(expected), "{document}");
        }
    }
}
