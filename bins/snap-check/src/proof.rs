//! Snapshots are fetched and proven whole.

use snapline_archive::{Error, Meta, Verifier};
use snapline_cli::{Fail as _, Kind, Progress};
use snapline_s3::{Attributes, Client};
use snapline_series::{Member, ObjectUri};

use crate::problem::Problem;

/// What one read may bring, in bytes.
const CHUNK: usize = 128 << 10;
/// How many problems are kept; the rest is counted.
const MOST_PROBLEMS: usize = 100;

/// What verifying some snapshots of a series came to.
#[derive(Debug, Default)]
pub(crate) struct Verification {
    /// How many were to be verified.
    pub(crate) chosen: usize,
    /// How many are whole.
    pub(crate) whole: usize,
    /// How many are not.
    pub(crate) broken: usize,
    /// How many are not the snapshot itself, but what a filter made of it.
    pub(crate) filtered: usize,
    /// Bytes that were read.
    pub(crate) bytes: u64,
    /// The newest, if it was read.
    pub(crate) newest: Option<Proof>,
    /// What was found, in the order of the snapshots; not more than a hundred.
    pub(crate) problems: Vec<Problem>,
    /// How many problems more there are.
    pub(crate) more_problems: usize,
}

/// What reading a snapshot to its end, or to where it is broken, told.
#[derive(Debug)]
pub(crate) struct Proof {
    pub(crate) attributes: Attributes,
    /// What the archive says about itself, if it is whole.
    pub(crate) verdict: Result<Meta, Error>,
}

impl Verification {
    /// Verifies the snapshots at `positions` of a series in `bucket`; one that is broken does not keep the others from it. A
    /// store that stops to serve does.
    pub(crate) fn run(client: &Client, bucket: &str, snapshots: &[Member], positions: &[usize]) -> Self {
        let mut verification = Self {
            chosen: positions.len(),
            ..Self::default()
        };
        let mut progress = Progress::new("verified");
        for &position in positions {
            let Some(member) = snapshots.get(position) else {
                continue;
            };
            let object = member.uri(bucket);
            let is_newest = position == 0;
            match verification.prove(client, &object, member.size, &mut progress) {
                Ok(proof) => verification.count(object, is_newest, proof),
                Err(error) if error.kind() == Kind::NoInput && is_newest => {
                    verification.report(Problem::Gone { newest: object });
                }
                // Pruned since it was listed.
                Err(error) if error.kind() == Kind::NoInput => log::warn!("{error}: it was not verified"),
                Err(error) => {
                    verification.report(Problem::Unread {
                        object,
                        kind: error.kind(),
                        cause: error.to_string(),
                    });
                    // A refusal may be for this object alone: some storage classes have to be asked for days ahead.
                    if error.kind() != Kind::Refused {
                        break;
                    }
                }
            }
        }
        verification
    }

    fn prove(
        &mut self,
        client: &Client,
        object: &ObjectUri,
        size: u64,
        progress: &mut Progress,
    ) -> Result<Proof, snapline_s3::Error> {
        log::info!("verifying '{object}'");
        let mut download = client.get(object, Some(size))?;
        let attributes = download.attributes().clone();
        let mut verifier = Verifier::new();
        let mut buffer = vec![0; CHUNK];
        loop {
            let count = download.read(&mut buffer)?;
            if count == 0 {
                break;
            }
            let bytes = u64::try_from(count).unwrap_or(u64::MAX);
            self.bytes += bytes;
            progress.add(bytes);
            // What follows changes nothing about the verdict.
            if verifier.push(&buffer[..count]).is_err() {
                break;
            }
        }
        let verdict = verifier.finish().map(|summary| summary.meta);
        Ok(Proof { attributes, verdict })
    }

    fn count(&mut self, object: ObjectUri, is_newest: bool, proof: Proof) {
        let is_filtered = proof.attributes.is_filtered();
        match &proof.verdict {
            Ok(_) => self.whole += 1,
            Err(error @ Error::Foreign { .. }) => self.report(Problem::Filtered {
                object,
                cause: error.to_string(),
            }),
            Err(error) if is_filtered => self.report(Problem::Filtered {
                object,
                cause: format!("{error}: s3-put stored it through a filter or with --raw"),
            }),
            Err(error) => self.report(Problem::Broken {
                object,
                is_newest,
                cause: error.to_string(),
            }),
        }
        if is_newest {
            self.newest = Some(proof);
        }
    }

    fn report(&mut self, problem: Problem) {
        match problem {
            Problem::Broken { .. } => self.broken += 1,
            Problem::Filtered { .. } => self.filtered += 1,
            _ => {}
        }
        // The error at the end names only the first ones.
        if self.chosen > 1 {
            log::warn!("{problem}");
        }
        if self.problems.len() < MOST_PROBLEMS {
            self.problems.push(problem);
        } else {
            self.more_problems += 1;
        }
    }
}
