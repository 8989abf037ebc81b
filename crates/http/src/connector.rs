//! Opens connections: to the server itself, or to a proxy.

use std::fmt;
use std::sync::OnceLock;

use ureq::unversioned::resolver::ResolvedSocketAddrs;
use ureq::unversioned::transport::{ConnectionDetails, Connector, Transport};
use ureq::{Error, Proxy, ProxyProtocol};

use crate::dial::dial;
use crate::forward::Forward;
use crate::stream::{Stream, limit};
use crate::tls::{TlsConnector, left};
use crate::tunnel::Tunnel;
use crate::{Tls, TransportError, proxy};

/// Goes first in a chain of connectors.
pub(crate) struct Dialer {
    /// For proxies that speak TLS.
    tls: Tls,
    /// Made of these when the first such proxy is met.
    connector: OnceLock<TlsConnector>,
    /// What proxies get to see.
    user_agent: String,
}

impl Dialer {
    /// `tls` is what holds for the servers. The name of a server and the client certificate are for those alone; a proxy's
    /// certificate may also come from an authority of the system.
    pub(crate) fn new(tls: &Tls, user_agent: &str) -> Self {
        Self {
            tls: Tls {
                roots: tls.roots.clone().and_system(),
                identity: None,
                server_name: None,
                skip_verify: tls.skip_verify,
            },
            connector: OnceLock::new(),
            user_agent: user_agent.to_owned(),
        }
    }

    fn through(&self, proxy: &Proxy, details: &ConnectionDetails<'_>) -> Result<Box<dyn Transport>, TransportError> {
        let addresses = details.resolver.resolve(proxy.uri(), details.config, left(details))?;
        let mut transport = stream(&addresses, details)?.boxed();
        if proxy.protocol() == ProxyProtocol::Https {
            transport = self.in_tls(transport, proxy, addresses, details)?;
        }
        Ok(transport)
    }

    fn in_tls(
        &self,
        transport: Box<dyn Transport>,
        proxy: &Proxy,
        addrs: ResolvedSocketAddrs,
        details: &ConnectionDetails<'_>,
    ) -> Result<Box<dyn Transport>, TransportError> {
        let connector = match self.connector.get() {
            Some(connector) => connector,
            None => {
                let connector = self.tls.connector()?;
                self.connector.get_or_init(|| connector)
            }
        };
        let details = ConnectionDetails {
            uri: proxy.uri(),
            addrs,
            // Nothing lies between us and the proxy.
            config: &ureq::Agent::config_builder().proxy(None).build(),
            request_level: details.request_level,
            resolver: details.resolver,
            now: details.now,
            timeout: details.timeout,
            current_time: details.current_time.clone(),
            run_connector: details.run_connector.clone(),
            register_shutdown: details.register_shutdown.clone(),
        };
        match connector.connect(&details, Some(transport))? {
            Some(transport) => Ok(transport.boxed()),
            None => Err(TransportError::unsent("no connection")),
        }
    }
}

impl Connector<()> for Dialer {
    type Out = Box<dyn Transport>;

    fn connect(&self, details: &ConnectionDetails<'_>, _: Option<()>) -> Result<Option<Self::Out>, Error> {
        let Some(proxy) = details.config.proxy() else {
            return Ok(Some(stream(&details.addrs, details).map_err(passed_on)?.boxed()));
        };
        let transport = self.through(proxy, details).map_err(|error| {
            let place = format!("connect to the proxy '{}'", proxy::shown(proxy));
            passed_on(error.before_the_request().at(&place))
        })?;
        if !details.needs_tls() {
            return Ok(Some(Forward::new(transport, proxy, details.uri).boxed()));
        }
        let tunnel = Tunnel::open(transport, proxy, details, &self.user_agent).map_err(passed_on)?;
        Ok(Some(tunnel.boxed()))
    }
}

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialer").finish_non_exhaustive()
    }
}

fn stream(addresses: &ResolvedSocketAddrs, details: &ConnectionDetails<'_>) -> Result<Stream, TransportError> {
    let socket = dial(addresses, limit(&left(details)))?;
    Ok(Stream::new(socket.into(), details)?)
}

/// Through ureq and out again.
fn passed_on(error: TransportError) -> Error {
    Error::Other(Box::new(error))
}

/// A whole chain of connectors: whatever fails in it, nothing of the request has left.
#[derive(Debug)]
pub(crate) struct BeforeTheRequest<C>(pub(crate) C);

impl<C: Connector<()>> Connector<()> for BeforeTheRequest<C> {
    type Out = C::Out;

    fn connect(&self, details: &ConnectionDetails<'_>, chained: Option<()>) -> Result<Option<Self::Out>, Error> {
        let connected = self.0.connect(details, chained);
        connected.map_err(|error| match error {
            Error::Timeout(_) => passed_on(TransportError::unsent("no connection in time")),
            error => passed_on(TransportError::from(error).before_the_request()),
        })
    }
}
