//! The one way out.

use std::sync::OnceLock;
use std::time::Duration;

use http::{Request, Response, Uri};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{AsSendBody, Body};

use crate::{Proxies, Roots, TransportError};

/// What holds for every request of a program.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Sent as `User-Agent`, for example `s3-put/0.1.0`.
    pub user_agent: String,
    /// Whom to trust.
    pub roots: Roots,
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
    /// From the request's last byte to the reply's header.
    pub reply: Option<Duration>,
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
        // Trust roots are set for the other agent only; this one never sees an https URL.
        let plain = agent(&settings, RootCerts::Specific(std::sync::Arc::default()));
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
        let agent = self.for_uri(&uri)?;
        let request = agent
            .configure_request(request)
            .proxy(self.settings.proxies.choose(&uri))
            .timeout_per_read(limits.reply.max(limits.idle))
            .timeout_per_write(limits.idle)
            .timeout_recv_response(limits.reply)
            .timeout_global(limits.total)
            .build();
        Ok(agent.run(request)?)
    }

    fn for_uri(&self, uri: &Uri) -> Result<&ureq::Agent, TransportError> {
        if uri.scheme_str() != Some("https") {
            return Ok(&self.plain);
        }
        if let Some(agent) = self.tls.get() {
            return Ok(agent);
        }
        let roots = self.settings.roots.load()?;
        Ok(self.tls.get_or_init(|| agent(&self.settings, roots)))
    }
}

fn agent(settings: &Settings, roots: RootCerts) -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        // X-Vault-Token would go to any host: whoever may be followed is followed by hand.
        .max_redirects(0)
        .max_redirects_will_error(false)
        .user_agent(settings.user_agent.as_str())
        .tls_config(TlsConfig::builder().root_certs(roots).build())
        .proxy(None)
        .timeout_connect(Some(settings.connect))
        .max_idle_connections(settings.connections)
        .max_idle_connections_per_host(settings.connections)
        .build()
        .new_agent()
}
