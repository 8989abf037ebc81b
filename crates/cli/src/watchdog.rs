//! Ends the process when nothing moves any more, even where a thread is blocked in a write to a full pipe.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crate::{Exit, ending};

/// Watches one stream; call [`progress`](Self::progress) whenever it moves.
#[derive(Debug, Clone)]
pub struct Watchdog {
    start: Instant,
    /// Milliseconds from `start` to the last progress. Shared with the thread, which ends when the last clone is dropped.
    last: Arc<AtomicU64>,
}

impl Watchdog {
    /// Starts to watch. After `limit` without progress the clean-ups run and the process ends with 74 and `message`.
    ///
    /// # Errors
    /// If no thread can be started.
    pub fn start(limit: Duration, message: String) -> std::io::Result<Self> {
        let watchdog = Self {
            start: Instant::now(),
            last: Arc::new(AtomicU64::new(0)),
        };
        let last = Arc::downgrade(&watchdog.last);
        let start = watchdog.start;
        std::thread::Builder::new()
            .name("watchdog".to_owned())
            .spawn(move || watch(&last, start, limit, &message))?;
        Ok(watchdog)
    }

    /// Something moved.
    pub fn progress(&self) {
        let elapsed = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(elapsed, Ordering::Relaxed);
    }
}

fn watch(last: &Weak<AtomicU64>, start: Instant, limit: Duration, message: &str) {
    while let Some(last) = last.upgrade() {
        let deadline = start + Duration::from_millis(last.load(Ordering::Relaxed)) + limit;
        drop(last);
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return ending::end(message, Exit::Io);
        }
        std::thread::sleep(left);
    }
}
