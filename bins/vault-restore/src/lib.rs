//! Restores a Raft snapshot into Vault or OpenBao, after it has proven it whole.
//!
//! A restore replaces everything that a cluster holds, and a server takes archives that are cut in their last bytes. So the
//! archive is read to its end and proven first, from a copy that nobody else can change; and the copy is hashed again while
//! it is sent, with its last bytes held back until that agrees.

mod aftermath;
mod archive;
mod args;
mod copy;
mod plan;
mod send;
mod target;

use std::time::Instant;

use snapline_cli::{Failure, Field, Kind, Program, Trailing, summary};
use snapline_vault::{Client, Secret};

pub use args::Args;

use aftermath::Aftermath;
use archive::Archive;
use args::{Config, Intent};
use copy::Stage;
use plan::Plan;
use send::{Sent, send, tell_at_end};
use target::Target;

/// Name and version.
pub const PROGRAM: Program = Program {
    name: "vault-restore",
    version: env!("CARGO_PKG_VERSION"),
    trailing: Trailing::Mixed,
};

/// Proves the archive, says what a restore means, and does it where that is wanted.
///
/// # Errors
/// A [`Failure`] with the code to end with.
pub fn run(args: Args) -> Result<(), Failure> {
    let environment = &|name: &str| std::env::var_os(name);
    let config = Config::from_args(args, environment)?;
    let found = config.settings.token(config.token_file.as_deref(), environment);
    let token = match (found, config.intent) {
        (Err(error), Intent::Restore) => return Err(error.into()),
        (Err(error), _) => {
            log::warn!("{error}, and --yes needs one");
            None
        }
        (Ok(token), _) => token,
    };
    let archive = Archive::take(&config)?;
    let client = Client::new(config.settings.clone());
    let target = target::find(&client)?;
    let plan = Plan {
        archive: &archive.inspection,
        target: &target,
        force: config.force,
    };
    plan.say(config.intent != Intent::Restore);
    plan.warn();
    match config.intent {
        Intent::Restore => restore(&config, token.as_ref(), archive, &client, &target),
        Intent::Ask => {
            let message = format!(
                "restore the archive at '{}': nothing was sent, since --yes is missing",
                target.address
            );
            Err(Failure::says(Kind::Usage, message)
                .hint("add --yes to replace everything that the cluster holds, or --dry-run to end with 0"))
        }
        Intent::Rehearse => Ok(()),
    }
}

/// Sends it, and waits for what becomes of it.
fn restore(
    config: &Config,
    token: Option<&Secret>,
    archive: Archive,
    client: &Client,
    target: &Target,
) -> Result<(), Failure> {
    let start = Instant::now();
    let Archive { inspection, mut spool } = archive;
    let summary_of = &inspection.summary;
    let digest = summary_of.archive_sha256.unwrap_or_default();
    let stage = Stage::default();
    let _at_end = tell_at_end(&stage);
    let client = client.beginning_with(target.address.clone());
    let sent = send(config, &client, token, &mut spool, summary_of.bytes, digest, &stage)?;
    drop(spool);
    let aftermath = Aftermath {
        card: &inspection.card,
        target,
    };
    match sent {
        Sent::Accepted(url) => {
            summary(
                &format!("restored '{url}'"),
                &[
                    ("bytes", Field::Count(summary_of.bytes)),
                    ("index", Field::Count(summary_of.meta.index)),
                    ("term", Field::Count(summary_of.meta.term)),
                    (
                        "sha256",
                        Field::Word(inspection.card.archive.sha256.clone().unwrap_or_default()),
                    ),
                    ("seconds", Field::Seconds(start.elapsed().as_secs_f64())),
                ],
            );
            if config.wait.is_zero() {
                return Ok(());
            }
            aftermath.watch(&client, config.wait)
        }
        Sent::Unknown(failure) => {
            if !config.wait.is_zero() {
                // Whatever they say: nobody has taken the archive.
                let _ = aftermath.watch(&client, config.wait);
            }
            Err(failure)
        }
    }
}
