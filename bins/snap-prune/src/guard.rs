//! What keeps a run from deleting although the rules say so: a right to write must not become a right to delete.

use snapline_cli::{Failure, Kind};
use snapline_s3::{Attributes, Client};
use snapline_series::Member;
use time::format_description::well_known::Rfc3339;

use crate::policy::Plan;

/// So few may always go.
const ALWAYS_ALLOWED: usize = 5;

/// What a run may do without asking.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Guard {
    /// How many deletions the operator agreed to.
    pub(crate) max_delete: Option<usize>,
    /// By how many percent of the largest snapshot the newest may be smaller.
    pub(crate) max_shrink: Option<u64>,
}

impl Guard {
    /// Refuses a `plan` that deletes more than was agreed to, or one whose newest snapshot shrank too much. `new` is the key of
    /// the snapshot that has just been stored.
    pub(crate) fn check(&self, plan: &Plan, bucket: &str, new: Option<&str>) -> Result<(), Failure> {
        self.check_size(plan, bucket, new)?;
        self.check_number(plan)
    }

    fn check_number(&self, plan: &Plan) -> Result<(), Failure> {
        let (due, counted) = (plan.delete.len(), plan.counted());
        let (allowed, whose) = match self.max_delete {
            Some(agreed) => (agreed, "--max-delete allows"),
            None => (
                ALWAYS_ALLOWED.max(counted / 3),
                "a run may delete a third of the series, or 5, without --max-delete:",
            ),
        };
        let (Some(oldest), Some(newest)) = (plan.delete.first(), plan.delete.last()) else {
            return Ok(());
        };
        if due <= allowed {
            return Ok(());
        }
        Err(refusal(&format!(
            "{due} of {counted} snapshots would go, from {} to {}, and {whose} {allowed}",
            moment(oldest),
            moment(newest)
        ))
        .hint(format!(
            "--dry-run lists them; if they may go, --max-delete {due} agrees to it"
        )))
    }

    fn check_size(&self, plan: &Plan, bucket: &str, new: Option<&str>) -> Result<(), Failure> {
        let Some(percent) = self.max_shrink else {
            return Ok(());
        };
        let kept = || plan.keep.iter().map(|kept| &kept.member);
        let fresh = kept()
            .take(1)
            .chain(kept().filter(|member| new == Some(member.key.as_str())));
        let (Some(fresh), Some(largest)) = (
            fresh.min_by_key(|member| member.size),
            kept().rev().max_by_key(|member| member.size),
        ) else {
            return Ok(());
        };
        let (size, most) = (u128::from(fresh.size), u128::from(largest.size));
        let left = 100_u128.saturating_sub(u128::from(percent));
        if size * 100 >= most * left {
            return Ok(());
        }
        let shrank = 100 - size * 100 / most;
        Err(refusal(&format!(
            "the new snapshot '{}' has {size} bytes, {shrank} percent less than the {most} of '{}', and --max-shrink allows {percent}",
            fresh.uri(bucket),
            largest.uri(bucket)
        ))
        .hint("snap-inspect shows what a snapshot holds; if the new one is right, raise --max-shrink for one run"))
    }
}

/// Refuses if the newest snapshot is of another cluster than the one before, or of one that lost its data: its Raft index or term
/// is lower. The right to read that this takes is not demanded.
pub(crate) fn check_history(client: &Client, plan: &Plan, bucket: &str) -> Result<(), Failure> {
    let Some((newest, before)) = plan.newest_two() else {
        return Ok(());
    };
    let Some(is) = attributes(client, newest, bucket) else {
        return Ok(());
    };
    let Some(was) = attributes(client, before, bucket) else {
        return Ok(());
    };
    let fell = [("index", is.index, was.index), ("term", is.term, was.term)]
        .into_iter()
        .find_map(|(name, is, was)| {
            is.zip(was)
                .filter(|(is, was)| is < was)
                .map(|(is, was)| (name, is, was))
        });
    match fell {
        None => Ok(()),
        Some((name, is, was)) => Err(refusal(&format!(
            "the Raft {name} of the newest snapshot '{}' is {is}, but that of '{}' before it is {was}",
            newest.uri(bucket),
            before.uri(bucket)
        ))
        .hint("it is of another cluster, or of one that was restored to an earlier state; another cluster needs a series of its own")),
    }
}

/// What the store says about a snapshot; nothing if it does not let us look, or the snapshot is not of s3-put.
fn attributes(client: &Client, member: &Member, bucket: &str) -> Option<Attributes> {
    let object = member.uri(bucket);
    match client.head(&object) {
        Ok(Some(attributes)) if attributes.index.is_some() => return Some(attributes),
        Ok(Some(_)) => log::info!("'{object}' has no Raft index in its metadata: not compared"),
        Ok(None) => log::info!("'{object}' is gone: its Raft index is not compared"),
        Err(error) => log::info!("the Raft index is not compared: {error}"),
    }
    None
}

fn refusal(why: &str) -> Failure {
    Failure::says(Kind::Data, format!("{why}; nothing was deleted"))
}

/// The time in a name, as RFC 3339 has it.
pub(crate) fn moment(member: &Member) -> String {
    member.time.format(&Rfc3339).unwrap_or_default()
}
