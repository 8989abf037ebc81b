//! Signature Version 4 by the signing functions of rust-s3.
//!
//! rust-s3's own requests hash a body twice with SHA-256 and once with MD5. Here the caller hashes once and says the result,
//! which is why every request is signed here and none by rust-s3's `Request`.

use std::fmt::Write as _;

use http::header::{AUTHORIZATION, HOST};
use http::{HeaderMap, HeaderValue, Method};
use s3::Region;
use s3::signing;
use sha2::{Digest as _, Sha256};
use snapline_http::Kind;
use time::OffsetDateTime;
use time::macros::format_description;
use url::Url;

use crate::{Credentials, Error};

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
    let canonical = signing::canonical_request(method.as_str(), url, headers, &payload.0)?;
    let to_sign = signing::string_to_sign(&now, region, &canonical)?;
    let key = signing::signing_key(&now, &credentials.secret_access_key, region, "s3")?;
    let signature = hmac(&key, to_sign.as_bytes())?;
    let signed = signing::signed_header_string(headers);
    signing::authorization_header(&credentials.access_key_id, &now, region, &signed, &signature)
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

    /// The example "GET Object" of docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
    #[test]
    fn the_signature_of_amazons_example_is_reproduced() {
        let url = Url::parse("https://examplebucket.s3.amazonaws.com/test.txt").unwrap();
        let credentials = Credentials {
            access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret_access_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned(),
            session_token: None,
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
