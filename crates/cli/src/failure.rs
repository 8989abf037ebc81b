//! A failure that a user can cause: an error with its exit code and, if we know one, a hint.

use std::fmt;

use crate::Exit;

/// An error, the code the process ends with because of it, and what the user might do.
///
/// It prints as the error it holds. Put more context around it with `anyhow`; the edge finds it there by downcast.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    hint: Option<String>,
    error: anyhow::Error,
}

impl Failure {
    /// A failure from an error that is known elsewhere.
    pub fn new(exit: Exit, error: impl Into<anyhow::Error>) -> Self {
        Self {
            exit,
            hint: None,
            error: error.into(),
        }
    }

    /// A failure that is stated here: `<what we were doing> <to what>: <cause>`.
    pub fn says(exit: Exit, message: impl Into<String>) -> Self {
        Self::new(exit, anyhow::Error::msg(message.into()))
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds what to do about it, where that is known.
    #[must_use]
    pub fn maybe_hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint.or(self.hint);
        self
    }

    /// The exit code.
    pub const fn exit(&self) -> Exit {
        self.exit
    }

    /// What `error` means at the edge: its exit code and hint. An error without a [`Failure`] inside is a bug.
    pub(crate) fn of(error: &anyhow::Error) -> (Exit, Option<&str>) {
        error
            .downcast_ref::<Self>()
            .map_or((Exit::Unexpected, None), |failure| {
                (failure.exit, failure.hint.as_deref())
            })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.error)
    }
}

// No source(): the whole chain is already in the text above, and anyhow would print it a second time.
impl std::error::Error for Failure {}

/// Gives an error its exit code where that is known.
pub trait OrExit<T> {
    /// The value, or a [`Failure`] that reads `<doing>: <error>`.
    fn or_exit(self, exit: Exit, doing: impl fmt::Display) -> Result<T, Failure>;
}

impl<T, E: fmt::Display> OrExit<T> for Result<T, E> {
    fn or_exit(self, exit: Exit, doing: impl fmt::Display) -> Result<T, Failure> {
        self.map_err(|error| Failure::says(exit, format!("{doing}: {error:#}")))
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn a_failure_is_found_under_any_context() {
        let failed: Result<(), Failure> = Err(Failure::says(Exit::Refused, "log in: no").hint("ask"));
        let error = failed.context("inner").context("outer").unwrap_err();
        assert_eq!(Failure::of(&error), (Exit::Refused, Some("ask")));
        assert_eq!(format!("{error:#}"), "outer: inner: log in: no");
    }

    #[test]
    fn an_error_without_a_kind_is_unexpected() {
        assert_eq!(Failure::of(&anyhow::anyhow!("what")).0, Exit::Unexpected);
    }
}
