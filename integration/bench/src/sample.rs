//! One run, measured, and many of them.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use crate::Input;

/// What a run took.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// Seconds.
    pub wall: f64,
    /// Seconds of user and system time of the client and everything it started.
    pub cpu: f64,
    /// The peak of its resident memory, in MiB.
    pub rss: f64,
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { wall, cpu, rss } = self;
        write!(f, "wall {wall:7.3} s, CPU {cpu:6.2} s, RSS {rss:6.1} MiB")
    }
}

/// Samples by input and contender.
#[derive(Debug, Default)]
pub struct Results(HashMap<(String, &'static str), Vec<Sample>>);

impl Results {
    /// Adds one run of the client `name`.
    pub fn add(&mut self, input: &Input, name: &'static str, sample: Sample) {
        self.0.entry((input.name.clone(), name)).or_default().push(sample);
    }

    /// The median of each figure by itself; for memory the largest, as that is what a limit must hold.
    pub fn median(&self, input: &Input, contender: &str) -> Option<Sample> {
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

/// What runs a client, and reports what that took.
///
/// A process in between: the kernel also counts the memory of the process that starts a program, and this one has little.
#[derive(Debug)]
pub struct Stopwatch(PathBuf);

impl Stopwatch {
    /// One that keeps its report in `folder`.
    pub fn new(folder: &Path) -> Self {
        Self(folder.join("time"))
    }

    /// The words before the client's own.
    pub fn words(&self) -> [&str; 5] {
        [
            "time",
            "--output",
            self.0.to_str().expect("UTF-8"),
            "--format",
            "%U %S %M",
        ]
    }

    /// What the last run took, and `wall` seconds by the clock.
    pub fn sample(&self, wall: f64) -> Sample {
        let text = fs::read_to_string(&self.0).expect("the report of time");
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
}
