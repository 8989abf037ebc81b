//! What must be done when the process is ended from outside: by a signal, or by a watchdog.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::{Kind, message, not_ignored};

/// What a clean-up decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Cleaned up; end the process.
    End,
    /// The work was just about to be done and now is; let the program finish by itself.
    Finish,
}

type CleanUp = Box<dyn FnMut() -> Ending + Send>;

static CLEAN_UPS: Mutex<Vec<(u64, CleanUp)>> = Mutex::new(Vec::new());
static NEXT_ID: AtomicU64 = AtomicU64::new(0);
/// Set while clean-ups run: the main thread then must not end the process with a code of its own.
static ENDING: AtomicBool = AtomicBool::new(false);

/// Longer than any clean-up may take, shorter than the grace period of a container.
const LONGEST_CLEAN_UP: Duration = Duration::from_secs(25);

/// A clean-up that stands until this is dropped.
#[derive(Debug)]
pub struct AtEnd(u64);

/// Registers `clean_up`, to be run on the signal's own thread if TERM, INT or HUP comes while the guard lives; the last
/// registered runs first. It must end within a few seconds and must not wait for the main thread without a bound.
pub fn at_end(clean_up: impl FnMut() -> Ending + Send + 'static) -> AtEnd {
    let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
    clean_ups().push((id, Box::new(clean_up)));
    AtEnd(id)
}

impl Drop for AtEnd {
    fn drop(&mut self) {
        clean_ups().retain(|(id, _)| *id != self.0);
    }
}

fn clean_ups() -> std::sync::MutexGuard<'static, Vec<(u64, CleanUp)>> {
    CLEAN_UPS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Listens for the signals that end a program.
///
/// Handlers are set even where there is nothing to clean up: process 1 of a container has no default actions.
pub(crate) fn listen() -> std::io::Result<()> {
    let mut signals = Signals::new(not_ignored(&[SIGTERM, SIGINT, SIGHUP]))?;
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for signal in &mut signals {
            let name = signal_hook::low_level::signal_name(signal).unwrap_or("signal");
            let number = u8::try_from(signal).unwrap_or(0);
            end(&format!("ended by {name}"), Kind::Signal(number));
        }
    })?;
    Ok(())
}

/// Cleans up and ends the process, unless a clean-up says that the program shall finish by itself.
pub(crate) fn end(message: &str, exit: Kind) {
    if ENDING.swap(true, Ordering::SeqCst) {
        // Somebody else cleans up. Wait for that, but not for ever: it may be this very thread, panicking.
        std::thread::sleep(LONGEST_CLEAN_UP);
        leave(exit);
    }
    let taken = std::mem::take(&mut *clean_ups());
    for (_, mut clean_up) in taken.into_iter().rev() {
        if clean_up() == Ending::Finish {
            ENDING.store(false, Ordering::SeqCst);
            return;
        }
    }
    message::error(message, exit, None);
    leave(exit);
}

/// Waits for ever if the process is being ended elsewhere: that ending has the say about message and code,
/// and about what was not handed on yet.
pub fn yield_to_ending() {
    while ENDING.load(Ordering::SeqCst) {
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[allow(
    clippy::exit,
    reason = "this is the edge; the main thread may be blocked in a read or write"
)]
fn leave(exit: Kind) -> ! {
    std::process::exit(i32::from(exit.code()))
}

/// Ends a panic as the exit codes promise: one line and 1, instead of a backtrace and 101 or 134.
pub(crate) fn end_panics_with_one_line() {
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        let what = info
            .payload()
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| info.payload().downcast_ref::<String>().cloned())
            .unwrap_or_default();
        end(
            &format!("unexpected, a bug in snapline: {what} at {place}"),
            Kind::Unexpected,
        );
    }));
}
