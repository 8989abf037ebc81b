//! The dialect of AWS's shared files (docs.aws.amazon.com/sdkref/latest/guide/file-format.html).
//!
//! No crate reads it: nested settings hang below an empty value by indentation, a blank and `#` or `;` end a value, and a
//! backslash or a quote in a key is nothing but itself, which `rust-ini` and `configparser` see otherwise.

use std::collections::BTreeMap;

/// What one section holds. A nested setting has the name `outer.inner`.
pub(crate) type Section = BTreeMap<String, String>;

/// Reads a file: its sections by the words between the brackets, blanks made single. Sections that occur twice are one, and the
/// later value holds.
///
/// # Errors
/// The number of the first line that is none of a shared file, from 1. The line itself may hold a secret.
pub(crate) fn parse(text: &str) -> Result<BTreeMap<String, Section>, usize> {
    let mut sections: BTreeMap<String, Section> = BTreeMap::new();
    let mut section: Option<String> = None;
    // The setting that an indented line belongs to.
    let mut outer: Option<String> = None;
    // An editor of Windows may have put a byte order mark in front.
    for (number, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let wrong = number + 1;
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        let is_indented = line.starts_with([' ', '\t']);
        if trimmed.starts_with('[') && !is_indented {
            let (name, rest) = trimmed.trim_start_matches('[').split_once(']').ok_or(wrong)?;
            if !matches!(rest.trim_start().chars().next(), None | Some('#' | ';')) {
                return Err(wrong);
            }
            let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
            sections.entry(name.clone()).or_default();
            (section, outer) = (Some(name), None);
            continue;
        }
        let section = sections.get_mut(section.as_ref().ok_or(wrong)?).ok_or(wrong)?;
        if is_indented {
            let outer = outer.as_ref().ok_or(wrong)?;
            // Below a value that is not empty, an indented line continues it; no setting that we read has such a value.
            if section.get(outer).is_some_and(String::is_empty) {
                let (name, value) = pair(trimmed).ok_or(wrong)?;
                section.insert(format!("{outer}.{name}"), value);
            }
            continue;
        }
        let (name, value) = pair(trimmed).ok_or(wrong)?;
        section.insert(name.clone(), value);
        outer = Some(name);
    }
    Ok(sections)
}

/// `name = value`, the name in lower case; blank and `#` or `;` begin a comment.
fn pair(line: &str) -> Option<(String, String)> {
    let (name, value) = line.split_once('=')?;
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
        let sections = parse(text).unwrap();
        assert_eq!(sections["default"]["aws_access_key_id"], "AK/+=");
        assert_eq!(sections["default"]["aws_secret_access_key"], "a\"b\\c#d");
        assert_eq!(sections["default"]["region"], "here");
        assert_eq!(sections["profile dev"]["region"], "eu-west-1");
        assert_eq!(sections["profile dev"]["s3.endpoint_url"], "http://h:1/?a=b");
        assert_eq!(sections["profile dev"]["s3.other"], "2");
        assert_eq!(sections["profile dev"]["output"], "json");
        assert!(sections["services x"].is_empty());
    }

    #[test]
    fn a_line_that_is_none_of_the_dialect_is_told_by_its_number() {
        for (text, line) in [
            ("a = b", 1),
            ("[default]\nkey", 2),
            ("[default\na = b", 1),
            ("[default] x\n", 1),
            ("\n[a]\n  b = c\n", 3),
            ("[a]\n= c\n", 2),
            ("[a]\ns3 =\n  nothing\n", 3),
        ] {
            assert_eq!(parse(text), Err(line), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_value_without_blanks_comes_back_as_it_is(value in "[!-~]{1,80}") {
            prop_assume!(!value.starts_with(['#', ';']));
            let sections = parse(&format!("[a]\nk = {value}\n")).unwrap();
            prop_assert_eq!(&sections["a"]["k"], &value);
        }

        #[test]
        fn no_text_makes_it_fall_over(text in "[\\[\\]=#; \\na-c\\t]{0,200}") {
            let _ = parse(&text);
        }
    }
}
