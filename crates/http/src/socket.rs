//! Plain HTTP over a Unix socket.

use std::io;
use std::path::PathBuf;

use rustix::io::Errno;
use socket2::{Domain, SockAddr, Type};
use ureq::Error;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{ConnectionDetails, Connector, NextTimeout};

use crate::stream::{Stream, limit};
use crate::tls::left;
use crate::{Kind, TransportError};

/// The socket that a request goes over, as an extension of the request; its URL then says what the server sees, not where
/// it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Socket(pub PathBuf);

/// Connects to the socket, whatever the URL says.
#[derive(Debug)]
pub(crate) struct SocketConnector(pub(crate) Socket);

impl Connector for SocketConnector {
    type Out = Stream;

    fn connect(&self, details: &ConnectionDetails<'_>, _: Option<()>) -> Result<Option<Self::Out>, Error> {
        let path = SockAddr::unix(&self.0.0).map_err(|_| {
            let words = "the path is too long for a socket";
            Error::Other(Box::new(TransportError::new(Kind::Config, words)))
        })?;
        let failed = |error| Error::Other(Box::new(TransportError::unsent(words(&error))));
        let socket = socket2::Socket::new(Domain::UNIX, Type::STREAM, None).map_err(failed)?;
        // A Unix socket connects at once or not at all, unless its queue is full: then the kernel waits for the server, as long
        // as a write may take (unix(7)).
        socket.set_write_timeout(limit(&left(details))).map_err(failed)?;
        socket.connect(&path).map_err(failed)?;
        socket.set_write_timeout(None).map_err(failed)?;
        Stream::new(socket.into(), details).map(Some)
    }
}

fn words(error: &io::Error) -> String {
    match Errno::from_io_error(error) {
        // A server that starts or restarts may not have its socket yet.
        Some(Errno::NOENT) => "there is no such socket".to_owned(),
        Some(Errno::CONNREFUSED) => "nobody listens on the socket".to_owned(),
        Some(Errno::ACCESS) => "the socket may not be used by this user".to_owned(),
        Some(Errno::AGAIN) => "the socket's server takes no connection in time".to_owned(),
        _ => error.to_string(),
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
