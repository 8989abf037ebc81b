//! What this run holds in the store, so that it is given up however the run ends.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use snapline_cli::{AtEnd, Ending, at_end};
use snapline_s3::{Client, Upload};

/// Limits of a clean-up after a signal. Together they stay below the ten seconds that `docker stop` grants.
const ABORT: Duration = Duration::from_secs(3);
const SETTLE: Duration = Duration::from_secs(2);

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
    Committing(Option<Upload>),
    /// The object is there.
    Done,
    /// The upload was given up.
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
    pub(crate) fn begins(&self) -> bool {
        self.advance(Phase::Beginning)
    }

    /// The upload is known. False if the run is being ended.
    pub(crate) fn holds(&self, upload: Upload) -> bool {
        self.advance(Phase::Uploading(upload))
    }

    /// The object is about to be made. False if the run is being ended.
    pub(crate) fn commits(&self, upload: Option<Upload>) -> bool {
        self.advance(Phase::Committing(upload))
    }

    /// The object is there, or nothing is held any more.
    pub(crate) fn is_settled(&self, stored: bool) {
        self.advance(if stored { Phase::Done } else { Phase::Nothing });
    }

    /// Sends a part, counted as in flight meanwhile.
    pub(crate) fn with_part<T>(&self, send: impl FnOnce() -> T) -> T {
        self.lock().in_flight += 1;
        let sent = send();
        self.lock().in_flight -= 1;
        self.shared.changed.notify_all();
        sent
    }

    /// Aborts the upload, if there is one; twice where parts were in flight, since those may arrive after the first time. Its
    /// own failure is a warning: the failure that led here is the one to report.
    pub(crate) fn give_up(&self) {
        let (upload, in_flight) = {
            let mut state = self.lock();
            let upload = match &state.phase {
                Phase::Uploading(upload) | Phase::Committing(Some(upload)) => upload.clone(),
                _ => return,
            };
            state.phase = Phase::GivenUp;
            (upload, state.in_flight > 0)
        };
        let mut aborted = self.shared.client.abort(&upload, ABORT);
        if in_flight {
            self.wait(SETTLE, |state| state.in_flight == 0);
            aborted = self.shared.client.abort(&upload, ABORT);
        }
        match aborted {
            Ok(()) => log::info!("aborted the upload of '{}'", upload.object),
            Err(error) => log::warn!("{error}; its parts are left to the bucket's rule for unfinished uploads"),
        }
    }

    fn end(&self) -> Ending {
        self.wait(ABORT, |state| !matches!(state.phase, Phase::Beginning));
        self.wait(ABORT + SETTLE, |state| !matches!(state.phase, Phase::Committing(_)));
        let phase = self.lock().phase.clone();
        match phase {
            Phase::Done => return Ending::Finish,
            Phase::Committing(_) => log::warn!("the store has not yet said whether it stored the object: it may exist"),
            Phase::Uploading(_) => self.give_up(),
            Phase::Nothing | Phase::Beginning | Phase::GivenUp => {}
        }
        self.lock().phase = Phase::GivenUp;
        Ending::End
    }

    fn advance(&self, phase: Phase) -> bool {
        let mut state = self.lock();
        let live = !matches!(state.phase, Phase::GivenUp);
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
