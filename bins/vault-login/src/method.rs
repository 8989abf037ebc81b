//! The ways to log in that this program knows.

use snapline_vault::{AppRole, Client, Error, Login, Namespace, Secret, look_up};

/// A method with all that it needs.
#[derive(Debug)]
pub(crate) enum Method {
    /// A role id and perhaps a secret id.
    AppRole(AppRole),
    /// A token that somebody has already.
    Token(Secret),
}

/// The names that `--method` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Name {
    AppRole,
    Token,
}

impl Name {
    pub(crate) const ALL: [Self; 2] = [Self::AppRole, Self::Token];

    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::AppRole => "approle",
            Self::Token => "token",
        }
    }

    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|name| name.text() == text).ok_or_else(|| {
            let known = Self::ALL.map(Self::text).join(", ");
            format!("'{text}' is none of the methods: {known}")
        })
    }
}

impl Method {
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::AppRole(_) => Name::AppRole.text(),
            Self::Token(_) => Name::Token.text(),
        }
    }

    /// Whether the token is one of this program's own making, which it may revoke.
    pub(crate) const fn makes_a_token(&self) -> bool {
        !matches!(self, Self::Token(_))
    }

    pub(crate) fn log_in(&self, client: &Client, namespace: Option<&Namespace>) -> Result<Login, Error> {
        match self {
            Self::AppRole(role) => role.log_in(client, namespace),
            Self::Token(token) => look_up(client, token.clone(), namespace),
        }
    }
}
