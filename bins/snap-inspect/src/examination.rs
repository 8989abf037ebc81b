//! An archive is read once, and judged gate by gate.

use std::io::{ErrorKind, Read as _};

use snapline_archive::{Error, Gate, Inspection, Inspector, Verifier};
use snapline_cli::{Failure, Input, Kind, OrExit as _, Progress};

/// What one read may bring, in bytes.
const CHUNK: usize = 128 * 1024;

/// What was found.
#[derive(Debug)]
pub(crate) struct Examination {
    /// Every gate, in order.
    pub(crate) gates: Vec<(Gate, Status)>,
    /// What is in the archive, or why it is refused.
    pub(crate) result: Result<Inspection, Error>,
}

/// How an archive stands at a gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Status {
    Passed,
    /// It did not pass, because of this.
    Failed(Error),
    /// Another gate ended the examination before this one was decided.
    Undecided,
}

impl Examination {
    /// Reads all of `input`, or as far as it takes to know that it is no whole archive.
    ///
    /// # Errors
    /// 74 if it cannot be read. An archive that is not whole is no error here.
    pub(crate) fn of(input: &mut Input, depth: Option<usize>) -> Result<Self, Failure> {
        let mut inspector = Inspector::new(Verifier::new().with_digest());
        if let Some(depth) = depth {
            inspector = inspector.with_keys(depth);
        }
        let mut progress = Progress::new("read");
        let mut chunk = vec![0; CHUNK];
        loop {
            let count = match input.read(&mut chunk) {
                Ok(0) => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                read => read.or_exit(Kind::Io, format!("read {}", input.name))?,
            };
            // It stays the verdict whatever follows.
            if inspector.push(&chunk[..count]).is_err() {
                break;
            }
            progress.add(count as u64);
        }
        Ok(Self::concluded(inspector))
    }

    fn concluded(inspector: Inspector) -> Self {
        let passed = Gate::ALL.map(|gate| (gate, inspector.has_passed(gate)));
        let entry_error = inspector.entry_error().cloned();
        let result = inspector.finish();
        let status = |(gate, passed)| {
            let failed = match &result {
                Err(error) if error.gate() == gate => Some(error.clone()),
                _ => entry_error.clone().filter(|error| error.gate() == gate),
            };
            let status = match failed {
                Some(error) => Status::Failed(error),
                None if passed || result.is_ok() => Status::Passed,
                None => Status::Undecided,
            };
            (gate, status)
        };
        Self {
            gates: passed.into_iter().map(status).collect(),
            result,
        }
    }
}
