//! A stage: one program of the pipe, with its arguments.

use std::fmt;
use std::path::PathBuf;

use snapline_cli::{Failure, Kind, Missing, find_program, privacy};

/// A program that can be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stage {
    /// Its place in the pipe, from 1.
    pub(crate) position: usize,
    /// Its name as typed, which it also sees as its own.
    pub(crate) program: String,
    /// Its file.
    pub(crate) path: PathBuf,
    /// What follows its name.
    pub(crate) arguments: Vec<String>,
}

impl Stage {
    /// Beginnings of the names of variables that it does not get to see: a program of ours that talks to one side only has no
    /// use for the other's secrets. Foreign programs get everything.
    pub(crate) fn withheld(&self) -> &'static [&'static str] {
        match self.program.rsplit('/').next().unwrap_or_default() {
            "s3-get" | "s3-put" | "snap-check" | "snap-prune" => privacy::OF_VAULT,
            "vault-restore" | "vault-snapshot" => privacy::OF_AWS,
            _ => &[],
        }
    }
}

// Arguments are never shown: they may be long.
impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", name(self.position, &self.program))
    }
}

fn name(position: usize, program: &str) -> String {
    format!("stage {position} '{program}'")
}

/// The stages that `words` describe, found on PATH.
///
/// # Errors
/// 64 if there is no stage, one is empty, or a program is not there or cannot be run.
pub(crate) fn find_all(words: &[String]) -> Result<Vec<Stage>, Failure> {
    let path = std::env::var_os("PATH");
    split(words)?
        .into_iter()
        .zip(1..)
        .map(|((program, arguments), position)| {
            let found = find_program(program, path.as_deref());
            Ok(Stage {
                position,
                program: program.to_owned(),
                path: found.map_err(|missing| not_found(&name(position, program), program, &missing))?,
                arguments: arguments.to_vec(),
            })
        })
        .collect()
}

/// Programs and their arguments.
fn split(words: &[String]) -> Result<Vec<(&str, &[String])>, Failure> {
    if words.is_empty() {
        return Err(usage("no program was named"));
    }
    words
        .split(|word| word == "|")
        .zip(1..)
        .map(|(stage, position)| match stage {
            [program, arguments @ ..] if !program.is_empty() => Ok((program.as_str(), arguments)),
            [_, ..] => Err(usage(&format!("the program's name in stage {position} is empty"))),
            [] => Err(usage(&format!("stage {position} is empty"))),
        })
        .collect()
}

fn usage(cause: &str) -> Failure {
    Failure::says(Kind::Usage, format!("read the command line: {cause}")).hint("see 'snap-pipe --help'")
}

fn not_found(stage: &str, program: &str, missing: &Missing) -> Failure {
    let failure = Failure::says(Kind::Usage, format!("find {stage}: {missing}"));
    // The usual mistake in a manifest: the whole line as one string.
    if program.contains([' ', '|']) {
        return failure.hint("each word, and each |, is an argument of its own");
    }
    failure
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split_line(line: &str) -> Result<Vec<Vec<String>>, Kind> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        split(&words)
            .map(|stages| {
                stages
                    .into_iter()
                    .map(|(program, arguments)| [&[program.to_owned()], arguments].concat())
                    .collect()
            })
            .map_err(|failure| failure.kind())
    }

    #[test]
    fn stages_are_split_at_each_bar_that_stands_alone() {
        assert_eq!(
            split_line("a b | c d|e || -f | g"),
            Ok(vec![
                vec!["a".to_owned(), "b".to_owned()],
                vec!["c", "d|e", "||", "-f"].into_iter().map(str::to_owned).collect(),
                vec!["g".to_owned()]
            ])
        );
    }

    #[test]
    fn a_pipe_with_an_empty_stage_is_refused() {
        for line in ["", "|", "| a", "a |", "a | | b"] {
            assert_eq!(split_line(line), Err(Kind::Usage), "{line}");
        }
        assert_eq!(split(&[String::new()]).unwrap_err().kind(), Kind::Usage);
    }

    #[test]
    fn a_stage_is_shown_without_its_arguments() {
        let stage = Stage {
            position: 2,
            program: "cat".to_owned(),
            path: "/bin/cat".into(),
            arguments: vec!["secret".to_owned()],
        };
        assert_eq!(stage.to_string(), "stage 2 'cat'");
    }
}
