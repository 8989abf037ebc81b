//! S3 as snapline needs it: store one object so that it appears whole or not at all; read one whole; look, list, delete.
//!
//! `snapline-aws` finds the credentials; rust-s3 computes the signatures and knows the replies; `snapline-http` sends. rust-s3's own transport is not used: it
//! follows redirects with credentials, hides early refusals and takes a cut body for a whole one.

#[cfg(test)]
extern crate self as snapline_s3;

mod args;
mod attempts;
mod attributes;
mod call;
mod client;
mod commit;
mod content_range;
mod download;
mod endpoint;
mod error;
mod error_document;
mod list;
mod multipart;
mod object;
mod options;
mod page;
mod settings;
mod sign;
mod trust;
mod uploads;
mod xml;

pub use attributes::Attributes;
pub use client::Client;
pub use download::Download;
pub use endpoint::{AddressingStyle, Endpoint};
pub use error::Error;
pub use list::Entry;
pub use multipart::{Part, Upload};
pub use object::{Confirmation, Description, Existing, Guard, Identity};
pub use options::{ObjectFlags, ObjectOptions};
pub use settings::{Flags, Settings};
pub use sign::PayloadHash;
pub use snapline_http::Environment;
pub use uploads::InProgress;
