//! One source of credentials.

use std::fmt;

use crate::container::Container;
use crate::instance::{Instance, Miss};
use crate::sts::{Role, Sts};
use crate::transport::Transport;
use crate::web_identity::WebIdentity;
use crate::{Credentials, Error};

/// Where credentials come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// They are written down.
    Keys {
        credentials: Credentials,
        /// `environment`, or which profile.
        origin: String,
    },
    WebIdentity(WebIdentity),
    /// A role that other credentials may take.
    Assumed {
        by: Box<Source>,
        role: Role,
        sts: Sts,
    },
    Container(Container),
    Instance(Instance),
}

impl Source {
    /// Gets them. What `Miss` tells apart matters to the last source alone.
    pub(crate) fn get(&self, transport: &Transport) -> Result<Credentials, Miss> {
        match self {
            Self::Keys { credentials, .. } => Ok(credentials.clone()),
            Self::WebIdentity(identity) => identity.get(transport).map_err(Miss::Failed),
            Self::Assumed { by, role, sts } => {
                let by = by.get(transport).map_err(|miss| Miss::Failed(miss.into_error()))?;
                sts.assume(transport, role, &by).map_err(Miss::Failed)
            }
            Self::Container(container) => container.get(transport).map_err(Miss::Failed),
            Self::Instance(instance) => instance.get(transport),
        }
    }

    /// Whether asking again may give other credentials.
    pub(crate) const fn can_renew(&self) -> bool {
        !matches!(self, Self::Keys { .. })
    }
}

/// For `-v`: never a key.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keys { origin, .. } => write!(f, "the keys of {origin}"),
            Self::WebIdentity(identity) => write!(f, "role '{}' by web identity", identity.role.arn),
            Self::Assumed { by, role, .. } => write!(f, "role '{}' by {by}", role.arn),
            Self::Container(container) => write!(f, "the container endpoint {}", container.shown()),
            Self::Instance(instance) => write!(f, "the instance's metadata at {}", instance.base()),
        }
    }
}

impl From<Miss> for Error {
    fn from(miss: Miss) -> Self {
        miss.into_error()
    }
}
