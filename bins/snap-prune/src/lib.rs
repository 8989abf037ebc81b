//! Applies a retention policy to the series that a new object belongs to.

mod args;
mod policy;

use std::time::Instant;

use snapline_cli::{
    Failure, Field, Kind, OrExit as _, Output, Program, Source, Trailing, read_line, stdin_source, summary,
    yield_to_ending,
};
use snapline_s3::Client;
use snapline_series::{Location, Member, Members, ObjectUri};
use time::OffsetDateTime;

pub use args::Args;
use args::Config;
use policy::{Decisions, decide};

/// Name and version.
pub const PROGRAM: Program = Program {
    name: "snap-prune",
    version: env!("CARGO_PKG_VERSION"),
    trailing: Trailing::Mixed,
};

/// `s3://`, the longest bucket's name, a slash, the longest key.
const LONGEST_URI: usize = 5 + 255 + 1 + 1024;
/// After so many deletions in a row that did not get through, the store is taken to be away.
const MOST_OUTAGES: usize = 3;

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
    let members = client.members(bucket, template, OffsetDateTime::now_utc())?;
    confirm(&members, new.as_ref(), &series)?;
    let mut decisions = decide(members, config.policy, new.as_ref().map(|object| object.key.as_str()));
    report(&decisions, bucket);
    let due = decisions.delete.len();
    decisions.delete.truncate(config.max_delete);
    let deleted = delete(&client, bucket, &decisions.delete, config.dry_run)?;
    let mut fields = vec![(
        "kept",
        Field::Count(count(decisions.keep.len() + decisions.future.len())),
    )];
    fields.push((
        if config.dry_run { "would_delete" } else { "deleted" },
        Field::Count(count(deleted.done)),
    ));
    if due > decisions.delete.len() {
        fields.push(("left_for_next_run", Field::Count(count(due - decisions.delete.len()))));
    }
    if deleted.failed > 0 {
        fields.push(("failed", Field::Count(count(deleted.failed))));
    }
    fields.push(("seconds", Field::Seconds(start.elapsed().as_secs_f64())));
    summary(&format!("pruned '{series}'"), &fields);
    match deleted.first_failure {
        None => Ok(()),
        Some(failure) if deleted.failed == 1 => Err(failure),
        Some(failure) => Err(failure.context(format!("{} deletions failed, the first", deleted.failed))),
    }
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

/// Nothing is deleted before the new snapshot is seen, and not empty; without one, before there is any.
fn confirm(members: &Members, new: Option<&ObjectUri>, series: &Location) -> Result<(), Failure> {
    let Some(object) = new else {
        return if members.is_empty() {
            Err(Failure::says(
                Kind::NoInput,
                format!("prune '{series}': there is no object of this series"),
            ))
        } else {
            Ok(())
        };
    };
    let confirming = format!("find the new object '{object}' in the listing of its series");
    match members.find(&object.key) {
        Some(member) if member.size > 0 => Ok(()),
        Some(_) => Err(Failure::says(
            Kind::NoInput,
            format!("{confirming}: it is empty; nothing is pruned"),
        )),
        None => Err(Failure::says(
            Kind::NoInput,
            format!("{confirming}: it is not there; nothing is pruned"),
        )),
    }
}

fn report(decisions: &Decisions, bucket: &str) {
    for member in &decisions.future {
        log::warn!(
            "'s3://{bucket}/{}' is from the future: kept, and not counted",
            member.key
        );
    }
    for member in &decisions.empty {
        log::warn!("'s3://{bucket}/{}' is empty: not counted, and left alone", member.key);
    }
    for member in &decisions.keep {
        log::info!("keep 's3://{bucket}/{}'", member.key);
    }
}

#[derive(Default)]
struct Deleted {
    done: usize,
    failed: usize,
    first_failure: Option<Failure>,
}

/// Deletes in the order given, one at a time, and prints each that is gone. A deletion that fails does not stop the rest.
fn delete(client: &Client, bucket: &str, members: &[Member], dry_run: bool) -> Result<Deleted, Failure> {
    let mut output = Output::open(None)?;
    let mut deleted = Deleted::default();
    let mut outages = 0;
    for member in members {
        let object = member.uri(bucket);
        let gone = if dry_run {
            Ok(())
        } else {
            yield_to_ending();
            client.delete(&object).map_err(Failure::from)
        };
        match gone {
            Ok(()) => {
                outages = 0;
                deleted.done += 1;
                let fate = if dry_run { "would be" } else { "is" };
                output
                    .write_all(format!("{object}\n").as_bytes())
                    .map_err(|failure| failure.context(format!("tell that '{object}' {fate} deleted")))?;
            }
            Err(failure) => {
                outages = if failure.kind() == Kind::Unavailable {
                    outages + 1
                } else {
                    0
                };
                deleted.failed += 1;
                log::warn!("{failure}");
                deleted.first_failure.get_or_insert(failure);
                if outages == MOST_OUTAGES {
                    log::warn!("the store seems to be away: the rest is left to the next run");
                    break;
                }
            }
        }
    }
    Ok(deleted)
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
