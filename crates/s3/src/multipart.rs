//! An object uploaded in parts: it does not exist until it is completed.

use std::cell::Cell;
use std::time::Duration;

use http::Method;
use http::header::ETAG;
use s3::serde_types::CompleteMultipartUploadData;
use snapline_series::ObjectUri;

use crate::attributes::strong;
use crate::call::{Call, Reply};
use crate::client::Client;
use crate::commit::{self, Goal};
use crate::sign::PayloadHash;
use crate::{Description, Error, Existing, Guard, Identity, xml};

/// An upload under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// What it is to become.
    pub object: ObjectUri,
    /// The store's name for it.
    pub id: String,
}

/// A part that the store has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// 1 to 10,000.
    pub number: u32,
    /// The store's tag for it, given back on completion.
    pub etag: String,
}

impl Client {
    /// Begins an upload.
    ///
    /// # Errors
    /// If the store refuses or cannot be asked, or if its answer has no id.
    pub fn initiate(&self, object: &ObjectUri, description: &Description) -> Result<Upload, Error> {
        self.foresee(&description.options);
        let doing = format!("begin the upload of '{object}'");
        let mut call = Call::new(doing.clone(), Method::POST, object);
        call.query = &[("uploads", "")];
        call.headers = description.headers()?;
        let lost = Cell::new(false);
        let begun = self.call_until(&call, |sent| {
            let begun = sent.and_then(|reply| match xml::text(&reply.body, "UploadId") {
                Some(id) if !id.is_empty() => Ok(Upload {
                    object: object.clone(),
                    id,
                }),
                _ => Err(Error::no_success(&doing, "the reply names no upload", &reply)),
            });
            let is_lost = begun
                .as_ref()
                // Nobody begins an upload and then says that he cannot, or is too busy.
                .is_err_and(|error| error.may_have_happened() && !matches!(error.status(), Some(501 | 503)));
            lost.set(lost.get() || is_lost);
            begun
        });
        if lost.get() {
            log::warn!(
                "an upload of '{object}' may have begun without its id being told; it is left to the bucket's rule for unfinished \
                 uploads"
            );
        }
        begun
    }

    /// Uploads one part, whose hash is `hash`. Sending a part again replaces it, so this is retried.
    ///
    /// # Errors
    /// If the store refuses or cannot be reached, or if it answers without a tag: such a part could not be completed.
    pub fn upload_part(&self, upload: &Upload, number: u32, body: &[u8], hash: PayloadHash) -> Result<Part, Error> {
        let object = &upload.object;
        let doing = format!("upload part {number} of '{object}'");
        let number_text = number.to_string();
        let query = [("partNumber", number_text.as_str()), ("uploadId", upload.id.as_str())];
        let mut call = Call::new(doing.clone(), Method::PUT, object);
        call.query = &query;
        call.body = body;
        call.hash = hash;
        self.call_until(&call, |sent| {
            let reply = sent?;
            match reply.headers.get(ETAG).map(|etag| etag.to_str()) {
                Some(Ok(etag)) if !etag.is_empty() => Ok(Part {
                    number,
                    etag: strong(etag).to_owned(),
                }),
                _ => Err(Error::no_success(&doing, "the reply has no ETag", &reply)),
            }
        })
    }

    /// Completes an upload of `parts`, in order, `size` bytes in all: only now the object appears.
    ///
    /// A 200 counts only with a whole `CompleteMultipartUploadResult` and an `ETag` in it: S3 answers 200 first and may put an error into the
    /// body (docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html). What is unclear is decided by looking for
    /// the object.
    ///
    /// # Errors
    /// If the object was not stored, or if that cannot be decided: the message then says that it may exist.
    pub fn complete(
        &self,
        upload: &Upload,
        parts: &[Part],
        size: u64,
        identity: &Identity,
        guard: Guard,
    ) -> Result<Existing, Error> {
        let object = &upload.object;
        let doing = format!("complete the upload of '{object}'");
        let parts = parts.iter().map(|part| s3::serde_types::Part {
            part_number: part.number,
            etag: part.etag.clone(),
        });
        let body = CompleteMultipartUploadData { parts: parts.collect() }.to_string();
        let query = [("uploadId", upload.id.as_str())];
        let mut call = Call::new(doing.clone(), Method::POST, object);
        call.query = &query;
        guard.set(&mut call.headers);
        call.body = body.as_bytes();
        call.hash = PayloadHash::of(call.body);
        call.reply = Some(self.settings.complete);
        // The reply may begin at once and trickle while the object is assembled.
        call.total = Some(self.settings.complete);
        let check = |reply: &Reply| match xml::root(&reply.body).as_deref() {
            Some("CompleteMultipartUploadResult") => match xml::text(&reply.body, "ETag") {
                Some(etag) if !etag.is_empty() => Ok(()),
                _ => Err(Error::no_success(&doing, "the reply has no ETag", reply)),
            },
            _ => Err(Error::no_success(&doing, "the reply is cut or empty", reply)),
        };
        let give_up = || self.abort(upload, Duration::from_secs(10)).is_ok();
        let goal = Goal {
            object,
            id: &identity.id,
            size,
            guard,
        };
        commit::commit(self, &goal, call, check, Some(&give_up))
    }

    /// Gives an upload up: its parts are deleted. An upload that is not there any more counts as given up.
    ///
    /// Parts that were in flight may still arrive afterwards; whoever had some calls this a second time.
    ///
    /// # Errors
    /// If the store refuses or cannot be asked within `limit`.
    pub fn abort(&self, upload: &Upload, limit: Duration) -> Result<(), Error> {
        let object = &upload.object;
        let query = [("uploadId", upload.id.as_str())];
        let mut call = Call::new(format!("abort the upload of '{object}'"), Method::DELETE, object);
        call.query = &query;
        call.total = Some(limit);
        let deadline = std::time::Instant::now() + limit;
        loop {
            match self.once(&call) {
                Ok(_) => return Ok(()),
                Err(error) if error.status() == Some(404) && !error.is_no_store() => return Ok(()),
                Err(error) => {
                    let left = deadline.saturating_duration_since(std::time::Instant::now());
                    if !error.is_transient() || left < Duration::from_millis(250) {
                        return Err(error);
                    }
                    call.total = Some(left);
                    std::thread::sleep(Duration::from_millis(200));
                }
            }
        }
    }
}
