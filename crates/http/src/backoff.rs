//! How long to wait before another try.

use std::time::Duration;

use http::HeaderMap;
use http::header::{DATE, RETRY_AFTER};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

/// Waits with full jitter: each a random time below a bound that doubles from try to try, so that clients which failed
/// together do not come back together (AWS Architecture Blog, "Exponential Backoff And Jitter").
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    bound: Duration,
    longest: Duration,
    shortest: Duration,
    left: Duration,
}

impl Backoff {
    /// Waits below `first`, then below twice that, and so on up to `longest`; `budget` in all.
    pub const fn new(first: Duration, longest: Duration, budget: Duration) -> Self {
        Self {
            first,
            bound: first,
            longest,
            shortest: Duration::ZERO,
            left: budget,
        }
    }

    /// No wait is shorter than `shortest`: where only a few tries are left, they must not all fall into the same second.
    #[must_use]
    pub const fn at_least(self, shortest: Duration) -> Self {
        Self { shortest, ..self }
    }

    /// The next wait, at least what the server asked for; nothing once the budget is used up.
    pub fn next(&mut self, asked: Option<Duration>) -> Option<Duration> {
        let bound = self.bound.min(self.longest);
        self.bound = self.bound.saturating_mul(2);
        let wait = bound.mul_f64(fastrand::f64()).max(self.shortest);
        let wait = wait.max(asked.unwrap_or_default());
        self.left = self.left.checked_sub(wait)?;
        Some(wait)
    }

    /// Begins with short waits again, because something succeeded meanwhile; the budget stays what is left of it.
    pub const fn restart(&mut self) {
        self.bound = self.first;
    }
}

/// What `Retry-After` asks for (RFC 9110, 10.2.3): seconds, or a date, which is taken relative to the reply's own `Date`.
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let until = http_date(value)?;
    let now = date(headers).unwrap_or_else(OffsetDateTime::now_utc);
    Some((until - now).try_into().unwrap_or_default())
}

/// What the other side's clock says, by the reply's `Date` (RFC 9110, 6.6.1).
pub fn date(headers: &HeaderMap) -> Option<OffsetDateTime> {
    http_date(headers.get(DATE)?.to_str().ok()?)
}

fn http_date(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(&text.replace("GMT", "+0000"), &Rfc2822).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_stay_below_a_doubling_bound_and_within_the_budget() {
        let mut backoff = Backoff::new(
            Duration::from_millis(100),
            Duration::from_millis(400),
            Duration::from_secs(1),
        );
        let mut total = Duration::ZERO;
        let mut bound = Duration::from_millis(100);
        while let Some(wait) = backoff.next(None) {
            assert!(wait <= bound);
            bound = (bound * 2).min(Duration::from_millis(400));
            total += wait;
        }
        assert!(total <= Duration::from_secs(1));
    }

    #[test]
    fn a_restart_shortens_the_waits_but_brings_no_budget_back() {
        let second = Duration::from_secs(1);
        let mut backoff = Backoff::new(Duration::from_millis(1), second, second);
        for _ in 0..8 {
            backoff.next(None);
        }
        backoff.restart();
        assert!(backoff.next(None).unwrap() <= Duration::from_millis(1));
        assert_eq!(backoff.next(Some(second)), None);
    }

    #[test]
    fn what_the_server_asks_for_is_waited_or_given_up() {
        let mut backoff = Backoff::new(
            Duration::from_millis(1),
            Duration::from_millis(1),
            Duration::from_secs(10),
        );
        assert!(backoff.next(Some(Duration::from_secs(4))).unwrap() >= Duration::from_secs(4));
        assert_eq!(backoff.next(Some(Duration::from_secs(60))), None);
    }

    #[test]
    fn retry_after_is_read_in_both_forms() {
        let mut headers = HeaderMap::new();
        assert_eq!(retry_after(&headers), None);
        headers.insert(RETRY_AFTER, "7".parse().unwrap());
        assert_eq!(retry_after(&headers), Some(Duration::from_secs(7)));
        headers.insert(DATE, "Tue, 24 Nov 2026 10:00:00 GMT".parse().unwrap());
        headers.insert(RETRY_AFTER, "Tue, 24 Nov 2026 10:01:30 GMT".parse().unwrap());
        assert_eq!(retry_after(&headers), Some(Duration::from_secs(90)));
        headers.insert(RETRY_AFTER, "Tue, 24 Nov 2026 09:00:00 GMT".parse().unwrap());
        assert_eq!(retry_after(&headers), Some(Duration::ZERO));
        headers.insert(RETRY_AFTER, "soon".parse().unwrap());
        assert_eq!(retry_after(&headers), None);
    }
}
