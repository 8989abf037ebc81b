//! HTTP as snapline needs it, under the Vault and the S3 client.
//!
//! A status is never an error, no redirect is followed, nothing is decoded on the way, every wait has a limit. What failed is
//! told by [`TransportError`]; what it means to a user by [`Kind`].

mod agent;
mod backoff;
mod body;
mod connector;
mod deadline;
mod dial;
mod early;
mod forward;
mod interim;
mod lookup;
mod pem;
mod proxy;
mod roots;
mod search;
mod socket;
mod stream;
mod tls;
mod transport;
mod tunnel;

pub use agent::{Agent, Limits, Settings};
pub use backoff::{Backoff, date, retry_after};
pub use body::{Framing, demands_tls, framing, read_bounded, read_until};
pub use proxy::Proxies;
pub use roots::{Certificate, Roots};
pub use snapline_failure::{Fail, Kind};
pub use socket::Socket;
pub use tls::{Identity, Tls, TlsFailure};
pub use transport::{Phase, TransportError};

/// An environment: how settings read variables, so that tests can hand one in. Deeper code never reads the process's own.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<std::ffi::OsString>;
