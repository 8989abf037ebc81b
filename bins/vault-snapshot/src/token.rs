//! Which token is used.

use snapline_cli::{Failure, Kind, OrExit as _, Source, read_line};
use snapline_http::Environment;
use snapline_vault::Secret;

/// The token of `--token-file`; else that of standard input, if somebody means it to be read; else that of the environment,
/// as for Vault's own command line.
///
/// A pipe that turns out to be empty is never taken for "no pipe": the login in front has failed, and the token of
/// somebody's shell is not its replacement.
pub(crate) fn find(file: Option<&str>, stdin: Source, environment: Environment<'_>) -> Result<Secret, Failure> {
    match (file, stdin) {
        (Some("-"), Source::Terminal) => Err(Failure::says(
            Kind::Usage,
            "read the token from standard input: it is a terminal",
        )),
        (Some("-"), _) | (None, Source::Stream) => from_stdin(),
        (file, _) => Ok(Secret::find_token(file, environment)?),
    }
}

fn from_stdin() -> Result<Secret, Failure> {
    let line = read_line(
        std::io::stdin().lock(),
        Secret::LONGEST_TOKEN,
        "the token",
        "standard input",
    )?;
    Secret::token(line.text).or_exit(Kind::Data, "read the token from standard input")
}
