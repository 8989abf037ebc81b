//! What is asked of the store, before it is signed, and what comes back.

use std::time::Duration;

use http::{HeaderMap, Method};
use snapline_series::ObjectUri;

use crate::sign::PayloadHash;

/// A request, not yet signed.
pub(crate) struct Call<'a> {
    /// `store 's3://bucket/key'`, for messages.
    pub(crate) doing: String,
    pub(crate) method: Method,
    pub(crate) bucket: &'a str,
    /// Empty for the bucket itself.
    pub(crate) key: &'a str,
    pub(crate) query: &'a [(&'a str, &'a str)],
    pub(crate) headers: HeaderMap,
    pub(crate) body: &'a [u8],
    pub(crate) hash: PayloadHash,
    /// How long the reply may take, where that is not the idle limit.
    pub(crate) reply: Option<Duration>,
    /// A bound for everything, where there is one.
    pub(crate) total: Option<Duration>,
    /// The body of a success may be large: only silence ends it.
    pub(crate) streams: bool,
}

impl<'a> Call<'a> {
    /// A call without body.
    pub(crate) fn new(doing: String, method: Method, object: &'a ObjectUri) -> Self {
        Self {
            doing,
            method,
            bucket: &object.bucket,
            key: &object.key,
            query: &[],
            headers: HeaderMap::new(),
            body: &[],
            hash: PayloadHash::of(b""),
            reply: None,
            total: None,
            streams: false,
        }
    }
}

/// A reply that is a success.
pub(crate) struct Reply {
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}
