//! Logs in to Vault or OpenBao and prints the token.
//!
//! A token that cannot be handed over is revoked: nobody would know it, and it would live on until its end.

mod args;
mod aws;
mod credentials;
mod hand_over;
mod method;

use std::sync::Arc;
use std::time::Duration;

use snapline_cli::{Ending, Failure, Field, Output, Program, Trailing, at_end, summary};
use snapline_vault::{Client, Login, Revocation, Settings};

pub use args::Args;

use args::Config;
use hand_over::hand_over;

/// Name and version.
pub const PROGRAM: Program = Program {
    name: "vault-login",
    version: env!("CARGO_PKG_VERSION"),
    trailing: Trailing::Mixed,
};

/// How long a token that could not be handed over may take to be revoked.
const REVOKE: Duration = Duration::from_secs(5);

/// How long the reply to a login is waited for after a signal.
const REPLY_AT_SIGNAL: Duration = Duration::from_secs(2);

/// How long revoking may take after a signal, when somebody waits for the end.
const REVOKE_AT_SIGNAL: Duration = Duration::from_secs(2);

/// Logs in, hands the token over, says what was done.
///
/// # Errors
/// A [`Failure`] with the code to end with.
pub fn run(args: Args) -> Result<(), Failure> {
    let config = Config::from_args(args, &|name| std::env::var_os(name))?;
    // Before the login: where the token cannot go, none is made.
    let output = Output::open(config.output.as_deref())?;
    warn_of_plain_http(&config.settings);
    let client = Arc::new(Client::new(config.settings));
    let revocation = config
        .method
        .makes_a_token()
        .then(|| Arc::new(Revocation::of_login(Arc::clone(&client), config.namespace.clone())));
    let _at_end = revocation.clone().map(|revocation| {
        at_end(move || {
            // The server may have made a token already.
            revocation.await_login(REPLY_AT_SIGNAL);
            revocation.revoke(REVOKE_AT_SIGNAL);
            Ending::End
        })
    });
    let logged_in = config.method.log_in(&client, config.namespace.as_ref());
    if let Some(revocation) = &revocation {
        match &logged_in {
            Ok(login) => revocation.arrive(login.token.clone()),
            Err(_) => revocation.give_up(),
        }
    }
    let login = logged_in?;
    match (hand_over(output, &login.token), &revocation) {
        (Err(failure), Some(revocation)) => {
            revocation.revoke(REVOKE);
            return Err(failure);
        }
        (Err(failure), None) => return Err(failure),
        (Ok(()), Some(revocation)) => revocation.give_up(),
        (Ok(()), None) => {}
    }
    report(&client, config.method.name().text(), &login);
    Ok(())
}

/// Once, and by this program alone, although the others send the token the same way: it is the first of a pipe.
fn warn_of_plain_http(settings: &Settings) {
    if let Some(address) = settings.addresses.iter().find(|address| address.is_open_to_others()) {
        log::warn!(
            target: "vault_login::unsafe",
            "'{address}' is plain http: anyone on the network path can read the credentials, the token and the snapshot"
        );
    }
}

fn report(client: &Client, method: &str, login: &Login) {
    summary(
        &format!("logged in at '{}'", client.address()),
        &[
            ("method", Field::Word(method.to_owned())),
            ("policies", Field::Word(login.policies.join(","))),
            ("ttl", Field::Count(login.ttl.as_secs())),
        ],
    );
}
