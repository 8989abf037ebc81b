//! Sends requests: to the nodes in turn, along redirects, again where that is right.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use http::header::CONTENT_LENGTH;
use http::{Method, Response, StatusCode, Uri};
use snapline_failure::Fail as _;
use snapline_http::{Agent, Kind, Limits, Phase, Socket, TransportError, read_bounded, read_until, retry_after};
use ureq::{Body, SendBody};

use crate::call::{Call, Purpose};
use crate::settings::Origin;
use crate::upload::{Extent, Upload};
use crate::{Address, Error, Settings, Tries, redirect, refusal, trust, words};

/// How long a connection may take, TLS included.
const CONNECT: Duration = Duration::from_secs(10);

/// How long a server may take to ask for an archive: it looks the token up before. Servers that never ask get it then.
const GO_AHEAD: Duration = Duration::from_secs(5);

/// How long the response to an archive may take when all of it has left: a proxy that has buffered it passes it on meanwhile.
const RESTORED: Duration = Duration::from_secs(15 * 60);

/// No error of Vault is longer, and of a proxy's page no more is wanted.
const ERROR_LIMIT: u64 = 64 * 1024;

/// Nor is it longer on its way.
const ERROR_PATIENCE: Duration = Duration::from_secs(10);

/// A client of one cluster. It keeps no secret, and may be shared between threads.
#[derive(Debug)]
pub struct Client {
    settings: Settings,
    agent: Agent,
    /// Index of the address that answered last: it is asked first the next time.
    preferred: AtomicUsize,
}

/// A success.
pub(crate) struct Reply {
    /// Where it came from, behind all redirects.
    pub(crate) url: Uri,
    /// Header, and the body to read.
    pub(crate) response: Response<Body>,
}

/// A failure, and what to do next.
struct Failed {
    error: Error,
    /// Another address may do better.
    elsewhere: bool,
    /// `Retry-After`.
    asked: Option<Duration>,
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self {
            error,
            elsewhere: false,
            asked: None,
        }
    }
}

impl Client {
    /// A client; it opens no connection yet.
    pub fn new(settings: Settings) -> Self {
        let agent = Agent::new(snapline_http::Settings {
            user_agent: settings.user_agent.clone(),
            tls: settings.tls.clone(),
            proxies: settings.proxies.clone(),
            connect: CONNECT,
            // A program sends two or three requests, minutes apart. A connection that was kept may be dead by then, and to
            // revoke a token there may be no time for a second one.
            connections: 0,
        });
        Self {
            settings,
            agent,
            preferred: AtomicUsize::new(0),
        }
    }

    /// The address that answered last; before the first answer, the first.
    pub fn address(&self) -> &Address {
        let index = self.preferred.load(Ordering::Relaxed);
        // The index always comes from this very list, which is not empty.
        &self.settings.addresses[index]
    }

    /// As many tries as the settings allow beside the first one.
    pub fn tries(&self) -> Tries {
        Tries::new(self.settings.max_retries)
    }

    /// Sends `call`, again while `tries` allow it, until a reply is a success.
    pub(crate) fn send(&self, call: &Call<'_>, tries: &mut Tries) -> Result<Reply, Error> {
        self.send_with(call, None, tries)
    }

    /// The same with a body that is read while it is sent. Once a byte of it has been handed to a connection, nothing is sent
    /// again, neither there nor elsewhere.
    pub(crate) fn send_upload(
        &self,
        call: &Call<'_>,
        upload: &mut Upload<'_>,
        tries: &mut Tries,
    ) -> Result<Reply, Error> {
        self.send_with(call, Some(upload), tries)
    }

    fn send_with(
        &self,
        call: &Call<'_>,
        mut upload: Option<&mut Upload<'_>>,
        tries: &mut Tries,
    ) -> Result<Reply, Error> {
        loop {
            let failed = match self.send_to_any(call, upload.as_deref_mut()) {
                Ok(reply) => return Ok(reply),
                Err(failed) => failed,
            };
            if !tries.again_before(&failed.error, failed.asked, call.deadline) {
                return Err(self.explained(failed.error));
            }
        }
    }

    /// Where nobody says where Vault is, that is the likeliest fault.
    fn explained(&self, error: Error) -> Error {
        if self.settings.origin == Origin::Default && error.status().is_none() {
            return error.and("VAULT_ADDR is not set, so this machine was asked");
        }
        error
    }

    /// What holds for every request.
    pub(crate) const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// All addresses, in the order in which they are tried.
    pub fn addresses(&self) -> &[Address] {
        &self.settings.addresses
    }

    /// Asks the node at `address` itself, once: no redirect is followed, no other address tried. Gives the response's status,
    /// whatever that is, and its text.
    pub(crate) fn ask(&self, address: &Address, path: &str, limit: Duration) -> Result<(StatusCode, String), Error> {
        let call = Call {
            purpose: Purpose::State,
            method: Method::GET,
            path: path.to_owned(),
            token: None,
            namespace: None,
            body: None,
            secrets: Vec::new(),
            deadline: Instant::now().checked_add(limit),
        };
        let url = address.join(&call.path)?;
        let doing = format!("{} '{address}'", call.purpose.doing());
        let mut response = self
            .exchange(&url, address.socket(), true, &call, None, &doing)
            .map_err(|failed| failed.error)?;
        if response.status().is_redirection() {
            let to = redirect::shown(response.headers());
            return Ok((response.status(), format!("it points to {to}")));
        }
        let text = read_bounded(response.body_mut(), ERROR_LIMIT)
            .map_err(|error| Error::new(error.kind(), format!("{doing}: {error}")))?;
        Ok((response.status(), text))
    }

    /// One round over the addresses, which begins with the preferred one.
    fn send_to_any(&self, call: &Call<'_>, mut upload: Option<&mut Upload<'_>>) -> Result<Reply, Failed> {
        let count = self.settings.addresses.len();
        let first = self.preferred.load(Ordering::Relaxed);
        let mut turn = 0;
        let mut leaderless = false;
        let mut passing: Option<Failed> = None;
        loop {
            let index = (first + turn) % count;
            turn += 1;
            match self.send_to(&self.settings.addresses[index], call, upload.as_deref_mut()) {
                Ok(reply) => {
                    self.preferred.store(index, Ordering::Relaxed);
                    return Ok(reply);
                }
                Err(failed) if failed.elsewhere && turn < count && !call.is_late() => {
                    log::info!("{}; trying the next address", failed.error);
                    leaderless |= failed.error.is_leaderless();
                    if failed.error.is_transient() {
                        passing = Some(failed);
                    }
                }
                Err(mut failed) => {
                    // One that may come back is worth waiting for, whatever the last one said.
                    let worth = failed.elsewhere && (leaderless || failed.error.is_leaderless());
                    if failed.elsewhere && !failed.error.is_transient() {
                        failed = passing.unwrap_or(failed);
                    }
                    failed.error = failed.error.without_leader(worth);
                    return Err(failed);
                }
            }
        }
    }

    /// To one address, and where it redirects to.
    fn send_to(
        &self,
        address: &Address,
        call: &Call<'_>,
        mut upload: Option<&mut Upload<'_>>,
    ) -> Result<Reply, Failed> {
        let result = self.follow(address, call, upload.as_deref_mut());
        result.map_err(|failed| match upload {
            Some(upload) if upload.extent() != Extent::Nothing => Failed {
                error: failed.error.passing(false).without_leader(false),
                elsewhere: false,
                asked: None,
            },
            _ => failed,
        })
    }

    fn follow(&self, address: &Address, call: &Call<'_>, mut upload: Option<&mut Upload<'_>>) -> Result<Reply, Failed> {
        let mut url = address.join(&call.path)?;
        let mut socket = address.socket();
        let mut place = match socket {
            Some(_) => format!("'{address}', '{}'", url.path()),
            None => format!("'{url}'{}", self.forwarded(&url)),
        };
        let origin = url.clone();
        let named = self.settings.addresses.len();
        let mut redirects = 0;
        loop {
            let doing = format!("{} {place}", call.purpose.doing());
            let at_origin = redirect::is_same_host(&origin, &url);
            let response = self.exchange(&url, socket, at_origin, call, upload.as_deref_mut(), &doing)?;
            let status = response.status();
            if status.is_success() {
                return Ok(Reply { url, response });
            }
            if !redirect::is_redirect(status) {
                return Err(refuse(response, call, &doing));
            }
            let stop = |cause: &str, hint| {
                let message = format!("{doing}: {}", words::one_line(cause, &call.secrets));
                let error = Error::new(Kind::Unavailable, message)
                    .of_status(status)
                    .with_hint(Some(hint));
                // Another node may lead, or know a way that can be gone.
                Failed {
                    elsewhere: true,
                    ..error.into()
                }
            };
            let to = redirect::shown(response.headers());
            if upload.as_ref().is_some_and(|upload| upload.extent() != Extent::Nothing) {
                return Err(stop(
                    &format!("it redirects to {to} after it has taken the body"),
                    "a proxy asked for the body before it asked Vault: go around it, or name the leader as the first --address",
                ));
            }
            if self.settings.disable_redirects {
                return Err(stop(
                    &format!("it redirects to {to}, and redirects are disabled"),
                    redirect::hint_of_disabled(named),
                ));
            }
            if redirects == redirect::MOST {
                let cause = format!("it redirects once more, after two redirects, to {to}");
                let failed = stop(&cause, redirect::hint_of_circle(named));
                return Err(Failed {
                    // Behind a load balancer, or while the nodes disagree about who leads, the next try may come out.
                    error: failed.error.passing(true),
                    ..failed
                });
            }
            redirects += 1;
            let next =
                redirect::target(&url, response.headers()).map_err(|cause| stop(&cause, redirect::hint(named)))?;
            if call.purpose.stays() && !redirect::is_same_host(&origin, &next) {
                return Err(stop(
                    &format!(
                        "it redirects to {to}, another host, and credentials go to none but the one that was named"
                    ),
                    "Vault's standbys answer this themselves: if that host is meant, name it by --address",
                ));
            }
            log::info!("{doing}: it redirects to '{next}'");
            place = format!("'{next}' (where '{url}' redirects to){}", self.forwarded(&next));
            // A path alone leads to where it came from.
            socket = socket.filter(|_| next.authority() == url.authority());
            url = next;
        }
    }

    /// Who may answer in the place of the server.
    fn forwarded(&self, url: &Uri) -> String {
        match self.agent.forwarder(url) {
            Some(proxy) => format!(" through the proxy '{proxy}'"),
            None => String::new(),
        }
    }

    /// One request, one reply, whatever its status. The user's own headers are for the host that the user has named.
    fn exchange(
        &self,
        url: &Uri,
        socket: Option<&Socket>,
        at_origin: bool,
        call: &Call<'_>,
        mut upload: Option<&mut Upload<'_>>,
        doing: &str,
    ) -> Result<Response<Body>, Failed> {
        let mut head = call.head(url)?;
        for (name, value) in self.settings.headers.iter().filter(|_| at_origin) {
            head = head.header(name, value);
        }
        if let Some(socket) = socket {
            head = head.extension(socket.clone());
        }
        if let Some(upload) = &upload {
            head = head.header(CONTENT_LENGTH, upload.length());
        }
        let limits = self.limits(call, upload.as_deref());
        let start = Instant::now();
        let build = |error: http::Error| Failed::from(Error::config(format!("{doing}: {error}")));
        let sent = match (&call.body, upload.as_deref_mut()) {
            (_, Some(upload)) => {
                let body = SendBody::from_reader(upload);
                self.agent.send(head.body(body).map_err(build)?, limits)
            }
            (Some(body), None) => self.agent.send(head.body(body.as_slice()).map_err(build)?, limits),
            // Some proxies answer a POST without a length by 411.
            (None, None) if call.method == Method::POST => {
                self.agent.send(head.body(&[] as &[u8]).map_err(build)?, limits)
            }
            (None, None) => self.agent.send(head.body(()).map_err(build)?, limits),
        };
        let took = start.elapsed().as_millis();
        match &sent {
            Ok(response) => log::debug!("{} '{url}': {} after {took} ms", call.method, response.status()),
            Err(error) => log::debug!("{} '{url}': {error} after {took} ms", call.method),
        }
        sent.map_err(|error| match upload {
            Some(upload) => lost_upload(&error, call, upload, doing),
            None => lost(&error, call, doing),
        })
    }

    /// A snapshot may take long to begin and longer still to come; everything else is small.
    fn limits(&self, call: &Call<'_>, upload: Option<&Upload<'_>>) -> Limits {
        let left = call
            .deadline
            // Zero would mean "none" to nobody, but at once is as good as never.
            .map(|deadline| {
                deadline
                    .saturating_duration_since(Instant::now())
                    .max(Duration::from_millis(1))
            });
        if let Some(upload) = upload {
            return Limits {
                idle: Some(upload.stall()),
                go_ahead: Some(GO_AHEAD),
                reply: Some(RESTORED),
                ..Limits::default()
            };
        }
        if call.purpose == Purpose::Snapshot {
            return Limits {
                idle: self.settings.timeout,
                reply: left,
                ..Limits::default()
            };
        }
        let total = match (self.settings.timeout, left) {
            (Some(timeout), Some(left)) => Some(timeout.min(left)),
            (timeout, left) => timeout.or(left),
        };
        Limits {
            total,
            ..Limits::default()
        }
    }
}

/// No reply came.
fn lost(error: &TransportError, call: &Call<'_>, doing: &str) -> Failed {
    let unsent = error.phase() == Phase::Connect;
    let repeatable = unsent || call.purpose.is_repeatable();
    Failed {
        error: Error::new(error.kind(), format!("{doing}: {error}"))
            .with_hint(trust::hint(error))
            .passing(error.is_transient() && repeatable)
            .without_leader(unsent && error.is_transient() && call.purpose.is_worth_waiting()),
        elsewhere: repeatable,
        asked: None,
    }
}

/// No reply to an upload came, or the source of it failed.
fn lost_upload(error: &TransportError, call: &Call<'_>, upload: &mut Upload<'_>, doing: &str) -> Failed {
    if let Some(cause) = upload.failure() {
        return Error::new(Kind::Io, format!("{doing}: read what is to be sent: {cause}")).into();
    }
    let failed = lost(error, call, doing);
    if upload.extent() != Extent::Nothing || !error.is_transient() {
        return failed;
    }
    // A server that got the head alone has nothing that it could act on.
    Failed {
        error: failed.error.passing(true),
        elsewhere: true,
        asked: None,
    }
}

/// A reply came that is no success.
fn refuse(mut response: Response<Body>, call: &Call<'_>, doing: &str) -> Failed {
    let status = response.status();
    // What the server says is a help, not more: what cannot be read soon is left out, and the status remains.
    let patience = Instant::now() + ERROR_PATIENCE;
    let deadline = call.deadline.map_or(patience, |deadline| deadline.min(patience));
    let body = read_until(response.body_mut(), ERROR_LIMIT, deadline);
    let said = words::of(&body, &call.secrets);
    let meaning = refusal::meaning(call.purpose, status, &said);
    let mut cause = match (said.as_str(), status.canonical_reason()) {
        ("", Some(reason)) => format!("status {} {reason}", status.as_u16()),
        ("", None) => format!("status {}", status.as_u16()),
        (said, _) => format!("status {}: {said}", status.as_u16()),
    };
    if status.is_redirection() {
        let to = redirect::shown(response.headers());
        cause.push_str(&words::one_line(&format!("; it points to {to}"), &call.secrets));
    }
    Failed {
        error: Error::new(meaning.kind, format!("{doing}: {cause}"))
            .with_hint(meaning.hint)
            .of_status(status)
            .passing(meaning.transient)
            .without_leader(meaning.leaderless),
        elsewhere: meaning.elsewhere,
        asked: retry_after(response.headers()),
    }
}
