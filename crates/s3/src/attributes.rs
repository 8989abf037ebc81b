//! What a store says about an object beside its content.

use http::HeaderMap;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG};

/// The metadata that tells our object from anybody else's.
pub(crate) const ID: &str = "x-amz-meta-snapline-id";
/// The Raft index of the snapshot.
pub(crate) const INDEX: &str = "x-amz-meta-snapline-index";
/// The Raft term of the snapshot.
pub(crate) const TERM: &str = "x-amz-meta-snapline-term";

const VERSION: &str = "x-amz-version-id";

/// The media type under which s3-put stores what is not the snapshot itself.
const FILTERED: &str = "application/octet-stream";

/// What the headers of a HEAD or GET response say about an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attributes {
    /// Bytes.
    pub size: u64,
    /// The entity tag; no hash of anything in general.
    pub etag: Option<String>,
    /// The media type it was stored with.
    pub content_type: Option<String>,
    /// [`Identity::id`](crate::Identity::id), if s3-put stored the object.
    pub id: Option<String>,
    /// The Raft index of the snapshot, if s3-put stored it and verified the content.
    pub index: Option<u64>,
    /// The Raft term of the snapshot, likewise.
    pub term: Option<u64>,
    /// The store's name for this version, in a bucket with versions.
    pub version: Option<String>,
}

impl Attributes {
    /// The attributes in the headers of a response; nothing without `Content-Length`.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let text = |name: &str| Some(headers.get(name)?.to_str().ok()?.to_owned());
        let number = |name: &str| text(name)?.trim().parse().ok();
        Some(Self {
            size: number(CONTENT_LENGTH.as_str())?,
            etag: text(ETAG.as_str()),
            content_type: text(CONTENT_TYPE.as_str()),
            id: text(ID),
            index: number(INDEX),
            term: number(TERM),
            version: version(headers),
        })
    }

    /// Whether s3-put stored something else than a plain archive: what a filter made of it, or anything with `--raw`.
    pub fn is_filtered(&self) -> bool {
        self.id.is_some() && self.content_type.as_deref() == Some(FILTERED)
    }
}

/// The version that a response speaks of (docs.aws.amazon.com/AmazonS3/latest/userguide/Versioning.html). `null` names whatever was
/// stored without versions, so it tells nothing.
pub(crate) fn version(headers: &HeaderMap) -> Option<String> {
    let version = headers.get(VERSION)?.to_str().ok()?;
    (!matches!(version, "" | "null")).then(|| version.to_owned())
}

/// An entity tag without the mark of a weak one. A proxy that compresses marks what passes (RFC 9110, 8.8.1), but neither a
/// completion nor `If-Match` takes it so (github.com/minio/minio/issues/6025).
pub(crate) fn strong(etag: &str) -> &str {
    etag.strip_prefix("W/").unwrap_or(etag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(headers: &[(&'static str, &'static str)]) -> Option<Attributes> {
        let headers = headers.iter().map(|(name, value)| {
            (
                http::HeaderName::from_static(name),
                http::HeaderValue::from_static(value),
            )
        });
        Attributes::of(&headers.collect())
    }

    #[test]
    fn metadata_of_s3_put_is_read_back() {
        let attributes = of(&[
            ("content-length", "7"),
            ("etag", "\"e\""),
            ("content-type", "application/gzip"),
            ("x-amz-meta-snapline-id", "i"),
            ("x-amz-meta-snapline-index", "592"),
            ("x-amz-meta-snapline-term", "3"),
            ("x-amz-version-id", "v1"),
        ])
        .unwrap();
        assert_eq!(attributes.version.as_deref(), Some("v1"));
        assert_eq!(
            (attributes.size, attributes.index, attributes.term),
            (7, Some(592), Some(3))
        );
        assert_eq!(attributes.etag.as_deref(), Some("\"e\""));
        assert_eq!(attributes.content_type.as_deref(), Some("application/gzip"));
        assert_eq!(attributes.id.as_deref(), Some("i"));
    }

    #[test]
    fn metadata_that_is_no_number_is_passed_over_but_a_length_is_required() {
        let attributes = of(&[("content-length", "0"), ("x-amz-meta-snapline-index", "many")]).unwrap();
        assert_eq!((attributes.index, attributes.etag), (None, None));
        for none in ["", "null"] {
            let attributes = of(&[("content-length", "0"), ("x-amz-version-id", none)]).unwrap();
            assert_eq!(attributes.version, None);
        }
        assert_eq!(of(&[("etag", "\"e\"")]), None);
        assert_eq!(of(&[("content-length", "-1")]), None);
    }

    #[test]
    fn only_what_s3_put_stored_as_something_else_is_filtered() {
        let is_filtered = |content_type, id: &[(&'static str, &'static str)]| {
            let headers = [&[("content-length", "7"), ("content-type", content_type)], id].concat();
            of(&headers).unwrap().is_filtered()
        };
        let ours = &[("x-amz-meta-snapline-id", "i")];
        assert!(is_filtered("application/octet-stream", ours));
        assert!(!is_filtered("application/gzip", ours));
        // Many clients store everything under that type.
        assert!(!is_filtered("application/octet-stream", &[]));
    }
}
