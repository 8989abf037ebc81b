//! How often, and when, something is tried again.

use std::time::{Duration, Instant};

use snapline_http::Backoff;

use crate::Error;

/// Waits below 1 s, then below 2 s, and so on up to this. Vault's client waits 1 to 1.5 s each time.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// All waits of one request together; more than a leader election takes, less than a job's patience.
const BUDGET: Duration = Duration::from_secs(60);

/// The tries that are left.
#[derive(Debug)]
pub struct Tries {
    left: u32,
    backoff: Backoff,
}

impl Tries {
    pub(crate) const fn new(left: u32) -> Self {
        Self {
            left,
            backoff: Backoff::new(Duration::from_secs(1), LONGEST_WAIT, BUDGET),
        }
    }

    /// Waits, and says whether there shall be another try after this failure: it must be
    /// [transient](Error::is_transient), and neither the tries nor the time for waiting may be used up.
    pub fn again(&mut self, failure: &Error) -> bool {
        self.again_before(failure, None, None)
    }

    /// The same, with what the server asked for by `Retry-After`, and never longer than until `deadline`.
    pub(crate) fn again_before(&mut self, failure: &Error, asked: Option<Duration>, deadline: Option<Instant>) -> bool {
        if !failure.is_transient() || self.left == 0 {
            return false;
        }
        let Some(wait) = self.backoff.next(asked) else {
            return false;
        };
        if deadline.is_some_and(|deadline| Instant::now() + wait >= deadline) {
            return false;
        }
        self.left -= 1;
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
        assert!(!Tries::new(5).again(&final_one));
        let mut tries = Tries::new(1);
        assert!(tries.again(&passing));
        assert!(!tries.again(&passing));
        let past = Some(Instant::now());
        assert!(!Tries::new(5).again_before(&passing, None, past));
        assert!(!Tries::new(5).again_before(&passing, Some(BUDGET * 2), None));
    }
}
