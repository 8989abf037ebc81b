//! Uploads under way: who else is uploading, and what was left behind.

use std::time::Duration;

use http::Method;
use quick_xml::de;
use serde::Deserialize;
use snapline_http::Kind;
use snapline_series::ObjectUri;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::call::Call;
use crate::client::Client;
use crate::list::decode;
use crate::{Error, xml};

/// Nobody depends on the answer enough to wait longer for it.
const LIMIT: Duration = Duration::from_secs(10);

/// An upload that is neither completed nor aborted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InProgress {
    /// The key that it is to become.
    pub key: String,
    /// The store's name for it.
    pub id: String,
    /// When it was begun by the store's clock, mostly in whole seconds; nothing if the store does not say.
    pub initiated: Option<OffsetDateTime>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listing {
    #[serde(default)]
    encoding_type: String,
    #[serde(default)]
    is_truncated: bool,
    #[serde(default)]
    next_key_marker: String,
    #[serde(default)]
    next_upload_id_marker: String,
    #[serde(default)]
    upload: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    key: String,
    upload_id: String,
    #[serde(default)]
    initiated: String,
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
        let (mut uploads, _) = self.page(&doing, &object.bucket, &object.key, &Marker::default())?;
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
            let (page, next) = self.page(&doing, bucket, prefix, &marker)?;
            uploads.extend(page);
            match next {
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

    fn page(
        &self,
        doing: &str,
        bucket: &str,
        prefix: &str,
        marker: &Marker,
    ) -> Result<(Vec<InProgress>, Option<Marker>), Error> {
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
        let odd = |cause: String| Error::other(Kind::Unavailable, doing.to_owned(), cause);
        if xml::root(&body).as_deref() != Some("ListMultipartUploadsResult") {
            return Err(odd("the reply is cut or no listing".to_owned()));
        }
        let listing: Listing = match de::from_str(body.trim_start()) {
            Ok(listing) => listing,
            Err(error) => return Err(odd(format!("read the listing: {error}"))),
        };
        let encoded = listing.encoding_type == "url";
        let key = |text: &str| decode(text, encoded).ok_or_else(|| odd("a key is not UTF-8".to_owned()));
        let next = if listing.is_truncated {
            Some(Marker {
                key: key(&listing.next_key_marker)?,
                id: listing.next_upload_id_marker,
            })
        } else {
            None
        };
        let uploads = listing.upload.into_iter().map(|entry| {
            Ok(InProgress {
                key: key(&entry.key)?,
                id: entry.upload_id,
                initiated: OffsetDateTime::parse(&entry.initiated, &Rfc3339).ok(),
            })
        });
        Ok((uploads.collect::<Result<_, Error>>()?, next))
    }
}
