//! An object on its way to its reader: all of one version, or an error.
//!
//! A connection that breaks is nothing unusual within hours of a large object, so the rest is asked for again. Whatever comes then must be the
//! rest of the same bytes: the request says so (`If-Match`, `versionId`), and the response is checked as if the store had not
//! listened, for some stores ignore conditions and ranges.

use std::fmt;
use std::io::Read as _;
use std::time::Duration;

use http::header::{IF_MATCH, RANGE};
use http::{HeaderMap, HeaderValue, Method};
use snapline_http::{Framing, Kind, TransportError, framing};
use snapline_series::ObjectUri;
use ureq::BodyReader;

use crate::Error;
use crate::attempts::Attempts;
use crate::attributes::{Attributes, strong};
use crate::call::Call;
use crate::client::{Client, Opened};
use crate::content_range::ContentRange;

/// How much is skipped at once where a store sends an object from its start again.
const SKIP: usize = 64 << 10;

/// An object being read. Dropping it closes the connection.
pub struct Download<'a> {
    client: &'a Client,
    object: ObjectUri,
    attributes: Attributes,
    /// Without a mark of weakness.
    etag: HeaderValue,
    version: Option<String>,
    /// Nothing while the connection is broken.
    body: Option<Body>,
    /// How many bytes the reader has.
    given: u64,
    attempts: Attempts,
}

/// The body of one response.
struct Body {
    reader: BodyReader<'static>,
    /// What was being done, and where, for messages.
    doing: String,
}

impl Client {
    /// Begins to read an object (docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html). `expected` is its size in bytes by
    /// a listing, where there was one.
    ///
    /// Nothing is decoded, whatever `Content-Encoding` says: the bytes are those that were stored.
    ///
    /// # Errors
    /// [`Kind::NoInput`] if there is no such object; [`Kind::Refused`] also for a missing object without the right to list;
    /// [`Kind::Unavailable`] if the response has no length, no ETag, or another length than `expected`.
    pub fn get(&self, object: &ObjectUri, expected: Option<u64>) -> Result<Download<'_>, Error> {
        let mut call = Call::new(format!("get '{object}'"), Method::GET, object);
        call.streams = true;
        let mut attempts = Attempts::within(&self.settings, Duration::MAX);
        let opened = loop {
            match self.open(&call) {
                Ok(opened) => break opened,
                Err(error) if error.is_transient() && attempts.another(&error) => {}
                Err(error) => return Err(perhaps_missing(error)),
            }
        };
        let Opened { doing, response } = opened;
        let wrong = |cause: String| Err(Error::other(Kind::Unavailable, doing.clone(), cause));
        let headers = response.headers();
        if response.status() != 200 {
            return wrong(format!(
                "the store answers with {} instead of 200",
                response.status().as_u16()
            ));
        }
        let Some(etag) = tag(headers) else {
            return Err(Error::no_store(doing, "the response has no ETag"));
        };
        let Some(attributes) = Attributes::of(headers).filter(|_| has_length(headers)) else {
            return wrong("the response has no Content-Length, so a cut object would look whole".to_owned());
        };
        if let Some(expected) = expected.filter(|expected| *expected != attributes.size) {
            let size = attributes.size;
            return wrong(format!("the store sends {size} bytes, but its listing says {expected}"));
        }
        Ok(Download {
            client: self,
            object: object.clone(),
            etag,
            version: attributes.version.clone(),
            attributes,
            given: 0,
            attempts,
            body: Some(Body {
                reader: response.into_body().into_reader(),
                doing,
            }),
        })
    }
}

impl Download<'_> {
    /// Bytes of the whole object.
    pub const fn size(&self) -> u64 {
        self.attributes.size
    }

    /// What the store says about the object beside its content.
    pub const fn attributes(&self) -> &Attributes {
        &self.attributes
    }

    /// Reads the next bytes into `buffer`; 0 is the end of the object, and then its reader has exactly [`size`](Self::size) bytes.
    ///
    /// A broken connection is replaced as long as attempts are left: as many in a row as a request has, each of which ends when
    /// nothing comes within the idle limit.
    ///
    /// # Errors
    /// [`Kind::Unavailable`] if the rest cannot be had, or if the object was replaced meanwhile. The reader must then discard
    /// what it has.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        if buffer.is_empty() || self.given == self.size() {
            return Ok(0);
        }
        loop {
            match self.read_once(buffer) {
                Ok(count) => return Ok(count),
                Err(error) => {
                    self.body = None;
                    if !error.is_transient() || !self.attempts.another(&error) {
                        return Err(error);
                    }
                }
            }
        }
    }

    fn read_once(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        let left = usize::try_from(self.size() - self.given).unwrap_or(usize::MAX);
        let mut body = match self.body.take() {
            Some(body) => body,
            None => self.resume()?,
        };
        let most = buffer.len().min(left);
        let count = body.read(&mut buffer[..most])?;
        self.body = Some(body);
        self.given += u64::try_from(count).unwrap_or(u64::MAX);
        self.attempts.progress();
        Ok(count)
    }

    /// Asks for the rest.
    fn resume(&mut self) -> Result<Body, Error> {
        match self.ask_for_rest(true) {
            // To read a version by its id is a right of its own (s3:GetObjectVersion). If-Match holds the version as well.
            Err(error) if error.status() == Some(403) && self.version.is_some() => {
                log::info!("{error}; asking without the id of the version");
                self.version = None;
                self.ask_for_rest(true)
            }
            // The response is checked as well, so nothing is lost.
            Err(error) if error.is_unsupported() => {
                log::info!("{error}; asking without the condition");
                self.ask_for_rest(false)
            }
            asked => asked,
        }
    }

    fn ask_for_rest(&self, conditional: bool) -> Result<Body, Error> {
        let mut call = Call::new(format!("get '{}'", self.object), Method::GET, &self.object);
        call.streams = true;
        let version: Vec<_> = self.version.iter().map(|id| ("versionId", id.as_str())).collect();
        call.query = &version;
        if conditional {
            call.headers.insert(IF_MATCH, self.etag.clone());
        }
        if self.given > 0 {
            let range = format!("bytes={}-", self.given);
            let range = HeaderValue::from_str(&range)
                .map_err(|error| Error::other(Kind::Unexpected, call.doing.clone(), error.to_string()))?;
            call.headers.insert(RANGE, range);
        }
        let Opened { doing, response } = self.client.open(&call).map_err(|error| self.perhaps_replaced(error))?;
        let (status, headers) = (response.status().as_u16(), response.headers());
        if tag(headers).as_ref() != Some(&self.etag) {
            return Err(replaced(doing));
        }
        let skipped = self.begins_at(status, headers).ok_or_else(|| {
            let cause = format!("asked for the bytes from {} on, the store sends others", self.given);
            Error::other(Kind::Unavailable, doing.clone(), cause)
        })?;
        let mut body = Body {
            reader: response.into_body().into_reader(),
            doing,
        };
        body.skip(skipped)?;
        Ok(body)
    }

    /// How many bytes of such a response the reader has already; nothing if it is not what was asked for.
    fn begins_at(&self, status: u16, headers: &HeaderMap) -> Option<u64> {
        let length = Attributes::of(headers).filter(|_| has_length(headers))?.size;
        match status {
            206 => {
                let range = ContentRange::of(headers)?;
                let is_rest = range.first == self.given && range.total == self.size() && range.length() == length;
                is_rest.then_some(0)
            }
            // A store that knows no ranges begins anew.
            200 => (length == self.size()).then_some(self.given),
            _ => None,
        }
    }

    /// A refused condition, and a range that is beyond the end, mean another object.
    fn perhaps_replaced(&self, error: Error) -> Error {
        match error.status() {
            Some(304 | 412 | 416) => replaced(format!("get '{}'", self.object)),
            _ => error,
        }
    }
}

impl Body {
    /// Reads some bytes, at least one: a caller asks for no more than there must be.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        loop {
            let error = match self.reader.read(buffer) {
                Ok(0) => std::io::ErrorKind::UnexpectedEof.into(),
                Ok(count) => return Ok(count),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => error,
            };
            return Err(Error::transport(self.doing.clone(), TransportError::from_io(error)));
        }
    }

    fn skip(&mut self, bytes: u64) -> Result<(), Error> {
        let mut left = bytes;
        let mut buffer = vec![0; usize::try_from(left).unwrap_or(SKIP).min(SKIP)];
        while left > 0 {
            let most = usize::try_from(left).unwrap_or(SKIP).min(SKIP);
            let count = self.read(&mut buffer[..most])?;
            left -= u64::try_from(count).unwrap_or(left);
        }
        Ok(())
    }
}

impl fmt::Debug for Download<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download")
            .field("object", &self.object)
            .field("attributes", &self.attributes)
            .field("given", &self.given)
            .finish_non_exhaustive()
    }
}

/// The entity tag, comparable.
fn tag(headers: &HeaderMap) -> Option<HeaderValue> {
    let tag = headers.get("etag").filter(|tag| !tag.is_empty())?;
    match tag.to_str() {
        Ok(text) => HeaderValue::from_str(strong(text)).ok(),
        Err(_) => Some(tag.clone()),
    }
}

/// Whether `Content-Length` alone says where the body ends.
fn has_length(headers: &HeaderMap) -> bool {
    matches!(framing(headers), Framing::Length(_))
}

fn replaced(doing: String) -> Error {
    Error::other(Kind::Unavailable, doing, "it was replaced while it was downloaded").hint_with("try again")
}

/// Stores do not say that an object is missing to somebody who may not list.
fn perhaps_missing(error: Error) -> Error {
    if error.status() == Some(403) && error.code() == "AccessDenied" {
        return error.hint_with(
            "the right s3:GetObject is missing; or the object is, which a store says only with the right s3:ListBucket",
        );
    }
    error
}
