//! The frame of every `main`.

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use argh::{ArgsInfo, FlagInfoKind, FromArgs};

use crate::argv::{self, Argv};
use crate::codes;
use crate::{Failure, Kind, LogFormat, OrExit as _, Trailing, ending, mask, message, privacy};

/// What a program is called, and how its words are read.
#[derive(Debug, Clone, Copy)]
pub struct Program {
    /// Its name, as in messages.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// How words after the options are read.
    pub trailing: Trailing,
}

impl Program {
    /// Its name and version as servers log them, for example `s3-put/0.1.0`.
    pub fn user_agent(&self) -> String {
        format!("{}/{}", self.name, self.version)
    }
}

/// The options that every program has; [`args!`](crate::args!) adds them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Common {
    /// Errors only.
    pub quiet: bool,
    /// How often `-v` was given.
    pub verbosity: u8,
    /// `--log-format`.
    pub log_format: Option<LogFormat>,
}

/// Arguments that [`args!`](crate::args!) made.
pub trait Runnable: FromArgs + ArgsInfo {
    /// The common options.
    fn common(&self) -> Common;
}

/// Parses, runs, and turns the result into an exit code: all that a `main` does.
///
/// `run` gets the arguments as they were typed; it makes checked values of them first of all.
pub fn main<A: Runnable>(program: Program, run: impl FnOnce(A) -> Result<(), Failure>) -> ExitCode {
    main_with(program, run, std::convert::identity)
}

/// The same for a program that owes its caller an answer of a certain form, even to a wrong command line: `on_failure` gets
/// whatever failed, and returns what is printed to standard error and ends the process.
pub fn main_with<A: Runnable>(
    program: Program,
    run: impl FnOnce(A) -> Result<(), Failure>,
    on_failure: impl FnOnce(Failure) -> Failure,
) -> ExitCode {
    privacy::hide();
    mask::unblock_signals();
    ending::end_panics_with_one_line();
    let result = start(program, run).map_err(on_failure);
    ending::yield_to_ending();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !failure.is_silent() {
                message::error(&failure.to_string(), failure.kind(), failure.advice());
            }
            ExitCode::from(failure.kind().code())
        }
    }
}

fn start<A: Runnable>(program: Program, run: impl FnOnce(A) -> Result<(), Failure>) -> Result<(), Failure> {
    let words = std::env::args_os().skip(1);
    let Some(args) = parse::<A>(program, words).inspect_err(|_| {
        // Nothing was parsed, but whoever reads the messages still expects them in the form that was asked for.
        let format = typed_value("--log-format").and_then(|format| format.parse().ok());
        let format = format.or_else(|| log_format_of_environment().ok().flatten());
        message::set_up(program.name, false, 0, format.unwrap_or_default());
    })?
    else {
        return Ok(());
    };
    let common = args.common();
    let format = match common.log_format {
        Some(format) => Ok(format),
        None => log_format_of_environment().map(Option::unwrap_or_default),
    };
    message::set_up(
        program.name,
        common.quiet,
        common.verbosity,
        *format.as_ref().unwrap_or(&LogFormat::Text),
    );
    format?;
    if program.trailing.ends_on_signals() {
        ending::listen().or_exit(Kind::Io, "listen for signals")?;
    }
    run(args)
}

/// The arguments, or nothing if a text was asked for and printed.
fn parse<A: Runnable>(program: Program, words: impl Iterator<Item = OsString>) -> Result<Option<A>, Failure> {
    let hint = format!("see '{} --help'", program.name);
    let usage = |cause: String| Failure::says(Kind::Usage, format!("read the command line: {cause}")).hint(hint);
    let words = match argv::normalise(words, program.trailing, &valued::<A>()) {
        Ok(Argv::Version) => {
            print(&format!("{} {}\n", program.name, program.version))?;
            return Ok(None);
        }
        Ok(Argv::Words(words)) => words,
        Err(cause) => return Err(usage(cause)),
    };
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match A::from_args(&[program.name], &words) {
        Ok(args) => Ok(Some(args)),
        Err(early) if early.status.is_ok() => {
            print(&format!("{}\n{}", early.output, codes::table()))?;
            Ok(None)
        }
        Err(early) => Err(usage(early.output)),
    }
}

/// The options that take a value.
fn valued<A: ArgsInfo>() -> Vec<&'static str> {
    let flags = A::get_args_info().flags.iter();
    let valued = flags.filter(|flag| matches!(flag.kind, FlagInfoKind::Option { .. }));
    valued.map(|flag| flag.long).collect()
}

/// Prints a text that was asked for; that its reader stops reading is no failure.
fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::says(Kind::Io, format!("write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// The value of an option such as `--format` on this process's command line, also where that cannot be parsed as a whole.
pub fn typed_value(option: &str) -> Option<String> {
    value_in(std::env::args_os().skip(1), option)
}

fn value_in(words: impl Iterator<Item = OsString>, option: &str) -> Option<String> {
    let mut words = words
        .map(|word| word.to_string_lossy().into_owned())
        .take_while(|word| word != "--");
    while let Some(word) = words.next() {
        if word == option {
            return words.next();
        }
        if let Some(value) = word.strip_prefix(option).and_then(|rest| rest.strip_prefix('=')) {
            return Some(value.to_owned());
        }
    }
    None
}

fn log_format_of_environment() -> Result<Option<LogFormat>, Failure> {
    match std::env::var_os("SNAPLINE_LOG_FORMAT") {
        Some(text) if !text.is_empty() => text
            .to_string_lossy()
            .parse()
            .map(Some)
            .or_exit(Kind::Config, "read SNAPLINE_LOG_FORMAT"),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_on_a_command_line_that_is_wrong_otherwise() {
        let find = |line: &str| value_in(line.split(' ').map(OsString::from), "--format");
        assert_eq!(find("--no-such --format json"), Some("json".to_owned()));
        assert_eq!(find("--format=json --no-such"), Some("json".to_owned()));
        assert_eq!(find("--format= --no-such"), Some(String::new()));
        assert_eq!(find("--formats json"), None);
        assert_eq!(find("--no-such -- --format json"), None);
        assert_eq!(find("--format"), None);
    }
}
