//! S3 URIs: `s3://bucket/key`, with the key as it is.

use std::fmt;
use std::str::FromStr;

use crate::error::Error;

/// The URI of one object, as it is printed and read between programs.
///
/// Always exact: no character means anything, not even a percent sign; nothing is encoded. So keys may have blanks,
/// plus signs and any language, but no control characters: a URI is one line.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ObjectUri {
    /// The name of the bucket.
    pub bucket: String,
    /// The key: 1 to 1024 bytes.
    pub key: String,
}

impl ObjectUri {
    /// Parses `s3://bucket/key`, without a newline.
    ///
    /// # Errors
    ///
    /// Another scheme, a bucket name that no store accepts, a key that is empty, too long, or has a control character.
    pub fn parse(uri: &str) -> Result<Self, Error> {
        let (bucket, key) = split(uri)?;
        check_key(key)?;
        Ok(Self {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
        })
    }
}

impl FromStr for ObjectUri {
    type Err = Error;

    fn from_str(uri: &str) -> Result<Self, Error> {
        Self::parse(uri)
    }
}

impl fmt::Display for ObjectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.key)
    }
}

/// Splits a URI into the bucket, which is checked, and what follows its slash, which is not.
pub(crate) fn split(uri: &str) -> Result<(&str, &str), Error> {
    let rest = uri
        .strip_prefix("s3://")
        .ok_or_else(|| Error::Scheme { uri: uri.to_owned() })?;
    let (bucket, key) = rest
        .split_once('/')
        .map_or((rest, None), |(bucket, key)| (bucket, Some(key)));
    check_bucket(bucket)?;
    Ok((
        bucket,
        key.ok_or_else(|| Error::NoSlash {
            bucket: bucket.to_owned(),
        })?,
    ))
}

pub(crate) fn check_key(key: &str) -> Result<(), Error> {
    if key.is_empty() {
        return Err(Error::EmptyKey);
    }
    if key.len() > Error::LONGEST_KEY {
        return Err(Error::KeyTooLong { length: key.len() });
    }
    if key.chars().any(char::is_control) {
        return Err(Error::ControlCharacter { text: key.to_owned() });
    }
    Ok(())
}

/// Lenient on purpose: today's rules of AWS allow neither uppercase nor underscores, but old buckets and other stores
/// have them, and the store has the last word. A bucket of another tenant of Ceph RGW, or of another project of OpenStack, is
/// called `tenant:bucket` (docs.ceph.com/en/latest/radosgw/multitenancy).
fn check_bucket(bucket: &str) -> Result<(), Error> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let is_name = |name: &str, shortest| (shortest..=63).contains(&name.len()) && name.bytes().all(is_allowed);
    let (tenant, name) = bucket
        .split_once(':')
        .map_or((None, bucket), |(tenant, name)| (Some(tenant), name));
    if is_name(name, 3) && tenant.is_none_or(|tenant| is_name(tenant, 1)) {
        return Ok(());
    }
    if bucket.starts_with("arn:") {
        return Err(Error::Arn { arn: bucket.to_owned() });
    }
    Err(Error::Bucket {
        bucket: bucket.to_owned(),
    })
}
