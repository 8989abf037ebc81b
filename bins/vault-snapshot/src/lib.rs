//! Streams a verified Raft snapshot out of Vault or OpenBao.
//!
//! What leaves is checked on the way, and its last 64 KiB leave only when the whole is proven: nobody downstream ever holds
//! an archive that looks whole and is not.

mod args;
mod token;
mod verdict;

use std::sync::Arc;
use std::time::{Duration, Instant};

use snapline_archive::{Guard, Held, Summary};
use snapline_cli::{Ending, Failure, Field, Output, Program, Trailing, at_end, refuse_terminal, stdin_source, summary};
use snapline_relay::{Spool, Stalls, Stop, Target, Waiting, Watch, copy};
use snapline_vault::{Client, Revocation, Secret};

pub use args::Args;

use args::Config;
use verdict::{is_cut, refused};

/// Name and version.
pub const PROGRAM: Program = Program {
    name: "vault-snapshot",
    version: env!("CARGO_PKG_VERSION"),
    trailing: Trailing::Mixed,
};

/// How long revoking may take.
const REVOKE: Duration = Duration::from_secs(5);

/// The same after a signal, when somebody waits for the end.
const REVOKE_AT_SIGNAL: Duration = Duration::from_secs(2);

/// Takes a snapshot, says what was done.
///
/// # Errors
/// A [`Failure`] with the code to end with.
pub fn run(args: Args) -> Result<(), Failure> {
    let environment = &|name: &str| std::env::var_os(name);
    let config = Config::from_args(args, environment)?;
    refuse_terminal(config.output.as_deref(), "a snapshot")?;
    let file = config.token_file.as_deref();
    let token = token::find(file, stdin_source(), environment, &config.settings)?;

    let client = Arc::new(Client::new(config.settings.clone()));
    // Without a token there is an agent, and its token is not ours to revoke.
    let revocation = token
        .clone()
        .filter(|_| config.revoke)
        .map(|token| Arc::new(Revocation::new(Arc::clone(&client), token, None)));
    let _at_end = revocation.clone().map(|revocation| {
        at_end(move || {
            revocation.revoke(REVOKE_AT_SIGNAL);
            Ending::End
        })
    });
    let revoke = || {
        if let Some(revocation) = &revocation {
            revocation.revoke(REVOKE);
        }
    };
    take(&config, &client, token.as_ref(), revoke).inspect_err(|_| revoke())?;
    Ok(())
}

/// From the request to the summary line. `revoke` runs when the server is done and before the last bytes leave: once they
/// have left, the next stage may end everything.
fn take(config: &Config, client: &Client, token: Option<&Secret>, revoke: impl Fn()) -> Result<(), Failure> {
    let start = Instant::now();
    let mut output = Output::open(config.output.as_deref())?;
    output.enlarge_pipe();
    let Fetched {
        url,
        archive,
        spool,
        held,
    } = fetch(config, client, token, &mut output)?;
    revoke();
    {
        let watch = watch(config, &url)?;
        if let Some(spool) = spool {
            spool.hand_on(&mut output, &watch)?;
        }
        watch.waits_for(Waiting::Output);
        output.write_all(held.as_ref())?;
    }
    output.commit()?;
    summary(
        &format!("sent '{url}'"),
        &[
            ("bytes", Field::Count(archive.bytes)),
            ("index", Field::Count(archive.meta.index)),
            ("term", Field::Count(archive.meta.term)),
            ("seconds", Field::Seconds(start.elapsed().as_secs_f64())),
        ],
    );
    Ok(())
}

/// An archive that is proven, with the server done.
struct Fetched {
    /// Where it came from.
    url: String,
    /// What it is.
    archive: Summary,
    /// All but its last bytes, where they have not left yet.
    spool: Option<Spool>,
    /// Its last bytes.
    held: Held,
}

/// Gets the archive, and gets it again while nothing has left and tries remain.
fn fetch(config: &Config, client: &Client, token: Option<&Secret>, output: &mut Output) -> Result<Fetched, Failure> {
    let mut tries = client.tries();
    let mut left = 0;
    loop {
        // Before the request: where it cannot go, the server need not read it. A new one each time, which frees the last.
        let mut spool = config.spool.as_deref().map(Spool::new).transpose()?;
        let mut spooled = 0;
        let mut snapshot = client.snapshot(token, config.start, &mut tries)?;
        let url = snapshot.url().to_owned();
        let watch = watch(config, &url)?;
        let read = |buffer: &mut [u8]| snapshot.read(buffer);
        let copied = match &mut spool {
            Some(spool) => copy(read, Guard::new(), Target::Spool(spool), &watch, &mut spooled),
            None => copy(read, Guard::new(), Target::Output(output), &watch, &mut left),
        };
        drop(watch);
        match copied {
            Ok((archive, held)) => {
                return Ok(Fetched {
                    url,
                    archive,
                    spool,
                    held,
                });
            }
            Err(Stop::Source(error)) if left == 0 && tries.again(&error) => {}
            Err(Stop::Source(error)) => return Err(error.into()),
            Err(Stop::Archive(error)) => {
                let (failure, may_pass) = (refused(&snapshot, &error), is_cut(&snapshot, &error));
                // The server holds locks until the connection is closed.
                drop(snapshot);
                if left > 0 || !may_pass || !tries.again_after(&failure) {
                    return Err(failure);
                }
            }
            Err(Stop::Target(failure)) => return Err(failure),
        }
    }
}

fn watch(config: &Config, url: &str) -> Result<Watch, Failure> {
    let stalls = Stalls {
        limit: config.stall,
        reading: Some(&format!("read the snapshot from '{url}'")),
        output: config.output.as_deref(),
        spool: config.spool.as_deref(),
    };
    stalls.watch()
}
