//! Foreign text on its way into a message.

/// `text` on one line, fit to be printed: runs of white space become one blank, the ends are trimmed, and after `limit`
/// characters an ellipsis stands for the rest. Characters that a terminal acts on, or that hide others (control characters,
/// marks of writing direction, blanks of no width), are shown as escapes.
///
/// Whatever a server, a file or a user said passes through here before it becomes part of a message.
pub fn one_line(text: &str, limit: usize) -> String {
    let mut line = String::with_capacity(text.len().min(limit.saturating_add(3)));
    let mut blank = false;
    let mut count = 0;
    for character in text.chars() {
        if character.is_whitespace() {
            blank = count > 0;
            continue;
        }
        if count + usize::from(blank) >= limit {
            line.push('…');
            return line;
        }
        if std::mem::take(&mut blank) {
            line.push(' ');
            count += 1;
        }
        count += 1;
        if acts_on_a_terminal(character) {
            line.extend(character.escape_unicode());
        } else {
            line.push(character);
        }
    }
    line
}

/// Control characters; and of Unicode those that change how their neighbours are shown (bidirectional and interlinear controls),
/// or that are not seen at all (its property Default_Ignorable_Code_Point, and blanks that count as letters or symbols).
fn acts_on_a_terminal(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{2800}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_and_runs_of_blanks_become_one_blank() {
        assert_eq!(
            one_line("2 errors occurred:\n\t* permission denied\r\n\n", 80),
            "2 errors occurred: * permission denied"
        );
        assert_eq!(one_line("  a  \u{2028} b ", 80), "a b");
        assert_eq!(one_line(" \n", 80), "");
    }

    #[test]
    fn what_a_terminal_acts_on_is_escaped() {
        assert_eq!(one_line("\u{1b}[31mred\u{202e}", 80), "\\u{1b}[31mred\\u{202e}");
        for hidden in [
            '\u{61c}',
            '\u{200b}',
            '\u{200f}',
            '\u{2066}',
            '\u{2069}',
            '\u{180e}',
            '\u{3164}',
            '\u{fe0f}',
            '\u{fff9}',
            '\u{1d173}',
            '\u{e0041}',
        ] {
            let line = one_line(&format!("a{hidden}b"), 80);
            assert_eq!(line, format!("a{}b", hidden.escape_unicode()));
        }
        assert_eq!(one_line("naïve \\n 'x' \"y\" 日本", 80), "naïve \\n 'x' \"y\" 日本");
    }

    #[test]
    fn the_rest_of_a_long_text_is_an_ellipsis() {
        assert_eq!(one_line("abcdef", 6), "abcdef");
        assert_eq!(one_line("abcdefg", 6), "abcdef…");
        assert_eq!(one_line("abcde fg", 6), "abcde…");
        assert_eq!(one_line("x", 0), "…");
    }

    proptest! {
        #[test]
        fn a_line_is_one_line_and_bounded_and_stays_as_it_is(text in ".*", limit in 0_usize..40) {
            let line = one_line(&text, limit);
            prop_assert!(!line.contains(char::is_control));
            prop_assert!(line.trim() == line);
            // An escape has at most ten characters.
            prop_assert!(line.chars().count() <= limit * 10 + 1);
            prop_assert_eq!(one_line(&line, usize::MAX), line);
        }
    }
}
