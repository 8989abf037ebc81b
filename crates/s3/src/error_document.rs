//! What a response that is no success says about itself.

use std::ops::ControlFlow;

use serde_json::Value;
use snapline_failure::one_line;

use crate::xml;

/// So much of a text that is no error document is shown, in characters.
const SHOWN: usize = 200;
/// So much of what an error document says.
const LONGEST: usize = 1000;
/// HTML is known by its beginning, in characters.
const BEGINNING: usize = 1024;

/// What an error document says (docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html); what is absent is empty.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct ErrorDocument {
    pub(crate) code: String,
    pub(crate) message: String,
    /// Where the bucket is, if the request went elsewhere.
    pub(crate) region: String,
    /// The host that would take the request, if the one asked did not.
    pub(crate) endpoint: String,
    /// It is a page for a browser; the message is its title.
    pub(crate) is_html: bool,
}

impl ErrorDocument {
    /// Reads a body. XML of any root counts, whole or not, and so does JSON; of other text a piece is the message.
    pub(crate) fn read(body: &str) -> Self {
        let body = body.trim_start_matches('\u{feff}').trim();
        if body.is_empty() {
            return Self::default();
        }
        if let Some(title) = html_title(body) {
            return Self {
                message: title,
                is_html: true,
                ..Self::default()
            };
        }
        let said = if body.starts_with('{') {
            json(body)
        } else {
            of_xml(body)
        };
        if said.code.is_empty() && said.message.is_empty() {
            return Self {
                message: one_line(body, SHOWN),
                ..said
            };
        }
        said
    }

    /// Fills the field that `name` stands for, unless it is filled.
    fn take(&mut self, name: &str, text: &str) {
        let field = match &*name.to_ascii_lowercase() {
            "code" | "errorcode" | "__type" => &mut self.code,
            "message" | "errormessage" | "error_description" => &mut self.message,
            "region" => &mut self.region,
            "endpoint" => &mut self.endpoint,
            _ => return,
        };
        if field.is_empty() {
            *field = one_line(text, LONGEST);
        }
    }
}

fn of_xml(body: &str) -> ErrorDocument {
    let mut said = ErrorDocument::default();
    let _ = xml::walk(body, |path, text| {
        if let Some(name) = path.last() {
            said.take(name, text);
        }
        ControlFlow::Continue(())
    });
    said
}

/// `{"code": …, "message": …}`, also below `error`, `Error` or in the first of `errors`; `{"error": "Code"}`.
fn json(body: &str) -> ErrorDocument {
    let mut said = ErrorDocument::default();
    let Ok(Value::Object(fields)) = serde_json::from_str(body) else {
        return said;
    };
    let lists = fields.values().filter_map(|value| value.as_array()?.first());
    let inner = fields.values().chain(lists).filter_map(Value::as_object);
    for (name, value) in [&fields].into_iter().chain(inner).flatten() {
        match value {
            Value::String(text) => said.take(name, text),
            Value::Number(number) => said.take(name, &number.to_string()),
            _ => {}
        }
    }
    if let (true, Some(Value::String(code))) = (said.code.is_empty(), fields.get("error")) {
        said.take("code", code);
    }
    said
}

/// The title of a page of HTML, perhaps empty; nothing for what is none.
fn html_title(body: &str) -> Option<String> {
    let lower = body.to_ascii_lowercase();
    let beginning: String = lower.chars().take(BEGINNING).collect();
    if !beginning.contains("<!doctype html") && !beginning.contains("<html") {
        return None;
    }
    let title = lower.split_once("<title").and_then(|(before, rest)| {
        let begin = before.len() + "<title".len() + rest.find('>')? + 1;
        let end = begin + lower.get(begin..)?.find("</title")?;
        body.get(begin..end)
    });
    Some(one_line(title.unwrap_or_default(), SHOWN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_read_whatever_the_document_is() {
        for body in [
            "<Error><Code>A</Code><Message>m</Message></Error>",
            "\u{feff} <?xml version=\"1.0\"?><n:Error xmlns:n=\"x\"><n:Code> A</n:Code><n:Message>m</n:Message></n:Error>",
            "<ErrorResponse><Error><Type>Sender</Type><Code>A</Code><Message>m</Message></Error><RequestId/></ErrorResponse>",
            "<Response><Errors><Error><Code>A</Code><Message>m</Message></Error></Errors></Response>",
            "<error><code>A</code><message>m</message></error>",
            "<Error><Code>A</Code><Code>B</Code><Message>m</Message><Message>n</Message></Error>",
            // Cut, which changes nothing about what was read.
            "<Error><Code>A</Code><Message>m</Message><Res",
            "{\"Code\":\"A\",\"Message\":\"m\"}",
            "{\"code\":\"A\",\"message\":\"m\",\"status\":403}",
            "{\"error\":{\"code\":\"A\",\"message\":\"m\"}}",
            "{\"success\":false,\"errors\":[{\"code\":\"A\",\"message\":\"m\"}]}",
            "{\"__type\":\"A\",\"message\":\"m\"}",
            "{\"error\":\"A\",\"error_description\":\"m\"}",
        ] {
            let said = ErrorDocument::read(body);
            assert_eq!((&*said.code, &*said.message, said.is_html), ("A", "m", false), "{body}");
        }
        let number = ErrorDocument::read("{\"error\":{\"code\":403,\"message\":\"m\"}}");
        assert_eq!(number.code, "403");
        let place = ErrorDocument::read("<Error><Region>r</Region><Endpoint>e</Endpoint></Error>");
        assert_eq!((&*place.region, &*place.endpoint), ("r", "e"));
    }

    #[test]
    fn what_is_no_error_document_is_shown_in_part() {
        assert_eq!(ErrorDocument::read(" \n"), ErrorDocument::default());
        for text in ["no", "{\"a\":1}", "{", "[1]", "<a>b</a>"] {
            assert_eq!(ErrorDocument::read(text).message, text);
        }
        assert_eq!(ErrorDocument::read(&"x".repeat(1000)).message.chars().count(), 201);
    }

    #[test]
    fn a_page_for_a_browser_is_known_and_its_title_is_the_message() {
        for (page, title) in [
            (
                "<!DOCTYPE HTML>\n<html lang=\"en\"><head><title>Error\n response</title></head>",
                "Error response",
            ),
            ("<html>\r\n<head><TITLE a=\"b\">301 Moved</TITLE></head>", "301 Moved"),
            ("<?xml version=\"1.0\"?><!DOCTYPE html PUBLIC \"x\"><html/>", ""),
            ("<!-- ü --><html><title>cut", ""),
        ] {
            let said = ErrorDocument::read(page);
            assert_eq!((said.is_html, &*said.message), (true, title), "{page}");
        }
        assert!(!ErrorDocument::read("<Error><Message>&lt;html&gt;</Message></Error>").is_html);
    }
}
