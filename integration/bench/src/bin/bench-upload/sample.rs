//! One run, measured, and many of them.

use std::collections::HashMap;
use std::fmt;
use std::fs::{self, File};
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::Instant;

use rustix::pipe::{SpliceFlags, splice};
use snapline_bench::Sink;

use crate::contender::Contender;
use crate::input::Input;

/// What a run took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    /// Seconds.
    pub(crate) wall: f64,
    /// Seconds of user and system time of the client and everything it started.
    pub(crate) cpu: f64,
    /// The peak of its resident memory, in MiB.
    pub(crate) rss: f64,
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { wall, cpu, rss } = self;
        write!(f, "wall {wall:7.3} s, CPU {cpu:6.2} s, RSS {rss:6.1} MiB")
    }
}

/// Samples by input and contender.
#[derive(Debug, Default)]
pub(crate) struct Results(HashMap<(String, &'static str), Vec<Sample>>);

impl Results {
    pub(crate) fn add(&mut self, input: &Input, contender: &Contender, sample: Sample) {
        self.0
            .entry((input.name.clone(), contender.name))
            .or_default()
            .push(sample);
    }

    /// The median of each figure by itself; for memory the largest, as that is what a limit must hold.
    pub(crate) fn median(&self, input: &Input, contender: &str) -> Option<Sample> {
        let samples = self
            .0
            .iter()
            .find(|((name, by), _)| *name == input.name && *by == contender)?
            .1;
        let sorted = |figure: fn(&Sample) -> f64| {
            let mut figures: Vec<f64> = samples.iter().map(figure).collect();
            figures.sort_by(f64::total_cmp);
            figures
        };
        let middle = samples.len() / 2;
        Some(Sample {
            wall: sorted(|sample| sample.wall)[middle],
            cpu: sorted(|sample| sample.cpu)[middle],
            rss: sorted(|sample| sample.rss)[samples.len() - 1],
        })
    }
}

/// Uploads `input` once, from a pipe, and makes sure that all of it arrived.
pub(crate) fn measure(contender: &Contender, input: &Input, sink: &Sink, scratch: &Path) -> Sample {
    let report = scratch.join("time");
    let key = "one.snap";
    // A process between: the kernel counts the memory of whoever starts a program in as well, and that one has little.
    let wrapper = [
        "time",
        "--output",
        report.to_str().expect("UTF-8"),
        "--format",
        "%U %S %M",
    ];
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let file = File::open(&input.path).expect("open the snapshot");
    let mut command = contender.command(&wrapper, key, input.size);
    command.stdin(reader).stdout(Stdio::null()).stderr(Stdio::piped());
    let start = Instant::now();
    let child = command.spawn().expect("start a client");
    drop(command);
    let size = input.size;
    let feeder = thread::spawn(move || {
        // Nothing is copied on this side: the pipe refers to the page cache.
        let mut left = size;
        while left > 0 {
            let most = usize::try_from(left.min(1 << 20)).expect("it fits");
            match splice(&file, None, &writer, None, most, SpliceFlags::empty()) {
                Ok(0) | Err(_) => break,
                Ok(count) => left -= count as u64,
            }
        }
    });
    let output = child.wait_with_output().expect("wait for a client");
    let wall = start.elapsed().as_secs_f64();
    feeder.join().expect("no panic");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{}: {said}", contender.name);
    let stored = sink.take(&format!("/bench/{key}"));
    assert_eq!(
        stored,
        Some(input.size),
        "{} stored another length: {said}",
        contender.name
    );
    let text = fs::read_to_string(&report).expect("the report of time");
    let figures: Vec<f64> = text
        .split_whitespace()
        .map(|figure| figure.parse().expect("a number"))
        .collect();
    let [user, system, kibibytes] = figures[..] else {
        unreachable!("time said {text}");
    };
    Sample {
        wall,
        cpu: user + system,
        rss: kibibytes / 1024.0,
    }
}
