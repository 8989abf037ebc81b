//! Uploads under way: who else is uploading, and what was left behind.

use std::ops::ControlFlow;
use std::time::Duration;

use http::Method;
use snapline_http::Kind;
use snapline_series::ObjectUri;
use time::OffsetDateTime;

use crate::call::Call;
use crate::client::Client;
use crate::page::{decode, time};
use crate::{Error, xml};

/// Nobody depends on the answer enough to wait longer for it.
const LIMIT: Duration = Duration::from_secs(10);

/// An upload that is neither completed nor aborted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InProgress {
    /// The key that it is to become.
    pub key: String,
    /// The store's name for it.
    pub id: String,
    /// When it was begun by the store's clock, mostly in whole seconds; nothing if the store does not say.
    pub initiated: Option<OffsetDateTime>,
}

/// One page.
#[derive(Default)]
struct Page {
    uploads: Vec<InProgress>,
    next: Option<Marker>,
}

/// A page as it is written.
#[derive(Default)]
struct Written {
    is_truncated: bool,
    encoded: bool,
    next: Marker,
    uploads: Vec<InProgress>,
}

/// Where a page of the listing begins: behind this key, or behind this upload of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Marker {
    key: String,
    id: String,
}

impl Client {
    /// The uploads under way to exactly this key (docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html). Asked
    /// once, and for one page: the exact key comes first among all that begin with it.
    ///
    /// # Errors
    /// If the store cannot be asked, does not know the question, or does not allow it: `s3:ListBucketMultipartUploads`.
    pub fn uploads_of(&self, object: &ObjectUri) -> Result<Vec<InProgress>, Error> {
        let doing = format!("list the uploads of '{object}'");
        let Page { mut uploads, .. } = self.page(&doing, &object.bucket, &object.key, &Marker::default())?;
        uploads.retain(|upload| upload.key == object.key);
        Ok(uploads)
    }

    /// The uploads under way to keys that begin with `prefix`, all pages of them. Some stores, MinIO among them, show only those
    /// whose key is the whole prefix.
    ///
    /// # Errors
    /// As [`uploads_of`](Self::uploads_of), or if a page that should follow is not named.
    pub fn uploads(&self, bucket: &str, prefix: &str) -> Result<Vec<InProgress>, Error> {
        let doing = format!("list the uploads to 's3://{bucket}/{prefix}'");
        let mut uploads = Vec::new();
        let mut marker = Marker::default();
        loop {
            let page = self.page(&doing, bucket, prefix, &marker)?;
            uploads.extend(page.uploads);
            match page.next {
                None => return Ok(uploads),
                // The same page again would never end.
                Some(next) if next.key > marker.key || (next.key == marker.key && next.id != marker.id) => {
                    marker = next;
                }
                Some(_) => {
                    let cause = "it is not complete, but names no next page";
                    return Err(Error::other(Kind::Unavailable, doing, cause));
                }
            }
        }
    }

    fn page(&self, doing: &str, bucket: &str, prefix: &str, marker: &Marker) -> Result<Page, Error> {
        let whole = ObjectUri {
            bucket: bucket.to_owned(),
            key: String::new(),
        };
        let mut query = vec![("uploads", ""), ("encoding-type", "url"), ("prefix", prefix)];
        if !marker.key.is_empty() {
            query.extend([("key-marker", &*marker.key), ("upload-id-marker", &*marker.id)]);
        }
        let mut call = Call::new(doing.to_owned(), Method::GET, &whole);
        call.query = &query;
        call.total = Some(LIMIT);
        let body = self.once(&call)?.body;
        let odd = |cause: &str| Error::other(Kind::Unavailable, doing.to_owned(), cause);
        let written = Written::read(&body).ok_or_else(|| odd("the response is cut or no listing"))?;
        written.page().ok_or_else(|| odd("a key is not UTF-8"))
    }
}

impl Written {
    fn read(body: &str) -> Option<Self> {
        let mut written = Self::default();
        let mut upload = InProgress::default();
        let root = xml::walk(body, |path, text| {
            let names: Vec<_> = path.iter().map(String::as_str).collect();
            match &*names {
                [_, "Upload", "Key"] => text.clone_into(&mut upload.key),
                [_, "Upload", "UploadId"] => text.trim().clone_into(&mut upload.id),
                [_, "Upload", "Initiated"] => upload.initiated = time(text),
                [_, "Upload"] => written.uploads.push(std::mem::take(&mut upload)),
                [_, "IsTruncated"] => written.is_truncated |= matches!(text.trim(), "true" | "1"),
                [_, "EncodingType"] => written.encoded = text.trim().eq_ignore_ascii_case("url"),
                [_, "NextKeyMarker"] => text.clone_into(&mut written.next.key),
                [_, "NextUploadIdMarker"] => text.trim().clone_into(&mut written.next.id),
                _ => {}
            }
            ControlFlow::Continue(())
        });
        (root.as_deref() == Some("ListMultipartUploadsResult")).then_some(written)
    }

    /// Nothing if a key cannot be decoded.
    fn page(mut self) -> Option<Page> {
        // What names no upload cannot be aborted, and is nobody's rival.
        self.uploads
            .retain(|upload| !upload.key.is_empty() && !upload.id.is_empty());
        for upload in &mut self.uploads {
            upload.key = decode(&upload.key, self.encoded)?;
        }
        self.next.key = decode(&self.next.key, self.encoded)?;
        Some(Page {
            uploads: self.uploads,
            next: self.is_truncated.then_some(self.next),
        })
    }
}
