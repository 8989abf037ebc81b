//! Ends the process when nothing moves any more, even where a thread is blocked in a write to a full pipe.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crate::{Kind, ending};

/// What to say, and how to end, when the program waited too long for one thing.
#[derive(Debug, Clone)]
pub struct Stall {
    /// `<doing> <to what>: <cause>`.
    pub message: String,
    /// The code to end with.
    pub kind: Kind,
}

/// Watches a program that waits now for one thing, now for another.
#[derive(Debug, Clone)]
pub struct Watchdog {
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    start: Instant,
    /// Milliseconds from `start` to the last progress.
    last: AtomicU64,
    /// Index of what is being waited for.
    waiting: AtomicUsize,
}

impl Watchdog {
    /// Starts to watch. After `limit` without progress the clean-ups run and the process ends as the stall says whose index
    /// was last given to [`waits_for`](Self::waits_for); what has no stall may take as long as it likes. The watch ends when the
    /// last clone is dropped.
    ///
    /// # Errors
    /// If no thread can be started.
    pub fn start(limit: Duration, stalls: Vec<Stall>) -> std::io::Result<Self> {
        let state = State {
            start: Instant::now(),
            last: AtomicU64::new(0),
            waiting: AtomicUsize::new(0),
        };
        let state = Arc::new(state);
        let watched = Arc::downgrade(&state);
        std::thread::Builder::new()
            .name("watchdog".to_owned())
            .spawn(move || watch(&watched, limit, &stalls))?;
        Ok(Self { state })
    }

    /// Something moved, and now the program waits for the thing with this index.
    pub fn waits_for(&self, index: usize) {
        let elapsed = u64::try_from(self.state.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.state.waiting.store(index, Ordering::Relaxed);
        self.state.last.store(elapsed, Ordering::Relaxed);
    }
}

fn watch(watched: &Weak<State>, limit: Duration, stalls: &[Stall]) {
    while let Some(state) = watched.upgrade() {
        let deadline = state.start + Duration::from_millis(state.last.load(Ordering::Relaxed)) + limit;
        let mut left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            if let Some(stall) = stalls.get(state.waiting.load(Ordering::Relaxed)) {
                return ending::end(&stall.message, stall.kind);
            }
            // What is waited for next has its whole limit from then on.
            left = limit;
        }
        drop(state);
        std::thread::sleep(left);
    }
}
