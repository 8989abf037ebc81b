//! A filter that runs: what is known of it, and its end, which comes whatever happens.

use std::io::{PipeReader, PipeWriter};
use std::process::{Child, ChildStdin, ChildStdout, Command};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};
use snapline_cli::{AtEnd, Ended, Ending, Failure, Kind, OrExit as _, at_end, not_started};

/// How long the kernel may take to end a process that was killed.
const KILLED: Duration = Duration::from_secs(2);
/// How long a filter that has closed its input may take to end and say by its code why.
const LAST_WORD: Duration = Duration::from_secs(1);

/// The owner: once this is dropped, no process of the filter is left.
#[derive(Debug)]
pub(crate) struct Running {
    shared: Arc<Shared>,
    _at_end: AtEnd,
}

/// What the threads around a filter know together.
#[derive(Debug)]
pub(crate) struct Shared {
    /// Its name as typed.
    name: String,
    stall: Duration,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    /// None before it is started.
    child: Option<Child>,
    /// The run is being ended: nothing is started any more.
    closed: bool,
    /// It has ended, and its process id is kept from being used again as long as nobody has asked how.
    exited: bool,
    /// How it ended; from here on the process id is somebody else's.
    ended: Option<Ended>,
    feeding: Feeding,
    /// When its output last moved, or we began to wait for it.
    output_moved: Instant,
    output_bytes: u64,
    output_ended: bool,
    /// Why it cannot succeed any more: the first cause.
    failure: Option<Failure>,
    /// Dropped to wake whoever waits for the output.
    cancel: Option<PipeWriter>,
}

/// What happens at the filter's standard input.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Feeding {
    /// We have nothing for it at the moment.
    Waiting,
    /// It is offered something, and has taken nothing since.
    Offered(Instant),
    /// It has got everything, and the end, which it gets only once the snapshot is proven whole.
    Ended(Instant),
}

/// A filter's own ends.
pub(crate) struct Ends {
    pub(crate) stdin: ChildStdin,
    pub(crate) stdout: ChildStdout,
    /// Has an end of file as soon as the filter cannot succeed any more.
    pub(crate) cancelled: PipeReader,
}

impl Running {
    /// Starts `command`, which makes it the leader of a process group, with pipes as standard input and output. `name` is what
    /// it is called in messages.
    ///
    /// # Errors
    /// As [`not_started`] says, and 74 if there is no thread or no pipe to be had.
    pub(crate) fn start(command: &mut Command, name: &str, stall: Duration) -> Result<(Self, Ends), Failure> {
        let shared = Arc::new(Shared::new(name, stall));
        // Before anything runs: a signal that comes in between finds nothing yet, or all of it.
        let at_end = {
            let shared = Arc::clone(&shared);
            at_end(move || {
                shared.kill();
                Ending::End
            })
        };
        let running = Self {
            shared,
            _at_end: at_end,
        };
        let (cancelled, cancel) = std::io::pipe().or_exit(Kind::Io, "make a pipe")?;
        running.shared.lock().cancel = Some(cancel);
        let (pid, stdin, stdout) = running.shared.spawn(command)?;
        let waiting = Arc::clone(&running.shared);
        let wait = move || {
            // Not reaped here: until then its process id, and its group's, can be signalled without hitting anybody else.
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            let status = loop {
                match rustix::process::waitid(WaitId::Pid(pid), options) {
                    Err(Errno::INTR) => {}
                    status => break status.ok().flatten(),
                }
            };
            waiting.has_exited(status.is_some_and(|status| status.exit_status() == Some(0)));
        };
        thread::Builder::new()
            .name("filter".to_owned())
            .spawn(wait)
            .or_exit(Kind::Io, "start a thread")?;
        let ends = Ends {
            stdin,
            stdout,
            cancelled,
        };
        Ok((running, ends))
    }

    pub(crate) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shared.kill();
    }
}

impl Shared {
    fn new(name: &str, stall: Duration) -> Self {
        let state = State {
            child: None,
            closed: false,
            exited: false,
            ended: None,
            feeding: Feeding::Waiting,
            output_moved: Instant::now(),
            output_bytes: 0,
            output_ended: false,
            failure: None,
            cancel: None,
        };
        Self {
            name: name.to_owned(),
            stall,
            state: Mutex::new(state),
            changed: Condvar::new(),
        }
    }

    /// Starts it, unless the run is being ended. Whoever ends the run waits until it is started, and so kills it.
    fn spawn(&self, command: &mut Command) -> Result<(Pid, ChildStdin, ChildStdout), Failure> {
        let name = format!("the filter '{}'", self.name);
        let mut state = self.lock();
        if state.closed {
            let message = format!("start {name}: the run is being ended");
            return Err(Failure::says(Kind::Unexpected, message));
        }
        let mut child = command.spawn().map_err(|error| not_started(&name, &error))?;
        log::debug!("{name}: started as {}", child.id());
        let (pid, stdin, stdout) = (Pid::from_child(&child), child.stdin.take(), child.stdout.take());
        state.child = Some(child);
        match (stdin, stdout) {
            (Some(stdin), Some(stdout)) => Ok((pid, stdin, stdout)),
            _ => {
                let message = format!("start {name}: it has no pipes");
                Err(Failure::says(Kind::Unexpected, message))
            }
        }
    }

    /// `pass the snapshot through 'age': ` and `cause`.
    pub(crate) fn says(&self, cause: &str) -> Failure {
        // One code for whatever goes wrong in there: it runs on this machine, so it is a local write that failed.
        Failure::says(
            Kind::Io,
            format!("pass the snapshot through '{}': it {cause}", self.name),
        )
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// It cannot succeed any more: the first cause counts, and the filter is killed before its input can end.
    pub(crate) fn fail(&self, failure: Failure) {
        let mut state = self.lock();
        state.failure.get_or_insert(failure);
        state.kill_group();
        drop(state);
        self.changed.notify_all();
    }

    /// What happens at its standard input.
    pub(crate) fn feeds(&self, feeding: Feeding) {
        self.lock().feeding = feeding;
        self.changed.notify_all();
    }

    /// It has ended. With another code than 0 it has failed, whatever else it left running.
    fn has_exited(&self, well: bool) {
        let mut state = self.lock();
        state.exited = true;
        if !well {
            let ended = state.reap();
            state.failure.get_or_insert_with(|| self.says(&ended.to_string()));
        }
        drop(state);
        self.changed.notify_all();
    }

    /// It takes no more input although there is some. Its own code, if it ends with one, says more than that.
    pub(crate) fn left_early(&self) {
        // Meanwhile that is no stall.
        self.feeds(Feeding::Waiting);
        drop(self.wait(LAST_WORD, |state| state.exited));
        self.fail(self.says("stopped reading before the end"));
    }

    /// We begin to wait for output.
    pub(crate) fn output_is_wanted(&self) {
        self.lock().output_moved = Instant::now();
    }

    /// So many bytes came out; none is the end.
    pub(crate) fn output_moved(&self, count: usize) {
        let mut state = self.lock();
        state.output_moved = Instant::now();
        state.output_bytes += u64::try_from(count).unwrap_or(u64::MAX);
        state.output_ended |= count == 0;
        drop(state);
        self.changed.notify_all();
    }

    /// Fails if the filter neither takes what it is offered, nor writes, nor ends. Only to be asked by whoever waits for it.
    pub(crate) fn check_stall(&self) {
        let state = self.lock();
        let stalled = state.failure.is_none() && state.is_stalled(self.stall);
        drop(state);
        if stalled {
            let seconds = self.stall.as_secs_f64();
            let failure = self.says(&format!("neither read nor wrote for {seconds} s"));
            self.fail(failure.hint("--stall-timeout grants it more time"));
        }
    }

    /// How often to check for a stall.
    pub(crate) fn pace(&self) -> Duration {
        (self.stall / 4).clamp(Duration::from_millis(5), Duration::from_secs(1))
    }

    /// Waits until the snapshot was proven whole and passed through, and the filter has ended with 0.
    ///
    /// # Errors
    /// The first thing that went wrong.
    pub(crate) fn finish(&self) -> Result<(), Failure> {
        loop {
            let mut state = self.wait(self.pace(), State::is_over);
            if let Some(failure) = state.failure.take() {
                return Err(failure);
            }
            if state.is_over() {
                state.reap();
                return match state.output_bytes {
                    0 => Err(self.says("wrote nothing")),
                    _ => Ok(()),
                };
            }
            let waits_for_the_end = state.output_ended;
            drop(state);
            if waits_for_the_end {
                self.check_stall();
            }
        }
    }

    /// Ends every process of the filter's group, and reaps the filter; none is started any more.
    fn kill(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.kill_group();
        drop(state);
        let mut state = self.wait(KILLED, |state| state.exited || state.child.is_none());
        if state.exited {
            state.reap();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `is_so` or for `limit`.
    fn wait(&self, limit: Duration, is_so: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        let state = self.lock();
        let waited = self.changed.wait_timeout_while(state, limit, |state| !is_so(state));
        waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

impl State {
    fn is_over(&self) -> bool {
        let is_fed = matches!(self.feeding, Feeding::Ended(_));
        self.failure.is_some() || (is_fed && self.output_ended && self.exited)
    }

    fn is_stalled(&self, limit: Duration) -> bool {
        match self.feeding {
            Feeding::Waiting => false,
            Feeding::Offered(since) | Feeding::Ended(since) => since.max(self.output_moved).elapsed() >= limit,
        }
    }

    fn kill_group(&mut self) {
        self.cancel = None;
        if let (Some(child), None) = (&self.child, self.ended) {
            // Refused only for processes that have changed their user: those hear of the end of their pipes.
            let _ = rustix::process::kill_process_group(Pid::from_child(child), Signal::KILL);
        }
    }

    /// How it ended; it has, so this does not wait. What it left running in its group ends with it.
    fn reap(&mut self) -> Ended {
        if let Some(ended) = self.ended {
            return ended;
        }
        self.kill_group();
        // Asking fails only for a process that is no child.
        let status = self.child.as_mut().and_then(|child| child.wait().ok());
        let ended = status.map_or(Ended::Code(u8::MAX), Ended::from);
        *self.ended.insert(ended)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt as _;
    use std::process::Stdio;

    use super::*;

    fn sleep() -> Command {
        let mut command = Command::new("sleep");
        let command_line = command.arg("1000").process_group(0);
        command_line.stdin(Stdio::piped()).stdout(Stdio::piped());
        command
    }

    #[test]
    fn a_run_that_ends_while_its_filter_is_started_leaves_none_behind() {
        for round in 0..100 {
            let shared = Arc::new(Shared::new("sleep", Duration::from_secs(1)));
            let killer = {
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    // Sooner or later than the start, from round to round.
                    thread::sleep(Duration::from_micros(20 * round));
                    shared.lock().closed = true;
                    shared.lock().kill_group();
                })
            };
            let started = shared.spawn(&mut sleep());
            killer.join().unwrap();
            let mut state = shared.lock();
            assert_eq!(started.is_ok(), state.child.is_some(), "{round}");
            if let Some(child) = &mut state.child {
                use std::os::unix::process::ExitStatusExt as _;
                assert_eq!(child.wait().unwrap().signal(), Some(9), "{round}");
            }
        }
    }

    #[test]
    fn once_the_run_is_being_ended_no_filter_is_started() {
        let shared = Shared::new("sleep", Duration::from_secs(1));
        shared.kill();
        assert!(shared.spawn(&mut sleep()).is_err());
        assert!(shared.lock().child.is_none());
    }
}
