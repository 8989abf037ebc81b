//! A failure that a user can cause: an error with its exit code and, if we know one, a hint.

use std::fmt;

use snapline_failure::{Fail, Kind};

/// An error, what it means and so the code the process ends with, and what the user might do.
///
/// It prints as the error it holds, on one line.
#[derive(Debug)]
pub struct Failure {
    kind: Kind,
    hint: Option<String>,
    silent: bool,
    error: anyhow::Error,
}

impl Failure {
    /// A failure that is stated here: `<what we were doing> <to what>: <cause>`.
    pub fn says(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            hint: None,
            silent: false,
            error: anyhow::Error::msg(message.into()),
        }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Gives it another kind, for a program whose caller expects other codes.
    #[must_use]
    pub fn with_kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// Puts what was being done in front: `<doing>: <this failure>`.
    #[must_use]
    pub fn context(mut self, doing: impl Into<String>) -> Self {
        self.error = self.error.context(doing.into());
        self
    }

    /// Takes its line on standard error away, and leaves the exit code: for a report whose reader has seen enough.
    #[must_use]
    pub fn silent(mut self) -> Self {
        self.silent = true;
        self
    }

    /// What it means.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether only the exit code tells of it.
    pub(crate) const fn is_silent(&self) -> bool {
        self.silent
    }

    /// The hint, for the edge to print.
    pub(crate) fn advice(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.error)
    }
}

// Not an Error itself: then it could not be made from every library's.
impl<E: Fail> From<E> for Failure {
    fn from(error: E) -> Self {
        Self {
            kind: error.kind(),
            hint: error.hint().map(str::to_owned),
            silent: false,
            error: anyhow::Error::new(error),
        }
    }
}

/// Gives an error its kind where that is known.
pub trait OrExit<T> {
    /// The value, or a [`Failure`] that reads `<doing>: <error>`.
    fn or_exit(self, kind: Kind, doing: impl fmt::Display) -> Result<T, Failure>;
}

impl<T, E: fmt::Display> OrExit<T> for Result<T, E> {
    fn or_exit(self, kind: Kind, doing: impl fmt::Display) -> Result<T, Failure> {
        self.map_err(|error| Failure::says(kind, format!("{doing}: {error:#}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Refusal;

    impl fmt::Display for Refusal {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("log in: no")
        }
    }

    impl std::error::Error for Refusal {}

    impl Fail for Refusal {
        fn kind(&self) -> Kind {
            Kind::Refused
        }

        fn hint(&self) -> Option<&str> {
            Some("ask")
        }
    }

    #[test]
    fn an_error_of_a_library_keeps_its_kind_and_hint_under_any_context() {
        let failure = Failure::from(Refusal).context("inner").context("outer");
        assert_eq!((failure.kind(), failure.advice()), (Kind::Refused, Some("ask")));
        assert_eq!(failure.to_string(), "outer: inner: log in: no");
    }
}
