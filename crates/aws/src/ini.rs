//! The dialect of AWS's shared files (docs.aws.amazon.com/sdkref/latest/guide/file-format.html), as botocore reads it, which is
//! more than that page has: settings may be indented, `:` stands for `=`, and what follows the bracket of a section is passed
//! over.
//!
//! No crate reads it: nested settings hang below an empty value by indentation, a blank and `#` or `;` end a value, and a
//! backslash or a quote in a key is nothing but itself, which `rust-ini` and `configparser` see otherwise.

use std::collections::BTreeMap;

/// What one section holds. A nested setting has the name `outer.inner`.
pub(crate) type Section = BTreeMap<String, String>;

/// What a file holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct File {
    /// By the words between the brackets, blanks made single. Sections that occur twice are one, and the later value holds.
    pub(crate) sections: BTreeMap<String, Section>,
    /// Of each section that has one, the number of the first line that cannot be understood, from 1. The line itself may hold a
    /// secret. Only a section that is used matters.
    pub(crate) odd: BTreeMap<String, usize>,
}

/// Reads a file. What stands before the first section belongs to nobody.
pub(crate) fn parse(text: &str) -> File {
    let mut file = File::default();
    let mut name: Option<String> = None;
    // The setting that an indented line belongs to, and how far it is indented itself.
    let mut outer: Option<(String, usize)> = None;
    // An editor of Windows may have put a byte order mark in front.
    for (number, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        let indent = line.len() - line.trim_start().len();
        let inner = outer.as_ref().filter(|(_, outside)| indent > *outside);
        if inner.is_none() && trimmed.starts_with('[') {
            let found = trimmed.trim_start_matches('[').split_once(']');
            let words = found.map_or(trimmed, |(words, _)| words);
            let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
            file.sections.entry(words.clone()).or_default();
            if found.is_none() {
                file.odd.entry(words.clone()).or_insert(number + 1);
            }
            (name, outer) = (Some(words), None);
            continue;
        }
        let Some(name) = &name else { continue };
        let section = file.sections.entry(name.clone()).or_default();
        let is_understood = match (inner, pair(trimmed)) {
            // Below a value that is not empty, an indented line continues it; no setting that we read has such a value.
            (Some((outer, _)), _) if section.get(outer).is_some_and(|value| !value.is_empty()) => true,
            (Some((outer, _)), Some((name, value))) => {
                section.insert(format!("{outer}.{name}"), value);
                true
            }
            (None, Some((name, value))) => {
                section.insert(name.clone(), value);
                outer = Some((name, indent));
                true
            }
            (_, None) => false,
        };
        if !is_understood {
            file.odd.entry(name.clone()).or_insert(number + 1);
        }
    }
    file
}

/// `name = value` or `name: value`, the name in lower case; blank and `#` or `;` begin a comment.
fn pair(line: &str) -> Option<(String, String)> {
    let (name, value) = line.split_once(['=', ':'])?;
    let name = name.trim_end().to_ascii_lowercase();
    let value = value.trim_start();
    let comment = value.char_indices().find(|(at, c)| {
        matches!(c, '#' | ';')
            && value
                .get(..*at)
                .is_some_and(|v| v.is_empty() || v.ends_with([' ', '\t']))
    });
    let value = comment.and_then(|(at, _)| value.get(..at)).unwrap_or(value);
    (!name.is_empty()).then(|| (name, value.trim_end().to_owned()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sections_settings_comments_and_nested_settings_are_read() {
        let text = "\u{feff}# a comment\n; another\n[default]\nAWS_Access_Key_Id=AK/+=\naws_secret_access_key = a\"b\\c#d # why\r\n\
                    \n[ profile   dev ] ; here\nregion = eu-west-1\t;x\ns3 =\n  # inner\n  endpoint_url = http://h:1/?a=b\n  \
                    other=2\noutput = json\n  continued\n[services x]\n[default]\nregion=here\n";
        let File { sections, odd } = parse(text);
        assert!(odd.is_empty(), "{odd:?}");
        assert_eq!(sections["default"]["aws_access_key_id"], "AK/+=");
        assert_eq!(sections["default"]["aws_secret_access_key"], "a\"b\\c#d");
        assert_eq!(sections["default"]["region"], "here");
        assert_eq!(sections["profile dev"]["region"], "eu-west-1");
        assert_eq!(sections["profile dev"]["s3.endpoint_url"], "http://h:1/?a=b");
        assert_eq!(sections["profile dev"]["s3.other"], "2");
        assert_eq!(sections["profile dev"]["output"], "json");
        assert!(sections["services x"].is_empty());
    }

    /// As `aws` and boto3 read them; seen in the field (smithy-lang/smithy-rs#1488).
    #[test]
    fn indented_settings_colons_tabs_and_words_behind_a_bracket_are_read() {
        for text in [
            "[default]\n  a = 1\n  s3 =\n    b = 2\n  c = 3\n",
            "[default]\n\ta = 1\n\ts3 =\n\t\tb = 2\n\tc = 3\n",
            "  [default]\n  a: 1\n  s3:\n      b=2\n  c :3\n",
            "[default] of mine\na = 1\ns3 =\n\tb=2\nc=3\n[other] x\na = 7\n",
            "stray\n[default]\na=1\ns3=\n b = 2\nc=3",
        ] {
            let File { sections, odd } = parse(text);
            let section = &sections["default"];
            let values = ["a", "s3.b", "c"].map(|name| section.get(name).map(String::as_str));
            assert_eq!(values, [Some("1"), Some("2"), Some("3")], "{text}");
            assert!(odd.is_empty(), "{text}");
        }
        // A URL has a colon itself.
        assert_eq!(
            parse("[a]\nendpoint_url = http://h:1\n").sections["a"]["endpoint_url"],
            "http://h:1"
        );
    }

    #[test]
    fn a_line_that_is_none_of_the_dialect_is_told_by_its_section_and_number() {
        for (text, section, line) in [
            ("[default]\nkey", "default", 2),
            ("[default\na = b", "[default", 1),
            ("[b]\na = b\n\n[a]\nc\nd\n", "a", 5),
            ("[a]\n= c\n", "a", 2),
            ("[a]\ns3 =\n  nothing\n", "a", 3),
        ] {
            let odd = parse(text).odd;
            assert_eq!(odd, BTreeMap::from([(section.to_owned(), line)]), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_value_without_blanks_comes_back_as_it_is(value in "[!-~]{1,80}") {
            prop_assume!(!value.starts_with(['#', ';']));
            let sections = parse(&format!("[a]\nk = {value}\n")).sections;
            prop_assert_eq!(&sections["a"]["k"], &value);
        }

        #[test]
        fn no_text_makes_it_fall_over(text in "[\\[\\]=#; \\na-c\\t]{0,200}") {
            let _ = parse(&text);
        }
    }
}
