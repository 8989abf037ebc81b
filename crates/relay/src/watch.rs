//! What it means when nothing moves any more.

use std::time::Duration;

use snapline_cli::{Failure, Kind, OrExit as _, Stall, Watchdog};

/// What a copy waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    /// The reader of our output takes nothing. A source that holds locks meanwhile must not wait for that for ever.
    Output = 0,
    /// The disk under the spool takes or gives nothing.
    Spool = 1,
    /// The source sends nothing.
    Source = 2,
}

/// How long each may take, and what to say then.
#[derive(Debug, Clone, Copy)]
pub struct Stalls<'a> {
    /// How long nothing may move.
    pub limit: Duration,
    /// What is being read, for example `read the snapshot from 'https://…'`; nothing for a source that has limits of its own,
    /// and tries again within them.
    pub reading: Option<&'a str>,
    /// The file that is written; standard output where it is absent or `-`.
    pub output: Option<&'a str>,
    /// The folder of the spool, if there is one.
    pub spool: Option<&'a str>,
}

/// Watches a copy; the watch ends when this is dropped.
#[derive(Debug)]
pub struct Watch(Watchdog);

impl Stalls<'_> {
    /// Begins to watch: after the limit without progress the clean-ups run, and the process ends with 69 for the source or 74
    /// for the output and the spool.
    ///
    /// # Errors
    /// 74 if no thread can be started.
    pub fn watch(&self) -> Result<Watch, Failure> {
        let limit = self.limit.as_secs_f64();
        let output = match self.output {
            None | Some("-") => "standard output".to_owned(),
            Some(path) => format!("'{path}'"),
        };
        let folder = self.spool.unwrap_or_default();
        let stall = |message: String, kind| Stall { message, kind };
        let mut stalls = vec![
            stall(format!("write to {output}: nothing was taken for {limit} s"), Kind::Io),
            stall(
                format!("use a temporary file in '{folder}': nothing moved for {limit} s"),
                Kind::Io,
            ),
        ];
        if let Some(reading) = self.reading {
            stalls.push(stall(
                format!("{reading}: nothing came for {limit} s"),
                Kind::Unavailable,
            ));
        }
        Watchdog::start(self.limit, stalls)
            .map(Watch)
            .or_exit(Kind::Io, "start a thread")
    }
}

impl Watch {
    /// Something moved, and now this is waited for.
    pub fn waits_for(&self, what: Waiting) {
        self.0.waits_for(what as usize);
    }
}
