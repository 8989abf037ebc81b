//! When the reading of a body must have ended, whatever limit each read has.
//!
//! ureq fixes all limits when a request is sent; whether its response is small and must come soon is known only afterwards. A body
//! is read by the thread that asks for it, down to the socket, so the deadline is the thread's.

use std::cell::Cell;
use std::time::Instant;

use ureq::unversioned::transport::NextTimeout;
use ureq::unversioned::transport::time::Duration;

thread_local! {
    static DEADLINE: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Runs `read`; what it reads from a connection must have come by `deadline`.
pub(crate) fn until<T>(deadline: Instant, read: impl FnOnce() -> T) -> T {
    let before = DEADLINE.replace(Some(deadline));
    let result = read();
    DEADLINE.set(before);
    result
}

/// `timeout`, or what is left until the deadline.
pub(crate) fn shortened(timeout: NextTimeout) -> NextTimeout {
    let Some(deadline) = DEADLINE.get() else {
        return timeout;
    };
    let left = Duration::Exact(deadline.saturating_duration_since(Instant::now()));
    NextTimeout {
        after: timeout.after.min(left),
        ..timeout
    }
}
