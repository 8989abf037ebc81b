//! What can be wrong with a series.

use std::fmt;
use std::time::Duration;

use snapline_cli::{Kind, age};
use snapline_series::ObjectUri;

/// Something that makes a check fail, or keeps it from knowing. Displayed as a clause without a full stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Problem {
    /// There is no snapshot that counts.
    Missing { future: usize, empty: usize },
    /// The newest snapshot is too old.
    TooOld {
        newest: ObjectUri,
        age: Duration,
        limit: Duration,
    },
    /// There are too few snapshots.
    TooFew { count: usize, limit: usize },
    /// The newest snapshot was deleted before it could be verified.
    Gone { newest: ObjectUri },
    /// A snapshot is not whole.
    Broken {
        object: ObjectUri,
        is_newest: bool,
        cause: String,
    },
    /// What is stored is not the snapshot itself, but what a filter made of it.
    Filtered { object: ObjectUri, cause: String },
    /// A snapshot could not be fetched, which says nothing about it.
    Unread {
        object: ObjectUri,
        kind: Kind,
        cause: String,
    },
}

impl Problem {
    /// Its name in reports: an interface.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "missing",
            Self::TooOld { .. } => "too_old",
            Self::TooFew { .. } => "too_few",
            Self::Gone { .. } => "gone",
            Self::Broken { .. } => "broken",
            Self::Filtered { .. } => "filtered",
            Self::Unread { .. } => "unread",
        }
    }

    /// What it means, and so the exit code.
    pub(crate) const fn kind(&self) -> Kind {
        match self {
            Self::Missing { .. } | Self::TooOld { .. } | Self::TooFew { .. } | Self::Gone { .. } => Kind::NoInput,
            Self::Broken { .. } | Self::Filtered { .. } => Kind::Data,
            Self::Unread { kind, .. } => *kind,
        }
    }

    /// Whether it is a failure of the backup, and not only of the check.
    pub(crate) const fn is_certain(&self) -> bool {
        !matches!(self, Self::Unread { .. })
    }

    /// The object that it is about, if it is about one.
    pub(crate) const fn object(&self) -> Option<&ObjectUri> {
        match self {
            Self::Missing { .. } | Self::TooFew { .. } => None,
            Self::TooOld { newest, .. } | Self::Gone { newest } => Some(newest),
            Self::Broken { object, .. } | Self::Filtered { object, .. } | Self::Unread { object, .. } => Some(object),
        }
    }

    /// The smaller, the more it matters: the first decides the exit code.
    pub(crate) const fn rank(&self) -> u8 {
        match self {
            Self::Broken { is_newest: true, .. } => 0,
            Self::Broken { .. } => 1,
            Self::Filtered { .. } => 2,
            Self::Missing { .. } | Self::TooOld { .. } | Self::TooFew { .. } | Self::Gone { .. } => 3,
            Self::Unread { .. } => 4,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { future: 0, empty: 0 } => write!(f, "there is no snapshot"),
            Self::Missing { future, empty } => write!(
                f,
                "there is no snapshot that counts: {empty} are empty, {future} from the future"
            ),
            Self::TooOld {
                newest,
                age: old,
                limit,
            } => write!(
                f,
                "the newest snapshot '{newest}' is {} old, more than {}",
                age(*old),
                age(*limit)
            ),
            Self::TooFew { count: 1, limit } => write!(f, "there is 1 snapshot, and there must be {limit}"),
            Self::TooFew { count, limit } => write!(f, "there are {count} snapshots, and there must be {limit}"),
            Self::Gone { newest } => write!(f, "the newest snapshot '{newest}' was deleted during the check"),
            Self::Broken {
                object,
                is_newest,
                cause,
            } => {
                let which = if *is_newest { "the newest snapshot " } else { "" };
                write!(f, "{which}'{object}' is broken: {cause}")
            }
            Self::Filtered { object, cause } => write!(f, "'{object}' cannot be verified: {cause}"),
            Self::Unread { cause, .. } => f.write_str(cause),
        }
    }
}
