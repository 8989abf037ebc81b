//! What went wrong, in one line, and what it means.

use std::fmt;

use snapline_http::{Fail, Kind, TransportError};

/// A failure: `<what we were doing>: <cause>`. Never holds a key or a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: Kind,
    doing: Box<str>,
    cause: Box<str>,
    hint: Option<Box<str>>,
    transient: bool,
}

impl Error {
    pub(crate) fn new(kind: Kind, doing: impl Into<Box<str>>, cause: impl Into<Box<str>>) -> Self {
        Self {
            kind,
            doing: doing.into(),
            cause: cause.into(),
            hint: None,
            transient: false,
        }
    }

    pub(crate) fn config(doing: impl Into<Box<str>>, cause: impl Into<Box<str>>) -> Self {
        Self::new(Kind::Config, doing, cause)
    }

    pub(crate) fn transport(doing: impl Into<Box<str>>, error: &TransportError) -> Self {
        Self {
            hint: error.hint().map(Into::into),
            transient: error.is_transient(),
            ..Self::new(error.kind(), doing, error.to_string())
        }
    }

    #[must_use]
    pub(crate) fn hint_with(mut self, hint: impl Into<Box<str>>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    #[must_use]
    pub(crate) fn passing(mut self) -> Self {
        self.transient = true;
        self
    }

    /// What was being done, for example `find credentials`.
    pub fn doing(&self) -> &str {
        &self.doing
    }

    /// Why it failed.
    pub fn cause(&self) -> &str {
        &self.cause
    }

    pub(crate) const fn is_transient(&self) -> bool {
        self.transient
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.doing, self.cause)
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
