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
    /// When the last one began.
    begun: Instant,
    /// How long the store was waited for, between attempts and within them.
    waited: Duration,
    patience: Duration,
    /// Of which attempts so much is sent that the time of one is mostly spent sending; then a silence counts up to this limit, and
    /// nothing else.
    sending: Option<Duration>,
    /// Whether there is a second attempt however long the first one took.
    twice: bool,
    backoff: Backoff,
}

impl Attempts {
    /// The first attempt begins now. From the third on, none begins once the store was waited for as long as `settings` say: one
    /// that takes everything and says nothing uses the time up without any wait of ours. `is_large` says that much is sent: on a
    /// slow line that takes as long as it takes.
    pub(crate) fn new(settings: &Settings, is_large: bool) -> Self {
        Self {
            made: 1,
            most: settings.attempts,
            begun: Instant::now(),
            waited: Duration::ZERO,
            patience: settings.retry,
            sending: is_large.then_some(settings.idle),
            twice: true,
            backoff: Backoff::new(Duration::from_millis(500), Duration::from_secs(20), settings.retry),
        }
    }

    /// The same, where not even a second attempt begins once `patience` is over.
    pub(crate) fn within(settings: &Settings, patience: Duration) -> Self {
        Self {
            patience,
            twice: false,
            ..Self::new(settings, false)
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
        let took = self.begun.elapsed();
        self.waited += match self.sending {
            None => took,
            Some(idle) if error.is_silence() => took.min(idle),
            Some(_) => Duration::ZERO,
        };
        let is_second = self.twice && self.made == 1;
        if self.made >= self.most || (self.waited >= self.patience && !is_second) {
            return false;
        }
        // A store that asks for more time than there is cannot be waited for.
        let wait = match self.backoff.next(error.retry_after()) {
            Some(wait) => wait,
            None if is_second && error.retry_after().is_none() => Duration::ZERO,
            None => return false,
        };
        log::info!("{error}; trying again in {} ms", wait.as_millis());
        std::thread::sleep(wait);
        self.waited += wait;
        self.made += 1;
        self.begun = Instant::now();
        true
    }
}
