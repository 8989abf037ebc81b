//! How often, and when, something is tried again.

use std::fmt::Display;
use std::time::{Duration, Instant};

use snapline_http::Backoff;

use crate::Error;

/// Vault's client waits 1 to 1.5 s each time. A pod whose network comes up, or a name that cannot be looked up yet, needs that.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);
/// Waits below 2 s, then below 4 s, and so on up to this.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// All waits of one request together; more than a leader election takes, less than a job's patience.
const BUDGET: Duration = Duration::from_secs(60);

/// How long no node may lead. Elections of busy clusters, and a node's restart, take longer than a few tries.
const PATIENCE: Duration = Duration::from_secs(60);

/// The tries that are left.
#[derive(Debug)]
pub struct Tries {
    left: u32,
    patient: bool,
    /// When the patience ends; set at the first failure that is met with it.
    end: Option<Instant>,
    backoff: Backoff,
}

impl Tries {
    /// `left` tries beside the first one. Those while no node leads are not counted, unless `left` is 0 from the beginning.
    pub(crate) const fn new(left: u32) -> Self {
        Self {
            left,
            patient: left > 0,
            end: None,
            backoff: Backoff::new(Duration::from_secs(2), LONGEST_WAIT, BUDGET).at_least(SHORTEST_WAIT),
        }
    }

    /// Waits, and says whether there shall be another try after this failure: it must be
    /// [transient](Error::is_transient), and neither the tries nor the time for waiting may be used up.
    pub fn again(&mut self, failure: &Error) -> bool {
        self.again_before(failure, None, None)
    }

    /// The same for a transient failure that is known elsewhere.
    pub fn again_after(&mut self, failure: &dyn Display) -> bool {
        self.left > 0 && self.count(failure, None, None)
    }

    /// The same, with what the server asked for by `Retry-After`, and never longer than until `deadline`.
    pub(crate) fn again_before(&mut self, failure: &Error, asked: Option<Duration>, deadline: Option<Instant>) -> bool {
        if !failure.is_transient() {
            return false;
        }
        if failure.is_leaderless() && self.patient {
            return self.wait_for_leader(failure, asked, deadline);
        }
        self.left > 0 && self.count(failure, asked, deadline)
    }

    fn wait_for_leader(&mut self, failure: &Error, asked: Option<Duration>, deadline: Option<Instant>) -> bool {
        let first = self.end.is_none();
        let end = *self.end.get_or_insert_with(|| Instant::now() + PATIENCE);
        let end = deadline.map_or(end, |deadline| deadline.min(end));
        if first && Instant::now() < end {
            // Somebody may sit there and wait.
            let left = end.saturating_duration_since(Instant::now());
            log::warn!("{failure}; trying again for up to {:.0} s", left.as_secs_f64());
        }
        self.wait(failure, asked, Some(end))
    }

    fn count(&mut self, failure: &dyn Display, asked: Option<Duration>, deadline: Option<Instant>) -> bool {
        let again = self.wait(failure, asked, deadline);
        self.left -= u32::from(again);
        again
    }

    fn wait(&mut self, failure: &dyn Display, asked: Option<Duration>, deadline: Option<Instant>) -> bool {
        let Some(wait) = self.backoff.next(asked) else {
            return false;
        };
        if deadline.is_some_and(|deadline| Instant::now() + wait >= deadline) {
            return false;
        }
        log::info!("{failure}; trying again in {:.1} s", wait.as_secs_f64());
        std::thread::sleep(wait);
        true
    }
}

#[cfg(test)]
mod tests {
    use snapline_http::Kind;

    use super::*;

    #[test]
    fn tries_end_by_number_by_kind_and_by_deadline() {
        let passing = Error::new(Kind::Unavailable, "x").passing(true);
        let final_one = Error::new(Kind::Refused, "x");
        assert!(!Tries::new(0).again(&passing));
        assert!(!Tries::new(0).again_after(&"x"));
        assert!(!Tries::new(5).again(&final_one));
        let mut tries = Tries::new(1);
        assert!(tries.again(&passing));
        assert!(!tries.again(&passing));
        let past = Some(Instant::now());
        assert!(!Tries::new(5).again_before(&passing, None, past));
        assert!(!Tries::new(5).again_before(&passing, Some(BUDGET * 2), None));
    }

    #[test]
    fn a_missing_leader_is_waited_for_without_counting_but_not_where_no_retry_is_wanted() {
        let leaderless = Error::new(Kind::Unavailable, "x").passing(true).without_leader(true);
        assert!(!Tries::new(0).again(&leaderless));
        let mut tries = Tries::new(1);
        assert!(tries.again(&leaderless));
        assert!(tries.again(&leaderless));
        assert_eq!(tries.left, 1);
        tries.end = Some(Instant::now());
        assert!(!tries.again(&leaderless), "the patience has ended");
        assert!(!Tries::new(1).again_before(&leaderless, None, Some(Instant::now())));
    }
}
