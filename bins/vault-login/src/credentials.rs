//! What each method needs: options first, then variables, then defaults. Files are read here, at each run: what they hold may
//! be replaced at any time, as the tokens of Kubernetes are.

use std::fs;
use std::io::ErrorKind;

use snapline_cli::{Failure, Kind, OrExit as _};
use snapline_http::Environment;
use snapline_vault::{
    AppRole, Aws, Cert, Form, Jwt, Mount, Password, Places, Secret, SecretId, Username, Variable, variable,
};

use crate::Args;
use crate::aws::IamLogin;
use crate::method::{Method, Name};

/// Where Kubernetes puts the token of a pod's service account.
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// The method with all that it needs.
///
/// # Errors
/// 78 for what is missing, contradictory or wrong, 74 for a file that cannot be read.
pub(crate) fn of(name: Name, args: &Args, environment: Environment<'_>) -> Result<Method, Failure> {
    let source = Source { args, environment };
    Ok(match name {
        Name::AppRole => Method::AppRole(source.approle()?),
        Name::Kubernetes => Method::Kubernetes(source.kubernetes()?),
        Name::Jwt => Method::Jwt(source.jwt()?),
        Name::Cert => Method::Cert(source.cert()?),
        Name::Userpass => Method::Userpass(source.password(name)?),
        Name::Ldap => Method::Ldap(source.password(name)?),
        Name::Aws => Method::Aws(Box::new(source.aws()?)),
        Name::Token => Method::Token(source.token()?),
    })
}

struct Source<'a> {
    args: &'a Args,
    environment: Environment<'a>,
}

impl Source<'_> {
    fn approle(&self) -> Result<AppRole, Failure> {
        let role_id = match &self.args.role_id {
            Some(text) => Some(Secret::id(text.as_str()).or_exit(Kind::Config, "read the role id from --role-id")?),
            None => self.secret(Places {
                what: "the role id",
                form: Form::Id,
                file: option("--role-id-file", self.args.role_id_file.as_deref()),
                variable: "APPROLE_ROLE_ID",
            })?,
        };
        let role_id = role_id.ok_or_else(|| {
            missing(
                "the role id",
                "give --role-id or --role-id-file, or set VAULT_APPROLE_ROLE_ID",
            )
        })?;
        Ok(AppRole {
            mount: self.mount(Name::AppRole)?,
            role_id,
            secret_id: self.secret_id()?,
        })
    }

    fn secret_id(&self) -> Result<SecretId, Failure> {
        let found = self.secret(Places {
            what: "the secret id",
            form: Form::Id,
            file: option("--secret-id-file", self.args.secret_id_file.as_deref()),
            variable: "APPROLE_SECRET_ID",
        })?;
        match found {
            Some(found) if self.args.secret_id_wrapped => Secret::token(found.reveal())
                .map(SecretId::Wrapped)
                .or_exit(Kind::Config, "read the wrapping token of the secret id"),
            Some(found) => Ok(SecretId::Plain(found)),
            None if self.args.secret_id_wrapped => Err(missing(
                "the wrapping token of the secret id",
                "give --secret-id-file, or set VAULT_APPROLE_SECRET_ID",
            )),
            None => Ok(SecretId::None),
        }
    }

    fn kubernetes(&self) -> Result<Jwt, Failure> {
        let role = self.role()?;
        let jwt = match self.jwt_file()? {
            Some(jwt) => jwt,
            None => match fs::metadata(SERVICE_ACCOUNT) {
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    return Err(Failure::says(
                        Kind::Config,
                        format!("find the JWT: there is none at '{SERVICE_ACCOUNT}'"),
                    )
                    .hint("give --jwt-file, or set VAULT_AUTH_JWT_FILE; in a pod, see automountServiceAccountToken"));
                }
                _ => self.read_jwt("the default", SERVICE_ACCOUNT)?,
            },
        };
        Ok(Jwt {
            mount: self.mount(Name::Kubernetes)?,
            role: Some(role.ok_or_else(|| missing("the role", "give --role, or set VAULT_AUTH_ROLE"))?),
            jwt,
        })
    }

    fn jwt(&self) -> Result<Jwt, Failure> {
        let jwt = self.jwt_file()?;
        Ok(Jwt {
            mount: self.mount(Name::Jwt)?,
            role: self.role()?,
            jwt: jwt.ok_or_else(|| missing("the JWT", "give --jwt-file, or set VAULT_AUTH_JWT_FILE"))?,
        })
    }

    fn cert(&self) -> Result<Cert, Failure> {
        Ok(Cert {
            mount: self.mount(Name::Cert)?,
            name: self.role()?,
        })
    }

    fn aws(&self) -> Result<IamLogin, Failure> {
        let login = Aws {
            mount: self.mount(Name::Aws)?,
            role: self.role()?,
        };
        let server_id = match &self.args.header_value {
            Some(value) => Some(value.clone()),
            None => self.setting("AUTH_HEADER_VALUE")?.map(|found| found.value),
        };
        IamLogin::new(login, self.args.region.as_deref(), server_id, self.environment)
    }

    fn password(&self, name: Name) -> Result<Password, Failure> {
        let username = match &self.args.username {
            Some(text) => Some(Username::new(text, "--username")?),
            None => match self.setting("AUTH_USERNAME")? {
                Some(found) => Some(Username::new(&found.value, &found.name)?),
                None => None,
            },
        };
        let username =
            username.ok_or_else(|| missing("the user name", "give --username, or set VAULT_AUTH_USERNAME"))?;
        let password = self.secret(Places {
            what: "the password",
            form: Form::Password,
            file: option("--password-file", self.args.password_file.as_deref()),
            variable: "AUTH_PASSWORD",
        })?;
        Ok(Password {
            mount: self.mount(name)?,
            username,
            password: password.ok_or_else(|| {
                missing(
                    "the password",
                    "give --password-file, or set VAULT_AUTH_PASSWORD or VAULT_AUTH_PASSWORD_FILE",
                )
            })?,
        })
    }

    fn token(&self) -> Result<Secret, Failure> {
        let token = self.secret(Places {
            what: "the token",
            form: Form::Token,
            file: option("--token-file", self.args.token_file.as_deref()),
            variable: "TOKEN",
        })?;
        token.ok_or_else(|| missing("the token", "give --token-file, or set VAULT_TOKEN"))
    }

    fn mount(&self, name: Name) -> Result<Mount, Failure> {
        let mount = match &self.args.path {
            Some(text) => Mount::new(text, "--path"),
            None => match self.setting("AUTH_PATH")? {
                Some(found) => Mount::new(&found.value, &found.name),
                None => Mount::new(name.text(), "the default"),
            },
        };
        Ok(mount?)
    }

    /// Names who logs in, so an empty one is as little a default as an empty secret.
    fn role(&self) -> Result<Option<String>, Failure> {
        let (text, source) = match &self.args.role {
            Some(text) => (text.clone(), "--role".to_owned()),
            None => match variable(self.environment, "AUTH_ROLE")? {
                Some(found) => (found.value, found.name),
                None => return Ok(None),
            },
        };
        if text.is_empty() || text.contains(char::is_control) {
            let message = format!("read the role from {source}: it is empty or holds a control character");
            return Err(Failure::says(Kind::Config, message));
        }
        Ok(Some(text))
    }

    /// The JWT out of a file that an option or a variable names. There is no variable for the JWT itself.
    fn jwt_file(&self) -> Result<Option<Secret>, Failure> {
        if let Some(path) = &self.args.jwt_file {
            return self.read_jwt("--jwt-file", path).map(Some);
        }
        match variable(self.environment, "AUTH_JWT_FILE")? {
            Some(found) if found.value.is_empty() => Err(Failure::says(
                Kind::Config,
                format!("read the JWT from {}: it is set, but empty", found.name),
            )),
            Some(found) => self.read_jwt(&found.name, &found.value).map(Some),
            None => Ok(None),
        }
    }

    fn read_jwt(&self, source: &str, path: &str) -> Result<Secret, Failure> {
        let found = self.secret(Places {
            what: "the JWT",
            form: Form::Jwt,
            file: Some((source, path)),
            variable: "AUTH_JWT",
        })?;
        found.ok_or_else(|| missing("the JWT", "give --jwt-file, or set VAULT_AUTH_JWT_FILE"))
    }

    fn secret(&self, places: Places<'_>) -> Result<Option<Secret>, Failure> {
        Ok(places.find(self.environment)?)
    }

    /// A variable that is no secret: empty means not set.
    fn setting(&self, name: &str) -> Result<Option<Variable>, Failure> {
        let found = variable(self.environment, name)?;
        Ok(found.filter(|found| !found.value.is_empty()))
    }
}

fn option<'a>(name: &'a str, path: Option<&'a str>) -> Option<(&'a str, &'a str)> {
    path.map(|path| (name, path))
}

fn missing(what: &str, hint: &str) -> Failure {
    Failure::says(Kind::Config, format!("find {what}: there is none")).hint(hint)
}
