//! The signals that the program was started with blocked.

use nix::sys::signal::SigSet;

/// Unblocks all signals for this thread, and so for all that it starts.
///
/// A process inherits the mask of its starter, and some starters leak theirs: with CHLD blocked, snap-pipe would wait for ever
/// for stages that have ended, and with TERM blocked nothing would clean up. To be called before any thread is started.
pub(crate) fn unblock_signals() {
    // It cannot fail with a set of our own (pthread_sigmask(3)); if it did, the mask would be what it was.
    let _ = SigSet::empty().thread_set_mask();
}
