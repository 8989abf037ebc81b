//! The one way out.

use std::sync::OnceLock;
use std::time::Duration;

use http::{Request, Response, Uri};
use ureq::config::Config;
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{ConnectProxyConnector, Connector as _, TcpConnector};
use ureq::{AsSendBody, Body};

use crate::early::{EarlyReplies, reply_behind};
use crate::socket::{Nowhere, SocketConnector};
use crate::{Proxies, Socket, Tls, TransportError};

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
    /// How long a connection may take, TLS included.
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
        let connector = ().chain(ConnectProxyConnector::default()).chain(TcpConnector::default()).chain(EarlyReplies);
        let plain = ureq::Agent::with_parts(config(&settings), connector, DefaultResolver::default());
        Self {
            settings,
            plain,
            tls: OnceLock::new(),
        }
    }

    /// Sends `request` and returns the reply as soon as its header is there, whatever its status.
    ///
    /// # Errors
    /// If no reply came. Nothing is retried here.
    pub fn send(&self, request: Request<impl AsSendBody>, limits: Limits) -> Result<Response<Body>, TransportError> {
        let uri = request.uri().clone();
        if let Some(socket) = request.extensions().get::<Socket>().cloned() {
            let connector = SocketConnector(socket).chain(EarlyReplies);
            let agent = ureq::Agent::with_parts(config(&self.settings), connector, Nowhere);
            return run(&agent, limit(&agent, request, limits, None));
        }
        let proxy = self.settings.proxies.choose(&uri);
        let agent = self.for_uri(&uri, proxy.as_ref())?;
        run(agent, limit(agent, request, limits, proxy))
    }

    fn for_uri(&self, uri: &Uri, proxy: Option<&ureq::Proxy>) -> Result<&ureq::Agent, TransportError> {
        let is_tls_to_proxy = proxy.is_some_and(|proxy| proxy.protocol() == ureq::ProxyProtocol::Https);
        if uri.scheme_str() != Some("https") && !is_tls_to_proxy {
            return Ok(&self.plain);
        }
        if let Some(agent) = self.tls.get() {
            return Ok(agent);
        }
        let connector =
            ().chain(ConnectProxyConnector::default())
                .chain(TcpConnector::default())
                .chain(self.settings.tls.connector()?)
                .chain(EarlyReplies);
        Ok(self
            .tls
            .get_or_init(|| ureq::Agent::with_parts(config(&self.settings), connector, DefaultResolver::default())))
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
        .timeout_connect(Some(settings.connect))
        .max_idle_connections(settings.connections)
        .max_idle_connections_per_host(settings.connections)
        .build()
}
