//! `GetCallerIdentity`, signed but not sent: who receives it proves with it, by sending it on, who we are
//! (docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html).

use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue, Method};
use time::OffsetDateTime;

use crate::sigv4::{Scope, sign};
use crate::sts::{FORM, form};
use crate::{Credentials, Error, Variant, endpoint};

/// Names whom the request is for, so that nobody else can use it.
pub const SERVER_ID_HEADER: HeaderName = HeaderName::from_static("x-vault-aws-iam-server-id");

/// A signed request, in parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedRequest {
    /// `POST`
    pub method: &'static str,
    /// Of STS in the region.
    pub url: String,
    /// All that is signed, and the signature, which is a secret for as long as it holds: 15 minutes.
    pub headers: HeaderMap,
    /// A form.
    pub body: String,
}

/// The request, signed for `region` with `credentials` at this moment, and for `server_id` alone where there is one.
///
/// For `us-east-1` the URL is that of the global endpoint, which Vault sends it to unless it is configured otherwise. What the
/// environment says about endpoints does not matter: Vault sends the request to the one in its own configuration.
///
/// # Errors
/// If `region` or `server_id` cannot be part of the request.
pub fn caller_identity(
    credentials: &Credentials,
    region: &str,
    server_id: Option<&str>,
) -> Result<SignedRequest, Error> {
    let url = match region {
        "us-east-1" => "https://sts.amazonaws.com/".to_owned(),
        region => format!("{}/", endpoint::sts_of_region(region, Variant::default())?),
    };
    let uri = endpoint::checked(&url, "the region")?;
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(FORM));
    if let Some(id) = server_id {
        let value = HeaderValue::from_str(id).map_err(|_| {
            Error::config(
                format!("sign the value of {SERVER_ID_HEADER}"),
                "it cannot stand in a header",
            )
        })?;
        headers.insert(SERVER_ID_HEADER, value);
    }
    let body = form("GetCallerIdentity");
    let scope = Scope {
        region,
        service: "sts",
        now: OffsetDateTime::now_utc(),
    };
    sign(&Method::POST, &uri, &mut headers, body.as_bytes(), credentials, &scope)?;
    Ok(SignedRequest {
        method: "POST",
        url,
        headers,
        body,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_region_the_server_and_the_session_are_signed() {
        let credentials = Credentials {
            access_key_id: "AK".to_owned(),
            secret_access_key: "s".to_owned(),
            session_token: Some("t".to_owned()),
            expires: None,
        };
        let signed = caller_identity(&credentials, "eu-west-1", Some("vault.example.com")).unwrap();
        assert_eq!(signed.url, "https://sts.eu-west-1.amazonaws.com/");
        assert_eq!(signed.headers["host"], "sts.eu-west-1.amazonaws.com");
        let authorization = signed.headers["authorization"].to_str().unwrap();
        assert!(authorization.contains("/eu-west-1/sts/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-vault-aws-iam-server-id, "), "{authorization}");
        assert_eq!(
            caller_identity(&credentials, "us-east-1", None).unwrap().url,
            "https://sts.amazonaws.com/"
        );
        assert!(caller_identity(&credentials, "a/b", None).is_err());
        assert!(caller_identity(&credentials, "us-east-1", Some("a\nb")).is_err());
    }
}
