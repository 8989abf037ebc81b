//! The token that somebody has already: of a file, of the environment, of `vault login`.

use std::io::ErrorKind;
use std::path::Path;

use snapline_http::{Environment, Kind};

use crate::{Error, Form, Origin, Places, Secret, Settings};

impl Settings {
    /// The token in `file`, which `--token-file` names; without one that of `TOKEN` or the file in `TOKEN_FILE` (`BAO_…` before
    /// `VAULT_…`), then that of `~/.vault-token`, where `vault login` leaves it. That is the order of Vault's own command line.
    /// Nothing if there is none, and an agent may add its own (`auto_auth`).
    ///
    /// # Errors
    /// As [`Places::find`]; [`Kind::Config`] if there is none, or `~/.vault-token` holds no token; [`Kind::Io`] if that file is
    /// there and cannot be read.
    pub fn token(&self, file: Option<&str>, environment: Environment<'_>) -> Result<Option<Secret>, Error> {
        let places = Places {
            what: "the token",
            form: Form::Token,
            file: file.map(|path| ("--token-file", path)),
            variable: "TOKEN",
        };
        let found = match places.find(environment)? {
            Some(token) => Some(token),
            None => of_vaults_own_login(environment)?,
        };
        if found.is_none() && !self.may_have_a_token_of_its_own() {
            return Err(Error::config("find the token: there is none")
                .with_hint(Some("vault-login prints one; give it by --token-file or VAULT_TOKEN")));
        }
        Ok(found)
    }

    /// An agent or a proxy with `auto_auth` adds its own token to a request that has none. It is reached by `AGENT_ADDR`, or by a
    /// socket (developer.hashicorp.com/vault/docs/agent-and-proxy/autoauth).
    fn may_have_a_token_of_its_own(&self) -> bool {
        self.origin == Origin::Agent || self.addresses.iter().all(|address| address.socket().is_some())
    }
}

/// Space around the token does not count there.
fn of_vaults_own_login(environment: Environment<'_>) -> Result<Option<Secret>, Error> {
    let Some(home) = environment("HOME").filter(|home| !home.is_empty()) else {
        return Ok(None);
    };
    let path = Path::new(&home).join(".vault-token");
    let reading = format!("read the token from '{}'", path.display());
    match std::fs::read_to_string(&path) {
        Ok(text) => Secret::token(text.trim())
            .map(Some)
            .map_err(|cause| Error::config(format!("{reading}: {cause}"))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::new(Kind::Io, format!("{reading}: {error}"))),
    }
}
