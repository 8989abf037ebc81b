//! A way through a proxy, by CONNECT (RFC 9110, 9.3.6).

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use snapline_failure::one_line;
use ureq::unversioned::transport::time::Duration;
use ureq::unversioned::transport::{Buffers, ConnectionDetails, NextTimeout, Transport};
use ureq::{Error, Proxy};

use crate::tls::left;
use crate::{Kind, TransportError, proxy};

/// A response of a proxy has no more header lines than this.
const MOST_LINES: usize = 64;

/// More of a proxy's page, in bytes and in characters, helps nobody.
const LONGEST_PAGE: usize = 4096;
const LONGEST_WORDS: usize = 200;

/// A connection to a server through a proxy. Whether there is TLS to the proxy does not matter any more.
#[derive(Debug)]
pub(crate) struct Tunnel(Box<dyn Transport>);

impl Tunnel {
    /// Asks the proxy behind `transport` for a connection to the server of `details`.
    ///
    /// # Errors
    /// [`Kind::Refused`] if the proxy wants to know who asks, [`Kind::Unavailable`] if it makes no connection: the message names it and
    /// has its words.
    pub(crate) fn open(
        mut transport: Box<dyn Transport>,
        proxy: &Proxy,
        details: &ConnectionDetails<'_>,
        user_agent: &str,
    ) -> Result<Self, TransportError> {
        let target = format!(
            "{}:{}",
            details.uri.host().unwrap_or_default(),
            details.uri.port_u16().unwrap_or(443)
        );
        let mut head = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nUser-Agent: {user_agent}\r\n");
        if let Some(credentials) = credentials(proxy) {
            head.push_str(&credentials);
        }
        head.push_str("\r\n");
        let lost = |error: Error| {
            let place = format!("ask the proxy '{}' for a connection to '{target}'", proxy::shown(proxy));
            let error = match error {
                Error::Timeout(_) => TransportError::unsent("no response in time"),
                error => TransportError::from(error).before_the_request(),
            };
            error.at(&place)
        };
        transmit(&mut *transport, head.as_bytes(), left(details)).map_err(lost)?;
        loop {
            let more = transport.await_input(left(details)).map_err(lost)?;
            let broken = match Head::read(transport.buffers().input()) {
                Ok(Some(head)) if (200..300).contains(&head.status) => {
                    transport.buffers().input_consume(head.length);
                    return Ok(Self(transport));
                }
                Ok(Some(head)) => {
                    let page = read_page(&mut *transport, &head, left(details));
                    return Err(refused(proxy, &target, head.status, &page));
                }
                Ok(None) if more => continue,
                Ok(None) => "it closes the connection without a response",
                Err(()) => "its response is no proper HTTP",
            };
            return Err(lost(passed_on(TransportError::unsent(broken))));
        }
    }
}

/// The head of a proxy's response.
struct Head {
    status: u16,
    /// In bytes, the empty line included.
    length: usize,
    /// Of the page behind it, where it says so.
    page: Option<usize>,
}

impl Head {
    /// The head that `input` begins with; absent while it is not complete.
    fn read(input: &[u8]) -> Result<Option<Self>, ()> {
        let mut lines = [httparse::EMPTY_HEADER; MOST_LINES];
        let mut response = httparse::Response::new(&mut lines);
        let httparse::Status::Complete(length) = response.parse(input).map_err(|_| ())? else {
            return Ok(None);
        };
        let status = response.code.ok_or(())?;
        let page = lines
            .iter()
            .find(|line| line.name.eq_ignore_ascii_case("content-length"))
            .and_then(|line| std::str::from_utf8(line.value).ok()?.trim().parse().ok());
        Ok(Some(Self { status, length, page }))
    }
}

fn passed_on(error: TransportError) -> Error {
    Error::Other(Box::new(error))
}

/// Sends `bytes`, in as many pieces as the buffer needs.
pub(crate) fn transmit(transport: &mut dyn Transport, bytes: &[u8], timeout: NextTimeout) -> Result<(), Error> {
    let mut rest = bytes;
    while !rest.is_empty() {
        let room = transport.buffers().output();
        let length = rest.len().min(room.len());
        room[..length].copy_from_slice(&rest[..length]);
        transport.transmit_output(length, timeout)?;
        rest = &rest[length..];
    }
    Ok(())
}

/// A header line with the name and the password in the proxy's URL.
pub(crate) fn credentials(proxy: &Proxy) -> Option<String> {
    if proxy.username().is_none() && proxy.password().is_none() {
        return None;
    }
    let pair = format!(
        "{}:{}",
        proxy.username().unwrap_or_default(),
        proxy.password().unwrap_or_default()
    );
    // "Basic" as RFC 7617 writes it: some proxies know no other spelling.
    Some(format!(
        "Proxy-Authorization: Basic {}\r\n",
        BASE64_STANDARD.encode(pair)
    ))
}

/// What the proxy says beside the status: what has come, and what comes within two seconds more.
fn read_page(transport: &mut dyn Transport, head: &Head, limit: NextTimeout) -> String {
    let most = head.page.unwrap_or(LONGEST_PAGE).min(LONGEST_PAGE);
    let patience = NextTimeout {
        after: limit.after.min(Duration::from_secs(2)),
        ..limit
    };
    loop {
        let page = &transport.buffers().input()[head.length..];
        let page = page[..page.len().min(most)].to_vec();
        if page.len() == most || !matches!(transport.await_input(patience), Ok(true)) {
            return String::from_utf8_lossy(&page).into_owned();
        }
    }
}

/// The proxy answered `status` and a `page` to a request for `target`.
pub(crate) fn refused(proxy: &Proxy, target: &str, status: u16, page: &str) -> TransportError {
    let reason = http::StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason());
    let mut message = format!(
        "the proxy '{}' refuses '{target}': status {status}",
        proxy::shown(proxy)
    );
    for (sign, more) in [
        (" ", reason.unwrap_or_default()),
        (": ", &one_line(page, LONGEST_WORDS)),
    ] {
        if !more.is_empty() {
            message.push_str(sign);
            message.push_str(more);
        }
    }
    match (status, credentials(proxy)) {
        (407, None) => TransportError::new(Kind::Refused, message)
            .advise("the proxy wants a user name and a password: put them into its URL, as in http://name:password@proxy:3128"),
        (407, Some(_)) => TransportError::new(Kind::Refused, message)
            .advise("are the user name and the password in the proxy's URL right, and percent-encoded where they have special characters?"),
        _ => TransportError::unsent(message).advise("is this server meant to be reached through a proxy?"),
    }
}

impl Transport for Tunnel {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.0.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.0.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.0.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.0.is_open()
    }
}
