//! Measures uploads of standard input: the least that is possible, s3-put, and its neighbours, one after the other, to a store
//! that drops everything. Prints a table and whether the promises of docs/performance.md are kept; fails if one is not.
//!
//!     bench-upload S3-PUT BENCH-LIMIT FOLDER SIZES ROUNDS
//!
//! SIZES are in MiB, with commas between; FOLDER takes files of these sizes. `integration/bench/upload` calls this.
#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a tool of the benchmarks"
)]

mod contender;
mod promises;
mod sample;
mod table;

use std::path::Path;
use std::process::ExitCode;

use contender::Contender;
use snapline_bench::{Input, Results, Sink};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [put, limit, folder, sizes, rounds] = words.as_slice() else {
        eprintln!("bench-upload S3-PUT BENCH-LIMIT FOLDER SIZES ROUNDS");
        return ExitCode::from(64);
    };
    let sizes: Vec<u64> = sizes
        .split(',')
        .map(|size| size.parse().expect("a size in MiB"))
        .collect();
    let rounds: usize = rounds.parse().expect("a number of rounds");
    let folder = Path::new(folder);
    let sink = Sink::start();
    let contenders = Contender::all(put, limit, &sink.endpoint());
    for contender in &contenders {
        eprintln!("== {}: {}", contender.name, contender.version);
    }
    let inputs = Input::all(folder, &sizes);
    let mut results = Results::default();
    for input in &inputs {
        // Interleaved, so that whatever else the machine does disturbs all alike.
        for round in 1..=rounds {
            eprintln!("== {}, round {round} of {rounds}", input.name);
            for contender in contenders.iter().filter(|contender| contender.takes(input)) {
                let sample = sample::measure(contender, input, &sink, folder);
                eprintln!("   {:<20} {sample}", contender.name);
                results.add(input, contender.name, sample);
            }
        }
        input.remove();
    }
    print!("{}", table::table(&results, &inputs, &contenders, rounds));
    let (report, kept) = promises::judge(&results, &inputs, &contenders);
    print!("\n{report}");
    if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
