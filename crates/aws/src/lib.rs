//! AWS as snapline needs it: where credentials come from, in the order of AWS's own tools, and signed calls of STS.
//!
//! [`Profiles`] reads the shared files, [`Chain`] decides which source it is without a word on the network, [`Provider`] gets
//! the credentials from there and keeps them fresh. Requests to S3 are not signed here but in `snapline-s3`, with rust-s3.
//!
//! The order and the names are those of docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html.

mod caller;
mod chain;
mod container;
mod credentials;
mod endpoint;
mod error;
mod ini;
mod instance;
mod legacy_files;
mod profile;
mod provider;
mod sigv4;
mod source;
mod sts;
mod transport;
mod variable;
mod variant;
mod web_identity;

pub use caller::{SERVER_ID_HEADER, SignedRequest, caller_identity};
pub use chain::Chain;
pub use credentials::Credentials;
pub use endpoint::{dns_suffix, endpoint_url};
pub use error::Error;
pub use profile::Profiles;
pub use provider::Provider;
pub use variant::Variant;
