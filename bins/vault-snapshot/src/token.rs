//! Which token is used.

use snapline_cli::{Failure, Kind, OrExit as _, Source, read_line};
use snapline_http::Environment;
use snapline_vault::{Secret, Settings};

/// The token of `--token-file`; else that of standard input, if somebody means it to be read; else that of the environment,
/// as for Vault's own command line.
///
/// A pipe that turns out to be empty is never taken for "no pipe": the login in front has failed, and the token of
/// somebody's shell is not its replacement.
pub(crate) fn find(
    file: Option<&str>,
    stdin: Source,
    environment: Environment<'_>,
    settings: &Settings,
) -> Result<Option<Secret>, Failure> {
    match (file, stdin) {
        (Some("-"), Source::Terminal) => Err(Failure::says(
            Kind::Usage,
            "read the token from standard input: it is a terminal",
        )),
        (Some("-"), _) => from_stdin().map(Some),
        // In a job of cron or of CI, standard input is a pipe that is empty, and the token is in a variable.
        (None, Source::Stream) => from_stdin().map(Some).map_err(|failure| match of_environment(environment) {
            Some(name) if failure.kind() == Kind::NoInput => failure.hint(format!(
                "{name} is read only where standard input is /dev/null or a terminal: add '< /dev/null', or give --token-file; in a pipe, the program before this one failed"
            )),
            _ => failure,
        }),
        (file, _) => Ok(settings.token(file, environment)?),
    }
}

/// The variable that would have had a token.
fn of_environment(environment: Environment<'_>) -> Option<&'static str> {
    let names = ["BAO_TOKEN", "VAULT_TOKEN", "BAO_TOKEN_FILE", "VAULT_TOKEN_FILE"];
    names
        .into_iter()
        .find(|name| environment(name).is_some_and(|value| !value.is_empty()))
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
