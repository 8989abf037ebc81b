//! Checks that a series of snapshots has a fresh, whole backup.

mod args;
mod draw;
mod format;
mod policy;
mod problem;
mod proof;
mod report;

use std::time::Instant;

use fastrand::Rng;
use snapline_cli::{Failure, Field, Kind, Output, Program, Progress, Trailing, summary, typed_value};
use snapline_s3::Client;
use snapline_series::{Member, Members};
use time::OffsetDateTime;

pub use args::Args;
use args::Config;
pub use draw::Verify;
pub use format::Format;
use format::nagios;
use policy::Policy;
use problem::Problem;
use proof::Verification;
use report::{Findings, Newest, Report};

/// Name and version.
pub const PROGRAM: Program = Program {
    name: "snap-check",
    version: env!("CARGO_PKG_VERSION"),
    trailing: Trailing::Mixed,
};

/// How many objects that do not count are named.
const NAMED: usize = 10;

/// Runs the program: the report is written in every case.
///
/// # Errors
/// What is wrong with the series, or what kept it from being checked, with its exit code.
pub fn run(args: Args) -> Result<(), Failure> {
    let start = Instant::now();
    let now = OffsetDateTime::now_utc();
    let mut output = Output::open(args.output.as_deref())?;
    // A report holds no secret, and is for others.
    output.readable_by_all()?;
    let (uri, format) = (args.uri.clone(), args.format);
    let policy = Policy {
        max_age: args.max_age,
        min_count: args.min_count,
    };
    let config = Config::from_args(args, &|name| std::env::var_os(name));
    let report = Report {
        series: config.as_ref().map_or_else(|_| uri, Config::series),
        now,
        policy,
        findings: config.and_then(|config| check(config, now)),
        duration: start.elapsed(),
    };
    output.write_all(format.render(&report).as_bytes())?;
    output.commit()?;
    end(report, format)
}

/// What to end with after a failure. A plugin's caller expects a line and a code of its own even from a wrong call.
pub fn on_failure(failure: Failure) -> Failure {
    let is_told = matches!(failure.kind(), Kind::Passed(_));
    if is_told || typed_value("--format").as_deref() != Some("nagios") {
        return failure;
    }
    // Where standard output is what failed there is only the code.
    let _ = Output::open(None).and_then(|mut output| output.write_all(nagios::unknown(&failure).as_bytes()));
    nagios::failure(report::Status::Unknown, failure)
}

fn check(config: Config, now: OffsetDateTime) -> Result<Findings, Failure> {
    let Config {
        bucket,
        template,
        policy,
        verify,
        s3,
    } = config;
    let client = Client::new(s3, &PROGRAM.user_agent(), 1);
    let mut progress = Progress::of_objects("listed");
    let members = client.members(&bucket, &template, now, |objects| progress.add(objects))?;
    drop(progress);
    warn(&bucket, &members);
    let verification = verify.map(|verify| {
        let drawn = verify.draw(members.snapshots.len(), &mut Rng::new());
        Verification::run(&client, &bucket, &members.snapshots, &drawn)
    });
    let mut findings = Findings {
        newest: members
            .newest()
            .map(|member| newest(&client, &bucket, member, verification.as_ref(), now)),
        count: members.snapshots.len(),
        future: members.future.len(),
        empty: members.empty.len(),
        ..Findings::default()
    };
    findings.add(policy.judge(&bucket, &members, now));
    if let Some(mut verification) = verification {
        findings.add(std::mem::take(&mut verification.problems));
        findings.more_problems = verification.more_problems;
        findings.verification = Some(verification);
    }
    findings.hint = findings
        .problems
        .first()
        .and_then(|problem| hint(problem, &bucket, &members, template.literal_prefix()));
    Ok(findings)
}

/// Tells of the objects of the series that do not count.
fn warn(bucket: &str, members: &Members) {
    for member in members.future.iter().take(NAMED) {
        log::warn!("'{}' is from the future: it does not count", member.uri(bucket));
    }
    for member in members.empty.iter().take(NAMED) {
        log::warn!("'{}' is empty: it does not count", member.uri(bucket));
    }
    let more = members.future.len().saturating_sub(NAMED) + members.empty.len().saturating_sub(NAMED);
    if more > 0 {
        log::warn!("{more} more objects do not count");
    }
}

/// What is known of the newest snapshot. Where it was not read, its metadata takes a request; without an answer they are unknown.
fn newest(
    client: &Client,
    bucket: &str,
    member: &Member,
    verification: Option<&Verification>,
    now: OffsetDateTime,
) -> Newest {
    let object = member.uri(bucket);
    let proof = verification.and_then(|verification| verification.newest.as_ref());
    let attributes = match (proof, verification) {
        (Some(proof), _) => Some(proof.attributes.clone()),
        // It could not be read a moment ago.
        (None, Some(_)) => None,
        (None, None) => client.head(&object).unwrap_or_else(|error| {
            log::info!("{error}; index and term stay unknown");
            None
        }),
    };
    let meta = proof.and_then(|proof| proof.verdict.as_ref().ok());
    let noted = |number: fn(&snapline_s3::Attributes) -> Option<u64>| attributes.as_ref().and_then(number);
    Newest {
        object,
        time: member.time,
        age: member.age(now),
        size: member.size,
        index: meta.map_or_else(|| noted(|attributes| attributes.index), |meta| Some(meta.index)),
        term: meta.map_or_else(|| noted(|attributes| attributes.term), |meta| Some(meta.term)),
        whole: proof.map(|proof| proof.verdict.is_ok()),
    }
}

/// What to do about a problem.
fn hint(problem: &Problem, bucket: &str, members: &Members, prefix: &str) -> Option<String> {
    match problem {
        Problem::Missing { .. } if members.foreign > 0 => Some(format!(
            "{} objects under 's3://{bucket}/{prefix}' have other names; --name says how those of the series are made",
            members.foreign
        )),
        Problem::TooOld { .. } if !members.future.is_empty() => {
            Some("objects from the future do not count: is a clock wrong, here or where they are made?".to_owned())
        }
        Problem::Broken { is_newest: true, .. } => members
            .snapshots
            .get(1)
            .map(|before| format!("the one before it is '{}'", before.uri(bucket))),
        Problem::Filtered { object, .. } => Some(format!(
            "leave out --verify here, and verify where the key is: 's3-get --raw {object}', through what undoes the filter, into snap-inspect"
        )),
        _ => None,
    }
}

/// Says what was done, and how it ends.
fn end(report: Report, format: Format) -> Result<(), Failure> {
    if let Ok(findings) = &report.findings {
        let count = |count: usize| Field::Count(u64::try_from(count).unwrap_or(u64::MAX));
        let mut fields = vec![("count", count(findings.count))];
        if let Some(verification) = &findings.verification {
            fields.push(("verified", count(verification.whole)));
            fields.push(("bytes", Field::Count(verification.bytes)));
        }
        fields.push(("seconds", Field::Seconds(report.duration.as_secs_f64())));
        summary(&format!("checked '{}'", report.series), &fields);
    }
    let status = report.status();
    match report.into_failure() {
        None => Ok(()),
        Some(failure) if format == Format::Nagios => Err(nagios::failure(status, failure)),
        Some(failure) => Err(failure),
    }
}
