//! Credentials that are kept fresh, for threads that ask before each request.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use snapline_http::{Kind, Settings};
use time::{Duration, OffsetDateTime};

use crate::transport::Transport;
use crate::{Chain, Credentials, Error};

/// So long before their end, others are fetched.
const AHEAD: Duration = Duration::minutes(5);
/// After a failure, so long with what is still good.
const PAUSE: Duration = Duration::seconds(30);

/// Gets credentials when they are first asked for, and others before they end. Threads share it by reference.
pub struct Provider {
    chain: Chain,
    transport: Transport,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    current: Option<Arc<Credentials>>,
    /// From when on others are wanted.
    due: Option<OffsetDateTime>,
    /// Some thread is fetching.
    fetching: bool,
}

impl Provider {
    /// A provider; it opens nothing yet. The settings are those of the program's other requests.
    pub fn new(chain: Chain, settings: Settings) -> Self {
        Self {
            chain,
            transport: Transport::new(settings),
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// Credentials that are good now. One thread fetches where others are due; the rest goes on with what it has, or waits where
    /// that is nothing.
    ///
    /// # Errors
    /// If there are none: [`Kind::Config`] if no source has any, [`Kind::Refused`] if it refuses, [`Kind::Unavailable`] if it
    /// does not answer, [`Kind::Io`] for a file that cannot be read.
    pub fn credentials(&self) -> Result<Arc<Credentials>, Error> {
        let mut state = self.lock();
        loop {
            let now = OffsetDateTime::now_utc();
            let good = state
                .current
                .as_ref()
                .filter(|credentials| is_good(credentials, now))
                .cloned();
            let is_due = state.due.is_some_and(|due| due <= now);
            match good {
                Some(good) if state.fetching || !is_due => return Ok(good),
                None if state.fetching => {
                    state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
                good => {
                    state.fetching = true;
                    drop(state);
                    return self.fetch(good);
                }
            }
        }
    }

    /// Others than `refused`, which somebody says are not good any more; none where the source has no others.
    ///
    /// # Errors
    /// As [`credentials`](Self::credentials).
    pub fn renew(&self, refused: &Arc<Credentials>) -> Result<Option<Arc<Credentials>>, Error> {
        if !self.chain.can_renew() {
            return Ok(None);
        }
        let mut state = self.lock();
        // Another thread may have been faster, or be about to be: then this one waits for what that one gets.
        if state.current.as_ref().is_some_and(|current| current == refused) {
            state.current = None;
        }
        drop(state);
        let found = self.credentials()?;
        Ok((found != *refused).then_some(found))
    }

    fn fetch(&self, good: Option<Arc<Credentials>>) -> Result<Arc<Credentials>, Error> {
        // Whatever happens, the next thread may try.
        let done = Done(self);
        let fetched = self.chain.get(&self.transport);
        let now = OffsetDateTime::now_utc();
        let fetched = fetched.and_then(|credentials| {
            if is_good(&credentials, now) {
                return Ok(Arc::new(credentials));
            }
            let cause = format!("{} gives credentials that have expired already", self.chain.source());
            Err(Error::new(Kind::Refused, "find credentials", cause).hint_with("is this machine's clock right?"))
        });
        let mut state = self.lock();
        let result = match (fetched, good) {
            (Ok(credentials), _) => {
                log::info!("using {}", self.chain.source());
                state.due = credentials.expires.map(|end| due(end, now));
                state.current = Some(Arc::clone(&credentials));
                Ok(credentials)
            }
            (Err(error), Some(good)) => {
                log::warn!("{error}; going on with the credentials at hand");
                state.due = Some(now + PAUSE);
                Ok(good)
            }
            (Err(error), None) => Err(error),
        };
        drop(state);
        drop(done);
        result
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A thread that panicked left nothing by halves.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Done<'a>(&'a Provider);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.lock().fetching = false;
        self.0.changed.notify_all();
    }
}

fn is_good(credentials: &Credentials, now: OffsetDateTime) -> bool {
    credentials.expires.is_none_or(|end| now < end)
}

/// When credentials that end at `end` are to be replaced. Those that live for minutes only are used for half of that.
fn due(end: OffsetDateTime, now: OffsetDateTime) -> OffsetDateTime {
    let left: Duration = end - now;
    end - (left / 2_i32).min(AHEAD)
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider")
            .field("chain", &self.chain)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn others_are_due_five_minutes_before_the_end_or_at_half_of_a_short_life() {
        let now = datetime!(2026-11-24 12:00 UTC);
        for (minutes, wanted) in [(60, 55), (11, 6), (10, 5), (4, 2), (0, 0)] {
            let end = now + Duration::minutes(minutes);
            assert_eq!(due(end, now), now + Duration::minutes(wanted), "{minutes}");
        }
    }
}
