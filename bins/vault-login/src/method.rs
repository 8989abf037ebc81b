//! The ways to log in that this program knows.

use snapline_cli::Failure;
use snapline_vault::{AppRole, Cert, Client, Jwt, Login, Namespace, Password, Secret, look_up};

use crate::aws::IamLogin;

/// A method with all that it needs.
#[derive(Debug)]
pub(crate) enum Method {
    /// A role id and perhaps a secret id.
    AppRole(AppRole),
    /// A service account's token.
    Kubernetes(Jwt),
    /// A signed token of any issuer.
    Jwt(Jwt),
    /// The client certificate of the connection.
    Cert(Cert),
    /// A user whom Vault knows.
    Userpass(Password),
    /// A user whom a directory server knows.
    Ldap(Password),
    /// An identity of AWS.
    Aws(Box<IamLogin>),
    /// A token that somebody has already.
    Token(Secret),
}

/// The names that `--method` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Name {
    AppRole,
    Kubernetes,
    Jwt,
    Cert,
    Userpass,
    Ldap,
    Aws,
    Token,
}

impl Name {
    pub(crate) const ALL: [Self; 8] = [
        Self::AppRole,
        Self::Kubernetes,
        Self::Jwt,
        Self::Cert,
        Self::Userpass,
        Self::Ldap,
        Self::Aws,
        Self::Token,
    ];

    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::AppRole => "approle",
            Self::Kubernetes => "kubernetes",
            Self::Jwt => "jwt",
            Self::Cert => "cert",
            Self::Userpass => "userpass",
            Self::Ldap => "ldap",
            Self::Aws => "aws",
            Self::Token => "token",
        }
    }

    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|name| name.text() == text).ok_or_else(|| {
            let known = Self::ALL.map(Self::text).join(", ");
            format!("'{text}' is none of the methods: {known}")
        })
    }

    /// The options that only some methods have, and this one does.
    pub(crate) const fn options(self) -> &'static [&'static str] {
        match self {
            Self::AppRole => &[
                "--path",
                "--role-id",
                "--role-id-file",
                "--secret-id-file",
                "--secret-id-wrapped",
            ],
            Self::Kubernetes | Self::Jwt => &["--path", "--role", "--jwt-file"],
            Self::Cert => &["--path", "--role"],
            Self::Userpass | Self::Ldap => &["--path", "--username", "--password-file"],
            Self::Aws => &["--path", "--role", "--region", "--header-value"],
            Self::Token => &["--token-file"],
        }
    }
}

impl Method {
    pub(crate) const fn name(&self) -> Name {
        match self {
            Self::AppRole(_) => Name::AppRole,
            Self::Kubernetes(_) => Name::Kubernetes,
            Self::Jwt(_) => Name::Jwt,
            Self::Cert(_) => Name::Cert,
            Self::Userpass(_) => Name::Userpass,
            Self::Ldap(_) => Name::Ldap,
            Self::Aws(_) => Name::Aws,
            Self::Token(_) => Name::Token,
        }
    }

    /// Whether the token is one of this program's own making, which it may revoke.
    pub(crate) const fn makes_a_token(&self) -> bool {
        !matches!(self, Self::Token(_))
    }

    pub(crate) fn log_in(&self, client: &Client, namespace: Option<&Namespace>) -> Result<Login, Failure> {
        let login = match self {
            Self::AppRole(role) => role.log_in(client, namespace),
            Self::Kubernetes(account) | Self::Jwt(account) => account.log_in(client, namespace),
            Self::Cert(cert) => cert.log_in(client, namespace),
            Self::Userpass(user) | Self::Ldap(user) => user.log_in(client, namespace),
            Self::Aws(aws) => return aws.log_in(client, namespace),
            Self::Token(token) => look_up(client, token.clone(), namespace),
        };
        Ok(login?)
    }
}
