//! Measures downloads to standard output from a store that has the object in memory: s3-get, with and without its check, and
//! `aws s3 cp URI -`. Prints a table and whether the promises of docs/performance.md are kept; fails if one is not.
//!
//!     bench-download S3-GET FOLDER SIZES ROUNDS
//!
//! SIZES are in MiB, with commas between; FOLDER takes files of these sizes. `integration/bench/download` calls this.
#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a tool of the benchmarks"
)]

use std::fs::File;
use std::io::pipe;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::thread;
use std::time::Instant;

use rustix::pipe::{SpliceFlags, splice};
use snapline_bench::promise::{Lines, cpu, ratio, rss};
use snapline_bench::{Input, Kind, Results, Sample, Source, Stopwatch, version};

const RAW: &str = "s3-get --raw";
const VERIFYING: &str = "s3-get";
const AWS: &str = "aws s3 cp URI -";

/// From this size on, in MiB, processor time is promised: below, starting the programs counts too much.
const LARGE: u64 = 1024;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [get, folder, sizes, rounds] = words.as_slice() else {
        eprintln!("bench-download S3-GET FOLDER SIZES ROUNDS");
        return ExitCode::from(64);
    };
    let sizes: Vec<u64> = sizes
        .split(',')
        .map(|size| size.parse().expect("a size in MiB"))
        .collect();
    let rounds: usize = rounds.parse().expect("a number of rounds");
    let folder = Path::new(folder);
    let contenders = [
        (RAW, format!("{get} --raw s3://bench/one.snap")),
        (VERIFYING, format!("{get} s3://bench/one.snap")),
        (AWS, "aws s3 cp --only-show-errors s3://bench/one.snap -".to_owned()),
    ];
    let inputs = Input::all(folder, &sizes);
    let source = Source::start(File::open(&inputs[0].path).expect("open the snapshot"));
    let mut results = Results::default();
    for input in &inputs {
        source.hold(File::open(&input.path).expect("open the snapshot"));
        // Interleaved, so that whatever else the machine does disturbs all alike.
        for round in 1..=rounds {
            eprintln!("== {}, round {round} of {rounds}", input.name);
            for (name, line) in &contenders {
                let sample = measure(line, input, &source.endpoint(), folder);
                eprintln!("   {name:<20} {sample}");
                results.add(input, name, sample);
            }
        }
        input.remove();
    }
    table(&results, &inputs, rounds);
    for words in [[get.as_str(), "--version"], ["aws", "--version"]] {
        println!("- {}", version(&words).expect("a version"));
    }
    let mut lines = Lines::default();
    for input in &inputs {
        judge(&mut lines, &results, input);
    }
    print!("\n{}", lines.text);
    if lines.broken {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

/// Downloads once into a pipe whose bytes are dropped inside the kernel, and makes sure that all of them came.
fn measure(line: &str, input: &Input, endpoint: &str, scratch: &Path) -> Sample {
    let stopwatch = Stopwatch::new(scratch);
    let words = stopwatch.words();
    let (reader, writer) = pipe().expect("a pipe");
    let mut command = Command::new(words[0]);
    command
        .args(&words[1..])
        .args(line.split(' '))
        .env_clear()
        .envs([
            ("AWS_ACCESS_KEY_ID", "bench"),
            ("AWS_SECRET_ACCESS_KEY", "bench-secret"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_DEFAULT_REGION", "us-east-1"),
            ("AWS_ENDPOINT_URL", endpoint),
            ("AWS_CONFIG_FILE", "/dev/null"),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("PATH", &std::env::var("PATH").unwrap_or_default()),
            ("HOME", "/nonexistent"),
        ])
        .stdin(Stdio::null())
        .stdout(writer)
        .stderr(Stdio::piped());
    let start = Instant::now();
    let child = command.spawn().expect("start a client");
    drop(command);
    let drain = thread::spawn(move || {
        let nowhere = File::options().write(true).open("/dev/null").expect("open /dev/null");
        let mut total = 0;
        loop {
            match splice(&reader, None, &nowhere, None, 1 << 20, SpliceFlags::empty()).expect("read a pipe") {
                0 => return total,
                count => total += count as u64,
            }
        }
    });
    let output = child.wait_with_output().expect("wait for a client");
    let wall = start.elapsed().as_secs_f64();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{line}: {said}");
    assert_eq!(drain.join().expect("no panic"), input.size, "{line}: {said}");
    stopwatch.sample(wall)
}

/// In the form that docs/performance.md has it.
fn table(results: &Results, inputs: &[Input], rounds: usize) {
    println!("Medians of {rounds} rounds; the memory is the largest of them.\n");
    println!("| snapshot | client | wall s | CPU s | RSS MiB | CPU ÷ aws | wall ÷ aws |");
    println!("|---|---|--:|--:|--:|--:|--:|");
    for input in inputs {
        let aws = results.median(input, AWS).expect("it was measured");
        for name in [RAW, VERIFYING, AWS] {
            let it = results.median(input, name).expect("it was measured");
            println!(
                "| {} | {name} | {:.3} | {:.2} | {:.1} | {:.2} | {:.2} |",
                input.name,
                it.wall,
                it.cpu,
                it.rss,
                it.cpu / aws.cpu,
                it.wall / aws.wall
            );
        }
    }
    println!();
}

fn judge(lines: &mut Lines, results: &Results, input: &Input) {
    let of = |name: &str| results.median(input, name);
    let at = &input.name;
    for name in [RAW, VERIFYING] {
        lines.at_most(&format!("{at}: RSS of {name}"), of(name).map(rss), 40.0, "MiB");
    }
    if matches!(input.kind, Kind::Stored(mebibytes) if mebibytes >= LARGE) {
        for name in [RAW, VERIFYING] {
            let cpu = ratio(of(name), of(AWS), cpu);
            lines.at_most(&format!("{at}: CPU of {name} ÷ {AWS}"), cpu, 1.0, "");
        }
    }
}
