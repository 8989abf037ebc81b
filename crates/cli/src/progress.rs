//! Progress on a terminal: bytes and rate, for anything that takes longer than a second.

use std::time::{Duration, Instant};

use crate::message;

/// A count of bytes that a person can watch. Draws nothing unless standard error is a terminal.
#[derive(Debug)]
pub struct Progress {
    what: &'static str,
    start: Instant,
    next: Duration,
    bytes: u64,
    shown: bool,
}

impl Progress {
    /// Progress of `what`, for example `stored`.
    pub fn new(what: &'static str) -> Self {
        Self {
            what,
            start: Instant::now(),
            next: Duration::from_secs(1),
            bytes: 0,
            shown: message::progress_wanted(),
        }
    }

    /// Counts `bytes` more.
    pub fn add(&mut self, bytes: u64) {
        self.bytes = self.bytes.saturating_add(bytes);
        if !self.shown {
            return;
        }
        let elapsed = self.start.elapsed();
        if elapsed >= self.next {
            self.next = elapsed + Duration::from_millis(200);
            message::draw_progress(Some(&line(self.what, self.bytes, elapsed)));
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
fn line(what: &str, bytes: u64, elapsed: Duration) -> String {
    let rate = bytes as f64 / elapsed.as_secs_f64().max(0.001);
    format!(
        "{what} {} in {} s, {}/s",
        human(bytes as f64),
        elapsed.as_secs(),
        human(rate)
    )
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
    fn a_progress_line_has_bytes_and_rate() {
        assert_eq!(
            line("stored", 3 << 20, Duration::from_secs(2)),
            "stored 3.0 MiB in 2 s, 1.5 MiB/s"
        );
        assert_eq!(
            line("stored", 512, Duration::from_secs(1)),
            "stored 512 B in 1 s, 512 B/s"
        );
    }
}
