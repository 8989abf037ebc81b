//! Signature Version 4 by the signing functions of rust-s3.
//!
//! rust-s3's own requests hash a body twice with SHA-256 and once with MD5. Here the caller hashes once and says the result,
//! which is why every request is signed here and none by rust-s3's `Request`.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::header::{AUTHORIZATION, HOST};
use http::{HeaderMap, HeaderValue, Method};
use s3::Region;
use s3::signing;
use sha2::{Digest as _, Sha256};
use snapline_aws::Credentials;
use snapline_http::Kind;
use time::OffsetDateTime;
use time::macros::format_description;
use url::Url;

use crate::Error;

/// SHA-256 of a body in lower-case hexadecimal, as `x-amz-content-sha256` carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayloadHash(String);

impl PayloadHash {
    /// Hashes `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        let mut text = String::with_capacity(64);
        for byte in Sha256::digest(bytes) {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        Self(text)
    }
}

/// What `Content-MD5` carries (RFC 1864): the digest in base64.
pub(crate) fn content_md5(body: &[u8]) -> Result<HeaderValue, Error> {
    let text = BASE64_STANDARD.encode(*md5::compute(body));
    HeaderValue::from_str(&text).map_err(|error| Error::other(Kind::Unexpected, "state the MD5", error.to_string()))
}

/// Adds what a signed request must have to `headers`: `Host`, the time, the payload's hash, the session token, and the
/// signature over all of them. Headers added afterwards are not signed.
///
/// docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
pub(crate) fn sign(
    method: &Method,
    url: &Url,
    headers: &mut HeaderMap,
    payload: &PayloadHash,
    credentials: &Credentials,
    region: &str,
    now: OffsetDateTime,
) -> Result<(), Error> {
    let fail = |error: &dyn std::fmt::Display| Error::other(Kind::Config, "sign the request", error.to_string());
    let host = match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (host, _) => host.unwrap_or_default().to_owned(),
    };
    let date = now
        .format(format_description!("[year][month][day]T[hour][minute][second]Z"))
        .map_err(|error| fail(&error))?;
    let mut set = |name: &'static str, value: &str| -> Result<(), Error> {
        headers.insert(name, HeaderValue::from_str(value).map_err(|error| fail(&error))?);
        Ok(())
    };
    set(HOST.as_str(), &host)?;
    set("x-amz-date", &date)?;
    set("x-amz-content-sha256", &payload.0)?;
    if let Some(token) = &credentials.session_token {
        set("x-amz-security-token", token)?;
        if let Some(value) = headers.get_mut("x-amz-security-token") {
            value.set_sensitive(true);
        }
    }
    // Only the name goes into a signature; the endpoint in a custom region is never used.
    let region = Region::Custom {
        region: region.to_owned(),
        endpoint: String::new(),
    };
    let authorization =
        authorization(method, url, headers, payload, credentials, &region, now).map_err(|e| fail(&e))?;
    let mut authorization = HeaderValue::from_str(&authorization).map_err(|error| fail(&error))?;
    authorization.set_sensitive(true);
    headers.insert(AUTHORIZATION, authorization);
    Ok(())
}

fn authorization(
    method: &Method,
    url: &Url,
    headers: &HeaderMap,
    payload: &PayloadHash,
    credentials: &Credentials,
    region: &Region,
    now: OffsetDateTime,
) -> Result<String, s3::error::S3Error> {
    let canonical = canonical_request(method, url, headers, payload)?;
    let to_sign = signing::string_to_sign(&now, region, &canonical)?;
    let key = signing::signing_key(&now, &credentials.secret_access_key, region, "s3")?;
    let signature = hmac(&key, to_sign.as_bytes())?;
    let signed = signing::signed_header_string(headers);
    signing::authorization_header(&credentials.access_key_id, &now, region, &signed, &signature)
}

/// The canonical request of docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
///
/// rust-s3's own sorts the lines of headers, where only their names count (a name that begins with another one's would come too
/// early: `x-amz-server-side-encryption` and the id of its key), and leaves runs of blanks as they are, which count as one.
fn canonical_request(
    method: &Method,
    url: &Url,
    headers: &HeaderMap,
    payload: &PayloadHash,
) -> Result<String, s3::error::S3Error> {
    let mut lines = Vec::with_capacity(headers.len());
    for (name, value) in headers {
        let words: Vec<_> = value.to_str()?.split_ascii_whitespace().collect();
        lines.push((name.as_str(), words.join(" ")));
    }
    // The names of a HeaderMap are in lower case.
    lines.sort_unstable();
    let lines: String = lines.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    let (path, query) = (signing::canonical_uri_string(url), signing::canonical_query_string(url));
    let signed = signing::signed_header_string(headers);
    Ok(format!("{method}\n{path}\n{query}\n{lines}\n{signed}\n{}", payload.0))
}

/// HMAC-SHA-256 in hexadecimal, with the type that rust-s3 exports.
fn hmac(key: &[u8], message: &[u8]) -> Result<String, s3::error::S3Error> {
    use hmac::Mac as _;
    let mut mac = signing::HmacSha256::new_from_slice(key)?;
    mac.update(message);
    let mut text = String::with_capacity(64);
    for byte in mac.finalize().into_bytes() {
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_run_of_blanks_is_signed_as_one() {
        let signed = |value: &'static str| {
            let url = Url::parse("https://b.s3.amazonaws.com/k").unwrap();
            let credentials = Credentials {
                access_key_id: "k".to_owned(),
                secret_access_key: "s".to_owned(),
                session_token: None,
                expires: None,
            };
            let mut headers = HeaderMap::new();
            headers.insert("x-amz-meta-a", HeaderValue::from_static(value));
            let (hash, now) = (PayloadHash::of(b""), datetime!(2013-05-24 00:00:00 UTC));
            sign(&Method::GET, &url, &mut headers, &hash, &credentials, "us-east-1", now).unwrap();
            assert_eq!(headers["x-amz-meta-a"], value);
            headers[AUTHORIZATION].to_str().unwrap().to_owned()
        };
        assert_eq!(signed("a   b c"), signed("a b c"));
        assert_ne!(signed("ab c"), signed("a b c"));
    }

    #[test]
    fn headers_are_sorted_by_their_names_alone() {
        let url = Url::parse("https://b.s3.amazonaws.com/k").unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(
            "x-amz-server-side-encryption-aws-kms-key-id",
            HeaderValue::from_static("1"),
        );
        headers.insert("x-amz-server-side-encryption", HeaderValue::from_static("aws:kms"));
        let request = canonical_request(&Method::PUT, &url, &headers, &PayloadHash::of(b"")).unwrap();
        let lines: Vec<_> = request.lines().collect();
        assert_eq!(
            &lines[..6],
            [
                "PUT",
                "/k",
                "",
                "x-amz-server-side-encryption:aws:kms",
                "x-amz-server-side-encryption-aws-kms-key-id:1",
                "",
            ]
        );
        assert_eq!(
            lines[6],
            "x-amz-server-side-encryption;x-amz-server-side-encryption-aws-kms-key-id"
        );
    }

    /// RFC 1321, A.5
    #[test]
    fn an_md5_is_stated_in_base64() {
        assert_eq!(content_md5(b"abc").unwrap(), "kAFQmDzST7DWlj99KOF/cg==");
    }

    /// The example "GET Object" of docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
    #[test]
    fn the_signature_of_amazons_example_is_reproduced() {
        let url = Url::parse("https://examplebucket.s3.amazonaws.com/test.txt").unwrap();
        let credentials = Credentials {
            access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret_access_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned(),
            session_token: None,
            expires: None,
        };
        let mut headers = HeaderMap::new();
        headers.insert("range", HeaderValue::from_static("bytes=0-9"));
        let now = datetime!(2013-05-24 00:00:00 UTC);
        sign(
            &Method::GET,
            &url,
            &mut headers,
            &PayloadHash::of(b""),
            &credentials,
            "us-east-1",
            now,
        )
        .unwrap();
        let authorization = headers[AUTHORIZATION].to_str().unwrap();
        assert!(
            authorization.ends_with("Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"),
            "{authorization}"
        );
        assert!(headers[AUTHORIZATION].is_sensitive());
    }
}
