//! The whole examination of an archive: the verdict, its entries, and what they tell.

use crate::card::{Card, Draft};
use crate::entries::Entries;
use crate::error::Error;
use crate::gate::Gate;
use crate::keys::Keys;
use crate::meta::Meta;
use crate::verifier::{Summary, Verifier};

/// What is known of an archive that passed every gate, that of its entries included.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Inspection {
    /// What the verifier found.
    pub summary: Summary,
    /// What the entries tell.
    pub card: Card,
    /// The counts that [`Inspector::with_keys`] asked for.
    pub keys: Option<Keys>,
}

/// A [`Verifier`] that also reads the entries of `state.bin`, in constant memory: some 2 MiB beside that of [`Keys`].
#[derive(Debug)]
pub struct Inspector {
    verifier: Verifier,
    entries: Entries,
    draft: Draft,
    keys: Option<Keys>,
}

impl Inspector {
    /// An inspector whose verdict on everything but the entries is that of `verifier`, which must not have seen any byte.
    pub fn new(verifier: Verifier) -> Self {
        Self {
            verifier,
            entries: Entries::new(Draft::VALUE_LIMIT),
            draft: Draft::new(),
            keys: None,
        }
    }

    /// The same, which also counts the entries by the first `depth` parts of their paths.
    #[must_use]
    pub fn with_keys(mut self, depth: usize) -> Self {
        self.keys = Some(Keys::new(depth));
        self
    }

    /// Takes the next bytes of the archive.
    ///
    /// # Errors
    ///
    /// Like [`Verifier::push`]. A damaged entry is no error yet: most likely its archive is damaged, and then the
    /// verifier says so more exactly.
    pub fn push(&mut self, chunk: &[u8]) -> Result<(), Error> {
        let Self {
            verifier,
            entries,
            draft,
            keys,
        } = self;
        verifier.push_with(chunk, &mut |state| {
            let _ = entries.push(state, &mut |entry| {
                draft.add(entry);
                if let Some(keys) = keys {
                    keys.add(entry);
                }
            });
        })
    }

    /// Like [`Verifier::meta`].
    pub fn meta(&self) -> Option<&Meta> {
        self.verifier.meta()
    }

    /// Like [`Verifier::has_passed`]. The entries have passed once `state.bin` has, if none of them is damaged.
    pub fn has_passed(&self, gate: Gate) -> bool {
        match gate {
            Gate::Entries => self.verifier.has_state() && self.entries.is_whole(),
            _ => self.verifier.has_passed(gate),
        }
    }

    /// What is wrong with the entries so far.
    pub fn entry_error(&self) -> Option<&Error> {
        self.entries.error()
    }

    /// The verdict at the end of input, and what is in the archive if it is good.
    ///
    /// # Errors
    ///
    /// Like [`Verifier::finish`], and [`Error::Entry`] for an archive that passed all its gates, but whose entries are
    /// not those that a server writes.
    pub fn finish(self) -> Result<Inspection, Error> {
        let summary = self.verifier.finish()?;
        self.entries.finish()?;
        let card = self.draft.complete(&summary);
        Ok(Inspection {
            summary,
            card,
            keys: self.keys,
        })
    }
}

impl Default for Inspector {
    fn default() -> Self {
        Self::new(Verifier::new())
    }
}
