//! What stands between the input and the completion of an upload.

use snapline_archive::{Meta, Summary, Verifier};
use snapline_cli::{Exit, Failure};

/// Judges the input as it passes.
#[derive(Debug)]
pub(crate) enum Gate {
    /// It must be a whole snapshot.
    Snapshot(Box<Verifier>),
    /// It must not be empty.
    Raw {
        /// Whether a byte was seen.
        empty: bool,
    },
}

impl Gate {
    pub(crate) fn new(raw: bool) -> Self {
        if raw {
            Self::Raw { empty: true }
        } else {
            Self::Snapshot(Box::default())
        }
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// 65 as soon as it is clear that the input is no snapshot, or a broken one.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        match self {
            Self::Snapshot(verifier) => verifier.push(bytes).map_err(|error| refused(&error)),
            Self::Raw { empty } => {
                *empty &= bytes.is_empty();
                Ok(())
            }
        }
    }

    /// What meta.json says, as soon as it was read.
    pub(crate) fn meta(&self) -> Option<&Meta> {
        match self {
            Self::Snapshot(verifier) => verifier.meta(),
            Self::Raw { .. } => None,
        }
    }

    /// The verdict, at the end of the input.
    ///
    /// # Errors
    /// 66 if there was no input, 65 if it was no whole snapshot.
    pub(crate) fn finish(self) -> Result<Option<Summary>, Failure> {
        match self {
            Self::Snapshot(verifier) => verifier.finish().map(Some).map_err(|error| refused(&error)),
            Self::Raw { empty: true } => Err(refused(&snapline_archive::Error::Empty)),
            Self::Raw { empty: false } => Ok(None),
        }
    }
}

fn refused(error: &snapline_archive::Error) -> Failure {
    if matches!(error, snapline_archive::Error::Empty) {
        return Failure::says(Exit::NoInput, "read a snapshot from the input: it is empty")
            .hint("the program before this one in the pipe failed; its message says why");
    }
    Failure::says(Exit::Data, format!("verify the snapshot: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_no_input_with_and_without_verification() {
        for raw in [false, true] {
            let mut gate = Gate::new(raw);
            gate.push(b"").unwrap();
            assert_eq!(gate.finish().unwrap_err().exit(), Exit::NoInput);
        }
    }

    #[test]
    fn anything_passes_raw_and_only_raw() {
        let mut gate = Gate::new(true);
        gate.push(b"x").unwrap();
        assert_eq!(gate.finish().unwrap(), None);
        let mut gate = Gate::new(false);
        let pushed = gate.push(b"x");
        assert_eq!(
            pushed.and_then(|()| gate.finish().map(|_| ())).unwrap_err().exit(),
            Exit::Data
        );
    }
}
