//! Small requests to who issues credentials.

use std::time::Duration;

use http::{Method, Request};
use snapline_failure::{blot, one_line};
use snapline_http::{Agent, Backoff, Kind, Limits, Proxies, Settings, read_bounded};

use crate::Error;

/// A reply may not be longer.
const LONGEST_REPLY: u64 = 1 << 20;
/// Who is on this machine or on its link answers at once, or is not there.
const NEAR: Duration = Duration::from_secs(1);

/// The ways out: to STS, and to what is near.
#[derive(Debug)]
pub(crate) struct Transport {
    /// Through proxies, as other requests of the program.
    pub(crate) outer: Agent,
    /// Never through a proxy, which would answer for another machine: container endpoints and the instance's metadata.
    pub(crate) near: Agent,
}

impl Transport {
    pub(crate) fn new(settings: Settings) -> Self {
        let near = Settings {
            proxies: Proxies::default(),
            connect: NEAR,
            connections: 1,
            ..settings.clone()
        };
        Self {
            outer: Agent::new(settings),
            near: Agent::new(near),
        }
    }
}

/// A request and how patient we are with it.
pub(crate) struct Call<'a> {
    /// What it is for, with the address, for messages.
    pub(crate) doing: &'a str,
    pub(crate) agent: &'a Agent,
    pub(crate) request: Request<Vec<u8>>,
    /// For one try.
    pub(crate) limit: Duration,
    /// How often it is sent at most.
    pub(crate) attempts: u32,
    /// What a refusal must not quote.
    pub(crate) secrets: &'a [&'a str],
}

/// What came back.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Call<'_> {
    /// Sends it, again after a failure on the way or where `is_passing` says so of a reply.
    pub(crate) fn send(&self, is_passing: impl Fn(&Reply) -> bool) -> Result<Reply, Error> {
        let mut backoff = Backoff::new(
            Duration::from_millis(200),
            Duration::from_secs(5),
            Duration::from_secs(20),
        );
        let mut attempt = 1;
        loop {
            let sent = self.once();
            let again = match &sent {
                Ok(reply) => is_passing(reply),
                Err(error) => error.is_transient(),
            };
            let wait = (again && attempt < self.attempts).then(|| backoff.next(None)).flatten();
            let Some(wait) = wait else { return sent };
            match &sent {
                Ok(reply) => log::info!("{}: {}; trying again", self.doing, reply.status),
                Err(error) => log::info!("{error}; trying again"),
            }
            std::thread::sleep(wait);
            attempt += 1;
        }
    }

    fn once(&self) -> Result<Reply, Error> {
        let limits = Limits {
            idle: Some(self.limit),
            reply: Some(self.limit),
            body: Some(self.limit),
            total: Some(self.limit.saturating_mul(2)),
            ..Limits::default()
        };
        let (head, body) = self.request.clone().into_parts();
        let sent = if matches!(head.method, Method::PUT | Method::POST) {
            self.agent.send(Request::from_parts(head, body.as_slice()), limits)
        } else {
            self.agent.send(Request::from_parts(head, ()), limits)
        };
        let mut reply = sent.map_err(|error| Error::transport(self.doing, &error))?;
        let body =
            read_bounded(reply.body_mut(), LONGEST_REPLY).map_err(|error| Error::transport(self.doing, &error))?;
        let status = reply.status();
        log::debug!("{}: {}", self.doing, status.as_u16());
        Ok(Reply {
            status: status.as_u16(),
            // A success is made of secrets.
            body: if status.is_success() {
                body
            } else {
                blot(&body, self.secrets)
            },
        })
    }
}

/// A reply that says: another time.
pub(crate) const fn is_outage(status: u16) -> bool {
    matches!(status, 408 | 429 | 500..=599)
}

/// What a reply means that is no success.
pub(crate) fn kind_of(status: u16) -> Kind {
    match status {
        401 | 403 => Kind::Refused,
        _ if is_outage(status) => Kind::Unavailable,
        _ => Kind::Config,
    }
}

/// A server's own words on one line, and not too many of them.
pub(crate) fn words(text: &str) -> String {
    one_line(text, 300)
}
