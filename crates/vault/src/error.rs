//! Why something did not work, in words for a user.

use std::fmt;

use http::StatusCode;
use snapline_http::{Fail, Kind};

/// A failure, displayed as one line: `<what we were doing> <to what>: <cause>`. It never shows a secret.
#[derive(Debug, Clone)]
pub struct Error {
    kind: Kind,
    message: String,
    hint: Option<String>,
    transient: bool,
    leaderless: bool,
    status: Option<StatusCode>,
}

impl Error {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            hint: None,
            transient: false,
            leaderless: false,
            status: None,
        }
    }

    pub(crate) fn config(message: impl Into<String>) -> Self {
        Self::new(Kind::Config, message)
    }

    pub(crate) fn with_hint(mut self, hint: Option<impl Into<String>>) -> Self {
        self.hint = hint.map(Into::into);
        self
    }

    /// The same, with another meaning.
    pub(crate) fn of_kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// The same, known to be a server's response with this status.
    pub(crate) fn of_status(mut self, status: StatusCode) -> Self {
        self.status = Some(status);
        self
    }

    /// The status of the response that is the failure; absent where no response came.
    pub(crate) const fn status(&self) -> Option<StatusCode> {
        self.status
    }

    /// Says more about the cause.
    pub(crate) fn and(mut self, more: &str) -> Self {
        self.message.push_str("; ");
        self.message.push_str(more);
        self
    }

    pub(crate) fn passing(mut self, transient: bool) -> Self {
        self.transient = transient;
        self
    }

    pub(crate) fn without_leader(mut self, leaderless: bool) -> Self {
        self.leaderless = leaderless;
        self
    }

    /// Whether another try may succeed.
    pub const fn is_transient(&self) -> bool {
        self.transient
    }

    /// Whether no node took the request, so that nothing was done, because none leads or none could be reached: an election
    /// or a restart ends that within seconds.
    pub(crate) const fn is_leaderless(&self) -> bool {
        self.leaderless
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl Fail for Error {
    fn kind(&self) -> Kind {
        self.kind
    }

    fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}
