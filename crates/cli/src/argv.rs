//! Command lines as people type them: what argh alone does not take.

use std::ffi::OsString;

/// How words after the options are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trailing {
    /// Options may stand anywhere, up to `--`.
    Mixed,
    /// The same, and the words behind `--` are a command line that the program runs as its child. argh takes a `--` away, so a
    /// second one is put behind it: the program finds it as the first of its last positional words, and so tells a command line
    /// from words that do not belong there.
    Child,
    /// The first word that is no option begins a command line of its own. The program runs that and has to outlive it, so it
    /// also listens for signals itself: with [`Mixed`](Self::Mixed), a signal ends the program as soon as the clean-ups have run.
    Command,
}

impl Trailing {
    /// Whether a signal ends the program by itself.
    pub(crate) fn ends_on_signals(self) -> bool {
        self != Self::Command
    }
}

/// argv, normalised for argh.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Argv {
    /// `--version` was asked for.
    Version,
    /// The words to parse.
    Words(Vec<String>),
}

/// Splits `--option=value`, unfolds `-vvq`, lets `-` be a word, finds `--version`; all up to `--`, or to the first word of a command line. `valued`
/// are the options that take a value: the word behind one does not begin a command line.
///
/// # Errors
/// One line, for a word that is not UTF-8.
pub(crate) fn normalise(
    words: impl Iterator<Item = OsString>,
    trailing: Trailing,
    valued: &[&str],
) -> Result<Argv, String> {
    let mut normal = Vec::new();
    // argh takes a - for an option, but for a word only behind --.
    let mut dashes = Vec::new();
    let mut rest = false;
    let mut value_follows = false;
    for word in words {
        let word = word
            .into_string()
            .map_err(|word| format!("argument '{}' is not UTF-8", word.to_string_lossy()))?;
        let is_value = std::mem::replace(&mut value_follows, !rest && valued.contains(&word.as_str()));
        if !rest && !is_value && trailing == Trailing::Command && !word.starts_with('-') {
            normal.push("--".to_owned());
            rest = true;
        }
        if rest {
            normal.push(word);
        } else if word == "-" && !is_value && trailing != Trailing::Command {
            dashes.push(word);
        } else if word == "--" {
            normal.push(word.clone());
            normal.append(&mut dashes);
            if trailing == Trailing::Child {
                normal.push(word);
            }
            rest = true;
        } else if word == "--version" {
            return Ok(Argv::Version);
        } else if let Some((option, value)) = word.split_once('=').filter(|_| word.starts_with("--")) {
            normal.push(option.to_owned());
            normal.push(value.to_owned());
        } else if is_bundle(&word) {
            normal.extend(word.chars().skip(1).map(|letter| format!("-{letter}")));
        } else {
            normal.push(word);
        }
    }
    if !dashes.is_empty() {
        normal.push("--".to_owned());
        normal.append(&mut dashes);
    }
    Ok(Argv::Words(normal))
}

/// Several of the one-letter switches in one word.
fn is_bundle(word: &str) -> bool {
    word.len() > 2
        && word
            .strip_prefix('-')
            .is_some_and(|letters| letters.chars().all(|c| "hqv".contains(c)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str, trailing: Trailing) -> Argv {
        normalise(line.split(' ').map(OsString::from), trailing, &["--log-format"]).unwrap()
    }

    #[test]
    fn options_are_split_up_to_the_double_dash() {
        let expected = ["--a", "b=c", "-v", "-q", "x", "--", "--d=e", "-vv"]
            .map(str::to_owned)
            .to_vec();
        assert_eq!(
            words("--a=b=c -vq x -- --d=e -vv", Trailing::Mixed),
            Argv::Words(expected)
        );
    }

    #[test]
    fn a_command_line_is_left_as_it_is() {
        let expected = ["-q", "--", "prog", "--k=v", "--version", "|"]
            .map(str::to_owned)
            .to_vec();
        assert_eq!(
            words("-q prog --k=v --version |", Trailing::Command),
            Argv::Words(expected)
        );
    }

    #[test]
    fn the_command_line_of_a_child_keeps_its_double_dash() {
        let expected = ["x", "-v", "-q", "--", "--", "age", "-vq", "--a=b", "--"]
            .map(str::to_owned)
            .to_vec();
        assert_eq!(
            words("x -vq -- age -vq --a=b --", Trailing::Child),
            Argv::Words(expected)
        );
        assert_eq!(words("--version -- age", Trailing::Child), Argv::Version);
    }

    #[test]
    fn the_value_of_an_option_does_not_begin_a_command_line() {
        let expected = ["--log-format", "json", "--", "prog", "--log-format", "x", "y"]
            .map(str::to_owned)
            .to_vec();
        for line in [
            "--log-format json prog --log-format x y",
            "--log-format=json prog --log-format x y",
        ] {
            assert_eq!(words(line, Trailing::Command), Argv::Words(expected.clone()), "{line}");
        }
    }

    #[test]
    fn a_program_that_runs_a_command_line_is_not_ended_before_it() {
        assert!(Trailing::Mixed.ends_on_signals());
        assert!(Trailing::Child.ends_on_signals());
        assert!(!Trailing::Command.ends_on_signals());
    }

    #[test]
    fn version_is_found_among_other_options_but_not_behind_the_double_dash() {
        assert_eq!(words("-v --version", Trailing::Mixed), Argv::Version);
        assert_ne!(words("-v -- --version", Trailing::Mixed), Argv::Version);
    }

    #[test]
    fn a_dash_is_a_word_or_a_value_and_no_option() {
        let cases = [
            ("- --log-format json", "--log-format json -- -"),
            ("x --log-format - -", "x --log-format - -- -"),
            ("--input=- -v", "--input - -v"),
            ("- -- y -", "-- - y -"),
        ];
        for (line, expected) in cases {
            let expected = expected.split(' ').map(str::to_owned).collect();
            assert_eq!(words(line, Trailing::Mixed), Argv::Words(expected), "{line}");
        }
        let expected = ["-v", "--", "-", "--", "age", "-"].map(str::to_owned).to_vec();
        assert_eq!(words("- -v -- age -", Trailing::Child), Argv::Words(expected));
    }

    #[test]
    fn an_empty_value_stays_a_value() {
        assert_eq!(
            words("--a=", Trailing::Mixed),
            Argv::Words(vec!["--a".to_owned(), String::new()])
        );
    }
}
