//! Why a URI or a template was refused, in words for an operator.

use std::fmt;

use snapline_failure::one_line;

/// The longest part of a foreign text that is repeated in an error, in characters.
const QUOTE_LIMIT: usize = 120;

/// Why a URI or a template was refused.
///
/// Displayed as one lower-case line without a full stop; whatever comes from the input is bounded and escaped. In an
/// option or a variable this is wrong usage, in a line from standard input it is bad data: the caller knows.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The text does not begin with `s3://`.
    Scheme {
        /// The text.
        uri: String,
    },
    /// The name of the bucket is one that no store accepts.
    Bucket {
        /// The name.
        bucket: String,
    },
    /// An ARN where the name of a bucket belongs.
    Arn {
        /// Its beginning.
        arn: String,
    },
    /// There is a bucket, but not even a slash behind it.
    NoSlash {
        /// The name of the bucket.
        bucket: String,
    },
    /// The key is empty.
    EmptyKey,
    /// The key, or every key of the template, is longer than S3 allows.
    KeyTooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// A control character, which would break the rule of one URI to one line.
    ControlCharacter {
        /// The key or the template.
        text: String,
    },
    /// A key that does not end in a name of the template.
    Foreign {
        /// The key.
        key: String,
        /// The template of names.
        name: String,
    },
    /// The name that goes behind a prefix is empty.
    EmptyName,
    /// The name that goes behind a prefix begins with a slash.
    NameWithSlash {
        /// The name.
        name: String,
    },
    /// A percent sign is followed by something that is no field.
    UnknownField {
        /// The template.
        template: String,
        /// What follows the percent sign, or nothing at the end of the template.
        field: Option<char>,
    },
    /// A field occurs more than once.
    DoubledField {
        /// The template.
        template: String,
        /// The letter of the field.
        field: char,
    },
    /// A field is missing; without it two times would have the same key.
    MissingField {
        /// The template.
        template: String,
        /// The letter of the field.
        field: char,
    },
}

impl Error {
    /// The longest key in bytes (Amazon S3 user guide, "Naming Amazon S3 objects").
    pub const LONGEST_KEY: usize = 1024;
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scheme { uri } => write!(f, "'{}' is not of the form s3://bucket/key", Quoted(uri)),
            Self::Bucket { bucket } => write!(
                f,
                "bucket name '{}' must have 3 to 63 letters, digits, dots, dashes or underscores, perhaps behind a tenant and a colon",
                Quoted(bucket)
            ),
            Self::Arn { arn } => write!(
                f,
                "'{}' is an ARN and no bucket's name; an access point goes by its alias, which ends in -s3alias: s3://ALIAS/key",
                Quoted(arn)
            ),
            Self::NoSlash { bucket } => {
                let bucket = Quoted(bucket);
                write!(
                    f,
                    "'s3://{bucket}' names no object; for the whole bucket write 's3://{bucket}/'"
                )
            }
            Self::EmptyKey => write!(f, "the key is empty"),
            Self::KeyTooLong { length } => {
                write!(
                    f,
                    "the key has {length} bytes, more than the {} that S3 allows",
                    Self::LONGEST_KEY
                )
            }
            Self::ControlCharacter { text } => write!(f, "'{}' has a control character", Quoted(text)),
            Self::Foreign { key, name } => {
                write!(
                    f,
                    "the key '{}' has no name of the form '{}'",
                    Quoted(key),
                    Quoted(name)
                )
            }
            Self::EmptyName => write!(f, "the name template is empty"),
            Self::NameWithSlash { name } => write!(f, "name template '{}' begins with a slash", Quoted(name)),
            Self::UnknownField { template, field } => {
                write!(f, "template '{}' has ", Quoted(template))?;
                match field {
                    Some(field) => write!(f, "an unknown field '%{}'", field.escape_debug())?,
                    None => write!(f, "a percent sign at its end")?,
                }
                write!(f, "; known are %Y %m %d %H %M %S, and %% for a percent sign")
            }
            Self::DoubledField { template, field } => {
                write!(f, "template '{}' has '%{field}' more than once", Quoted(template))
            }
            Self::MissingField { template, field } => {
                write!(
                    f,
                    "template '{}' lacks '%{field}'; it needs each of %Y %m %d %H %M %S",
                    Quoted(template)
                )
            }
        }
    }
}

impl std::error::Error for Error {}

/// A foreign text, fit for a message.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&one_line(self.0, QUOTE_LIMIT))
    }
}
