//! What stands between the input and the completion of an upload.

use std::sync::Arc;

use snapline_archive::{Error, Meta, Verifier};
use snapline_cli::{Failure, Kind};

use crate::running::Shared;

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
    /// It is what a filter makes of a snapshot, which passes a gate of its own on its way into the filter.
    Filtered { meta: Box<Meta>, filter: Arc<Shared> },
}

impl Gate {
    pub(crate) fn new(raw: bool) -> Self {
        if raw {
            Self::Raw { empty: true }
        } else {
            Self::Snapshot(Box::default())
        }
    }

    /// The gate behind a filter that is fed with the snapshot that `meta` is from.
    pub(crate) fn filtered(meta: Meta, filter: Arc<Shared>) -> Self {
        let meta = Box::new(meta);
        Self::Filtered { meta, filter }
    }

    /// Whether it judges without being shown the bytes.
    pub(crate) const fn is_blind(&self) -> bool {
        matches!(self, Self::Filtered { .. })
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
            Self::Filtered { .. } => Ok(()),
        }
    }

    /// What meta.json says, as soon as it was read.
    pub(crate) fn meta(&self) -> Option<&Meta> {
        match self {
            Self::Snapshot(verifier) => verifier.meta(),
            Self::Raw { .. } => None,
            Self::Filtered { meta, .. } => Some(meta),
        }
    }

    /// The verdict, at the end of the input; behind a filter, it waits for that.
    ///
    /// # Errors
    /// 66 if there was no input, 65 if it was no whole snapshot, 74 if a filter failed.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        match self {
            Self::Snapshot(verifier) => verifier.finish().map(drop).map_err(|error| refused(&error)),
            Self::Raw { empty: true } => Err(refused(&Error::Empty)),
            Self::Raw { empty: false } => Ok(()),
            Self::Filtered { filter, .. } => filter.finish(),
        }
    }
}

fn refused(error: &Error) -> Failure {
    let failure = Failure::from(error.clone()).context("verify the snapshot");
    match error {
        Error::Empty => Failure::says(Kind::NoInput, "read a snapshot from the input: it is empty")
            .hint("the program before this one in the pipe failed; its message says why"),
        Error::Foreign { .. } => failure.hint(
            "let s3-put run the filter, so that the snapshot is verified first: 's3-put URI -- FILTER'; or store it unverified with --raw",
        ),
        _ => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_no_input_with_and_without_verification() {
        for raw in [false, true] {
            let mut gate = Gate::new(raw);
            gate.push(b"").unwrap();
            assert_eq!(gate.finish().unwrap_err().kind(), Kind::NoInput);
        }
    }

    #[test]
    fn what_a_filter_has_made_is_refused_by_its_name() {
        let mut gate = Gate::new(false);
        let failure = gate.push(b"age-encryption.org/v1\n").unwrap_err();
        assert_eq!(failure.kind(), Kind::Data);
        let message = "verify the snapshot: the input is not a snapshot archive but data encrypted by age";
        assert_eq!(failure.to_string(), message);
    }

    #[test]
    fn anything_passes_raw_and_only_raw() {
        let mut gate = Gate::new(true);
        gate.push(b"x").unwrap();
        gate.finish().unwrap();
        let mut gate = Gate::new(false);
        let pushed = gate.push(b"x");
        assert_eq!(pushed.and_then(|()| gate.finish()).unwrap_err().kind(), Kind::Data);
    }
}
