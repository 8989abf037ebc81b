//! Streams a verified Raft snapshot out of Vault or OpenBao.
//!
//! What leaves is checked on the way, and its last 64 KiB leave only when the whole is proven: nobody downstream ever holds
//! an archive that looks whole and is not.

mod args;
mod copy;
mod spool;
mod stalls;
mod token;

use std::sync::Arc;
use std::time::{Duration, Instant};

use snapline_archive::{Held, Summary};
use snapline_cli::{
    Ending, Exit, Failure, Field, Output, Program, Trailing, at_end, refuse_terminal, stdin_source, summary,
};
use snapline_vault::{Client, Revocation, Secret};

pub use args::Args;

use args::Plan;
use copy::{Stop, Target, copy};
use spool::Spool;

/// What the program is called.
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
pub fn run(args: Args) -> anyhow::Result<()> {
    let environment = &|name: &str| std::env::var_os(name);
    let plan = args.check(environment)?;
    refuse_terminal(plan.output.as_deref(), "a snapshot")?;
    let token = token::find(plan.token_file.as_deref(), stdin_source(), environment)?;

    let client = Arc::new(Client::new(plan.settings.clone()));
    let revocation = plan
        .revoke
        .then(|| Arc::new(Revocation::new(Arc::clone(&client), token.clone(), None)));
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
    take(&plan, &client, &token, revoke).inspect_err(|_| revoke())?;
    Ok(())
}

/// From the request to the summary line. `revoke` runs when the server is done and before the last bytes leave: once they
/// have left, the next stage may end everything.
fn take(plan: &Plan, client: &Client, token: &Secret, revoke: impl Fn()) -> Result<(), Failure> {
    let start = Instant::now();
    let mut output = Output::open(plan.output.as_deref())?;
    output.enlarge_pipe();
    let Fetched {
        url,
        archive,
        spool,
        held,
    } = fetch(plan, client, token, &mut output)?;
    revoke();
    {
        let watchdog = stalls::watch(plan, &url)?;
        if let Some(spool) = spool {
            spool.hand_on(&mut output, &watchdog)?;
        }
        watchdog.waits_for(stalls::OUTPUT);
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
fn fetch(plan: &Plan, client: &Client, token: &Secret, output: &mut Output) -> Result<Fetched, Failure> {
    let mut tries = client.tries();
    let mut left = 0;
    loop {
        // Before the request: where it cannot go, the server need not read it. A new one each time, which frees the last.
        let mut spool = plan.spool.as_deref().map(Spool::new).transpose()?;
        let mut spooled = 0;
        let snapshot = client.snapshot(token, plan.start, &mut tries).map_err(failed)?;
        let url = snapshot.url().to_owned();
        let watchdog = stalls::watch(plan, &url)?;
        let copied = match &mut spool {
            Some(spool) => copy(snapshot, Target::Spool(spool), &watchdog, &mut spooled),
            None => copy(snapshot, Target::Output(output), &watchdog, &mut left),
        };
        drop(watchdog);
        match copied {
            Ok((archive, held)) => {
                return Ok(Fetched {
                    url,
                    archive,
                    spool,
                    held,
                });
            }
            Err(Stop::Server(error)) if left == 0 && tries.again(&error) => {}
            Err(Stop::Cut(failure)) if left == 0 && tries.again_after(&failure) => {}
            Err(Stop::Server(error)) => return Err(failed(error)),
            Err(Stop::Cut(failure) | Stop::Here(failure)) => return Err(failure),
        }
    }
}

/// A library's error at the edge.
fn failed(error: snapline_vault::Error) -> Failure {
    let hint = error.hint().map(str::to_owned);
    Failure::new(Exit::from_code(error.kind().code()), error).maybe_hint(hint)
}
