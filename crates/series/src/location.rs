//! What the one argument of the S3 programs means: an object or a series.

use std::fmt;

use crate::error::Error;
use crate::template::Template;
use crate::uri::{ObjectUri, check_key, split};

/// What an S3 URI on the command line means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// One object, by its exact key.
    Object {
        /// The name of the bucket.
        bucket: String,
        /// The key: 1 to 1024 bytes.
        key: String,
    },
    /// A series of objects.
    Series {
        /// The name of the bucket.
        bucket: String,
        /// The template of their whole keys.
        template: Template,
    },
}

impl Location {
    /// Parses a URI from the command line.
    ///
    /// One that ends in `/` is a prefix, to which the template `name` is appended; `%` means nothing special in the
    /// prefix only if it is doubled, as in every template. Any other URI is a template if it contains `%`, otherwise an
    /// exact key. `name` is looked at only behind a prefix. Nothing is decoded: `+` and blanks are themselves.
    ///
    /// # Errors
    ///
    /// Those of [`ObjectUri::parse`] and [`Template::parse`]; a bucket without a slash, with a hint; a `name` that is
    /// empty or begins with a slash.
    pub fn parse(uri: &str, name: &str) -> Result<Self, Error> {
        let (bucket, key) = split(uri)?;
        let bucket = bucket.to_owned();
        if key.is_empty() || key.ends_with('/') {
            check_name(name)?;
            let template = Template::parse(&format!("{key}{name}"))?;
            return Ok(Self::Series { bucket, template });
        }
        if key.contains('%') {
            return Ok(Self::Series {
                bucket,
                template: Template::parse(key)?,
            });
        }
        check_key(key)?;
        Ok(Self::Object {
            bucket,
            key: key.to_owned(),
        })
    }

    /// The series that `object` belongs to, if its names are made from the template `name`: whatever stands before the name
    /// is the prefix, and everything with that prefix and such a name is the series.
    ///
    /// # Errors
    ///
    /// Those of [`Template::parse`]; [`Error::Foreign`] if the key has no such name.
    pub fn series_of(object: &ObjectUri, name: &str) -> Result<Self, Error> {
        check_name(name)?;
        let foreign = || Error::Foreign {
            key: object.key.clone(),
            name: name.to_owned(),
        };
        // The prefix ends where as many slashes are left as the name has itself.
        let slashes = name.matches('/').count();
        let end = object.key.rmatch_indices('/').nth(slashes).map_or(0, |(at, _)| at + 1);
        let prefix = object.key[..end].replace('%', "%%");
        let template = Template::parse(&format!("{prefix}{name}"))?;
        template.parse_key(&object.key).ok_or_else(foreign)?;
        Ok(Self::Series {
            bucket: object.bucket.clone(),
            template,
        })
    }

    /// The name of the bucket.
    pub fn bucket(&self) -> &str {
        match self {
            Self::Object { bucket, .. } | Self::Series { bucket, .. } => bucket,
        }
    }
}

impl fmt::Display for Location {
    /// The URI of the object, or that of the series with its whole template.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Object { bucket, key } => write!(f, "s3://{bucket}/{key}"),
            Self::Series { bucket, template } => write!(f, "s3://{bucket}/{template}"),
        }
    }
}

impl From<ObjectUri> for Location {
    fn from(uri: ObjectUri) -> Self {
        Self::Object {
            bucket: uri.bucket,
            key: uri.key,
        }
    }
}

/// A name may have slashes within (folders by date), but at its beginning one would make an empty folder.
fn check_name(name: &str) -> Result<(), Error> {
    match name.bytes().next() {
        None => Err(Error::EmptyName),
        Some(b'/') => Err(Error::NameWithSlash { name: name.to_owned() }),
        Some(_) => Ok(()),
    }
}
