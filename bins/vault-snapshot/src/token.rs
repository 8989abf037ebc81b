//! Which token is used.

use std::path::Path;

use snapline_cli::{Failure, Kind, OrExit as _, Source, read_line};
use snapline_http::Environment;
use snapline_vault::{Form, Places, Secret};

/// The token of `--token-file`; else that of standard input, if somebody means it to be read; else that of the environment,
/// as for Vault's own command line.
///
/// A pipe that turns out to be empty is never taken for "no pipe": the login in front has failed, and the token of
/// somebody's shell is not its replacement.
pub(crate) fn find(file: Option<&str>, stdin: Source, environment: Environment<'_>) -> Result<Secret, Failure> {
    let places = Places {
        what: "the token",
        form: Form::Token,
        file: file.map(|path| ("--token-file", path)),
        variable: "TOKEN",
    };
    match (file, stdin) {
        (Some("-"), Source::Terminal) => Err(Failure::says(
            Kind::Usage,
            "read the token from standard input: it is a terminal",
        )),
        (Some("-"), _) | (None, Source::Stream) => from_stdin(),
        (Some(_), _) => places.find(environment)?.ok_or_else(none),
        (None, Source::Terminal | Source::Null) => match places.find(environment)? {
            Some(token) => Ok(token),
            None => of_vaults_own_login(environment)?.ok_or_else(none),
        },
    }
}

fn none() -> Failure {
    Failure::says(Kind::Config, "find the token: there is none")
        .hint("pipe it in from vault-login, give --token-file, or set VAULT_TOKEN")
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

/// What `vault login` leaves in the home folder; space around it does not count there.
fn of_vaults_own_login(environment: Environment<'_>) -> Result<Option<Secret>, Failure> {
    let Some(home) = environment("HOME").filter(|home| !home.is_empty()) else {
        return Ok(None);
    };
    let path = Path::new(&home).join(".vault-token");
    let reading = format!("read the token from '{}'", path.display());
    match std::fs::read_to_string(&path) {
        Ok(text) => Secret::token(text.trim()).map(Some).or_exit(Kind::Config, reading),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::says(Kind::Io, format!("{reading}: {error}"))),
    }
}
