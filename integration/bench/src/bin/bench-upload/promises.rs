//! What is promised of s3-put beside the limit and its neighbours, and whether it holds.

use std::fmt::Write as _;

use crate::contender::{AWS, Contender, LIMIT, RAW, VERIFYING};
use crate::input::{Input, Kind};
use crate::sample::{Results, Sample};

/// From this size on, in MiB, processor and wall time are promised: below, starting the programs counts too much.
const LARGE: u64 = 1024;

/// One line for each promise, and whether all are kept.
pub(crate) fn judge(results: &Results, inputs: &[Input], contenders: &[Contender]) -> (String, bool) {
    let mut lines = Lines::default();
    for input in inputs {
        let of = |name: &str| results.median(input, name);
        let at = &input.name;
        match input.kind {
            Kind::Tiny => {
                lines.at_most(&format!("{at}: RSS of s3-put"), of(VERIFYING).map(rss), 12.0, "MiB");
                let wall = ratio(of(VERIFYING), of(AWS), wall);
                lines.at_most(&format!("{at}: wall of s3-put ÷ {AWS}"), wall, 0.05, "");
            }
            Kind::Stored(mebibytes) => {
                for name in [RAW, VERIFYING] {
                    lines.at_most(&format!("{at}: RSS of {name}"), of(name).map(rss), 40.0, "MiB");
                }
                if mebibytes < LARGE {
                    continue;
                }
                let against = |name, other| ratio(of(name), of(other), cpu);
                lines.at_most(&format!("{at}: CPU of {RAW} ÷ {AWS}"), against(RAW, AWS), 0.5, "");
                lines.at_most(&format!("{at}: CPU of {RAW} ÷ {LIMIT}"), against(RAW, LIMIT), 1.25, "");
                let verifying = against(VERIFYING, LIMIT);
                lines.at_most(&format!("{at}: CPU of {VERIFYING} ÷ {LIMIT}"), verifying, 2.6, "");
                for other in contenders.iter().filter(|contender| contender.is_neighbour()) {
                    let wall = ratio(of(RAW), of(other.name), wall);
                    lines.at_most(&format!("{at}: wall of {RAW} ÷ {}", other.name), wall, 1.0, "");
                }
            }
            Kind::Mixed(_) => lines.at_most(&format!("{at}: RSS of s3-put"), of(VERIFYING).map(rss), 40.0, "MiB"),
        }
    }
    (lines.text, !lines.broken)
}

fn rss(sample: Sample) -> f64 {
    sample.rss
}

fn cpu(sample: Sample) -> f64 {
    sample.cpu
}

fn wall(sample: Sample) -> f64 {
    sample.wall
}

fn ratio(mine: Option<Sample>, other: Option<Sample>, figure: fn(Sample) -> f64) -> Option<f64> {
    Some(figure(mine?) / figure(other?))
}

#[derive(Default)]
struct Lines {
    text: String,
    broken: bool,
}

impl Lines {
    /// A promise that could not be measured is not kept.
    fn at_most(&mut self, what: &str, measured: Option<f64>, most: f64, unit: &str) {
        let kept = measured.is_some_and(|measured| measured <= most);
        self.broken |= !kept;
        let verdict = if kept { "kept  " } else { "BROKEN" };
        let measured = measured.map_or("-".to_owned(), |measured| format!("{measured:.3}"));
        writeln!(self.text, "{verdict} {what}: {measured} of at most {most} {unit}").expect("room");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_promise_that_is_broken_or_could_not_be_measured_is_said_and_remembered() {
        for (measured, broken) in [(Some(1.25), false), (Some(1.251), true), (None, true)] {
            let mut lines = Lines::default();
            lines.at_most("x", measured, 1.25, "");
            lines.at_most("y", Some(1.0), 1.25, "");
            assert_eq!(lines.broken, broken);
            assert_eq!(lines.text.contains("BROKEN x: "), broken);
        }
    }
}
