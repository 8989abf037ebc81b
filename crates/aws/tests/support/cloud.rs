//! Replies of STS, of a container endpoint and of an instance's metadata, byte for byte, for a listener on loopback.

#![allow(dead_code, reason = "each test program uses its own part")]
#![allow(clippy::unwrap_used, reason = "tests")]

use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

/// Secrets that are handed out, and must never be printed.
pub(crate) const SECRETS: [&str; 3] = ["ISSUED-SECRET", "ISSUED-SESSION", "WEB-TOKEN"];

/// A reply with its length, after which the connection is closed.
pub(crate) fn reply(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}")
}

/// A time so many seconds from now, as AWS writes it.
pub(crate) fn in_seconds(seconds: i64) -> String {
    let time = OffsetDateTime::now_utc() + Duration::seconds(seconds);
    time.replace_nanosecond(0).unwrap().format(&Rfc3339).unwrap()
}

/// What STS answers to `action`: temporary keys with this id.
pub(crate) fn sts(action: &str, id: &str, seconds: i64) -> String {
    sts_with(action, [id, SECRETS[0], SECRETS[1]], seconds)
}

/// The same with these keys: id, secret, session token.
pub(crate) fn sts_with(action: &str, [id, secret, token]: [&str; 3], seconds: i64) -> String {
    let end = in_seconds(seconds);
    let body = format!(
        "<{action}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  <{action}Result>\n    <Credentials>\
         <AccessKeyId>{id}</AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey><SessionToken>{token}</SessionToken>\
         <Expiration>{end}</Expiration></Credentials>\n  </{action}Result>\n</{action}Response>"
    );
    reply("200 OK", &body)
}

/// A refusal of STS.
pub(crate) fn sts_refusal(status: &str, code: &str, message: &str) -> String {
    let body = format!(
        "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type><Code>{code}</Code>\
         <Message>{message}</Message></Error><RequestId>1</RequestId></ErrorResponse>"
    );
    reply(status, &body)
}

/// What a container endpoint and an instance's metadata answer: temporary keys.
pub(crate) fn issued(id: &str, seconds: i64) -> String {
    issued_with([id, SECRETS[0], SECRETS[1]], seconds)
}

/// The same with these keys: id, secret, session token.
pub(crate) fn issued_with([id, secret, token]: [&str; 3], seconds: i64) -> String {
    let end = in_seconds(seconds);
    let body = format!(
        "{{\"Code\":\"Success\",\"Type\":\"AWS-HMAC\",\"AccessKeyId\":\"{id}\",\"SecretAccessKey\":\"{secret}\",\
         \"Token\":\"{token}\",\"Expiration\":\"{end}\"}}"
    );
    reply("200 OK", &body)
}

/// A field of a form, decoded.
pub(crate) fn field(form: &str, name: &str) -> Option<String> {
    let value = form
        .split('&')
        .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
    let decoded = percent_encoding::percent_decode_str(value).decode_utf8().unwrap();
    Some(decoded.into_owned())
}
