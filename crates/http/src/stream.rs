//! Bytes over a connected socket, of the network or of this machine.

use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::sockopt::{self, Timeout};
use rustix::net::{RecvFlags, SendFlags, Shutdown, recv, send, shutdown};
use ureq::Error;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, LazyBuffers, NextTimeout, ShutdownHandle, Transport, time,
};

/// A connection without TLS.
pub(crate) struct Stream {
    socket: Arc<Socket>,
    buffers: LazyBuffers,
    /// The limits that the socket has now: setting them costs a system call.
    read_limit: Option<Duration>,
    write_limit: Option<Duration>,
}

struct Socket(OwnedFd);

impl ShutdownHandle for Socket {
    fn shutdown(&self) {
        // An error means that it is closed already.
        let _ = shutdown(&self.0, Shutdown::Both);
    }
}

impl Stream {
    /// A connection over `socket`, which is connected and blocking.
    pub(crate) fn new(socket: OwnedFd, details: &ConnectionDetails<'_>) -> Result<Self, Error> {
        let socket = Arc::new(Socket(socket));
        let handle: Weak<dyn ShutdownHandle> = Arc::downgrade(&(Arc::clone(&socket) as Arc<dyn ShutdownHandle>));
        (details.register_shutdown)(handle)?;
        Ok(Self {
            socket,
            buffers: LazyBuffers::new(details.config.input_buffer_size(), details.config.output_buffer_size()),
            read_limit: None,
            write_limit: None,
        })
    }

    /// Makes the kernel give up a read or a write after `limit`.
    fn set_limit(&mut self, which: Timeout, limit: Option<Duration>) -> io::Result<()> {
        let known = match which {
            Timeout::Recv => &mut self.read_limit,
            Timeout::Send => &mut self.write_limit,
        };
        if *known != limit {
            sockopt::set_socket_timeout(&self.socket.0, which, limit)?;
            *known = limit;
        }
        Ok(())
    }

    /// Reads or writes once; a signal in between shortens the limit and nothing else.
    fn attempt<T>(
        &mut self,
        which: Timeout,
        timeout: NextTimeout,
        mut act: impl FnMut(&OwnedFd, &mut LazyBuffers) -> Result<T, Errno>,
    ) -> Result<T, Error> {
        let late = || Error::Timeout(timeout.reason);
        let limit = limit(&timeout);
        let start = Instant::now();
        loop {
            let left = limit.map(|limit| limit.saturating_sub(start.elapsed()));
            if left.is_some_and(|left| left.is_zero()) {
                return Err(late());
            }
            self.set_limit(which, left.map(|left| left.max(Duration::from_millis(1))))?;
            match act(&self.socket.0, &mut self.buffers) {
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Err(late()),
                result => return Ok(result.map_err(io::Error::from)?),
            }
        }
    }
}

/// What is left; absent where there is no limit.
pub(crate) fn limit(timeout: &NextTimeout) -> Option<Duration> {
    match timeout.after {
        time::Duration::Exact(limit) => Some(limit),
        time::Duration::NotHappening => None,
    }
}

impl Transport for Stream {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let timeout = timeout.for_write();
        let mut sent = 0;
        while sent < amount {
            sent += self.attempt(Timeout::Send, timeout, |socket, buffers| {
                send(socket, &buffers.output()[sent..amount], SendFlags::empty())
            })?;
        }
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let amount = self.attempt(Timeout::Recv, timeout.for_read(), |socket, buffers| {
            let (_, amount) = recv(socket, buffers.input_append_buf(), RecvFlags::empty())?;
            Ok(amount)
        })?;
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        // Between two requests there is nothing to read, not even an end.
        let peek = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        matches!(recv(&self.socket.0, &mut [0; 1], peek), Err(Errno::AGAIN))
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").finish_non_exhaustive()
    }
}
