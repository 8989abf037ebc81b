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

/// Control characters, and the format characters of Unicode (general category Cf) that change how their neighbours are shown.
fn acts_on_a_terminal(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
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
