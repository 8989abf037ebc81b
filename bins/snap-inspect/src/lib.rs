//! Verifies a snapshot archive offline and says what is in it.

mod args;
mod examination;
mod json;
mod table;
mod text;

use std::time::Instant;

use snapline_archive::Error;
use snapline_cli::{Failure, Field, Kind, Output, Program, Trailing, input, summary};

use args::Config;
pub use args::{Args, Format};
use examination::Examination;

/// Name and version.
pub const PROGRAM: Program = Program {
    name: "snap-inspect",
    version: env!("CARGO_PKG_VERSION"),
    trailing: Trailing::Mixed,
};

/// Runs the program.
///
/// # Errors
/// Whatever kept it from reading, and every archive that is not whole, with its exit code.
pub fn run(args: Args) -> Result<(), Failure> {
    let start = Instant::now();
    let config = Config::from_args(args)?;
    let mut input = input(config.file.as_deref(), "a snapshot")?;
    let mut output = Output::open(None)?;
    let examination = Examination::of(&mut input, config.depth)?;
    if matches!(examination.result, Err(Error::Empty)) {
        return Err(refused(&Error::Empty, &input.name));
    }
    let report = match config.format {
        Format::Text => text::report(&examination),
        Format::Json => json::report(&examination)?,
    };
    let written = output.write_all(report.as_bytes());

    // A reader that has seen enough of the report changes nothing about a broken archive.
    let inspection = examination.result.map_err(|error| refused(&error, &input.name))?;
    written.map_err(|failure| match failure.kind() {
        Kind::BrokenPipe => failure.silent(),
        _ => failure,
    })?;
    if config.format == Format::Json {
        // In the text they stand at the end of the card.
        for warning in &inspection.card.warnings {
            log::warn!("{warning}");
        }
    }
    let card = inspection.card;
    let digest = card.archive.sha256.unwrap_or_default();
    summary(
        &format!("verified {}: it is whole", input.name),
        &[
            ("bytes", Field::Count(card.archive.bytes)),
            ("index", Field::Count(card.raft.index)),
            ("term", Field::Count(card.raft.term)),
            ("entries", Field::Count(card.contents.entries)),
            ("sha256", Field::Word(digest)),
            ("seconds", Field::Seconds(start.elapsed().as_secs_f64())),
        ],
    );
    Ok(())
}

fn refused(error: &Error, name: &str) -> Failure {
    match error {
        Error::Empty => Failure::says(Kind::NoInput, format!("read a snapshot from {name}: it is empty")),
        _ => Failure::from(error.clone()).context(format!("verify {name} at gate {}", error.gate())),
    }
}
