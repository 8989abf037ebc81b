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
    silence: bool,
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
            silence: false,
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

    /// A failure before anything of the request has left, which may pass.
    pub(crate) fn unsent(message: impl Into<String>) -> Self {
        Self::passing(Phase::Connect, message)
    }

    /// The same, with what was being done before the cause.
    pub(crate) fn at(mut self, place: &str) -> Self {
        self.message = format!("{place}: {}", self.message);
        self
    }

    pub(crate) fn passing(phase: Phase, message: impl Into<String>) -> Self {
        Self {
            kind: Kind::Unavailable,
            phase,
            transient: true,
            silence: false,
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

    /// Whether the other side was waited for in vain: no connection, or nothing moved on it until a limit. Otherwise it broke off,
    /// perhaps in the midst of a body that was being sent.
    pub const fn is_silence(&self) -> bool {
        self.silence || matches!(self.phase, Phase::Connect)
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
            Error::ConnectionFailed => Self::unsent("no connection"),
            Error::Timeout(which) => timeout(which),
            Error::Io(error) => io_error(&error),
            Error::Protocol(error) => Self::passing(Phase::Exchange, format!("the reply is no proper HTTP: {error}"))
                .advise("does the address name the right port, and begin with https:// where the server speaks TLS?"),
            Error::LargeResponseHeader(..) => {
                Self::passing(Phase::Exchange, "the reply is no proper HTTP: its header is too large")
            }
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

/// The limits for the lookup and the connection have words of their own where they are met, but for what comes after it.
fn timeout(which: ureq::Timeout) -> TransportError {
    use ureq::Timeout;
    let words = match which {
        Timeout::SendRequest | Timeout::SendBody | Timeout::PerWrite => "nothing was accepted for too long",
        Timeout::PerRead | Timeout::RecvBody => "nothing came for too long",
        Timeout::Connect => "the TLS handshake does not end in time",
        _ => "no reply in time",
    };
    TransportError {
        silence: true,
        ..TransportError::passing(Phase::Exchange, words)
    }
}

/// On a connection that stood: before that, the connector has its own words.
fn io_error(error: &io::Error) -> TransportError {
    let words = match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted => {
            "the connection was cut"
        }
        io::ErrorKind::UnexpectedEof => "the connection ended too early",
        // The kernel gave the connection up.
        io::ErrorKind::TimedOut => "the other side does not answer any more",
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => "host unreachable",
        _ => return TransportError::passing(Phase::Exchange, error.to_string()),
    };
    TransportError::passing(Phase::Exchange, words)
}
