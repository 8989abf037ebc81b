//! What a filter writes, as a stream that ends when the filter cannot succeed any more.

use std::io::{self, PipeReader, Read};
use std::process::ChildStdout;
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::running::{Running, Shared};

/// The stream. Its end says nothing about whether it is whole: the [gate](crate::gate) does.
#[derive(Debug)]
pub(crate) struct Product {
    stdout: ChildStdout,
    cancelled: PipeReader,
    shared: Arc<Shared>,
}

impl Product {
    pub(crate) fn new(stdout: ChildStdout, cancelled: PipeReader, running: &Running) -> Self {
        Self {
            stdout,
            cancelled,
            shared: running.shared(),
        }
    }

    /// How messages name it.
    pub(crate) fn name(&self) -> String {
        format!("what '{}' writes", self.shared.name())
    }

    /// Waits for output. False if none is to be waited for any more.
    fn wait(&self) -> io::Result<bool> {
        self.shared.output_is_wanted();
        let pace = Timespec::try_from(self.shared.pace()).map_err(io::Error::other)?;
        loop {
            let mut sources = [
                PollFd::new(&self.stdout, PollFlags::IN),
                // Nothing is ever written there; it is closed.
                PollFd::new(&self.cancelled, PollFlags::IN),
            ];
            match poll(&mut sources, Some(&pace)) {
                Ok(0) => self.shared.check_stall(),
                Ok(_) => return Ok(sources[1].revents().is_empty()),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Read for Product {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        // Something else than the filter, which was killed, may still hold its output open.
        let count = if self.wait()? { self.stdout.read(buf)? } else { 0 };
        self.shared.output_moved(count);
        Ok(count)
    }
}
