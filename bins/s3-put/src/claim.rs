//! What this run holds in the store, so that it is given up however the run ends.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use snapline_cli::{AtEnd, Ending, at_end, yield_to_ending};
use snapline_s3::{Client, Upload};
use snapline_series::ObjectUri;

/// Limits of a clean-up after a signal. Whatever the run is doing, they stay below the ten seconds that `docker stop` grants:
/// to learn the id of an upload that is being begun, to let a commit come to its end, to abort, and to let parts in flight
/// arrive, so that they can be aborted too.
const BEGIN: Duration = Duration::from_secs(3);
const COMMIT: Duration = Duration::from_secs(5);
const ABORT: Duration = Duration::from_secs(2);
const SETTLE: Duration = Duration::from_secs(2);
/// The limit of an abort when nothing presses.
const PATIENT_ABORT: Duration = Duration::from_secs(10);

/// The claim; clones are the same one.
#[derive(Debug, Clone)]
pub(crate) struct Claim {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    client: Arc<Client>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    /// Parts being sent at this moment.
    in_flight: usize,
}

#[derive(Debug, Clone)]
enum Phase {
    /// Nothing is held.
    Nothing,
    /// An upload has been asked for; its id is not known yet.
    Beginning,
    /// Parts are being sent.
    Uploading(Upload),
    /// The request that makes the object appear is on its way.
    Committing(ObjectUri, Option<Upload>),
    /// The object is there.
    Done,
    /// The upload is being given up.
    GivingUp,
    /// It was.
    GivenUp,
}

impl Claim {
    pub(crate) fn new(client: Arc<Client>) -> Self {
        let state = State {
            phase: Phase::Nothing,
            in_flight: 0,
        };
        Self {
            shared: Arc::new(Shared {
                client,
                state: Mutex::new(state),
                changed: Condvar::new(),
            }),
        }
    }

    /// Gives the claim up if a signal ends the program; a commit under way is given a moment to come to its end.
    pub(crate) fn give_up_at_end(&self) -> AtEnd {
        let claim = self.clone();
        at_end(move || claim.end())
    }

    /// An upload is about to be asked for. False if the run is being ended.
    pub(crate) fn begin(&self) -> bool {
        self.advance(Phase::Beginning)
    }

    /// The upload is known. False if the run is being ended.
    pub(crate) fn hold(&self, upload: Upload) -> bool {
        self.advance(Phase::Uploading(upload))
    }

    /// Aborts an upload to which nothing was sent, for another one to be begun. False if the run is being ended.
    pub(crate) fn release(&self, upload: &Upload) -> bool {
        if let Err(error) = self.shared.client.abort(upload, PATIENT_ABORT) {
            log::warn!("{error}; it is left to the bucket's rule for unfinished uploads");
        }
        self.advance(Phase::Nothing)
    }

    /// The object is about to be made. False if the run is being ended.
    pub(crate) fn commit(&self, object: &ObjectUri, upload: Option<Upload>) -> bool {
        yield_to_ending();
        self.advance(Phase::Committing(object.clone(), upload))
    }

    /// The object is there, or nothing is held any more. False if the run is being ended: the object is then not spoken of as
    /// stored, whatever the store said.
    pub(crate) fn settle(&self, stored: bool) -> bool {
        self.advance(if stored { Phase::Done } else { Phase::Nothing })
    }

    /// Sends a part, counted as in flight meanwhile; nothing once the upload is given up.
    pub(crate) fn with_part<T>(&self, send: impl FnOnce() -> T) -> Option<T> {
        {
            let mut state = self.lock();
            if matches!(state.phase, Phase::GivingUp | Phase::GivenUp) {
                return None;
            }
            state.in_flight += 1;
        }
        let sent = send();
        self.lock().in_flight -= 1;
        self.shared.changed.notify_all();
        Some(sent)
    }

    /// Aborts the upload, if there is one. Its own failure is a warning: the failure that led here is the one to report.
    pub(crate) fn give_up(&self) {
        let was = self.close();
        self.let_go(was, PATIENT_ABORT);
    }

    fn end(&self) -> Ending {
        self.wait(BEGIN, |state| !matches!(state.phase, Phase::Beginning));
        self.wait(COMMIT, |state| !matches!(state.phase, Phase::Committing(..)));
        let was = self.close();
        match &was {
            Phase::Done => return Ending::Finish,
            // The run failed by itself just before; the process must not end before it has cleaned up.
            Phase::GivingUp => self.wait(ABORT + SETTLE + ABORT, |state| matches!(state.phase, Phase::GivenUp)),
            Phase::Beginning => {
                log::warn!(
                    "an upload may have begun whose id is not known; it is left to the bucket's rule for unfinished uploads"
                );
            }
            Phase::Committing(object, _) => {
                log::warn!("the store has not yet said whether it stored the object: '{object}' may exist");
            }
            _ => {}
        }
        self.let_go(was, ABORT);
        Ending::End
    }

    /// From here on nothing more is begun. What was held is the caller's to let go, and nobody else's; that is why looking and
    /// closing are one step.
    fn close(&self) -> Phase {
        let mut state = self.lock();
        match state.phase {
            Phase::Done | Phase::GivingUp | Phase::GivenUp => state.phase.clone(),
            _ => std::mem::replace(&mut state.phase, Phase::GivingUp),
        }
    }

    /// Aborts what `was` held, each time within `limit`; twice where parts were in flight, since those may arrive after the
    /// first time.
    fn let_go(&self, was: Phase, limit: Duration) {
        let upload = match was {
            Phase::Done | Phase::GivingUp | Phase::GivenUp => return,
            Phase::Uploading(upload) | Phase::Committing(_, Some(upload)) => Some(upload),
            Phase::Nothing | Phase::Beginning | Phase::Committing(_, None) => None,
        };
        if let Some(upload) = upload {
            let in_flight = self.lock().in_flight > 0;
            let mut aborted = self.shared.client.abort(&upload, limit);
            if in_flight {
                self.wait(SETTLE, |state| state.in_flight == 0);
                aborted = self.shared.client.abort(&upload, limit);
            }
            match aborted {
                Ok(()) => log::info!("aborted the upload of '{}'", upload.object),
                Err(error) => log::warn!("{error}; its parts are left to the bucket's rule for unfinished uploads"),
            }
        }
        self.lock().phase = Phase::GivenUp;
        self.shared.changed.notify_all();
    }

    fn advance(&self, phase: Phase) -> bool {
        let mut state = self.lock();
        let live = !matches!(state.phase, Phase::GivingUp | Phase::GivenUp);
        if live {
            state.phase = phase;
            self.shared.changed.notify_all();
        }
        live
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `is_so` or for `limit`.
    fn wait(&self, limit: Duration, is_so: impl Fn(&State) -> bool) {
        let deadline = Instant::now() + limit;
        let mut state = self.lock();
        while !is_so(&state) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            state = self
                .shared
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}
