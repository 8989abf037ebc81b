//! What it means when nothing moves any more.

use snapline_cli::{Exit, Failure, OrExit as _, Stall, Watchdog};

use crate::args::Plan;

/// The server sends nothing.
pub(crate) const SERVER: usize = 0;

/// Our reader takes nothing. Meanwhile the server holds its locks, so that is no reason to wait for ever.
pub(crate) const OUTPUT: usize = 1;

/// The disk under the spool takes or gives nothing.
pub(crate) const SPOOL: usize = 2;

/// Watches a copy from `url`.
pub(crate) fn watch(plan: &Plan, url: &str) -> Result<Watchdog, Failure> {
    let limit = plan.stall.as_secs_f64();
    let output = match plan.output.as_deref() {
        None | Some("-") => "standard output".to_owned(),
        Some(path) => format!("'{path}'"),
    };
    let stalls = vec![
        Stall {
            message: format!("read the snapshot from '{url}': nothing came for {limit} s"),
            exit: Exit::Unavailable,
        },
        Stall {
            message: format!("write to {output}: nothing was taken for {limit} s"),
            exit: Exit::Io,
        },
        Stall {
            message: format!(
                "use a temporary file in '{}': nothing moved for {limit} s",
                plan.spool.as_deref().unwrap_or_default()
            ),
            exit: Exit::Io,
        },
    ];
    Watchdog::start(plan.stall, stalls).or_exit(Exit::Io, "start a thread")
}
