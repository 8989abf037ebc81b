//! Feeds a filter with what has passed the gate, and ends its input only once the whole has.

use std::io::{self, Read, Write as _};
use std::process::ChildStdin;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use snapline_cli::{Failure, Input, Kind, OrExit as _};

use crate::gate::Gate;
use crate::running::{Feeding, Shared};

/// How much is read at once.
const CHUNK: usize = 256 << 10;
/// How often to look whether the filter has read what it was given, in nanoseconds: there is no event for that.
const LOOK: i64 = 2_000_000;

/// Begins to feed.
///
/// # Errors
/// 74 if no thread can be started.
pub(crate) fn feed(
    shared: Arc<Shared>,
    head: Vec<u8>,
    input: Input,
    gate: Gate,
    stdin: ChildStdin,
) -> Result<(), Failure> {
    let feeder = Feeder { shared, stdin };
    let thread = thread::Builder::new().name("feeder".to_owned());
    let spawned = thread.spawn(move || feeder.run(&head, input, gate));
    spawned.map(drop).or_exit(Kind::Io, "start a thread")
}

struct Feeder {
    shared: Arc<Shared>,
    stdin: ChildStdin,
}

/// Why feeding ended before the end.
enum Stopped {
    /// The input cannot be read, or is not what it should be.
    Failed(Failure),
    /// The filter takes no more.
    Left,
}

impl From<Failure> for Stopped {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Feeder {
    fn run(mut self, head: &[u8], input: Input, gate: Gate) {
        match self.feed(head, input, gate) {
            Ok(()) => {
                let Self { shared, stdin } = self;
                // From here on the stall is the filter's own.
                shared.feeds(Feeding::Ended(Instant::now()));
                drop(stdin);
            }
            // Its input stays open until it was killed: an end is what would let it finish its work.
            Err(Stopped::Failed(failure)) => self.shared.fail(failure),
            Err(Stopped::Left) => self.shared.left_early(),
        }
    }

    fn feed(&mut self, head: &[u8], mut input: Input, mut gate: Gate) -> Result<(), Stopped> {
        self.offer(head)?;
        let mut chunk = vec![0; CHUNK];
        loop {
            self.shared.feeds(Feeding::Waiting);
            let count = match input.read(&mut chunk) {
                Ok(0) => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read.or_exit(Kind::Io, format!("read {}", input.name))?,
            };
            let bytes = chunk.get(..count).unwrap_or_default();
            gate.push(bytes)?;
            self.offer(bytes)?;
        }
        gate.finish()?;
        self.all_is_taken()
    }

    fn offer(&mut self, mut bytes: &[u8]) -> Result<(), Stopped> {
        while !bytes.is_empty() {
            self.shared.feeds(Feeding::Offered(Instant::now()));
            match self.stdin.write(bytes) {
                Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Err(Stopped::Left),
                Err(error) => {
                    let writing = format!("write to the filter '{}'", self.shared.name());
                    return Err(Failure::says(Kind::Io, format!("{writing}: {error}")).into());
                }
            }
        }
        Ok(())
    }

    /// Waits until the filter has read everything. What still lies in the pipe of one that has left was never read: a small
    /// snapshot fits into the pipe, and no write would fail then.
    fn all_is_taken(&self) -> Result<(), Stopped> {
        let look = Timespec {
            tv_sec: 0,
            tv_nsec: LOOK,
        };
        let unread = || rustix::io::ioctl_fionread(&self.stdin).unwrap_or(0);
        let mut before = 0;
        loop {
            let left = unread();
            if left == 0 {
                return Ok(());
            }
            if left != before {
                self.shared.feeds(Feeding::Offered(Instant::now()));
                before = left;
            }
            // No event is asked for: an error, that nobody can read any more, is always told.
            let mut pipe = [PollFd::new(&self.stdin, PollFlags::empty())];
            let told = poll(&mut pipe, Some(&look));
            if told == Ok(1) {
                return if unread() == 0 { Ok(()) } else { Err(Stopped::Left) };
            }
        }
    }
}
