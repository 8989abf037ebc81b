//! The one way out.

use std::sync::OnceLock;
use std::time::Duration;

use http::header::HOST;
use http::{HeaderValue, Request, Response, StatusCode, Uri};
use ureq::config::Config;
use ureq::unversioned::transport::Connector as _;
use ureq::{AsSendBody, Body};

use crate::connector::{BeforeTheRequest, Dialer};
use crate::early::{EarlyReplies, reply_behind};
use crate::lookup::Lookup;
use crate::socket::{Nowhere, SocketConnector};
use crate::{Proxies, Socket, Tls, TransportError, body, proxy, tunnel};

/// How long a request waits to be asked for its body where nobody says: the default of curl and of ureq.
const GO_AHEAD: Duration = Duration::from_secs(1);

/// What holds for every request of a program.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Sent as `User-Agent`, for example `s3-put/0.1.0`.
    pub user_agent: String,
    /// Whom to trust, and who we are.
    pub tls: Tls,
    /// Through which proxies.
    pub proxies: Proxies,
    /// How long a connection may take, TLS included; and how long the lookup of the host's name before it.
    pub connect: Duration,
    /// How many connections to one host are kept for the next request.
    pub connections: usize,
}

/// How long one request may take. A limit that is absent is off.
#[derive(Debug, Clone, Copy, Default)]
pub struct Limits {
    /// Without a byte read or written.
    pub idle: Option<Duration>,
    /// How long a request with `Expect: 100-continue` waits for the server to ask for its body, before it sends the body
    /// unasked. Absent means 1 s.
    pub go_ahead: Option<Duration>,
    /// From the request's last byte to the reply's header.
    pub reply: Option<Duration>,
    /// From the reply's header to the end of its body: only where that is small.
    pub body: Option<Duration>,
    /// For everything: only where the size is known.
    pub total: Option<Duration>,
}

/// Sends requests. Cheap to share between threads by reference.
#[derive(Debug)]
pub struct Agent {
    settings: Settings,
    plain: ureq::Agent,
    tls: OnceLock<ureq::Agent>,
}

impl Agent {
    /// An agent; it opens nothing yet.
    pub fn new(settings: Settings) -> Self {
        // This one never gets a URL that begins with https.
        let dialer = Dialer::new(&settings.tls, &settings.user_agent);
        let connector = BeforeTheRequest(dialer.chain(EarlyReplies));
        let plain = ureq::Agent::with_parts(config(&settings), connector, Lookup::default());
        Self {
            settings,
            plain,
            tls: OnceLock::new(),
        }
    }

    /// Sends `request` and returns the reply as soon as its header is there, whatever its status.
    ///
    /// # Errors
    /// If no reply came, or a proxy refused to pass the request on. Nothing is retried here.
    pub fn send(
        &self,
        mut request: Request<impl AsSendBody>,
        limits: Limits,
    ) -> Result<Response<Body>, TransportError> {
        let uri = request.uri().clone();
        name_host(&mut request);
        if let Some(socket) = request.extensions().get::<Socket>().cloned() {
            let connector = BeforeTheRequest(SocketConnector(socket).chain(EarlyReplies));
            let agent = ureq::Agent::with_parts(config(&self.settings), connector, Nowhere);
            return run(&agent, limit(&agent, request, limits, None));
        }
        let proxy = self.settings.proxies.choose(&uri);
        let agent = self.for_uri(&uri)?;
        let response = run(agent, limit(agent, request, limits, proxy.clone()))?;
        match proxy {
            // Only a proxy says this, and it has passed nothing on.
            Some(proxy) if response.status() == StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
                let page = body::read_some(&mut response.into_body());
                let target = uri.authority().map(ToString::to_string).unwrap_or_default();
                Err(tunnel::refused(&proxy, &target, 407, &page))
            }
            _ => Ok(response),
        }
    }

    /// The URL, without a password, of the proxy that forwards requests for `uri`, and so may answer them itself.
    pub fn forwarder(&self, uri: &Uri) -> Option<String> {
        let is_plain = uri.scheme_str() != Some("https");
        let proxy = self.settings.proxies.choose(uri).filter(|_| is_plain)?;
        Some(proxy::shown(&proxy))
    }

    fn for_uri(&self, uri: &Uri) -> Result<&ureq::Agent, TransportError> {
        if uri.scheme_str() != Some("https") {
            return Ok(&self.plain);
        }
        if let Some(agent) = self.tls.get() {
            return Ok(agent);
        }
        let dialer = Dialer::new(&self.settings.tls, &self.settings.user_agent);
        let connector = BeforeTheRequest(dialer.chain(self.settings.tls.connector()?).chain(EarlyReplies));
        Ok(self
            .tls
            .get_or_init(|| ureq::Agent::with_parts(config(&self.settings), connector, Lookup::default())))
    }
}

/// A dot at the end of a name is for the resolver alone; servers and proxies that choose by the name know it without.
fn name_host<T>(request: &mut Request<T>) {
    let Some((host, port)) = request.uri().authority().and_then(|authority| {
        let host = authority.host().strip_suffix('.')?;
        Some((host.to_owned(), authority.port_u16()))
    }) else {
        return;
    };
    let default = if request.uri().scheme_str() == Some("https") {
        443
    } else {
        80
    };
    let host = match port.filter(|port| *port != default) {
        Some(port) => format!("{host}:{port}"),
        None => host,
    };
    if let Ok(host) = HeaderValue::from_str(&host) {
        request.headers_mut().entry(HOST).or_insert(host);
    }
}

fn run(agent: &ureq::Agent, request: Request<impl AsSendBody>) -> Result<Response<Body>, TransportError> {
    Ok(agent.run(request).or_else(reply_behind)?)
}

/// The request with its limits.
fn limit<T: AsSendBody>(
    agent: &ureq::Agent,
    request: Request<T>,
    limits: Limits,
    proxy: Option<ureq::Proxy>,
) -> Request<T> {
    agent
        .configure_request(request)
        .proxy(proxy)
        .timeout_per_read(limits.reply.max(limits.idle))
        .timeout_per_write(limits.idle)
        .timeout_await_100(limits.go_ahead.or(Some(GO_AHEAD)))
        .timeout_recv_response(limits.reply)
        .timeout_recv_body(limits.body)
        .timeout_global(limits.total)
        .build()
}

fn config(settings: &Settings) -> Config {
    Config::builder()
        .http_status_as_error(false)
        // X-Vault-Token would go to any host: whoever may be followed is followed by hand.
        .max_redirects(0)
        .max_redirects_will_error(false)
        .user_agent(settings.user_agent.as_str())
        .proxy(None)
        .timeout_resolve(Some(settings.connect))
        .timeout_connect(Some(settings.connect))
        .max_idle_connections(settings.connections)
        .max_idle_connections_per_host(settings.connections)
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dot_at_the_end_of_a_name_stays_here() {
        for (uri, host) in [
            ("https://vault.example.com.:8200/v1/x", Some("vault.example.com:8200")),
            ("https://vault.example.com.:443/v1/x", Some("vault.example.com")),
            ("http://vault.example.com./v1/x", Some("vault.example.com")),
            ("http://vault.example.com/v1/x", None),
            ("http://127.0.0.1:8200/v1/x", None),
        ] {
            let mut request = Request::get(uri).body(()).unwrap();
            name_host(&mut request);
            let named = request.headers().get(HOST).map(|value| value.to_str().unwrap());
            assert_eq!(named, host, "{uri}");
        }
        let mut signed = Request::get("http://a./").header(HOST, "a.").body(()).unwrap();
        name_host(&mut signed);
        assert_eq!(signed.headers()[HOST], "a.");
    }
}
