//! What must be done when the process is ended from outside: by a signal, or by a watchdog.
//!
//! Three moments matter: a signal is *delivered* (its handler runs, on whichever thread), it is *taken up* (the listening thread
//! runs the clean-ups), and it is *decided* (the process ends, or is allowed to finish). [`yield_to_ending`] waits from the
//! first to the last, so that no thread can do anything irrevocable in between.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
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

/// Longer than any clean-up may take, shorter than the grace period of a container.
const LONGEST_CLEAN_UP: Duration = Duration::from_secs(25);

/// How often a thread that waits for the decision looks again.
const LOOK: Duration = Duration::from_millis(20);

/// The state of this process; tests have their own.
static PROCESS: LazyLock<Endings> = LazyLock::new(Endings::default);

/// How far an ending has come, and what it must do.
#[derive(Default)]
struct Endings {
    /// A signal that was delivered and has not been taken up; 0 if there is none. The handler sets it.
    delivered: Arc<AtomicUsize>,
    /// Set while clean-ups run: the main thread then must not end the process with a code of its own.
    deciding: AtomicBool,
    /// In the order of their registration; the place is empty while the clean-up runs.
    clean_ups: Mutex<Vec<(usize, Option<CleanUp>)>>,
    next_id: AtomicUsize,
}

/// A clean-up that stands until this is dropped.
#[derive(Debug)]
pub struct AtEnd(usize);

/// Registers `clean_up`, to be run on the signal's own thread if TERM, INT or HUP comes while the guard lives; the last
/// registered runs first. It must end within a few seconds, must not wait for the main thread without a bound, and must not
/// write to an [`Output`](crate::Output), which waits for the decision. It runs again at the next signal if the program was
/// allowed to finish.
pub fn at_end(clean_up: impl FnMut() -> Ending + Send + 'static) -> AtEnd {
    AtEnd(PROCESS.register(Box::new(clean_up)))
}

impl AtEnd {
    /// Lets the clean-up stand until the process has ended.
    pub fn keep(self) {
        std::mem::forget(self);
    }
}

impl Drop for AtEnd {
    fn drop(&mut self) {
        PROCESS.remove(self.0);
    }
}

/// Listens for the signals that end a program.
///
/// Handlers are set even where there is nothing to clean up: process 1 of a container has no default actions.
pub(crate) fn listen() -> std::io::Result<()> {
    PROCESS.listen(&not_ignored(&[SIGTERM, SIGINT, SIGHUP]), |signal| {
        let name = signal_hook::low_level::signal_name(signal).unwrap_or("signal");
        let number = u8::try_from(signal).unwrap_or(0);
        end(&format!("ended by {name}"), Kind::Signal(number));
    })
}

/// Cleans up and ends the process, unless a clean-up lets the program finish by itself.
pub(crate) fn end(message: &str, exit: Kind) {
    if PROCESS.decide() == Ending::End {
        message::error(message, exit, None);
        leave(exit);
    }
}

/// Waits while the process is being ended: from the moment a signal is delivered until the clean-ups have decided. Returns only
/// if they let the program finish. To be called before anything that cannot be undone; never from a clean-up.
pub fn yield_to_ending() {
    PROCESS.wait();
}

impl Endings {
    fn register(&self, clean_up: CleanUp) -> usize {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        self.clean_ups().push((id, Some(clean_up)));
        id
    }

    fn remove(&self, id: usize) {
        self.clean_ups().retain(|(known, _)| *known != id);
    }

    /// Starts the thread that calls `take_up` for each of `signals`.
    fn listen(&'static self, signals: &[i32], mut take_up: impl FnMut(i32) + Send + 'static) -> std::io::Result<()> {
        for signal in signals {
            let number = usize::try_from(*signal).unwrap_or(usize::MAX);
            // Handlers run in the order of their registration: the flag stands before the thread is woken.
            flag::register_usize(*signal, Arc::clone(&self.delivered), number)?;
        }
        let mut arriving = Signals::new(signals)?;
        let listen = move || {
            // A signal that came before the stream was registered has left nothing but its flag.
            if let early @ 1.. = self.delivered.load(Ordering::SeqCst) {
                take_up(i32::try_from(early).unwrap_or(SIGTERM));
            }
            for signal in &mut arriving {
                take_up(signal);
            }
        };
        std::thread::Builder::new().name("signals".to_owned()).spawn(listen)?;
        Ok(())
    }

    /// Runs the clean-ups until one lets the program finish; they stay registered then. Ends the process itself if another
    /// thread does the same and does not come to an end.
    fn decide(&self) -> Ending {
        let deadline = Instant::now() + LONGEST_CLEAN_UP;
        while self.deciding.swap(true, Ordering::SeqCst) {
            // Not for ever: the other thread may be this very one, panicking.
            if Instant::now() >= deadline {
                return Ending::End;
            }
            std::thread::sleep(LOOK);
        }
        // Only now: there is no moment at which neither stands. A signal that comes from here on raises the flag again.
        self.delivered.store(0, Ordering::SeqCst);
        let mut taken: Vec<(usize, CleanUp)> = {
            let mut clean_ups = self.clean_ups();
            let full = clean_ups.iter_mut();
            full.filter_map(|(id, clean_up)| Some((*id, clean_up.take()?)))
                .collect()
        };
        if taken.iter_mut().rev().all(|(_, clean_up)| clean_up() == Ending::End) {
            return Ending::End;
        }
        for (id, clean_up) in taken {
            // Unless its guard was dropped meanwhile.
            if let Some((_, place)) = self.clean_ups().iter_mut().find(|(known, _)| *known == id) {
                *place = Some(clean_up);
            }
        }
        self.deciding.store(false, Ordering::SeqCst);
        Ending::Finish
    }

    fn wait(&self) {
        // In this order, the reverse of that in which `decide` changes them.
        while self.delivered.load(Ordering::SeqCst) != 0 || self.deciding.load(Ordering::SeqCst) {
            std::thread::sleep(LOOK);
        }
    }

    fn clean_ups(&self) -> MutexGuard<'_, Vec<(usize, Option<CleanUp>)>> {
        self.clean_ups.lock().unwrap_or_else(PoisonError::into_inner)
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

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{self, Receiver};

    use signal_hook::consts::{SIGUSR1, SIGUSR2};
    use signal_hook::low_level::raise;

    use super::*;

    /// Too short to be reached where nothing waits, and long where something does.
    const MOMENT: Duration = Duration::from_millis(200);
    const PATIENCE: Duration = Duration::from_secs(60);

    fn endings() -> &'static Endings {
        Box::leak(Box::default())
    }

    /// Has something when a thread that yields to the ending may go on.
    fn going_on(endings: &'static Endings) -> Receiver<()> {
        let (goes_on, going_on) = mpsc::channel();
        std::thread::spawn(move || {
            endings.wait();
            goes_on.send(())
        });
        going_on
    }

    #[test]
    fn nothing_irrevocable_is_done_between_the_delivery_of_a_signal_and_the_decision() {
        let endings = endings();
        let (go, held) = mpsc::channel();
        // The thread that listens is held up before it takes the signal up, as on a busy machine.
        let take_up = move |_| {
            held.recv().unwrap();
            assert_eq!(endings.decide(), Ending::Finish);
        };
        endings.listen(&[SIGUSR1], take_up).unwrap();
        let id = endings.register(Box::new(|| Ending::Finish));
        going_on(endings).recv_timeout(PATIENCE).unwrap();
        // Each time: the second signal of a Ctrl-C finds the same as the first.
        for _ in 0..3 {
            raise(SIGUSR1).unwrap();
            let going_on = going_on(endings);
            assert!(going_on.recv_timeout(MOMENT).is_err());
            go.send(()).unwrap();
            going_on.recv_timeout(PATIENCE).unwrap();
        }
        endings.remove(id);
        assert!(endings.clean_ups().is_empty());
    }

    #[test]
    fn a_signal_that_came_before_the_stream_was_registered_is_taken_up() {
        let endings = endings();
        endings.delivered.store(15, Ordering::SeqCst);
        let (taken_up, taking_up) = mpsc::channel();
        let take_up = move |signal| taken_up.send(signal).unwrap();
        endings.listen(&[SIGUSR2], take_up).unwrap();
        assert_eq!(taking_up.recv_timeout(PATIENCE), Ok(15));
    }

    #[test]
    fn once_it_is_decided_that_the_process_ends_nothing_goes_on() {
        let endings = endings();
        let id = endings.register(Box::new(|| Ending::End));
        assert_eq!(endings.decide(), Ending::End);
        endings.remove(id);
        assert!(going_on(endings).recv_timeout(MOMENT).is_err());
    }

    #[test]
    fn a_clean_up_whose_guard_is_dropped_while_it_runs_does_not_come_back() {
        let endings = endings();
        let id = endings.register(Box::new(|| Ending::End));
        endings.register(Box::new(move || {
            endings.remove(id);
            Ending::Finish
        }));
        assert_eq!(endings.decide(), Ending::Finish);
        assert_eq!(endings.clean_ups().len(), 1);
    }
}
