//! A request that a proxy forwards: plain HTTP, whose request line has the whole URL (RFC 9112, 3.2.2).

use http::Uri;
use ureq::unversioned::transport::{Buffers, NextTimeout, Transport};
use ureq::{Error, Proxy};

use crate::tunnel::{credentials, transmit};

/// A connection to a proxy, for one request.
#[derive(Debug)]
pub(crate) struct Forward {
    transport: Box<dyn Transport>,
    /// What is put before the path; absent once it has been sent.
    origin: Option<String>,
    /// Header lines for the proxy.
    lines: String,
}

impl Forward {
    /// The request for `uri` is sent to `proxy` over `transport`.
    pub(crate) fn new(transport: Box<dyn Transport>, proxy: &Proxy, uri: &Uri) -> Self {
        let authority = uri.authority().map(http::uri::Authority::as_str).unwrap_or_default();
        Self {
            transport,
            origin: Some(format!("http://{authority}")),
            lines: credentials(proxy).unwrap_or_default(),
        }
    }
}

impl Transport for Forward {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.transport.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let Some(origin) = self.origin.take() else {
            return self.transport.transmit_output(amount, timeout);
        };
        // ureq writes whole lines, the request line first.
        let head = self.transport.buffers().output()[..amount].to_vec();
        let path = head.iter().position(|byte| *byte == b' ').map_or(0, |space| space + 1);
        let lines = head
            .iter()
            .position(|byte| *byte == b'\n')
            .map_or(amount, |end| end + 1);
        let (start, rest) = (&head[path..lines], &head[lines..]);
        let whole = [&head[..path], origin.as_bytes(), start, self.lines.as_bytes(), rest].concat();
        transmit(&mut *self.transport, &whole, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.transport.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        // The next request may be for another server: its request line would not be rewritten.
        false
    }
}
