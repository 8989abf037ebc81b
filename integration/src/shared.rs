//! One server for all tests of a program that run at the same time.

use std::sync::{Arc, Mutex, Weak};

/// Starts the value when somebody first asks, and drops it with its last user.
///
/// A plain static would never be dropped, and its container would stay behind.
pub struct Shared<T>(Mutex<Weak<T>>);

impl<T> Shared<T> {
    /// Nothing started yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(Mutex::new(Weak::new()))
    }

    /// The running one, or a new one.
    pub fn get(&self, start: impl FnOnce() -> T) -> Arc<T> {
        // A start that panicked has left nothing half-done behind.
        let mut slot = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        slot.upgrade().unwrap_or_else(|| {
            let value = Arc::new(start());
            *slot = Arc::downgrade(&value);
            value
        })
    }
}

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self::new()
    }
}
