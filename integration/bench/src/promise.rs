//! Whether what is promised holds.

use std::fmt::Write as _;

use crate::Sample;

/// Its memory.
pub fn rss(sample: Sample) -> f64 {
    sample.rss
}

/// Its processor time.
pub fn cpu(sample: Sample) -> f64 {
    sample.cpu
}

/// Its time by the clock.
pub fn wall(sample: Sample) -> f64 {
    sample.wall
}

/// A figure of one beside that of another.
pub fn ratio(mine: Option<Sample>, other: Option<Sample>, figure: fn(Sample) -> f64) -> Option<f64> {
    Some(figure(mine?) / figure(other?))
}

/// One line for each promise.
#[derive(Debug, Default)]
pub struct Lines {
    /// All of them.
    pub text: String,
    /// Whether one is not kept.
    pub broken: bool,
}

impl Lines {
    /// A promise that could not be measured is not kept.
    pub fn at_most(&mut self, what: &str, measured: Option<f64>, most: f64, unit: &str) {
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
