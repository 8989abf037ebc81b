//! Whole objects: look, store in one request, delete.

use std::time::Duration;

use http::header::{CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, Method};
use snapline_failure::Fail as _;
use snapline_http::Kind;
use snapline_series::ObjectUri;

use crate::attributes::{ID, INDEX, TERM};
use crate::call::{Call, Reply};
use crate::client::Client;
use crate::commit::{self, Goal};
use crate::sign::PayloadHash;
use crate::{Attributes, Error, ObjectOptions, xml};

/// Whether a deletion left a marker.
const DELETE_MARKER: &str = "x-amz-delete-marker";

/// What an object says about its origin, in its metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Different for each run: an object that has it is the one that this run stored.
    pub id: String,
    /// Raft index of the snapshot, where the content was verified.
    pub index: Option<u64>,
    /// Raft term of the snapshot, where the content was verified.
    pub term: Option<u64>,
}

/// Bytes of the names and values of an [`Identity`]'s metadata, at most.
pub(crate) const OWN_METADATA: usize =
    "snapline-id".len() + 32 + "snapline-index".len() + "snapline-term".len() + 2 * 20;

/// All that an object is stored with, beside its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// Whose it is.
    pub identity: Identity,
    /// Its `Content-Type`.
    pub content_type: String,
    /// What else was asked for.
    pub options: ObjectOptions,
}

impl Description {
    /// The headers of the request that makes the object, or begins its upload.
    pub(crate) fn headers(&self) -> Result<HeaderMap, Error> {
        let mut headers = self.options.headers()?;
        let mut set = |name: &'static str, value: &str| -> Result<(), Error> {
            let value = HeaderValue::from_str(value).map_err(|_| {
                Error::other(
                    Kind::Usage,
                    format!("use '{value}' as {name}"),
                    "it is no header's value",
                )
            })?;
            headers.insert(name, value);
            Ok(())
        };
        set(CONTENT_TYPE.as_str(), &self.content_type)?;
        set(ID, &self.identity.id)?;
        if let Some(index) = self.identity.index {
            set(INDEX, &index.to_string())?;
        }
        if let Some(term) = self.identity.term {
            set(TERM, &term.to_string())?;
        }
        Ok(headers)
    }
}

/// How storing under a key ended, other than by an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Existing {
    /// The object is ours, whole.
    Stored {
        /// The store's name for this version of it, in a bucket with versions.
        version: Option<String>,
    },
    /// The key was taken by somebody else; nothing was changed.
    Taken,
}

/// What an object that is there shows of what was asked for.
#[derive(Debug)]
pub struct Confirmation {
    /// What it does not show, each as the option with its value: it was ignored, or our rights do not let us see it. An error if
    /// it cannot be looked at.
    pub missing: Result<Vec<String>, Error>,
    /// Whether it is locked for as long as it should be.
    pub is_locked: bool,
}

/// What keeps an older object from being replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// Nothing: it is to be replaced.
    Absent,
    /// The condition on the request that stores. The key was also seen to be free, and that has to do where the store knows
    /// no conditions.
    Seen,
    /// The condition alone: our rights did not let us look.
    Unseen,
}

impl Guard {
    /// Adds the condition (docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html).
    pub(crate) fn set(self, headers: &mut HeaderMap) {
        if self != Self::Absent {
            headers.insert(IF_NONE_MATCH, HeaderValue::from_static("*"));
        }
    }
}

impl Client {
    /// Asks for an object; nothing if there is none.
    ///
    /// # Errors
    /// Also 403 without the right to read; a store without the right to list answers 403 for a missing key too. What is answered
    /// without an ETag comes from no store.
    pub fn head(&self, object: &ObjectUri) -> Result<Option<Attributes>, Error> {
        let call = Call::new(format!("look for '{object}'"), Method::HEAD, object);
        let headers = match self.call(&call) {
            Ok(reply) => reply.headers,
            Err(error) if error.status() == Some(404) => return Ok(None),
            Err(error) => return Err(error),
        };
        // Every store tags what it has; a web server that answers 200 to everything does not.
        if headers.get(ETAG).is_none_or(HeaderValue::is_empty) {
            return Err(Error::no_store(
                call.doing,
                "it answers a look for an object without an ETag",
            ));
        }
        let attributes = Attributes::of(&headers);
        let attributes =
            attributes.ok_or_else(|| Error::other(Kind::Unavailable, call.doing, "the reply has no length"))?;
        Ok(Some(attributes))
    }

    /// Whether a key is taken: by HEAD, else by the listing of the exact key, where that may tell more; nothing if our
    /// rights allow neither.
    ///
    /// # Errors
    /// If the store cannot be asked.
    pub fn exists(&self, object: &ObjectUri) -> Result<Option<bool>, Error> {
        match self.head(object) {
            Ok(found) => Ok(Some(found.is_some())),
            Err(error) if error.is_mute() => match self.size_by_listing(object) {
                Ok(size) => Ok(Some(size.is_some())),
                Err(error) if error.kind() == Kind::Refused => Ok(None),
                Err(error) => Err(error),
            },
            Err(error) => Err(error),
        }
    }

    /// Stores `body`, whose hash is `hash`, in one request.
    ///
    /// An unclear reply is decided by looking whether the object is there, whole, with our id.
    ///
    /// # Errors
    /// If the object was not stored, or if that cannot be decided: the message then says that it may exist.
    pub fn put(
        &self,
        object: &ObjectUri,
        body: &[u8],
        hash: PayloadHash,
        description: &Description,
        guard: Guard,
    ) -> Result<Existing, Error> {
        self.foresee(&description.options);
        let doing = format!("store '{object}'");
        let mut call = Call::new(doing.clone(), Method::PUT, object);
        call.headers = description.headers()?;
        guard.set(&mut call.headers);
        call.body = body;
        call.hash = hash;
        let size = u64::try_from(body.len()).unwrap_or(u64::MAX);
        // Every store tags what it took; something else that answers 200 may have taken nothing.
        let check = |reply: &Reply| match reply.headers.get(ETAG) {
            Some(etag) if !etag.is_empty() => Ok(()),
            _ => Err(Error::no_success(&doing, "the reply has no ETag", reply)),
        };
        let goal = Goal {
            object,
            id: &description.identity.id,
            size,
            guard,
        };
        commit::commit(self, &goal, call, check, None)
    }

    /// Looks at an object that is there, whether the store kept what was asked for; each try within `limit`. What must be kept is
    /// asked for again where that may help.
    pub fn confirm(&self, object: &ObjectUri, options: &ObjectOptions, limit: Duration) -> Confirmation {
        let mut call = Call::new(format!("look for '{object}'"), Method::HEAD, object);
        call.total = Some(limit);
        let ask = |call: &Call<'_>| {
            if options.must_be_locked() {
                self.call(call)
            } else {
                self.once(call)
            }
        };
        let looked = ask(&call).map(|reply| reply.headers);
        let is_shown = looked.as_ref().is_ok_and(|headers| options.is_lock_shown(headers));
        let is_locked = is_shown
            || (options.is_retained() && {
                // It is a right of its own, which shows nothing of the object
                // (docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectRetention.html).
                let mut call = Call::new(format!("look for the lock of '{object}'"), Method::GET, object);
                call.query = &[("retention", "")];
                call.total = Some(limit);
                let retention = ask(&call).inspect_err(|error| log::info!("{error}"));
                retention.is_ok_and(|reply| {
                    let text = |name| xml::text(&reply.body, name).unwrap_or_default();
                    options.is_retention(&text("Mode"), &text("RetainUntilDate"))
                })
            });
        Confirmation {
            missing: looked.map(|headers| options.unconfirmed(&headers, is_locked)),
            is_locked,
        }
    }

    /// Deletes the current version of an object, and says whether the bucket only put a delete marker in front of it: then the
    /// version is still there. An object that is not there any more counts as deleted, as S3 has it
    /// (docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html).
    ///
    /// # Errors
    /// If the store refuses, or cannot be asked.
    pub fn delete(&self, object: &ObjectUri) -> Result<bool, Error> {
        let call = Call::new(format!("delete '{object}'"), Method::DELETE, object);
        match self.call(&call) {
            Ok(reply) => Ok(reply.headers.get(DELETE_MARKER).is_some_and(|marker| marker == "true")),
            Err(error) if error.status() == Some(404) && error.code() != "NoSuchBucket" && !error.is_no_store() => {
                Ok(false)
            }
            // Locks are refused by 403, but also by 405 and 409, depending on the store.
            Err(error) => Err(error.refusing_for_good()),
        }
    }
}
