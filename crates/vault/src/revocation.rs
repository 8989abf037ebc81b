//! Giving a token back.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use http::Method;

use snapline_failure::Fail as _;

use crate::call::{Call, Purpose};
use crate::{Client, Error, Namespace, Secret};

/// How often somebody who waits for another's revoking looks again.
const LOOK: Duration = Duration::from_millis(10);

/// A token that is to be revoked once, by whoever comes first: the program when it is done with it, or what cleans up after
/// a signal.
#[derive(Debug)]
pub struct Revocation {
    client: Arc<Client>,
    token: Mutex<Option<Secret>>,
    namespace: Option<Namespace>,
    /// Whether a login is under way, whose token is still to come.
    awaited: AtomicBool,
}

impl Revocation {
    /// Intends to revoke `token`, which was got in `namespace`.
    pub const fn new(client: Arc<Client>, token: Secret, namespace: Option<Namespace>) -> Self {
        Self {
            client,
            token: Mutex::new(Some(token)),
            namespace,
            awaited: AtomicBool::new(false),
        }
    }

    /// Intends to revoke the token that a login in `namespace` is about to bring: [`arrive`](Self::arrive) tells it, or
    /// [`give_up`](Self::give_up) that there is none.
    pub const fn of_login(client: Arc<Client>, namespace: Option<Namespace>) -> Self {
        Self {
            client,
            token: Mutex::new(None),
            namespace,
            awaited: AtomicBool::new(true),
        }
    }

    /// The token that was awaited.
    pub fn arrive(&self, token: Secret) {
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = Some(token);
        self.awaited.store(false, Ordering::SeqCst);
    }

    /// Waits until a login that is under way has its reply, at most `limit`: a token that the server made and nobody knows
    /// would live on until its end.
    pub fn await_login(&self, limit: Duration) {
        let deadline = Instant::now() + limit;
        while self.awaited.load(Ordering::SeqCst) && Instant::now() < deadline {
            std::thread::sleep(LOOK);
        }
    }

    /// Revokes the token and all that was made with it (`POST auth/token/revoke-self`), within `limit`. Does nothing if
    /// that was done before; waits if it is being done.
    ///
    /// A failure is logged as a warning and is nothing else: the token expires by itself, and a role without the default
    /// policy may not revoke its tokens.
    pub fn revoke(&self, limit: Duration) {
        let deadline = Instant::now() + limit;
        let mut token = loop {
            match self.token.try_lock() {
                Ok(token) => break token,
                Err(TryLockError::Poisoned(poisoned)) => break poisoned.into_inner(),
                Err(TryLockError::WouldBlock) if Instant::now() >= deadline => return,
                Err(TryLockError::WouldBlock) => std::thread::sleep(LOOK),
            }
        };
        if let Some(token) = token.take() {
            match self.client.revoke(&token, self.namespace.as_ref(), deadline) {
                Ok(()) => log::info!("revoked the token"),
                Err(error) => {
                    log::warn!("{error}");
                    if let Some(hint) = error.hint() {
                        log::warn!(target: "snapline_vault::hint", "{hint}");
                    }
                }
            }
        }
    }

    /// Gives the intention up: the token now belongs to somebody else.
    pub fn give_up(&self) {
        self.token.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.awaited.store(false, Ordering::SeqCst);
    }
}

impl Client {
    fn revoke(&self, token: &Secret, namespace: Option<&Namespace>, deadline: Instant) -> Result<(), Error> {
        let call = Call {
            purpose: Purpose::Revoke,
            method: Method::POST,
            path: "auth/token/revoke-self".to_owned(),
            token: Some(token),
            namespace,
            body: None,
            secrets: vec![token],
            deadline: Some(deadline),
        };
        self.send(&call, &mut self.tries()).map(|_| ())
    }
}
