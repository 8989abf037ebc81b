//! The signals that reach this process.

use std::io;

use rustix::process::Signal;
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use snapline_cli::not_ignored;

/// What is passed on to the stages. Stopping and resuming is left to the kernel and the terminal.
const FORWARDED: [i32; 6] = [SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2];

/// Signals as a queue. Each arrives in it from the moment it is made, so that none is missed before the first wait.
#[derive(Debug)]
pub(crate) struct Signals(signal_hook::iterator::Signals);

impl Signals {
    /// Sets the handlers. Stages do not inherit them: exec sets each back to its default action.
    pub(crate) fn listen() -> io::Result<Self> {
        // What is ignored stays so, in the stages too: exec hands that on.
        let forwarded = not_ignored(&FORWARDED);
        signal_hook::iterator::Signals::new(forwarded.iter().chain(&[SIGCHLD])).map(Self)
    }

    /// Waits until at least one signal has come, and returns those to pass on; none if only children have ended.
    ///
    /// On a terminal's Ctrl-C the stages get a second INT this way: the kernel sends the first to the whole foreground group. A
    /// shell avoids that by giving a pipe a group of its own, but then Ctrl-Z and reading the terminal need job control. Our
    /// programs take the second INT for the first.
    pub(crate) fn wait(&mut self) -> impl Iterator<Item = Signal> {
        self.0
            .wait()
            .filter(|signal| FORWARDED.contains(signal))
            .filter_map(Signal::from_named_raw)
    }
}
