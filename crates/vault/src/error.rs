//! Why something did not work, in words for a user.

use std::fmt;

use snapline_http::{Fail, Kind};

/// A failure, displayed as one line: `<what we were doing> <to what>: <cause>`. It never shows a secret.
#[derive(Debug, Clone)]
pub struct Error {
    kind: Kind,
    message: String,
    hint: Option<String>,
    transient: bool,
    leaderless: bool,
}

impl Error {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            hint: None,
            transient: false,
            leaderless: false,
        }
    }

    pub(crate) fn config(message: impl Into<String>) -> Self {
        Self::new(Kind::Config, message)
    }

    pub(crate) fn with_hint(mut self, hint: Option<impl Into<String>>) -> Self {
        self.hint = hint.map(Into::into);
        self
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
