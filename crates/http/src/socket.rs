//! Plain HTTP over a Unix socket.

use std::fmt;
use std::io::{self, Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;

use ureq::Error;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, ShutdownHandle, Transport,
};

use crate::{Phase, TransportError};

/// The socket that a request goes over, as an extension of the request; its URL then says what the server sees, not where
/// it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Socket(pub PathBuf);

/// Connects to the socket, whatever the URL says.
#[derive(Debug)]
pub(crate) struct SocketConnector(pub(crate) Socket);

impl Connector for SocketConnector {
    type Out = SocketTransport;

    fn connect(&self, details: &ConnectionDetails<'_>, _: Option<()>) -> Result<Option<Self::Out>, Error> {
        // A Unix socket connects at once or not at all, unless its queue is full: then it waits for the server.
        let stream = UnixStream::connect(&self.0.0).map_err(|error| {
            // A server that starts or restarts may not have its socket yet.
            let message = match error.kind() {
                io::ErrorKind::NotFound => "there is no such socket".to_owned(),
                io::ErrorKind::ConnectionRefused => "nobody listens on the socket".to_owned(),
                io::ErrorKind::PermissionDenied => "the socket may not be used by this user".to_owned(),
                _ => error.to_string(),
            };
            Error::Other(Box::new(TransportError::passing(Phase::Connect, message)))
        })?;
        let stream = Arc::new(stream);
        let handle = Arc::new(Handle(Arc::clone(&stream)));
        let weak: Weak<dyn ShutdownHandle> = Arc::downgrade(&(Arc::clone(&handle) as Arc<dyn ShutdownHandle>));
        (details.register_shutdown)(weak)?;
        Ok(Some(SocketTransport {
            stream,
            buffers: LazyBuffers::new(details.config.input_buffer_size(), details.config.output_buffer_size()),
            _handle: handle,
        }))
    }
}

/// There is nothing to look up.
#[derive(Debug)]
pub(crate) struct Nowhere;

impl Resolver for Nowhere {
    fn resolve(&self, _: &Uri, _: &ureq::config::Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        Ok(self.empty())
    }
}

struct Handle(Arc<UnixStream>);

impl ShutdownHandle for Handle {
    fn shutdown(&self) {
        // An error means that it is closed already.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

/// A connection over a Unix socket.
pub(crate) struct SocketTransport {
    stream: Arc<UnixStream>,
    buffers: LazyBuffers,
    _handle: Arc<Handle>,
}

impl Transport for SocketTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let timeout = timeout.for_write();
        self.stream.set_write_timeout(limit(&timeout))?;
        (&*self.stream)
            .write_all(&self.buffers.output()[..amount])
            .map_err(|error| in_time(error, &timeout))
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let timeout = timeout.for_read();
        self.stream.set_read_timeout(limit(&timeout))?;
        let input = self.buffers.input_append_buf();
        let amount = loop {
            match (&*self.stream).read(input) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result.map_err(|error| in_time(error, &timeout))?,
            }
        };
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        // Never kept for another request.
        false
    }
}

impl fmt::Debug for SocketTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SocketTransport").finish_non_exhaustive()
    }
}

fn limit(timeout: &NextTimeout) -> Option<Duration> {
    timeout.not_zero().map(|limit| *limit)
}

fn in_time(error: io::Error, timeout: &NextTimeout) -> Error {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Error::Timeout(timeout.reason),
        _ => error.into(),
    }
}
