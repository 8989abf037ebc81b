//! Why a request or a body did not get through.

use std::fmt;
use std::io;

use crate::{Fail, Kind, TlsFailure};

/// How far a request had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// No connection stands: nothing of the request has left.
    Connect,
    /// The request or a part of it has left; whether the server acts on it is unknown.
    Exchange,
}

/// A failure below HTTP, in words for a user: the cause alone, without what was being done.
#[derive(Debug)]
pub struct TransportError {
    kind: Kind,
    phase: Phase,
    transient: bool,
    message: String,
    hint: Option<String>,
    tls: Option<TlsFailure>,
}

impl TransportError {
    /// A failure before any connection, which another try would meet again.
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            phase: Phase::Connect,
            transient: false,
            message: message.into(),
            hint: None,
            tls: None,
        }
    }

    pub(crate) fn advise(mut self, hint: &str) -> Self {
        self.hint = Some(hint.to_owned());
        self
    }

    /// A TLS failure. It concerns the configuration: another try would fail alike.
    pub(crate) fn tls_failure(failure: TlsFailure, message: impl Into<String>) -> Self {
        Self {
            tls: Some(failure),
            hint: failure.advice().map(str::to_owned),
            ..Self::new(Kind::Config, message)
        }
    }

    /// The same, known to have happened before anything of the request has left.
    pub(crate) fn before_the_request(mut self) -> Self {
        self.phase = Phase::Connect;
        self
    }

    pub(crate) fn passing(phase: Phase, message: impl Into<String>) -> Self {
        Self {
            kind: Kind::Unavailable,
            phase,
            transient: true,
            message: message.into(),
            hint: None,
            tls: None,
        }
    }

    /// How far the request had come.
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// Whether another try may succeed.
    pub const fn is_transient(&self) -> bool {
        self.transient
    }

    /// What about TLS went wrong, if that is what failed: whoever knows the options says which one helps.
    pub const fn tls(&self) -> Option<TlsFailure> {
        self.tls
    }

    /// The failure behind an error of a body's reader, where ureq wraps its own errors.
    pub fn from_io(error: io::Error) -> Self {
        Self::from(ureq::Error::from(error))
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for TransportError {}

impl Fail for TransportError {
    fn kind(&self) -> Kind {
        self.kind
    }

    fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl From<ureq::Error> for TransportError {
    fn from(error: ureq::Error) -> Self {
        use ureq::Error;
        match error {
            Error::HostNotFound => Self::passing(Phase::Connect, "the host's name cannot be resolved"),
            Error::ConnectionFailed => Self::passing(Phase::Connect, "no connection"),
            Error::Timeout(which) => timeout(which),
            Error::Io(error) => io_error(&error),
            Error::Protocol(error) => Self::passing(Phase::Exchange, format!("the reply is no proper HTTP: {error}"))
                .advise("does the address name the right port, and begin with https:// where the server speaks TLS?"),
            Error::LargeResponseHeader(..) => {
                Self::passing(Phase::Exchange, "the reply is no proper HTTP: its header is too large")
            }
            Error::ConnectProxyFailed(cause) => Self::passing(Phase::Connect, format!("the proxy refuses: {cause}")),
            Error::BadUri(_) | Error::InvalidProxyUrl | Error::Http(_) => Self::new(Kind::Config, error.to_string()),
            Error::Other(other) if other.is::<Self>() => match other.downcast() {
                Ok(own) => *own,
                Err(other) => Self::new(Kind::Unexpected, other.to_string()),
            },
            other => Self {
                kind: Kind::Unexpected,
                ..Self::new(Kind::Unexpected, other.to_string())
            },
        }
    }
}

fn timeout(which: ureq::Timeout) -> TransportError {
    use ureq::Timeout;
    match which {
        Timeout::Resolve => TransportError::passing(Phase::Connect, "the host's name is not resolved in time"),
        Timeout::Connect => TransportError::passing(Phase::Connect, "no connection in time"),
        Timeout::SendRequest | Timeout::SendBody | Timeout::PerWrite => {
            TransportError::passing(Phase::Exchange, "nothing was accepted for too long")
        }
        Timeout::PerRead | Timeout::RecvBody => TransportError::passing(Phase::Exchange, "nothing came for too long"),
        _ => TransportError::passing(Phase::Exchange, "no reply in time"),
    }
}

fn io_error(error: &io::Error) -> TransportError {
    let (phase, words) = match error.kind() {
        io::ErrorKind::ConnectionRefused => (Phase::Connect, "connection refused"),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => (Phase::Connect, "host unreachable"),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted => {
            (Phase::Exchange, "the connection was cut")
        }
        io::ErrorKind::UnexpectedEof => (Phase::Exchange, "the connection ended too early"),
        // The kernel gave an open connection up; what stands for a connection that was never made is a ureq::Timeout.
        io::ErrorKind::TimedOut => (Phase::Exchange, "the other side does not answer any more"),
        _ => return TransportError::passing(Phase::Exchange, error.to_string()),
    };
    TransportError::passing(phase, words)
}
