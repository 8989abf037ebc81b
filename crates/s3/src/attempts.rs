//! How often a request is sent again.

use std::time::{Duration, Instant};

use snapline_http::Backoff;

use crate::{Error, Settings};

/// The attempts at one request.
#[derive(Debug)]
pub(crate) struct Attempts {
    /// Since the last progress.
    made: u32,
    most: u32,
    start: Instant,
    patience: Duration,
    backoff: Backoff,
}

impl Attempts {
    /// The first attempt begins now. No attempt begins once `patience` is over: a store that takes everything and says nothing
    /// uses the time up without any wait of ours.
    pub(crate) fn new(settings: &Settings, patience: Duration) -> Self {
        Self {
            made: 1,
            most: settings.attempts,
            start: Instant::now(),
            patience,
            backoff: Backoff::new(Duration::from_millis(500), Duration::from_secs(20), settings.retry),
        }
    }

    /// Something was received: the count of attempts begins anew. The time spent waiting does not, so that a store that always
    /// breaks off cannot hold the run for ever.
    pub(crate) const fn progress(&mut self) {
        self.made = 1;
        self.backoff.restart();
    }

    /// Waits before another attempt, because of `error`; says at once if there must be none.
    pub(crate) fn another(&mut self, error: &Error) -> bool {
        if self.made >= self.most || self.start.elapsed() >= self.patience {
            return false;
        }
        let Some(wait) = self.backoff.next(error.retry_after()) else {
            return false;
        };
        log::info!("{error}; trying again in {} ms", wait.as_millis());
        std::thread::sleep(wait);
        self.made += 1;
        true
    }
}
