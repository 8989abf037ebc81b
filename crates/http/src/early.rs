//! Replies that come before the body was sent.
//!
//! ureq looks for `100 Continue`, finds another reply, and hands that on without consuming a byte. On a fresh connection it then
//! takes the bytes in its buffer for those that it could make nothing of, and waits for more until the limit: a refusal becomes
//! an outage (seen with ureq 3.5.2 and MinIO). Here, what is in the buffer is offered once more before anything is waited for.

use ureq::Error;
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};

/// Goes last in a chain of connectors.
#[derive(Debug, Default)]
pub(crate) struct EarlyReplies;

impl<In: Transport> Connector<In> for EarlyReplies {
    type Out = Offering<In>;

    fn connect(&self, _details: &ConnectionDetails, chained: Option<In>) -> Result<Option<Self::Out>, Error> {
        Ok(chained.map(|inner| Offering { inner, offered: 0 }))
    }
}

/// A connection that offers its input twice.
#[derive(Debug)]
pub(crate) struct Offering<T> {
    inner: T,
    /// How many bytes were in the buffer when it was last offered again.
    offered: usize,
}

impl<T: Transport> Transport for Offering<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        // Another request, another reply.
        self.offered = 0;
        self.inner.transmit_output(amount, timeout)
    }

    /// Called only when ureq can make nothing of what is in the buffer, or takes that to be so.
    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let held = self.inner.buffers().input().len();
        if held > 0 && held != self.offered {
            self.offered = held;
            return Ok(true);
        }
        self.inner.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}
