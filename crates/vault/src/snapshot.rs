//! The Raft snapshot, as a stream.

use std::fmt;
use std::io::Read as _;
use std::time::{Duration, Instant};

use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderName, Method};
use snapline_failure::Fail as _;
use snapline_http::TransportError;
use ureq::BodyReader;

use crate::call::{Call, Purpose};
use crate::{Client, Error, Secret, Tries, trust, words};

/// A snapshot on its way.
///
/// While it is open, the server holds locks for it; a reader that does not go on must drop it. Its end proves nothing: also
/// a server that fails half-way ends the body properly, and behind a proxy that speaks HTTP/1.0 a cut looks like an end.
pub struct Snapshot {
    url: String,
    encoding: Option<String>,
    content_type: Option<String>,
    body: BodyReader<'static>,
}

impl Client {
    /// Asks for a snapshot: `GET sys/storage/raft/snapshot`, a standby's redirect followed, without a token where an agent adds
    /// its own. Returns when the reply's header
    /// is there, which the server sends only after it has scanned its whole store once.
    ///
    /// Up to there the request is sent again while `tries` allow it; all that together may take `start`. Reading the body
    /// has no useful limit: whoever reads must watch that something comes.
    ///
    /// # Errors
    /// [`Kind::Refused`] for a bad token or a missing policy; [`Kind::Config`] if the server has no Raft storage;
    /// [`Kind::Unavailable`] if it cannot be reached, is sealed, or has no leader.
    pub fn snapshot(&self, token: Option<&Secret>, start: Duration, tries: &mut Tries) -> Result<Snapshot, Error> {
        let call = Call {
            purpose: Purpose::Snapshot,
            method: Method::GET,
            path: "sys/storage/raft/snapshot".to_owned(),
            token,
            // The path exists in the root namespace alone; OpenBao answers 400 to the header.
            namespace: None,
            body: None,
            secrets: token.into_iter().collect(),
            deadline: Instant::now().checked_add(start),
        };
        let reply = self.send(&call, tries)?;
        let url = reply.url.to_string();
        let header = |name: HeaderName| {
            let value = reply.response.headers().get(name)?;
            Some(words::one_line(
                &String::from_utf8_lossy(value.as_bytes()),
                &call.secrets,
            ))
        };
        Ok(Snapshot {
            url,
            encoding: header(CONTENT_ENCODING).filter(|encoding| !encoding.eq_ignore_ascii_case("identity")),
            content_type: header(CONTENT_TYPE),
            body: reply.response.into_body().into_reader(),
        })
    }
}

impl Snapshot {
    /// Where it comes from, behind all redirects.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// `Content-Encoding`, if the reply has one that is not `identity`. Nothing is decoded: the archive is gzip by itself, and
    /// only its own checks tell whether somebody has packed it once more.
    pub fn encoding(&self) -> Option<&str> {
        self.encoding.as_deref()
    }

    /// `Content-Type`, if the reply has one; `application/gzip` from Vault and OpenBao.
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    /// Reads the next bytes into `buffer`; 0 is the end of the body.
    ///
    /// # Errors
    /// [`Kind::Unavailable`] if the connection breaks before the body's end; that is [transient](Error::is_transient).
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        loop {
            match self.body.read(buffer) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => {
                    let error = TransportError::from_io(error);
                    return Err(
                        Error::new(error.kind(), format!("read the snapshot from '{}': {error}", self.url))
                            .with_hint(trust::hint(&error))
                            .passing(error.is_transient()),
                    );
                }
                Ok(count) => return Ok(count),
            }
        }
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}
