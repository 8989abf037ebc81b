//! Responses that come before the request's body was sent, or while it is being sent.
//!
//! While ureq waits for `100 Continue` and finds another response, it hands that on without consuming a byte. On a fresh
//! connection it then takes the bytes in its buffer for input that it could make nothing of, and waits for more until the
//! limit: a refusal becomes an outage (seen with ureq 3.5.2 and MinIO). Here, what is in the buffer is offered once more
//! before anything is waited for.
//!
//! A server that refuses in the middle of a body responds and closes. ureq then reports that the connection broke, and drops
//! the response that says why. Here, it is read before the failure is passed on.
//!
//! Interim responses are taken out before ureq sees them, but for a request for the body.

use std::fmt;
use std::time::Instant;

use ureq::http::Response;
use ureq::unversioned::transport::time::Duration;
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, Transport};
use ureq::{Body, Error, Timeout};

use crate::interim::{self, Next};
use crate::socket::Nowhere;
use crate::{TransportError, deadline, stream};

/// How long the response of a server that takes no more of a body may still be on its way.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Goes last in a chain of connectors.
#[derive(Debug, Default)]
pub(crate) struct EarlyReplies;

impl<In: Transport> Connector<In> for EarlyReplies {
    type Out = Offering<In>;

    fn connect(&self, _details: &ConnectionDetails, chained: Option<In>) -> Result<Option<Self::Out>, Error> {
        Ok(chained.map(|inner| Offering {
            inner,
            offered: 0,
            has_begun: false,
            is_answered: false,
        }))
    }
}

/// A connection that offers its input twice, and listens once more when it cannot write.
#[derive(Debug)]
pub(crate) struct Offering<T> {
    inner: T,
    /// How many bytes were in the buffer when it was last offered again.
    offered: usize,
    /// Whether something of a request has left.
    has_begun: bool,
    /// Whether the response that counts has begun.
    is_answered: bool,
}

impl<T: Transport> Offering<T> {
    /// What the server sent before it stopped taking the request.
    fn last_words(&mut self) -> Vec<u8> {
        let timeout = NextTimeout {
            after: LAST_WORDS,
            reason: Timeout::RecvResponse,
            ..NextTimeout::default()
        };
        // Until it closes, fails, or has filled the buffer.
        while matches!(self.inner.await_input(timeout), Ok(true)) {}
        self.inner.buffers().input().to_vec()
    }

    /// Waits for the response, and takes the interim ones out of what comes.
    fn await_response(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let start = Instant::now();
        loop {
            let mut left = timeout;
            if let Some(limit) = stream::limit(&timeout) {
                left.after = Duration::Exact(limit.saturating_sub(start.elapsed()));
            }
            let made_progress = self.inner.await_input(left)?;
            if self.skip_interim() || !made_progress {
                return Ok(made_progress);
            }
        }
    }

    /// Whether there is something for ureq in the buffer now.
    fn skip_interim(&mut self) -> bool {
        let buffers = self.inner.buffers();
        let held = buffers.input().len();
        let (rest, asked) = interim::skipped(buffers.input());
        let next = interim::next(rest);
        self.is_answered = next == Next::Final;
        if rest.len() < held {
            let kept = if asked {
                [interim::CONTINUE, rest].concat()
            } else {
                rest.to_vec()
            };
            buffers.input_consume(held);
            // No longer than what was there, but for a server that ends its lines with a line feed alone.
            let room = buffers.input_append_buf();
            let length = kept.len().min(room.len());
            room[..length].copy_from_slice(&kept[..length]);
            buffers.input_appended(length);
        }
        self.is_answered || asked
    }
}

impl<T: Transport> Transport for Offering<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        // Another request, another response.
        self.offered = 0;
        self.is_answered = false;
        if !self.has_begun && stream::limit(&timeout).is_some_and(|left| left.is_zero()) {
            // The connection took all the time that there was.
            return Err(Error::Other(Box::new(TransportError::unsent("no connection in time"))));
        }
        match self.inner.transmit_output(amount, timeout) {
            Err(cause) if self.has_begun => Err(Error::Other(Box::new(Interrupted {
                reply: self.last_words(),
                cause,
            }))),
            result => {
                self.has_begun |= result.is_ok();
                result
            }
        }
    }

    /// Called only when ureq can make nothing of what is in the buffer, or takes that to be so.
    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let held = self.inner.buffers().input().len();
        if held > 0 && held != self.offered {
            self.offered = held;
            return Ok(true);
        }
        let timeout = deadline::shortened(timeout);
        if self.is_answered {
            self.inner.await_input(timeout)
        } else {
            self.await_response(timeout)
        }
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}

/// A request that could not be sent to its end.
#[derive(Debug)]
struct Interrupted {
    /// What the server had sent by then.
    reply: Vec<u8>,
    /// Why the rest could not be sent.
    cause: Error,
}

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}

impl std::error::Error for Interrupted {}

/// The response that came in place of the failure `error`.
///
/// # Errors
/// `error` itself, where no response came.
pub(crate) fn reply_behind(error: Error) -> Result<Response<Body>, Error> {
    let Error::Other(other) = error else {
        return Err(error);
    };
    let interrupted = other.downcast::<Interrupted>().map_err(Error::Other)?;
    let Interrupted { reply, cause } = *interrupted;
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .build();
    let agent = ureq::Agent::with_parts(config, Recording(interim::skipped(&reply).0.to_vec()), Nowhere);
    agent.get("http://recorded/").call().map_err(|_| cause)
}

/// Makes connections to bytes that have come already.
#[derive(Debug)]
struct Recording(Vec<u8>);

impl Connector for Recording {
    type Out = Recorded;

    fn connect(&self, _details: &ConnectionDetails<'_>, _: Option<()>) -> Result<Option<Self::Out>, Error> {
        let mut buffers = LazyBuffers::new(self.0.len().max(1), 8 * 1024);
        buffers.input_append_buf()[..self.0.len()].copy_from_slice(&self.0);
        buffers.input_appended(self.0.len());
        Ok(Some(Recorded {
            buffers,
            is_fresh: true,
        }))
    }
}

/// A connection that takes anything and has said everything.
#[derive(Debug)]
struct Recorded {
    buffers: LazyBuffers,
    is_fresh: bool,
}

impl Transport for Recorded {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, _: usize, _: NextTimeout) -> Result<(), Error> {
        Ok(())
    }

    fn await_input(&mut self, _: NextTimeout) -> Result<bool, Error> {
        // The buffer is full from the beginning; after that, the connection has ended.
        Ok(std::mem::take(&mut self.is_fresh))
    }

    fn is_open(&mut self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interrupted(reply: &str) -> Error {
        Error::Other(Box::new(Interrupted {
            reply: reply.as_bytes().to_vec(),
            cause: Error::HostNotFound,
        }))
    }

    #[test]
    fn a_response_behind_a_broken_upload_is_read_whole() {
        let replies = [
            "HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\n\r\nno!\n",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\n\r\nno!\n",
            "HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nno!\n\r\n0\r\n\r\n",
            "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\n\r\nno!\n",
            "HTTP/1.0 403 Forbidden\r\n\r\nno!\n",
        ];
        for reply in replies {
            let mut response = reply_behind(interrupted(reply)).unwrap();
            assert_eq!(response.status(), 403, "{reply}");
            assert_eq!(response.body_mut().read_to_string().unwrap(), "no!\n", "{reply}");
        }
    }

    #[test]
    fn a_redirect_behind_a_broken_upload_is_a_response_like_any() {
        let reply = "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://b/\r\nContent-Length: 0\r\n\r\n";
        let response = reply_behind(interrupted(reply)).unwrap();
        assert_eq!(
            (response.status().as_u16(), &response.headers()["location"]),
            (307, &"http://b/".parse().unwrap())
        );
    }

    #[test]
    fn without_a_response_the_failure_stays_what_it_was() {
        for reply in [
            "",
            "HTTP/1.1 100 Continue\r\n\r\n",
            "HTTP/1.1 403 Forb",
            "220 smtp ready\r\n",
        ] {
            let error = reply_behind(interrupted(reply)).unwrap_err();
            assert!(matches!(error, Error::HostNotFound), "{reply}: {error}");
        }
        assert!(matches!(reply_behind(Error::BodyStalled), Err(Error::BodyStalled)));
    }
}
