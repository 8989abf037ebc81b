//! Progress on a terminal: bytes or objects, and their rate, for anything that takes longer than a second.

use std::time::{Duration, Instant};

use crate::message;

/// What is counted.
#[derive(Debug, Clone, Copy)]
enum Unit {
    Bytes,
    Objects,
}

/// A count that a person can watch. Draws nothing unless standard error is a terminal.
#[derive(Debug)]
pub struct Progress {
    what: &'static str,
    unit: Unit,
    start: Instant,
    next: Duration,
    count: u64,
    shown: bool,
}

impl Progress {
    /// Progress in bytes of `what`, for example `stored`.
    pub fn new(what: &'static str) -> Self {
        Self::counting(what, Unit::Bytes)
    }

    /// Progress in objects of `what`, for example `listed`.
    pub fn of_objects(what: &'static str) -> Self {
        Self::counting(what, Unit::Objects)
    }

    fn counting(what: &'static str, unit: Unit) -> Self {
        Self {
            what,
            unit,
            start: Instant::now(),
            next: Duration::from_secs(1),
            count: 0,
            shown: message::progress_wanted(),
        }
    }

    /// Counts `more` of them.
    pub fn add(&mut self, more: u64) {
        self.count = self.count.saturating_add(more);
        if !self.shown {
            return;
        }
        let elapsed = self.start.elapsed();
        if elapsed >= self.next {
            self.next = elapsed + Duration::from_millis(200);
            message::draw_progress(Some(&line(self.what, self.unit, self.count, elapsed)));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown {
            message::draw_progress(None);
        }
    }
}

#[allow(clippy::cast_precision_loss, reason = "a figure for a person")]
fn line(what: &str, unit: Unit, count: u64, elapsed: Duration) -> String {
    let rate = count as f64 / elapsed.as_secs_f64().max(0.001);
    let seconds = elapsed.as_secs();
    match unit {
        Unit::Bytes => format!("{what} {} in {seconds} s, {}/s", human(count as f64), human(rate)),
        Unit::Objects => format!("{what} {count} objects in {seconds} s, {rate:.0}/s"),
    }
}

fn human(bytes: f64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 {
        format!("{value:.0} B")
    } else {
        format!("{value:.1} {}", UNITS[unit])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_progress_line_has_a_count_and_a_rate() {
        assert_eq!(
            line("stored", Unit::Bytes, 3 << 20, Duration::from_secs(2)),
            "stored 3.0 MiB in 2 s, 1.5 MiB/s"
        );
        assert_eq!(
            line("stored", Unit::Bytes, 512, Duration::from_secs(1)),
            "stored 512 B in 1 s, 512 B/s"
        );
        assert_eq!(
            line("listed", Unit::Objects, 90_000, Duration::from_secs(3)),
            "listed 90000 objects in 3 s, 30000/s"
        );
    }
}
