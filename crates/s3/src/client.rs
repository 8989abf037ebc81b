//! One call to the store: signed at the last moment, sent, retried where that is safe.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use http::header::EXPECT;
use http::{HeaderMap, HeaderValue, Method, Request};
use snapline_aws::{Credentials, Provider};
use snapline_http::{Agent, Backoff, Limits, read_bounded};
use snapline_series::ObjectUri;
use time::OffsetDateTime;

use crate::sign::{self, PayloadHash};
use crate::{Endpoint, Error, ObjectOptions, Settings};

/// A reply may not be longer: a page of a listing with the longest keys stays below.
const LONGEST_REPLY: u64 = 16 << 20;
/// Bodies above this are announced, so that an early refusal is heard instead of a cut connection: that would look like an
/// outage, and be tried again.
const ANNOUNCED: usize = 64 << 10;
/// A call without a large body may take as many idle limits in all: a reply that trickles must not hold the run for ever.
const IDLE_LIMITS: u32 = 5;

/// A client of one store. Threads share it by reference.
#[derive(Debug)]
pub struct Client {
    agent: Agent,
    credentials: Provider,
    pub(crate) settings: Settings,
    /// Where the store said that the bucket is. Every later request of the run goes there at once.
    learnt: OnceLock<Place>,
    /// Whether the store wants the MD5 of what it is sent. It is as expensive as everything else together, so only then.
    md5: AtomicBool,
}

/// Where requests go, and the region that their signatures name.
#[derive(Debug, Clone)]
struct Place {
    endpoint: Endpoint,
    region: String,
}

/// Who asks, and what the store has taught us so far.
#[derive(Debug)]
struct Way {
    credentials: Arc<Credentials>,
    /// The credentials have been replaced for this very request.
    renewed: bool,
    place: Place,
    md5: bool,
}

/// A request, not yet signed.
pub(crate) struct Call<'a> {
    /// `store 's3://bucket/key'`, for messages.
    pub(crate) doing: String,
    pub(crate) method: Method,
    pub(crate) bucket: &'a str,
    /// Empty for the bucket itself.
    pub(crate) key: &'a str,
    pub(crate) query: &'a [(&'a str, &'a str)],
    pub(crate) headers: HeaderMap,
    pub(crate) body: &'a [u8],
    pub(crate) hash: PayloadHash,
    /// How long the reply may take, where that is not the idle limit.
    pub(crate) reply: Option<Duration>,
    /// A bound for everything, where there is one.
    pub(crate) total: Option<Duration>,
}

impl Way {
    /// A newer way of the same request.
    fn with(&self, newer: Self) -> Self {
        Self {
            renewed: self.renewed,
            ..newer
        }
    }
}

impl<'a> Call<'a> {
    /// A call without body.
    pub(crate) fn new(doing: String, method: Method, object: &'a ObjectUri) -> Self {
        Self {
            doing,
            method,
            bucket: &object.bucket,
            key: &object.key,
            query: &[],
            headers: HeaderMap::new(),
            body: &[],
            hash: PayloadHash::of(b""),
            reply: None,
            total: None,
        }
    }
}

/// A reply that is a success.
pub(crate) struct Reply {
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Client {
    /// A client; it opens nothing yet. `connections` is how many requests run at once.
    pub fn new(settings: Settings, user_agent: &str, connections: usize) -> Self {
        let http = snapline_http::Settings {
            user_agent: user_agent.to_owned(),
            tls: settings.tls.clone(),
            proxies: settings.proxies.clone(),
            connect: Duration::from_secs(10),
            connections,
        };
        Self {
            agent: Agent::new(http.clone()),
            credentials: Provider::new(settings.credentials.clone(), for_credentials(http)),
            settings,
            learnt: OnceLock::new(),
            md5: AtomicBool::new(false),
        }
    }

    /// Sends `call` up to the number of attempts, as long as failures are of a kind that passes. For requests that may be sent
    /// twice without harm.
    pub(crate) fn call(&self, call: &Call<'_>) -> Result<Reply, Error> {
        self.call_until(call, |sent| sent)
    }

    /// The same, where only `judge` knows a success: a 200 may have half a body, none, or an error in it.
    pub(crate) fn call_until<T>(
        &self,
        call: &Call<'_>,
        judge: impl Fn(Result<Reply, Error>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut backoff = self.backoff();
        let mut attempt = 1;
        let start = Instant::now();
        loop {
            match judge(self.once(call)) {
                Ok(success) => return Ok(success),
                Err(error) => {
                    // A store that takes everything and says nothing uses the time up without any wait of ours.
                    let is_over = attempt >= self.settings.attempts || start.elapsed() >= self.settings.retry;
                    if !error.is_transient() || is_over {
                        return Err(error);
                    }
                    let Some(wait) = backoff.next(error.retry_after()) else {
                        return Err(error);
                    };
                    log::info!("{error}; trying again in {} ms", wait.as_millis());
                    std::thread::sleep(wait);
                    attempt += 1;
                }
            }
        }
    }

    pub(crate) const fn backoff(&self) -> Backoff {
        Backoff::new(Duration::from_millis(500), Duration::from_secs(20), self.settings.retry)
    }

    /// The store will want an MD5 with everything that is to be locked.
    pub(crate) fn foresee(&self, options: &ObjectOptions) {
        self.md5.fetch_or(options.is_locked(), Ordering::Relaxed);
    }

    /// Sends `call` once, and again where the store does not do it as asked, but says how it would.
    pub(crate) fn once(&self, call: &Call<'_>) -> Result<Reply, Error> {
        let mut way = self.way()?;
        loop {
            let error = match self.send(call, &way) {
                Ok(reply) => return Ok(reply),
                Err(error) => error,
            };
            way = match self.other_way(&error, &way)? {
                Some(other) => other,
                None => return Err(error),
            };
        }
    }

    fn way(&self) -> Result<Way, Error> {
        let settings = &self.settings;
        let place = self.learnt.get().cloned().unwrap_or_else(|| Place {
            endpoint: settings.endpoint.clone(),
            region: settings.region.clone(),
        });
        Ok(Way {
            credentials: self.credentials.credentials()?,
            renewed: false,
            place,
            md5: self.md5.load(Ordering::Relaxed),
        })
    }

    /// How to ask instead, if the store says so. A region is believed once a run, so that two stores cannot send us to and fro.
    fn other_way(&self, error: &Error, asked: &Way) -> Result<Option<Way>, Error> {
        if error.wants_md5() && !asked.md5 {
            log::info!("{error}; sending it with its MD5");
            self.md5.store(true, Ordering::Relaxed);
            return Ok(Some(asked.with(self.way()?)));
        }
        let Some(region) = error.region().filter(|region| *region != asked.place.region) else {
            return self.renewed(error, asked);
        };
        let place = Place {
            endpoint: self.settings.endpoint.moved_to(region)?,
            region: region.to_owned(),
        };
        let place = self.learnt.get_or_init(|| place);
        if place.region == asked.place.region {
            return Ok(None);
        }
        log::info!("{error}; asking in region '{}'", place.region);
        Ok(Some(asked.with(self.way()?)))
    }

    /// The same with other credentials, if it takes those and there are any; once a request.
    fn renewed(&self, error: &Error, asked: &Way) -> Result<Option<Way>, Error> {
        if asked.renewed || !error.is_about_credentials() {
            return Ok(None);
        }
        let Some(credentials) = self.credentials.renew(&asked.credentials)? else {
            return Ok(None);
        };
        log::info!("{error}; asking with new credentials");
        Ok(Some(Way {
            credentials,
            renewed: true,
            ..self.way()?
        }))
    }

    fn send(&self, call: &Call<'_>, way: &Way) -> Result<Reply, Error> {
        let request = Self::request(call, way)?;
        let is_small = call.body.len() <= ANNOUNCED;
        let reply = call.reply.unwrap_or(self.settings.idle);
        let limits = Limits {
            idle: Some(self.settings.idle),
            reply: Some(reply),
            // The reply to an object or a part is next to nothing; all others have a limit in all.
            body: (!is_small).then_some(reply),
            total: call
                .total
                .or_else(|| is_small.then(|| self.settings.idle.saturating_mul(IDLE_LIMITS))),
        };
        let sent = if matches!(call.method, Method::PUT | Method::POST) {
            self.agent.send(request.map(|()| call.body), limits)
        } else {
            self.agent.send(request, limits)
        };
        let doing = || format!("{} at {}", call.doing, way.place.endpoint.as_str());
        let mut reply = sent.map_err(|error| Error::transport(doing(), error))?;
        let status = reply.status();
        let body = read_bounded(reply.body_mut(), LONGEST_REPLY).map_err(|error| Error::transport(doing(), error))?;
        log::debug!("{}: {}", doing(), status.as_u16());
        let headers = std::mem::take(reply.headers_mut());
        if status.is_success() {
            return Ok(Reply { headers, body });
        }
        Err(Error::reply(doing(), status.as_u16(), &body, &headers))
    }

    /// The signed request. Signed for each try: a store refuses what is older than 15 minutes.
    fn request(call: &Call<'_>, way: &Way) -> Result<Request<()>, Error> {
        let url = way.place.endpoint.url(call.bucket, call.key, call.query)?;
        let mut headers = call.headers.clone();
        if way.md5 && call.method == Method::PUT {
            headers.insert("content-md5", sign::content_md5(call.body)?);
        }
        let now = OffsetDateTime::now_utc();
        sign::sign(
            &call.method,
            &url,
            &mut headers,
            &call.hash,
            &way.credentials,
            &way.place.region,
            now,
        )?;
        if call.body.len() > ANNOUNCED {
            // Not signed: proxies may take it away.
            headers.insert(EXPECT, HeaderValue::from_static("100-continue"));
        }
        let mut request = Request::builder().method(call.method.clone()).uri(url.as_str());
        if let Some(map) = request.headers_mut() {
            *map = headers;
        }
        request
            .body(())
            .map_err(|error| Error::other(snapline_http::Kind::Config, call.doing.clone(), error.to_string()))
    }
}

/// `--no-verify-ssl` concerns the store: whoever issues credentials is still asked who it is, as by `aws`.
fn for_credentials(mut http: snapline_http::Settings) -> snapline_http::Settings {
    http.tls.skip_verify = false;
    http
}
