//! Runs a pipeline without a shell, with a true exit code; works as process 1 of a container.
//!
//! Everything happens in one thread. That is what makes it safe to send a signal to a process id: a stage can only be
//! reaped, and its id given to another process, between two forwarded signals and never during one.

mod args;
mod children;
mod pipeline;
mod signals;
mod stage;
mod verdict;

use rustix::process::Signal;
use snapline_cli::{Ended, Failure, Kind, OrExit as _, Program, Trailing};

pub use args::Args;

use args::Config;
use children::Children;
use signals::Signals;
use stage::Stage;

/// Name and version.
pub const PROGRAM: Program = Program {
    name: "snap-pipe",
    version: env!("CARGO_PKG_VERSION"),
    trailing: Trailing::Command,
};

/// Starts all stages, passes signals on to them, waits for all, and fails as the pipe failed.
///
/// # Errors
/// 64 if a stage cannot be run, 69 or 74 if it could not be started just now, else the code of the stage that decides.
#[allow(clippy::needless_pass_by_value, reason = "the shape of every program's run")]
pub fn run(args: Args) -> Result<(), Failure> {
    let Config { stages } = Config::from_args(&args)?;
    // Before any stage is started: no end of a stage may be missed, and the kernel drops signals for a process 1 that has
    // no handlers.
    let mut signals = Signals::listen().or_exit(Kind::Io, "listen for signals")?;
    let mut children = Children::default();
    let started = pipeline::start(&stages, &mut children);
    if started.is_err() {
        // A pipe that lacks a stage must not do half of its work.
        children.forward(Signal::TERM);
    }
    let ends = children
        .wait(&mut signals)
        .or_exit(Kind::Unexpected, "wait for the stages")?;
    started?;
    judge(&stages, &ends)
}

fn judge(stages: &[Stage], ends: &[Ended]) -> Result<(), Failure> {
    let failed = verdict::failed(ends);
    for (index, (stage, ended)) in stages.iter().zip(ends).enumerate() {
        // The stage that decides comes last: only the tail is shown in many places.
        if Some(index) != failed && ended.code() != 0 {
            log::info!("{stage}: {ended}");
        }
    }
    match failed.and_then(|index| stages.get(index).zip(ends.get(index))) {
        Some((stage, ended)) => Err(Failure::says(Kind::Passed(ended.code()), format!("{stage}: {ended}"))),
        None => {
            log::info!("done stages={}", stages.len());
            Ok(())
        }
    }
}
