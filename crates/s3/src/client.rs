//! One call to the store: signed at the last moment, sent, retried where that is safe.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Once, OnceLock};
use std::time::Duration;

use http::header::{ACCEPT_ENCODING, EXPECT};
use http::{HeaderValue, Method, Request, Response};
use snapline_aws::{Credentials, Provider};
use snapline_http::{Agent, Kind, Limits, read_bounded};
use time::OffsetDateTime;
use ureq::Body;

use crate::attempts::Attempts;
use crate::call::{Call, Reply};
use crate::{Endpoint, Error, ObjectOptions, Settings, sign};

/// A response may not be longer: a page of a listing, 1000 of the longest keys encoded, stays below.
const LONGEST_REPLY: u64 = 4 << 20;
/// Of an error, so much is read.
const LONGEST_ERROR: u64 = 64 << 10;
/// Who must own the bucket.
const EXPECTED_BUCKET_OWNER: &str = "x-amz-expected-bucket-owner";
/// Bodies above this are announced, so that an early refusal is heard instead of a cut connection: that would look like an
/// outage, and be tried again.
pub(crate) const ANNOUNCED: usize = 64 << 10;
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
    /// Whether something on the way refuses bodies that are announced.
    unannounced: AtomicBool,
    /// The endpoint was looked at.
    looked_at: Once,
}

/// Where requests go, and the region that their signatures name.
#[derive(Debug, Clone)]
struct Place {
    endpoint: Endpoint,
    region: String,
}

/// A reply that is a success as far as its header tells.
pub(crate) struct Opened {
    /// What was done and where, for messages.
    pub(crate) doing: String,
    pub(crate) response: Response<Body>,
}

/// Who asks, and what the store has taught us so far.
#[derive(Debug)]
struct Way {
    credentials: Arc<Credentials>,
    /// The credentials have been replaced for this very request.
    renewed: bool,
    place: Place,
    md5: bool,
    unannounced: bool,
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
            unannounced: AtomicBool::new(false),
            looked_at: Once::new(),
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
        let mut attempts = Attempts::new(&self.settings, call.body.len() > ANNOUNCED);
        loop {
            match judge(self.once(call)) {
                Ok(success) => return Ok(success),
                Err(error) if error.is_transient() && attempts.another(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The store will want an MD5 with everything that is to be locked.
    pub(crate) fn foresee(&self, options: &ObjectOptions) {
        self.md5.fetch_or(options.is_locked(), Ordering::Relaxed);
    }

    /// Sends `call` once, and again where the store does not do it as asked, but says how it would.
    pub(crate) fn once(&self, call: &Call<'_>) -> Result<Reply, Error> {
        let Opened { doing, mut response } = self.open(call)?;
        let body = match read_bounded(response.body_mut(), LONGEST_REPLY + 1) {
            Ok(body) if u64::try_from(body.len()).unwrap_or(u64::MAX) <= LONGEST_REPLY => body,
            Ok(_) => {
                let cause = format!("the response is longer than {} MiB", LONGEST_REPLY >> 20);
                return Err(Error::other(Kind::Unavailable, doing, cause));
            }
            Err(error) => return Err(Error::transport(doing, error)),
        };
        let headers = std::mem::take(response.headers_mut());
        Ok(Reply { headers, body })
    }

    /// The same, up to the end of the reply's header: its body is still to be read.
    pub(crate) fn open(&self, call: &Call<'_>) -> Result<Opened, Error> {
        self.looked_at.call_once(|| self.look_at_endpoint(call.bucket));
        let mut way = self.way()?;
        loop {
            let error = match self.send(call, &way) {
                Ok(opened) => return Ok(opened),
                Err(error) => error,
            };
            way = match self.other_way(&error, &way)? {
                Some(other) => other,
                None => return Err(error),
            };
        }
    }

    /// A store cannot tell that its address is the bucket's own: the bucket's name would become a part of each key.
    fn look_at_endpoint(&self, bucket: &str) {
        let endpoint = &self.settings.endpoint;
        if let Some(without) = endpoint.without(bucket) {
            log::warn!(
                "the endpoint '{}' begins with the name of the bucket: if it is the bucket's own address, use --endpoint-url {without}, \
                 or every key begins with '{bucket}/'",
                endpoint.as_str()
            );
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
            unannounced: self.unannounced.load(Ordering::Relaxed),
        })
    }

    /// How to ask instead, if the store says so. A region is believed once a run, so that two stores cannot send us to and fro.
    fn other_way(&self, error: &Error, asked: &Way) -> Result<Option<Way>, Error> {
        if error.wants_md5() && !asked.md5 {
            log::info!("{error}; sending it with its MD5");
            self.md5.store(true, Ordering::Relaxed);
            return Ok(Some(asked.with(self.way()?)));
        }
        if error.refuses_expectation() && !asked.unannounced {
            log::info!("{error}; sending it without Expect");
            self.unannounced.store(true, Ordering::Relaxed);
            return Ok(Some(asked.with(self.way()?)));
        }
        let Some(region) = error.region().filter(|region| *region != asked.place.region) else {
            return self.renewed(error, asked);
        };
        // An address of AWS's own is made of the region's name, if that can be.
        let Ok(endpoint) = self.settings.endpoint.moved_to(region) else {
            return Ok(None);
        };
        let place = Place {
            endpoint,
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

    fn send(&self, call: &Call<'_>, way: &Way) -> Result<Opened, Error> {
        let request = self.request(call, way)?;
        let is_small = call.body.len() <= ANNOUNCED;
        let reply = call.reply.unwrap_or(self.settings.idle);
        let limits = Limits {
            idle: Some(self.settings.idle),
            reply: Some(reply),
            // The reply to an object or a part is next to nothing; all others have a limit in all.
            body: (!is_small).then_some(reply),
            total: call
                .total
                .or_else(|| (is_small && !call.streams).then(|| self.settings.idle.saturating_mul(IDLE_LIMITS))),
            ..Limits::default()
        };
        let sent = if matches!(call.method, Method::PUT | Method::POST) {
            self.agent.send(request.map(|()| call.body), limits)
        } else {
            self.agent.send(request, limits)
        };
        let doing = format!("{} at {}", call.doing, way.place.endpoint.as_str());
        let mut response = match sent {
            Ok(response) => response,
            Err(error) => return Err(Error::transport(doing, error)),
        };
        let status = response.status();
        log::debug!("{doing}: {}", status.as_u16());
        if status.is_success() {
            return Ok(Opened { doing, response });
        }
        match read_bounded(response.body_mut(), LONGEST_ERROR) {
            Ok(body) => {
                // Some stores quote the request that they refuse.
                let secrets = [
                    &way.credentials.secret_access_key,
                    way.credentials.session_token.as_deref().unwrap_or_default(),
                ];
                let body = snapline_failure::blot(&body, &secrets);
                let error = Error::reply(doing, status.as_u16(), &body, response.headers());
                Err(match self.settings.expected_bucket_owner {
                    Some(_) => error.or_of_another_owner(),
                    None => error,
                })
            }
            Err(error) => Err(Error::transport(doing, error)),
        }
    }

    /// The signed request. Signed for each try: a store refuses what is older than 15 minutes.
    fn request(&self, call: &Call<'_>, way: &Way) -> Result<Request<()>, Error> {
        let url = way.place.endpoint.url(call.bucket, call.key, call.query)?;
        let mut headers = call.headers.clone();
        if way.md5 && call.method == Method::PUT {
            headers.insert("content-md5", sign::content_md5(call.body)?);
        }
        if let Some(owner) = &self.settings.expected_bucket_owner {
            headers.insert(EXPECTED_BUCKET_OWNER, owner.clone());
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
        // Not signed, both: proxies may take them away or change them.
        if call.body.len() > ANNOUNCED && !way.unannounced {
            headers.insert(EXPECT, HeaderValue::from_static("100-continue"));
        }
        if call.streams {
            // An object comes as it was stored, or its length and its ETag would mean nothing.
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        }
        let mut request = Request::builder().method(call.method.clone()).uri(url.as_str());
        if let Some(map) = request.headers_mut() {
            *map = headers;
        }
        request
            .body(())
            .map_err(|error| Error::other(Kind::Config, call.doing.clone(), error.to_string()))
    }
}

/// `--no-verify-ssl` concerns the store: whoever issues credentials is still asked who it is, as by `aws`.
fn for_credentials(mut http: snapline_http::Settings) -> snapline_http::Settings {
    http.tls.skip_verify = false;
    http
}
