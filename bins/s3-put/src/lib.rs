//! Stores what comes on standard input as an object that appears whole or not at all.

mod args;
mod claim;
mod feeder;
mod filter;
mod gate;
mod metrics;
mod name;
mod opening;
mod parts;
mod product;
mod rivals;
mod running;
mod transfer;

use std::sync::Arc;
use std::time::{Duration, Instant};

use snapline_cli::{Failure, Field, Input, Kind, OrExit as _, Output, Program, Trailing, input, summary};
use snapline_s3::{Client, Description, Existing, Guard, Identity, PayloadHash, Upload};
use snapline_series::ObjectUri;
use time::OffsetDateTime;

pub use args::Args;
use args::Config;
use claim::Claim;
use metrics::{Metrics, MetricsFile};
use name::Names;
use opening::Opening;
use transfer::{Start, transfer};

/// Name and version.
pub const PROGRAM: Program = Program {
    name: "s3-put",
    version: env!("CARGO_PKG_VERSION"),
    trailing: Trailing::Child,
};

/// How long the look at a stored object may take: the run is over but for it.
const CONFIRMATION: Duration = Duration::from_secs(10);

/// Runs the program.
///
/// # Errors
/// Whatever kept the object from being stored, with its exit code.
pub fn run(args: Args) -> Result<(), Failure> {
    let start = Instant::now();
    let config = Config::from_args(args, &|name| std::env::var_os(name))?;
    let metrics = config.metrics.as_deref().map(MetricsFile::open).transpose()?;
    let input = input(config.input.as_deref(), "a snapshot")?;
    let stored = store(&config, input)?;
    let duration = start.elapsed();
    // Whoever reads of a full or closed output must also read that the object is there.
    let mut output = Output::open(None)?;
    output
        .write_all(format!("{}\n", stored.object).as_bytes())
        .map_err(|failure| failure.context(format!("tell that '{}' is stored", stored.object)))?;
    let mut fields = vec![("bytes", Field::Count(stored.bytes))];
    if let (Some(index), Some(term)) = (stored.identity.index, stored.identity.term) {
        fields.extend([("index", Field::Count(index)), ("term", Field::Count(term))]);
    }
    fields.extend(stored.version.clone().map(|version| ("version", Field::Word(version))));
    fields.push(("parts", Field::Count(stored.parts)));
    fields.push(("seconds", Field::Seconds(duration.as_secs_f64())));
    summary(&format!("stored '{}'", stored.object), &fields);
    // Last of all: whoever reads the URI has it, and prunes, even where the metrics cannot be written.
    let Some(file) = metrics else { return Ok(()) };
    let metrics = Metrics {
        location: &config.location,
        now: OffsetDateTime::now_utc(),
        size: stored.bytes,
        index: stored.identity.index,
        term: stored.identity.term,
        version: stored.version.as_deref(),
        duration,
    };
    file.write(&metrics, &stored.object.to_string())
}

struct Stored {
    object: ObjectUri,
    identity: Identity,
    /// In a bucket with versions.
    version: Option<String>,
    bytes: u64,
    parts: u64,
}

fn store(config: &Config, input: Input) -> Result<Stored, Failure> {
    let mut opening = Opening::new(config, input)?;
    // Whatever happens from here on, no process of a filter outlives this function.
    let _running = opening.running.take();
    let client = Client::new(config.s3.clone(), &PROGRAM.user_agent(), config.concurrency + 1);
    let client = Arc::new(client);
    let claim = Claim::new(Arc::clone(&client));
    let at_end = claim.give_up_at_end();
    let stored = if opening.ended {
        at_once(config, &client, &claim, opening)
    } else {
        let start = Start {
            client: Arc::clone(&client),
            claim,
            gate: opening.gate,
            first: opening.first,
            rest: opening.rest,
            part_size: opening.part_size,
            concurrency: config.concurrency,
        };
        in_parts(config, start)
    }?;
    // Once the object is there, no signal keeps this program from saying so, nor makes a failure of it.
    at_end.keep();
    confirm(config, &client, &stored.object)?;
    Ok(stored)
}

/// The object is there, so a store that ignored something is a warning and not a failure. A lock in compliance mode is the
/// exception: an object without it is not what was asked for.
fn confirm(config: &Config, client: &Client, object: &ObjectUri) -> Result<(), Failure> {
    if config.options.is_empty() {
        return Ok(());
    }
    let seen = client.confirm(object, &config.options, CONFIRMATION);
    if config.options.must_be_locked() && !seen.is_locked {
        let why = match seen.missing {
            Ok(missing) => format!("the store does not show {}", missing.join(", ")),
            Err(error) => format!("nothing can be seen of its lock: {error}"),
        };
        let message = format!("lock '{object}': stored, but not locked: {why}");
        return Err(Failure::says(Kind::Unavailable, message).hint(
            "a bucket has object lock from its creation on; to see a lock takes the right s3:GetObjectRetention",
        ));
    }
    match seen.missing {
        Ok(missing) if missing.is_empty() => {}
        Ok(missing) => log::warn!(
            "'{object}' is stored, but does not show {}: the store ignored it, or does not let us see it",
            missing.join(", ")
        ),
        Err(error) => log::warn!("'{object}' is stored, but whether with everything asked for cannot be seen: {error}"),
    }
    Ok(())
}

/// Input that ended within the first part: judged whole, then sent by one request.
fn at_once(config: &Config, client: &Client, claim: &Claim, opening: Opening) -> Result<Stored, Failure> {
    let Opening { first, gate, .. } = opening;
    let description = description(config, gate.meta())?;
    gate.finish()?;
    let hash = PayloadHash::of(first.bytes());
    let mut names = Names::new(&config.location, config.overwrite, OffsetDateTime::now_utc());
    loop {
        let (object, guard) = names.next_free(client)?;
        if names.is_series() && rivals::are_uploading(client, &object) {
            log::info!("'{object}' is being uploaded by somebody else");
            continue;
        }
        go_on(claim.commit(&object, None))?;
        let put = client.put(&object, first.bytes(), hash.clone(), &description, guard);
        go_on(claim.settle(matches!(put, Ok(Existing::Stored { .. }))))?;
        match put? {
            Existing::Stored { version } => {
                let bytes = u64::try_from(first.bytes().len()).unwrap_or(u64::MAX);
                return Ok(Stored {
                    object,
                    identity: description.identity,
                    version,
                    bytes,
                    parts: 1,
                });
            }
            // Somebody else was faster within this second.
            Existing::Taken => log::info!("'{object}' was taken meanwhile"),
        }
    }
}

fn in_parts(config: &Config, start: Start) -> Result<Stored, Failure> {
    let (client, claim) = (Arc::clone(&start.client), start.claim.clone());
    let description = description(config, start.gate.meta())?;
    let mut names = Names::new(&config.location, config.overwrite, OffsetDateTime::now_utc());
    let (upload, guard) = begin(&client, &claim, &mut names, &description)?;
    let object = upload.object.clone();
    let stored = transfer(upload.clone(), start).and_then(|sent| {
        go_on(claim.commit(&object, Some(upload.clone())))?;
        let completed = client.complete(&upload, &sent.parts, sent.bytes, &description.identity, guard);
        match completed? {
            Existing::Stored { version } => {
                go_on(claim.settle(true))?;
                let parts = u64::try_from(sent.parts.len()).unwrap_or(u64::MAX);
                Ok(Stored {
                    object,
                    identity: description.identity,
                    version,
                    bytes: sent.bytes,
                    parts,
                })
            }
            Existing::Taken => Err(names.taken_meanwhile(&object)),
        }
    });
    stored.inspect_err(|_| claim.give_up())
}

/// Begins an upload under the first name that nobody else has or is about to have.
fn begin(
    client: &Client,
    claim: &Claim,
    names: &mut Names<'_>,
    description: &Description,
) -> Result<(Upload, Guard), Failure> {
    loop {
        let (object, guard) = names.next_free(client)?;
        go_on(claim.begin())?;
        let begun = client.initiate(&object, description);
        if begun.is_err() {
            claim.settle(false);
        }
        let upload = begun?;
        go_on(claim.hold(upload.clone())).inspect_err(|_| claim.give_up())?;
        if !names.is_series() || rivals::is_ours(client, &upload) {
            return Ok((upload, guard));
        }
        log::info!("'{object}' is being uploaded by somebody else");
        go_on(claim.release(&upload))?;
    }
}

/// Once a signal has begun to end the run, nothing more is begun; the signal has the last word.
fn go_on(live: bool) -> Result<(), Failure> {
    if live {
        Ok(())
    } else {
        Err(Failure::says(Kind::Unexpected, "upload: the run is being ended"))
    }
}

fn description(config: &Config, meta: Option<&snapline_archive::Meta>) -> Result<Description, Failure> {
    let mut random = [0_u8; 16];
    getrandom::fill(&mut random).or_exit(Kind::Io, "get random bytes from the system")?;
    let id = random.iter().map(|byte| format!("{byte:02x}")).collect();
    let identity = Identity {
        id,
        index: meta.map(|meta| meta.index),
        term: meta.map(|meta| meta.term),
    };
    Ok(Description {
        identity,
        content_type: config.content_type.clone(),
        options: config.options.clone(),
    })
}
