//! Puts TLS on a connection.
//!
//! ureq's own connector does nearly the same, but panics where a key does not fit its certificate, knows no other server
//! name than the URL's host, and hands a failed handshake up as any other I/O error. The traits are not covered by ureq's
//! promise of stability; the compiler tells when they change.

use std::fmt;
use std::io::{self, Read as _, Write as _};
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, ProtocolVersion, StreamOwned};
use ureq::Error;
use ureq::unversioned::transport::time::Duration;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport, TransportAdapter,
};

use super::failure::Shown;
use super::identity::Nobody;
use super::{in_handshake, later};
use crate::{Kind, TransportError};

/// Wraps connections to https URLs.
#[derive(Clone)]
pub(crate) struct TlsConnector {
    config: Arc<ClientConfig>,
    server_name: Option<ServerName<'static>>,
    /// Instead of a client certificate.
    nobody: Option<Arc<Nobody>>,
}

impl TlsConnector {
    pub(super) fn new(
        config: ClientConfig,
        server_name: Option<ServerName<'static>>,
        nobody: Option<Arc<Nobody>>,
    ) -> Self {
        Self {
            config: Arc::new(config),
            server_name,
            nobody,
        }
    }

    /// The name that the server must have.
    fn server_name(&self, details: &ConnectionDetails<'_>) -> Result<ServerName<'static>, TransportError> {
        if let Some(name) = &self.server_name {
            return Ok(name.clone());
        }
        let host = details.uri.host().unwrap_or_default();
        // A name has no dot at its end here (RFC 6066, 3).
        let host = host.trim_start_matches('[').trim_end_matches([']', '.']);
        ServerName::try_from(host.to_owned())
            .map_err(|_| TransportError::new(Kind::Config, format!("'{host}' is no name that a certificate can have")))
    }
}

impl<In: Transport> Connector<In> for TlsConnector {
    type Out = Either<In, TlsTransport>;

    fn connect(&self, details: &ConnectionDetails<'_>, chained: Option<In>) -> Result<Option<Self::Out>, Error> {
        let Some(transport) = chained else {
            return Ok(None);
        };
        if !details.needs_tls() || transport.is_tls() {
            return Ok(Some(Either::A(transport)));
        }
        let name = self.server_name(details).map_err(passed_on)?;
        let mut connection = ClientConnection::new(Arc::clone(&self.config), name)
            .map_err(|error| passed_on(TransportError::new(Kind::Config, format!("prepare TLS: {error}"))))?;
        let mut socket = TransportAdapter::new(transport.boxed(), Arc::clone(&details.current_time));
        socket.set_timeout(left(details));
        let is_proxied = details.config.proxy().is_some();
        if let Err(error) = connection.complete_io(&mut socket) {
            let error = last_words(&mut connection, &mut socket, error);
            return Err(passed_on(in_handshake(
                error,
                shown(self.nobody.as_deref()),
                is_proxied,
            )));
        }
        log_what_was_agreed(&connection);
        let buffers = LazyBuffers::new(details.config.input_buffer_size(), details.config.output_buffer_size());
        Ok(Some(Either::B(TlsTransport {
            buffers,
            stream: StreamOwned::new(connection, socket),
            nobody: self.nobody.clone(),
        })))
    }
}

impl fmt::Debug for TlsConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsConnector")
            .field("server_name", &self.server_name)
            .finish_non_exhaustive()
    }
}

/// What protects this connection: whether it is the post-quantum exchange can be seen nowhere else.
fn log_what_was_agreed(connection: &ClientConnection) {
    let version = match connection.protocol_version() {
        Some(ProtocolVersion::TLSv1_2) => "TLS 1.2",
        _ => "TLS 1.3",
    };
    let suite = connection.negotiated_cipher_suite();
    let suite = suite.and_then(|suite| suite.suite().as_str()).unwrap_or("unknown");
    let exchange = connection.negotiated_key_exchange_group();
    let exchange = exchange.and_then(|group| group.name().as_str()).unwrap_or("unknown");
    log::debug!("the connection is secured by {version}, {suite}, key exchange {exchange}");
}

fn shown(nobody: Option<&Nobody>) -> Shown {
    match nobody {
        None => Shown::Certificate,
        Some(nobody) if nobody.was_asked() => Shown::NothingThoughAsked,
        Some(_) => Shown::Nothing,
    }
}

/// What the other side said before it hung up, where our own word was what failed: that has arrived all the same.
///
/// Read here and not through the stream, which first writes what is still to be written, and fails at that.
fn last_words(connection: &mut ClientConnection, socket: &mut TransportAdapter, error: io::Error) -> io::Error {
    if !hung_up(&error) {
        return error;
    }
    loop {
        if let Err(said) = connection.process_new_packets() {
            return io::Error::new(io::ErrorKind::InvalidData, said);
        }
        if !connection.read_tls(socket).is_ok_and(|count| count > 0) {
            return error;
        }
    }
}

fn hung_up(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)
}

/// Through ureq and out again.
fn passed_on(error: TransportError) -> Error {
    Error::Other(Box::new(error))
}

/// The time for connecting, less what the connection itself took.
pub(crate) fn left(details: &ConnectionDetails<'_>) -> NextTimeout {
    use ureq::unversioned::transport::time::Instant;
    let mut timeout = details.timeout;
    if let (Duration::Exact(limit), Instant::Exact(start)) = (timeout.after, details.now) {
        timeout.after = Duration::Exact(limit.saturating_sub(start.elapsed()));
    }
    timeout
}

/// A connection with TLS on it.
pub(crate) struct TlsTransport {
    buffers: LazyBuffers,
    stream: StreamOwned<ClientConnection, TransportAdapter>,
    nobody: Option<Arc<Nobody>>,
}

impl TlsTransport {
    /// With TLS 1.3 a server checks the client's certificate only after the handshake, says why it hangs up, and does so.
    fn failed(&mut self, error: io::Error) -> Error {
        let error = last_words(&mut self.stream.conn, &mut self.stream.sock, error);
        match later(&error, shown(self.nobody.as_deref())) {
            Some(error) => passed_on(error),
            None => error.into(),
        }
    }
}

impl Transport for TlsTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.stream.get_mut().set_timeout(timeout);
        let written = self.stream.write_all(&self.buffers.output()[..amount]);
        written.map_err(|error| self.failed(error))
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.stream.get_mut().set_timeout(timeout);
        let input = self.buffers.input_append_buf();
        let amount = match self.stream.read(input) {
            Ok(amount) => amount,
            Err(error) => return Err(self.failed(error)),
        };
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.get_mut().get_mut().is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}

impl fmt::Debug for TlsTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsTransport").finish_non_exhaustive()
    }
}
