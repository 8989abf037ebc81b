//! What went wrong, in one line, and what it means.

use std::fmt;
use std::time::Duration;

use http::HeaderMap;
use http::header::LOCATION;
use snapline_http::{Fail, Kind, Phase, TransportError, date, demands_tls, retry_after};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use url::Url;

use crate::call::Reply;
use crate::error_document::ErrorDocument;
use crate::{endpoint, trust, xml};

/// The code for a request whose time is too far from the store's.
const SKEWED: &str = "RequestTimeTooSkewed";
/// What to do about an address where no store is.
const NO_STORE: &str =
    "does --endpoint-url lead to the store's S3 interface, and not to its console or to a proxy's page?";

/// A failed call: `<what we were doing>: <cause>`, the store's own words included.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    doing: Box<str>,
    cause: Cause,
    hint: Option<Box<str>>,
    retry_after: Option<Duration>,
    /// Where the store says that the bucket is, if not where it was asked for.
    region: Option<Box<str>>,
    /// Whatever answered, it was no S3 store.
    is_no_store: bool,
}

#[derive(Debug)]
enum Cause {
    Transport(Box<TransportError>),
    Reply {
        status: u16,
        code: Box<str>,
        message: Box<str>,
    },
    Other(Box<str>),
}

impl Error {
    pub(crate) fn other(kind: Kind, doing: impl Into<Box<str>>, cause: impl Into<Box<str>>) -> Self {
        Self {
            kind,
            doing: doing.into(),
            cause: Cause::Other(cause.into()),
            hint: None,
            retry_after: None,
            region: None,
            is_no_store: false,
        }
    }

    /// From a response that no S3 store gives, although it is a success: named at once, since it will not change.
    pub(crate) fn no_store(doing: impl Into<Box<str>>, cause: &str) -> Self {
        Self {
            is_no_store: true,
            ..Self::other(Kind::Unavailable, doing, format!("this is no S3 store: {cause}"))
        }
        .hint_with(NO_STORE)
    }

    pub(crate) fn transport(doing: impl Into<Box<str>>, error: TransportError) -> Self {
        Self {
            kind: error.kind(),
            doing: doing.into(),
            hint: trust::hint(&error).map(Into::into),
            cause: Cause::Transport(Box::new(error)),
            retry_after: None,
            region: None,
            is_no_store: false,
        }
    }

    /// From a reply that is no success. HEAD replies have no body and hence neither code nor message.
    pub(crate) fn reply(doing: impl Into<Box<str>>, status: u16, body: &str, headers: &HeaderMap) -> Self {
        if demands_tls(status, body) {
            return Self::other(Kind::Config, doing, format!("{status} {}", body.trim()))
                .hint_with("does --endpoint-url have to begin with https://?");
        }
        let mut said = ErrorDocument::read(body);
        let location = location(status, headers);
        let is_no_store = said.is_html && is_final(status);
        if said.is_html {
            said.message = match (is_no_store, &location) {
                (true, _) => format!("this is no S3 store: it answers with an HTML page, '{}'", said.message),
                (false, Some(location)) => format!("it redirects to '{location}'"),
                (false, None) => format!("an HTML page, '{}'", said.message),
            };
        } else if let (true, Some(location)) = (said.message.is_empty(), &location) {
            said.message = format!("it redirects to '{location}'");
        }
        if said.code == SKEWED
            && let Some(clocks) = clocks(OffsetDateTime::now_utc(), headers)
        {
            let told = format!("{}; {clocks}", said.message);
            said.message = told.trim_start_matches("; ").to_owned();
        }
        let region = elsewhere(status, &said, location.as_ref(), headers);
        let hint = if is_no_store {
            Some(NO_STORE.into())
        } else {
            hint_for(&said, region.as_deref()).or_else(|| elsewhere_hint(&said, location.as_ref()))
        };
        Self {
            kind: if is_no_store {
                Kind::Unavailable
            } else {
                kind_of(status, &said.code)
            },
            doing: doing.into(),
            hint,
            cause: Cause::Reply {
                status,
                code: said.code.into(),
                message: said.message.into(),
            },
            retry_after: retry_after(headers),
            region,
            is_no_store,
        }
    }

    /// From a 200 that is no success: the store's own error where there is one in it, else `cause`.
    pub(crate) fn no_success(doing: &str, cause: &str, reply: &Reply) -> Self {
        let said = ErrorDocument::read(&reply.body);
        // Whatever a document's root is called, a code makes an error of it; without one only the name does.
        let is_error = said.is_html || !said.code.is_empty() || xml::root(&reply.body).as_deref() == Some("Error");
        Self::reply(doing, 200, if is_error { &reply.body } else { cause }, &reply.headers)
    }

    #[must_use]
    pub(crate) fn hint_with(mut self, hint: impl Into<Box<str>>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Says that a refusal may be about the owner of the bucket, which AWS does not say.
    #[must_use]
    pub(crate) fn or_of_another_owner(self) -> Self {
        if self.status() == Some(403) && self.hint.is_none() {
            return self.hint_with("a right is missing, or the bucket is not that of --expected-bucket-owner");
        }
        self
    }

    /// Takes a reply that stays the same however often it is asked for, such as 405 to a deletion, for the refusal that it is.
    #[must_use]
    pub(crate) fn refusing_for_good(mut self) -> Self {
        if matches!(self.status(), Some(405 | 409)) && !self.is_transient() {
            self.kind = Kind::Refused;
        }
        self
    }

    /// Whether the answer was none of an S3 store, so that its status says nothing about objects.
    pub(crate) const fn is_no_store(&self) -> bool {
        self.is_no_store
    }

    /// The HTTP status, if a reply came.
    pub fn status(&self) -> Option<u16> {
        match self.cause {
            Cause::Reply { status, .. } => Some(status),
            _ => None,
        }
    }

    /// The store's error code, for example `NoSuchUpload`; empty if there is none.
    pub fn code(&self) -> &str {
        match &self.cause {
            Cause::Reply { code, .. } => code,
            _ => "",
        }
    }

    /// The region to ask in, if the store says that it is another one than was asked in.
    pub(crate) fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    /// Whether the store wants to be told the MD5 of the body: AWS answers `InvalidRequest` and says so, MinIO answers
    /// `MissingContentMD5`.
    pub(crate) fn wants_md5(&self) -> bool {
        match &self.cause {
            Cause::Reply {
                status: 400,
                code,
                message,
            } => {
                let is_wish = matches!(&**code, "InvalidRequest" | "MissingContentMD5");
                is_wish && (message.contains("Content-MD5") || &**code == "MissingContentMD5")
            }
            _ => false,
        }
    }

    /// Whether the key is taken, so that a request that must not replace anything was not carried out. S3 may say so within a
    /// 200, where it had begun to answer before it knew; MinIO of 2023 says 304 (github.com/minio/minio/issues/19442).
    pub(crate) fn says_taken(&self) -> bool {
        matches!(self.status(), Some(304 | 412)) || self.code() == "PreconditionFailed"
    }

    /// How long the store asks to wait before another try.
    pub(crate) const fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Whether the listing of the exact key may tell more, if this is the answer to HEAD. That has no body, so it names
    /// neither expired credentials (400) nor missing rights nor where a redirect leads; and what stands before some stores
    /// knows no HEAD (405, 501).
    pub fn is_mute(&self) -> bool {
        let is_mute = matches!(
            self.status(),
            Some(301 | 302 | 303 | 307 | 308 | 400 | 401 | 403 | 405 | 501)
        );
        is_mute && self.region.is_none()
    }

    /// Whether the store says that it does not know something that a request has, such as a condition. Each store has its own
    /// words for it (501, 400 or 405); the request without it tells whether it was that.
    pub(crate) fn is_unsupported(&self) -> bool {
        let Cause::Reply { status, code, message } = &self.cause else {
            return false;
        };
        let is_known = matches!(
            &**code,
            "NotImplemented"
                | "InvalidArgument"
                | "InvalidRequest"
                | "MethodNotAllowed"
                | "UnsupportedHeader"
                | "UnsupportedOperation"
        );
        let names_it = ["if-none-match", "if-match", "precondition", "conditional", "header"];
        let message = message.to_ascii_lowercase();
        !self.is_transient()
            && match status {
                501 => true,
                400 | 405 | 415 | 422 => {
                    is_known || code.is_empty() || names_it.iter().any(|name| message.contains(name))
                }
                _ => false,
            }
    }

    /// Whether something on the way refuses `Expect: 100-continue` (RFC 9110, 10.1.1 and 15.5.18).
    pub(crate) fn refuses_expectation(&self) -> bool {
        self.status() == Some(417)
    }

    /// Whether other credentials of the same source may be what it takes. Some stores know nothing of a temporary key once it has
    /// ended; a reply to HEAD has no code, and S3 answers it with 400 then.
    pub(crate) fn is_about_credentials(&self) -> bool {
        let codes = [
            "ExpiredToken",
            "ExpiredTokenException",
            "TokenRefreshRequired",
            "InvalidToken",
            "InvalidTokenId",
        ];
        match self.code() {
            "" => self.status() == Some(400),
            "InvalidAccessKeyId" => true,
            code => codes.contains(&code),
        }
    }

    /// Whether the store was waited for in vain, as opposed to a reply, or to a connection that broke off.
    pub(crate) fn is_silence(&self) -> bool {
        matches!(&self.cause, Cause::Transport(error) if error.is_silence())
    }

    /// Whether sending the same again may succeed.
    pub(crate) fn is_transient(&self) -> bool {
        match &self.cause {
            _ if self.is_no_store => false,
            Cause::Transport(error) => error.is_transient(),
            Cause::Reply { status, code, .. } => {
                // A 200 is here because its body was none of a success.
                matches!(status, 200 | 408 | 429 | 500 | 502 | 503 | 504)
                    // Some stores send these with other statuses, S3 itself `RequestTimeout` with 400.
                    || matches!(
                        &**code,
                        "SlowDown" | "InternalError" | "RequestTimeout" | "ServiceUnavailable" | "OperationAborted"
                    )
                    || is_damage(code)
            }
            Cause::Other(_) => false,
        }
    }

    /// Whether the store may have acted on the request although no success was heard.
    pub(crate) fn may_have_happened(&self) -> bool {
        match &self.cause {
            _ if self.says_taken() => false,
            Cause::Transport(error) => error.phase() == Phase::Exchange,
            Cause::Reply { status, .. } => *status >= 500 || *status == 200 || *status == 408,
            Cause::Other(_) => false,
        }
    }

    /// Whether the store may still be at work on the request: no reply came, or one from a gateway that had lost patience with
    /// the store or its connection to it.
    pub(crate) fn may_still_happen(&self) -> bool {
        self.may_have_happened() && matches!(self.status(), None | Some(502 | 504))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.doing)?;
        match &self.cause {
            Cause::Transport(error) => write!(f, "{error}"),
            Cause::Other(cause) => f.write_str(cause),
            Cause::Reply { status, code, message } => {
                write!(f, "{status}")?;
                for part in [code, message] {
                    if !part.is_empty() {
                        write!(f, " {part}")?;
                    }
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for Error {}

impl Fail for Error {
    fn kind(&self) -> Kind {
        self.kind
    }

    fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl From<snapline_aws::Error> for Error {
    fn from(error: snapline_aws::Error) -> Self {
        Self {
            hint: error.hint().map(Into::into),
            ..Self::other(error.kind(), error.doing(), error.cause())
        }
    }
}

/// Codes: docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
fn kind_of(status: u16, code: &str) -> Kind {
    match code {
        SKEWED | "NoSuchUpload" | "InvalidPart" | "SlowDown" | "RequestTimeout" => {
            return Kind::Unavailable;
        }
        code if is_damage(code) => return Kind::Unavailable,
        "ExpiredToken" | "ExpiredTokenException" | "InvalidToken" | "InvalidTokenId" | "TokenRefreshRequired" => {
            return Kind::Refused;
        }
        "NoSuchKey" | "NoSuchVersion" => return Kind::NoInput,
        _ => {}
    }
    match status {
        // 423 Locked (RFC 4918): so some stores say that an object is under a lock.
        304 | 401 | 403 | 412 | 423 => Kind::Refused,
        200..=299 | 408 | 409 | 425 | 429 | 500 | 502..=599 => Kind::Unavailable,
        // What is left names something that is not there, or asks for what the store does not have.
        _ => Kind::Config,
    }
}

/// What the two clocks say: it tells a clock that is wrong from one in another time zone, and whose it is.
fn clocks(here: OffsetDateTime, headers: &HeaderMap) -> Option<String> {
    let text = |time: OffsetDateTime| time.replace_nanosecond(0).ok()?.format(&Rfc3339).ok();
    Some(format!(
        "it is {} here and {} at the store",
        text(here)?,
        text(date(headers)?)?
    ))
}

/// What was sent is not what arrived.
fn is_damage(code: &str) -> bool {
    matches!(code, "BadDigest" | "IncompleteBody" | "XAmzContentSHA256Mismatch")
}

/// The region in a reply that says that the bucket is elsewhere: in a header, in the document, or in the name of the host that
/// it points to (docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html#VirtualHostingCustomURLs and
/// .../Redirects.html). Some stores send the header with every reply, so the status counts first.
fn elsewhere(status: u16, said: &ErrorDocument, location: Option<&Url>, headers: &HeaderMap) -> Option<Box<str>> {
    let is_elsewhere = match status {
        301 | 302 | 307 | 308 => true,
        // A reply to HEAD has no code.
        400 => matches!(
            &*said.code,
            "" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException"
        ),
        _ => false,
    };
    if !is_elsewhere {
        return None;
    }
    let header = |name: &str| headers.get(name)?.to_str().ok();
    let region = header("x-amz-bucket-region")
        .or(Some(&*said.region))
        .filter(|region| endpoint::is_label(region))
        .or_else(|| endpoint::region_in(&said.endpoint))
        .or_else(|| endpoint::region_in(location?.host_str()?))?;
    Some(region.into())
}

/// Where a redirect leads, without what its query holds. It is never followed: the signature is for this host.
fn location(status: u16, headers: &HeaderMap) -> Option<Url> {
    if !matches!(status, 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let mut location = Url::parse(headers.get(LOCATION)?.to_str().ok()?).ok()?;
    location.set_query(None);
    location.set_fragment(None);
    // A password is nobody's affair.
    location.set_username("").ok()?;
    location.set_password(None).ok()?;
    Some(location)
}

/// What to do where the store, or what stands before it, names another address.
fn elsewhere_hint(said: &ErrorDocument, location: Option<&Url>) -> Option<Box<str>> {
    if let Some(location) = location.filter(|location| matches!(location.scheme(), "http" | "https")) {
        let at = location.origin().ascii_serialization();
        return Some(format!("if that is the store, name it: --endpoint-url {at}").into());
    }
    let host = said
        .endpoint
        .trim_start_matches("https://")
        .trim_start_matches("http://");
    (!host.is_empty())
        .then(|| format!("the store names the endpoint '{host}' for this bucket: --endpoint-url https://{host}").into())
}

/// Whether a page for a browser with this status comes from something that is no store. What stands before a store uses the
/// others as well, when it redirects, wants a login, or cannot reach the store.
const fn is_final(status: u16) -> bool {
    matches!(status, 200..=299 | 404 | 405 | 406 | 410 | 501)
}

fn hint_for(said: &ErrorDocument, region: Option<&str>) -> Option<Box<str>> {
    let hint = match &*said.code {
        "SignatureDoesNotMatch" => {
            "AWS_SECRET_ACCESS_KEY does not fit AWS_ACCESS_KEY_ID, or a proxy changed the request"
        }
        "InvalidAccessKeyId" => "the store does not know AWS_ACCESS_KEY_ID",
        "ExpiredToken" => "the session credentials are too old",
        SKEWED => {
            "set this machine's clock right, best by NTP; a store refuses what is signed for a time 15 minutes off its own"
        }
        "SecondLevelDomainForbidden" | "PathStyleDomainForbidden" | "VirtualHostDomainRequired" => {
            "the store wants the bucket's name in the host's: --addressing-style virtual"
        }
        "NoSuchBucket" => "create the bucket first; snapline never does",
        "InvalidObjectState" => {
            "the object is in an archive class such as GLACIER: restore a copy of it first, with aws s3api restore-object"
        }
        "InvalidRequest" if said.message.contains("ObjectLockConfiguration") => {
            "a bucket gets object lock when it is created; snapline never creates one"
        }
        _ => return region.map(|region| format!("the bucket is in region '{region}': --region {region}").into()),
    };
    Some(hint.into())
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn reply(status: u16, code: &str) -> Error {
        let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>m</Message></Error>");
        Error::reply("put 's3://b/k'", status, &body, &HeaderMap::new())
    }

    #[test]
    fn refusals_missing_things_and_outages_have_their_own_kinds() {
        let cases = [
            (403, "AccessDenied", Kind::Refused),
            (403, "InvalidAccessKeyId", Kind::Refused),
            (403, "SignatureDoesNotMatch", Kind::Refused),
            (400, "ExpiredToken", Kind::Refused),
            (403, "RequestTimeTooSkewed", Kind::Unavailable),
            (404, "NoSuchBucket", Kind::Config),
            (404, "NoSuchKey", Kind::NoInput),
            (404, "NoSuchVersion", Kind::NoInput),
            (404, "NoSuchUpload", Kind::Unavailable),
            (301, "PermanentRedirect", Kind::Config),
            (400, "AuthorizationHeaderMalformed", Kind::Config),
            (503, "SlowDown", Kind::Unavailable),
            (500, "InternalError", Kind::Unavailable),
            (200, "InternalError", Kind::Unavailable),
            (423, "ObjectLocked", Kind::Refused),
            (501, "NotImplemented", Kind::Config),
            (400, "BadDigest", Kind::Unavailable),
            (400, "InvalidPart", Kind::Unavailable),
            (400, "EntityTooSmall", Kind::Config),
        ];
        for (status, code, kind) in cases {
            assert_eq!(reply(status, code).kind(), kind, "{status} {code}");
        }
    }

    #[test]
    fn a_wish_for_md5_is_not_taken_for_a_wrong_one() {
        let error = |code: &str, message: &str| {
            let body = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
            Error::reply("put", 400, &body, &HeaderMap::new())
        };
        let words = "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters";
        assert!(error("InvalidRequest", words).wants_md5());
        assert!(error("MissingContentMD5", "").wants_md5());
        assert!(!error("InvalidRequest", "Bucket is missing ObjectLockConfiguration").wants_md5());
        assert!(!error("BadDigest", "The Content-MD5 you specified did not match").wants_md5());
        assert!(!error("InvalidDigest", "The Content-MD5 you specified is not valid").wants_md5());
    }

    #[test]
    fn the_stores_own_words_are_passed_on() {
        assert_eq!(
            reply(403, "AccessDenied").to_string(),
            "put 's3://b/k': 403 AccessDenied m"
        );
        assert_eq!(
            Error::reply("look", 403, "", &HeaderMap::new()).to_string(),
            "look: 403"
        );
    }

    #[test]
    fn clocks_that_differ_are_both_told() {
        let mut headers = HeaderMap::new();
        headers.insert("date", "Tue, 24 Nov 2026 10:00:00 GMT".parse().unwrap());
        assert_eq!(
            clocks(datetime!(2026-11-24 12:30:15.5 +1), &headers).as_deref(),
            Some("it is 2026-11-24T12:30:15+01:00 here and 2026-11-24T10:00:00Z at the store")
        );
        let body = "<Error><Code>RequestTimeTooSkewed</Code><Message>too far</Message></Error>";
        let error = Error::reply("put", 403, body, &headers);
        let text = error.to_string();
        assert!(
            text.starts_with("put: 403 RequestTimeTooSkewed too far; it is 20")
                && text.ends_with("T10:00:00Z at the store"),
            "{text}"
        );
        assert!(error.hint().unwrap().contains("clock"));
        // A store without a clock of its own.
        let text = Error::reply("put", 403, body, &HeaderMap::new()).to_string();
        assert_eq!(text, "put: 403 RequestTimeTooSkewed too far");
    }

    #[test]
    fn a_wrong_region_is_named() {
        let error = |status, document: &str, header: Option<(&'static str, &str)>| {
            let headers = header.map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()));
            Error::reply("put", status, document, &headers.into_iter().collect())
        };
        let header = Some(("x-amz-bucket-region", "eu-west-1"));
        let malformed = "<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-1</Region></Error>";
        let redirect = "<Error><Code>TemporaryRedirect</Code><Endpoint>b.s3-eu-west-1.amazonaws.com</Endpoint></Error>";
        let location = Some(("location", "https://b.s3.eu-west-1.amazonaws.com/k"));
        for error in [
            error(301, "", header),
            error(400, "", header),
            error(400, malformed, None),
            error(307, redirect, None),
            error(307, "", location),
        ] {
            assert_eq!(error.region(), Some("eu-west-1"), "{error}");
            assert_eq!(
                error.hint(),
                Some("the bucket is in region 'eu-west-1': --region eu-west-1")
            );
        }
        let denied = "<Error><Code>AccessDenied</Code></Error>";
        for error in [
            error(403, denied, header),
            error(400, "<Error><Code>InvalidRequest</Code></Error>", header),
            error(301, "", None),
            error(301, "", Some(("x-amz-bucket-region", "evil.example.com/"))),
        ] {
            assert_eq!((error.region(), error.hint()), (None, None), "{error}");
        }
    }

    fn bare(status: u16, body: &str, headers: &[(&'static str, &str)]) -> Error {
        let pair = |(name, value): &(&'static str, &str)| (http::HeaderName::from_static(name), value.parse().unwrap());
        Error::reply("put", status, body, &headers.iter().map(pair).collect())
    }

    #[test]
    fn another_address_is_named_and_never_taken_for_a_region() {
        let page = "<html><head><title>308 Permanent Redirect</title></head></html>";
        for status in [301, 302, 303, 307, 308] {
            for body in ["", page] {
                let location = ("location", "https://u:hidden@s3.test:9000/b/k?X-Amz-Signature=hidden");
                let error = bare(status, body, &[location]);
                assert_eq!(
                    error.to_string(),
                    format!("put: {status} it redirects to 'https://s3.test:9000/b/k'")
                );
                let hint = "if that is the store, name it: --endpoint-url https://s3.test:9000";
                assert_eq!(
                    (error.region(), error.hint(), error.kind()),
                    (None, Some(hint), Kind::Config)
                );
                assert!(!error.is_transient() && !error.may_have_happened() && error.is_mute());
            }
        }
        let document =
            "<Error><Code>AccessDenied</Code><Message>m</Message><Endpoint>oss-cn-beijing.test</Endpoint></Error>";
        let error = bare(403, document, &[]);
        assert_eq!(
            error.hint(),
            Some(
                "the store names the endpoint 'oss-cn-beijing.test' for this bucket: --endpoint-url https://oss-cn-beijing.test"
            )
        );
        assert_eq!(bare(304, "", &[("location", "https://s3.test/")]).hint(), None);
    }

    #[test]
    fn a_page_for_a_browser_is_no_stores_unless_something_before_a_store_may_have_sent_it() {
        let page = "<!DOCTYPE html><html><head><title>Welcome</title></head></html>";
        for status in [200, 204, 404, 405, 410, 501] {
            let error = bare(status, page, &[]);
            assert!(
                error.to_string().contains("no S3 store") && error.to_string().contains("'Welcome'"),
                "{error}"
            );
            assert_eq!(
                (error.kind(), error.is_transient(), error.is_no_store()),
                (Kind::Unavailable, false, true)
            );
            assert!(error.hint().is_some_and(|hint| hint.contains("--endpoint-url")));
        }
        for (status, kind) in [
            (403, Kind::Refused),
            (413, Kind::Config),
            (502, Kind::Unavailable),
            (503, Kind::Unavailable),
        ] {
            let error = bare(status, page, &[]);
            assert_eq!(error.to_string(), format!("put: {status} an HTML page, 'Welcome'"));
            assert_eq!(
                (error.kind(), error.is_no_store(), error.is_transient()),
                (kind, false, status > 500)
            );
        }
    }

    #[test]
    fn what_a_store_does_not_know_is_said_in_many_ways() {
        for (status, code, message) in [
            (501, "NotImplemented", "m"),
            (400, "NotImplemented", "m"),
            (
                400,
                "InvalidArgument",
                "Unsupported header 'if-none-match' received for this API call.",
            ),
            (400, "InvalidRequest", "m"),
            (400, "BadRequest", "Conditional requests are not supported"),
            (405, "MethodNotAllowed", "m"),
            (405, "", ""),
        ] {
            let body = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
            assert!(bare(status, &body, &[]).is_unsupported(), "{status} {code}");
        }
        for (status, code) in [
            (400, "InvalidStorageClass"),
            (400, "EntityTooSmall"),
            (400, "RequestTimeout"),
            (403, "AccessDenied"),
            (404, "NoSuchBucket"),
            (412, "PreconditionFailed"),
            (503, "SlowDown"),
        ] {
            let body = format!("<Error><Code>{code}</Code><Message>m</Message></Error>");
            assert!(!bare(status, &body, &[]).is_unsupported(), "{status} {code}");
        }
    }
}
