//! Waiting for a condition, with a deadline.

use std::thread;
use std::time::{Duration, Instant};

use time::OffsetDateTime;

/// Long enough for anything that happens on one machine; reached only by a failure.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Polls until `condition` gives a value; panics with `what` when [`PATIENCE`] ends.
pub fn wait_for<T>(what: &str, condition: impl FnMut() -> Option<T>) -> T {
    wait_at_most(PATIENCE, what, condition)
}

/// Like [`wait_for`], for what has its own limit.
pub fn wait_at_most<T>(limit: Duration, what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(Instant::now() < deadline, "waited {limit:?} in vain: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until the clock shows another second: names of objects tell seconds.
pub fn next_second() {
    let now = || OffsetDateTime::now_utc().unix_timestamp();
    let before = now();
    wait_for("the next second", || (now() > before).then_some(()));
}
