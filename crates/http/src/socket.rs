//! Plain HTTP over a Unix socket.

use std::path::PathBuf;

use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
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
        let path = SocketAddrUnix::new(&self.0.0).map_err(|_| {
            Error::Other(Box::new(TransportError::new(
                Kind::Config,
                "the path is too long for a socket",
            )))
        })?;
        let failed = |error| Error::Other(Box::new(TransportError::unsent(words(error))));
        let socket =
            socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None).map_err(failed)?;
        // A Unix socket connects at once or not at all, unless its queue is full: then the kernel waits for the server, as long
        // as a write may take (unix(7)).
        set_socket_timeout(&socket, Timeout::Send, limit(&left(details))).map_err(failed)?;
        connect(&socket, &path).map_err(failed)?;
        set_socket_timeout(&socket, Timeout::Send, None).map_err(failed)?;
        Stream::new(socket, details).map(Some)
    }
}

fn words(error: Errno) -> String {
    match error {
        // A server that starts or restarts may not have its socket yet.
        Errno::NOENT => "there is no such socket".to_owned(),
        Errno::CONNREFUSED => "nobody listens on the socket".to_owned(),
        Errno::ACCESS => "the socket may not be used by this user".to_owned(),
        Errno::AGAIN => "the socket's server takes no connection in time".to_owned(),
        error => std::io::Error::from(error).to_string(),
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
