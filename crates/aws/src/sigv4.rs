//! Signature Version 4 for requests of STS.
//!
//! `aws-sigv4` brings some thirty crates of the AWS SDK along, and rust-s3's signing functions all of rust-s3, which a program
//! that only logs in to Vault should not contain. What STS needs is this: a path, no query, a small body.

use hmac::{Hmac, Mac as _};
use http::header::{AUTHORIZATION, HOST};
use http::{HeaderMap, HeaderValue, Method, Uri};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use time::macros::format_description;

use crate::{Credentials, Error};

/// What a signature is for: `20150830/us-east-1/sts/aws4_request`.
pub(crate) struct Scope<'a> {
    pub(crate) region: &'a str,
    pub(crate) service: &'a str,
    pub(crate) now: OffsetDateTime,
}

/// Adds `Host`, the time, the session token and the signature over all of `headers` and the body.
///
/// docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
///
/// # Errors
/// If a value cannot stand in a header.
pub(crate) fn sign(
    method: &Method,
    uri: &Uri,
    headers: &mut HeaderMap,
    body: &[u8],
    credentials: &Credentials,
    scope: &Scope<'_>,
) -> Result<(), Error> {
    let fail = |error: &dyn std::fmt::Display| Error::config("sign the request", error.to_string());
    let time = scope
        .now
        .format(format_description!("[year][month][day]T[hour][minute][second]Z"))
        .map_err(|error| fail(&error))?;
    let mut set = |name: &'static str, value: &str, is_secret: bool| -> Result<(), Error> {
        let mut value = HeaderValue::from_str(value).map_err(|error| fail(&error))?;
        value.set_sensitive(is_secret);
        headers.insert(name, value);
        Ok(())
    };
    set(
        HOST.as_str(),
        uri.authority().map_or("", http::uri::Authority::as_str),
        false,
    )?;
    set("x-amz-date", &time, false)?;
    if let Some(token) = &credentials.session_token {
        set("x-amz-security-token", token, true)?;
    }
    let (signed, canonical_headers) = canonical(headers);
    let request = format!(
        "{method}\n{path}\n{query}\n{canonical_headers}\n{signed}\n{hash}",
        path = uri.path(),
        query = uri.query().unwrap_or_default(),
        hash = hex(&Sha256::digest(body)),
    );
    let date = time.get(..8).unwrap_or_default();
    let place = format!("{date}/{}/{}/aws4_request", scope.region, scope.service);
    let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{place}\n{}", hex(&Sha256::digest(request)));
    let mut key = format!("AWS4{}", credentials.secret_access_key).into_bytes();
    for part in [date, scope.region, scope.service, "aws4_request"] {
        key = hmac(&key, part.as_bytes());
    }
    let signature = hex(&hmac(&key, to_sign.as_bytes()));
    let id = &credentials.access_key_id;
    let authorization =
        format!("AWS4-HMAC-SHA256 Credential={id}/{place}, SignedHeaders={signed}, Signature={signature}");
    let mut authorization = HeaderValue::from_str(&authorization).map_err(|error| fail(&error))?;
    authorization.set_sensitive(true);
    headers.insert(AUTHORIZATION, authorization);
    Ok(())
}

/// The names of all headers, sorted, and their canonical lines: `name:value`, blanks made single.
fn canonical(headers: &HeaderMap) -> (String, String) {
    let mut names: Vec<_> = headers.keys().map(http::HeaderName::as_str).collect();
    names.sort_unstable();
    let mut lines = String::new();
    for name in &names {
        let values = headers.get_all(*name).iter().map(|value| {
            let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
            text.split_whitespace().collect::<Vec<_>>().join(" ")
        });
        lines.push_str(&format!("{name}:{}\n", values.collect::<Vec<_>>().join(",")));
    }
    (names.join(";"), lines)
}

fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    // HMAC takes keys of any length (RFC 2104), so there is no error that could come.
    Hmac::<Sha256>::new_from_slice(key).map_or_else(
        |_| Vec::new(),
        |mut mac| {
            mac.update(message);
            mac.finalize().into_bytes().to_vec()
        },
    )
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    /// The signature over a request of AWS's test suite (docs.aws.amazon.com, "Signature Version 4 test suite"): its keys, its
    /// time, its scope.
    fn signature(
        method: &Method,
        uri: &str,
        given: &[(&'static str, &str)],
        body: &[u8],
        token: Option<&str>,
    ) -> String {
        let credentials = Credentials {
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned(),
            session_token: token.map(str::to_owned),
            expires: None,
        };
        let mut headers = HeaderMap::new();
        for (name, value) in given {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        let scope = Scope {
            region: "us-east-1",
            service: if uri.contains("iam.") { "iam" } else { "service" },
            now: datetime!(2015-08-30 12:36:00 UTC),
        };
        sign(method, &uri.parse().unwrap(), &mut headers, body, &credentials, &scope).unwrap();
        assert!(headers[AUTHORIZATION].is_sensitive());
        let text = headers[AUTHORIZATION].to_str().unwrap();
        text.rsplit_once("Signature=").unwrap().1.to_owned()
    }

    const URI: &str = "https://example.amazonaws.com/";
    const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

    #[test]
    fn the_signatures_of_amazons_test_suite_are_reproduced() {
        for (name, found, wanted) in [
            (
                "get-vanilla",
                signature(&Method::GET, URI, &[], b"", None),
                "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
            ),
            (
                "post-vanilla",
                signature(&Method::POST, URI, &[], b"", None),
                "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
            ),
            (
                "post-x-www-form-urlencoded",
                signature(&Method::POST, URI, &[FORM], b"Param1=value1", None),
                "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
            ),
            (
                "post-sts-header-before",
                signature(
                    &Method::POST,
                    URI,
                    &[],
                    b"",
                    Some(
                        "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfI\
                         eoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0\
                         wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC\
                         9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==",
                    ),
                ),
                "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead",
            ),
            (
                "get-header-value-trim",
                signature(
                    &Method::GET,
                    URI,
                    &[("my-header1", "value1"), ("my-header2", "\"a   b   c\"")],
                    b"",
                    None,
                ),
                "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
            ),
            // docs.aws.amazon.com/general/latest/gr/sigv4-create-canonical-request.html
            (
                "ListUsers",
                signature(
                    &Method::GET,
                    "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08",
                    &[("content-type", "application/x-www-form-urlencoded; charset=utf-8")],
                    b"",
                    None,
                ),
                "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
            ),
        ] {
            assert_eq!(found, wanted, "{name}");
        }
    }
}
