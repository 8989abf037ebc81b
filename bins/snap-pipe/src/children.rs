//! The processes of the stages: signals go to those that live, and all are waited for.

use std::io;
use std::process::Child;

use rustix::process::{Pid, Signal, WaitOptions, WaitStatus};
use snapline_cli::Ended;

use crate::signals::Signals;

/// The stages' processes, in their order.
#[derive(Debug, Default)]
pub(crate) struct Children(Vec<State>);

#[derive(Debug, Clone, Copy)]
enum State {
    Running(Pid),
    Ended(Ended),
}

impl Children {
    /// Takes the next stage's process over.
    #[allow(clippy::needless_pass_by_value, reason = "whoever kept it could wait for it as well")]
    pub(crate) fn add(&mut self, child: Child) {
        self.0.push(State::Running(Pid::from_child(&child)));
    }

    /// Sends `signal` to every stage that was not reaped yet; until then its process id belongs to it alone.
    pub(crate) fn forward(&self, signal: Signal) {
        for state in &self.0 {
            if let State::Running(pid) = state {
                // Refused only for a stage that changed its user. It will hear of the end of its input.
                let _ = rustix::process::kill_process(*pid, signal);
            }
        }
    }

    /// Waits for all stages, passes on what `signals` brings, and says how each ended.
    ///
    /// A stage that ignores a signal is never killed: how long it may take is up to whoever runs this, such as the grace period
    /// of a container.
    ///
    /// # Errors
    /// If the kernel knows no children while some have not been reaped, which cannot happen.
    pub(crate) fn wait(mut self, signals: &mut Signals) -> io::Result<Vec<Ended>> {
        loop {
            // First of all: stages may have ended before this was called.
            self.reap()?;
            let ends: Option<Vec<Ended>> = self.0.iter().copied().map(State::ended).collect();
            if let Some(ends) = ends {
                return Ok(ends);
            }
            for signal in signals.wait() {
                self.forward(signal);
            }
        }
    }

    /// Reaps whatever has ended. One SIGCHLD may stand for several ends, hence the loop.
    fn reap(&mut self) -> io::Result<()> {
        while self.0.iter().any(|state| state.ended().is_none()) {
            // Any child, and not only those of our process group as with `waitpid(None, …)`: process 1 also inherits
            // orphans, and a stage may have made a group of its own.
            let Some((pid, status)) = rustix::process::wait(WaitOptions::NOHANG)? else {
                break;
            };
            let Some(ended) = read(status) else { continue };
            if let Some(state) = self.0.iter_mut().find(|state| state.is(pid)) {
                *state = State::Ended(ended);
            }
        }
        Ok(())
    }
}

impl State {
    fn is(&self, child: Pid) -> bool {
        matches!(self, Self::Running(pid) if *pid == child)
    }

    fn ended(self) -> Option<Ended> {
        match self {
            Self::Running(_) => None,
            Self::Ended(ended) => Some(ended),
        }
    }
}

/// How a child ended; nothing if it was only stopped or traced.
fn read(status: WaitStatus) -> Option<Ended> {
    let number = |number: i32| u8::try_from(number).unwrap_or(u8::MAX);
    let code = status.exit_status().map(|code| Ended::Code(number(code)));
    code.or_else(|| status.terminating_signal().map(|signal| Ended::Signal(number(signal))))
}
