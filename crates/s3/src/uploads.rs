//! Who else is uploading.

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

impl Client {
    /// The uploads under way to exactly this key (docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html). Asked
    /// once, and for one page: the exact key comes first among all that begin with it.
    ///
    /// # Errors
    /// If the store cannot be asked, does not know the question, or does not allow it: `s3:ListBucketMultipartUploads`.
    pub fn uploads_of(&self, object: &ObjectUri) -> Result<Vec<InProgress>, Error> {
        let bucket = ObjectUri {
            bucket: object.bucket.clone(),
            key: String::new(),
        };
        let doing = format!("list the uploads of '{object}'");
        let query = [
            ("uploads", ""),
            ("encoding-type", "url"),
            ("prefix", object.key.as_str()),
        ];
        let mut call = Call::new(doing.clone(), Method::GET, &bucket);
        call.query = &query;
        call.total = Some(LIMIT);
        let body = self.once(&call)?.body;
        let odd = |cause: String| Error::other(Kind::Unavailable, doing, cause);
        if xml::root(&body).as_deref() != Some("ListMultipartUploadsResult") {
            return Err(odd("the reply is cut or no listing".to_owned()));
        }
        let listing: Listing = match de::from_str(body.trim_start()) {
            Ok(listing) => listing,
            Err(error) => return Err(odd(format!("read the listing: {error}"))),
        };
        let encoded = listing.encoding_type == "url";
        let ours = listing.upload.into_iter();
        let ours = ours.filter(|entry| decode(&entry.key, encoded).as_deref() == Some(&*object.key));
        Ok(ours
            .map(|entry| InProgress {
                id: entry.upload_id,
                initiated: OffsetDateTime::parse(&entry.initiated, &Rfc3339).ok(),
            })
            .collect())
    }
}
