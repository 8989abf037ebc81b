//! Applies a retention policy to the series that a new object belongs to.

mod args;
mod deletion;
mod guard;
mod leftovers;
mod listing;
mod policy;
mod report;
mod rule;
mod span;

use std::time::Instant;

use snapline_cli::{Failure, Field, Kind, OrExit as _, Program, Source, Trailing, read_line, stdin_source, summary};
use snapline_s3::Client;
use snapline_series::{Location, ObjectUri};
use time::OffsetDateTime;

pub use args::Args;
use args::Config;
use deletion::{Deleted, delete};
use guard::{Guard, check_history};
use policy::Plan;

/// Name and version.
pub const PROGRAM: Program = Program {
    name: "snap-prune",
    version: env!("CARGO_PKG_VERSION"),
    trailing: Trailing::Mixed,
};

/// `s3://`, the longest bucket's name, a slash, the longest key.
const LONGEST_URI: usize = 5 + 255 + 1 + 1024;

/// Runs the program.
///
/// # Errors
/// Whatever kept it from pruning, or the first deletion that failed, with its exit code.
pub fn run(args: Args) -> Result<(), Failure> {
    let start = Instant::now();
    let config = Config::from_args(args, &|name| std::env::var_os(name))?;
    let (series, new) = match config.series {
        Some(series) => (series, None),
        None => {
            let object = new_object()?;
            let series = Location::series_of(&object, &config.s3.name)
                .map_err(|error| Failure::says(Kind::Data, format!("find the series of '{object}': {error}")))
                .map_err(|failure| failure.hint("--name tells how the objects of the series are named"))?;
            (series, Some(object))
        }
    };
    let Location::Series { bucket, template } = &series else {
        return Err(Failure::says(
            Kind::Unexpected,
            format!("prune '{series}': it is no series"),
        ));
    };
    let client = Client::new(config.s3, &PROGRAM.user_agent(), 1);
    let members = listing::members(&client, &series, (bucket, template), new.as_ref())?;
    let new = new.as_ref().map(|object| object.key.as_str());
    let plan = Plan::new(members, &config.policy, new);
    report::show(&plan, bucket);
    let pruning = format!("prune '{series}'");
    if let Err(refusal) = check(&client, &plan, config.guard, bucket, new) {
        let refusal = refusal.context(pruning);
        if !config.dry_run {
            return Err(refusal);
        }
        log::warn!("without --dry-run this ends with 65: {refusal}");
    }
    let deleted = delete(&client, bucket, &plan.delete, config.dry_run)?;
    let aborted = match config.abort_older_than {
        None => Ok(0),
        Some(age) => leftovers::abort(
            &client,
            (bucket, template),
            OffsetDateTime::now_utc() - age,
            config.dry_run,
        ),
    };
    say(
        &series,
        &plan,
        &deleted,
        *aborted.as_ref().unwrap_or(&0),
        config.dry_run,
        start,
    );
    deleted.outcome()?;
    aborted.map(|_| ())
}

/// Whether anything may be deleted at all.
fn check(client: &Client, plan: &Plan, guard: Guard, bucket: &str, new: Option<&str>) -> Result<(), Failure> {
    guard.check(plan, bucket, new)?;
    // These requests are worth it only where something is at stake.
    if plan.delete.is_empty() {
        return Ok(());
    }
    check_history(client, plan, bucket)
}

fn say(series: &Location, plan: &Plan, deleted: &Deleted, aborted: usize, dry_run: bool, start: Instant) {
    let kept = plan.keep.len() + plan.future.len() + plan.late.len();
    let done = if dry_run { "would_delete" } else { "deleted" };
    let mut fields = vec![("kept", count(kept)), (done, count(deleted.done))];
    let optional = [
        ("failed", deleted.failed),
        ("delete_markers", deleted.marked),
        ("future", plan.future.len()),
        ("late", plan.late.len()),
        ("empty", plan.empty.len()),
        (if dry_run { "would_abort" } else { "aborted_uploads" }, aborted),
    ];
    fields.extend(
        optional
            .into_iter()
            .filter(|(_, number)| *number > 0)
            .map(|(name, number)| (name, count(number))),
    );
    fields.push(("seconds", Field::Seconds(start.elapsed().as_secs_f64())));
    summary(&format!("pruned '{series}'"), &fields);
    if deleted.marked > 0 {
        log::info!(
            "the bucket keeps versions: what was deleted is hidden by a marker, and its data stays until a lifecycle rule removes it"
        );
    }
}

fn count(number: usize) -> Field {
    Field::Count(u64::try_from(number).unwrap_or(u64::MAX))
}

/// The object that was just stored, from standard input: one whole line, since half a line could name another object.
fn new_object() -> Result<ObjectUri, Failure> {
    const WHAT: &str = "the URI of the new object";
    let reading = format!("read {WHAT} from standard input");
    if stdin_source() == Source::Terminal {
        return Err(Failure::says(Kind::Usage, format!("{reading}: it is a terminal"))
            .hint("pipe s3-put into it, or name a series with --series"));
    }
    let line =
        read_line(std::io::stdin().lock(), LONGEST_URI, WHAT, "standard input").map_err(|failure| {
            match failure.kind() {
                Kind::NoInput => failure.hint("the program before this one in the pipe failed; its message says why"),
                _ => failure,
            }
        })?;
    if !line.terminated {
        return Err(Failure::says(
            Kind::Data,
            format!("{reading}: the line has no end, so it may have been cut"),
        ));
    }
    ObjectUri::parse(&line.text).or_exit(Kind::Data, reading)
}
