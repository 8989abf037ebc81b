//! The command line, and the checked values it becomes.

use snapline_cli::{Exit, Failure, OrExit as _};
use snapline_http::Environment;
use snapline_vault::{AppRole, Form, Mount, Namespace, Places, Secret, Settings, variable};

use crate::failed;
use crate::method::{Method, Name};

snapline_cli::args! {
    /// Logs in to Vault or OpenBao and prints the token, one line. A token that cannot be handed over is revoked.
    #[argh(
        example = "{command_name} | vault-snapshot --revoke | s3-put s3://backups/vault/ | snap-prune --keep-last 30",
        example = "VAULT_TOKEN=$({command_name} --role-id-file role-id --secret-id-file secret-id) vault kv get secret/a",
        note = "The secret id comes from --secret-id-file, VAULT_APPROLE_SECRET_ID or VAULT_APPROLE_SECRET_ID_FILE; a role with bind_secret_id=false needs none. BAO_X is read before VAULT_X."
    )]
    pub struct Args with (vault) {
        /// namespace to log in to [env: VAULT_NAMESPACE]
        #[argh(option, arg_name = "ns")]
        pub namespace: Option<String>,
        /// way to log in: approle or token [env: VAULT_AUTH_METHOD; default: approle]
        #[argh(option, arg_name = "m")]
        pub method: Option<String>,
        /// where the method is mounted, below auth/ [env: VAULT_AUTH_PATH; default: the method's name]
        #[argh(option, arg_name = "mount")]
        pub path: Option<String>,
        /// role id for approle [env: VAULT_APPROLE_ROLE_ID]
        #[argh(option, arg_name = "id")]
        pub role_id: Option<String>,
        /// file that holds the role id [env: VAULT_APPROLE_ROLE_ID_FILE]
        #[argh(option, arg_name = "file")]
        pub role_id_file: Option<String>,
        /// file that holds the secret id for approle [env: VAULT_APPROLE_SECRET_ID_FILE, VAULT_APPROLE_SECRET_ID]
        #[argh(option, arg_name = "file")]
        pub secret_id_file: Option<String>,
        /// file that holds the token for method token, which is looked up and printed [env: VAULT_TOKEN_FILE, VAULT_TOKEN]
        #[argh(option, arg_name = "file")]
        pub token_file: Option<String>,
        /// file to write, mode 0600 [default: -, standard output]
        #[argh(option, arg_name = "file")]
        pub output: Option<String>,
    }
}

/// What to do.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) settings: Settings,
    pub(crate) namespace: Option<Namespace>,
    pub(crate) method: Method,
    pub(crate) output: Option<String>,
}

impl Args {
    /// Flags, then the environment, then defaults.
    ///
    /// # Errors
    /// 64 for options that make no sense, 78 for values that are missing, contradictory or wrong, 74 for a file that cannot
    /// be read.
    pub(crate) fn check(self, environment: Environment<'_>) -> Result<Plan, Failure> {
        let options = self.vault();
        let user_agent = concat!("vault-login/", env!("CARGO_PKG_VERSION"));
        let name = self.method_name(environment)?;
        self.refuse_what_does_not_go_with(name)?;
        Ok(Plan {
            settings: Settings::new(&options, environment, user_agent).map_err(failed)?,
            namespace: self.namespace(environment)?,
            method: match name {
                Name::AppRole => Method::AppRole(self.approle(environment)?),
                Name::Token => Method::Token(self.token(environment)?),
            },
            output: self.output,
        })
    }

    fn method_name(&self, environment: Environment<'_>) -> Result<Name, Failure> {
        if let Some(text) = &self.method {
            return Name::parse(text).or_exit(Exit::Usage, "read --method");
        }
        match variable(environment, "AUTH_METHOD").map_err(failed)? {
            Some(found) if !found.value.is_empty() => {
                Name::parse(&found.value).or_exit(Exit::Config, format!("read {}", found.name))
            }
            _ => Ok(Name::AppRole),
        }
    }

    /// An option without effect is a misunderstanding, and here it may be one about who logs in.
    fn refuse_what_does_not_go_with(&self, name: Name) -> Result<(), Failure> {
        let given = [
            ("--path", &self.path, Name::AppRole),
            ("--role-id", &self.role_id, Name::AppRole),
            ("--role-id-file", &self.role_id_file, Name::AppRole),
            ("--secret-id-file", &self.secret_id_file, Name::AppRole),
            ("--token-file", &self.token_file, Name::Token),
        ];
        for (option, value, method) in given {
            if value.is_some() && method != name {
                let message = format!("read {option}: it does not go with method {}", name.text());
                return Err(Failure::says(Exit::Usage, message));
            }
            if option.ends_with("-file") && value.as_deref() == Some("-") {
                let message = format!("read {option}: nothing is read from standard input");
                return Err(Failure::says(Exit::Usage, message).hint("name a file"));
            }
        }
        if self.role_id.is_some() && self.role_id_file.is_some() {
            let message = "find the role id: both --role-id and --role-id-file are given";
            return Err(Failure::says(Exit::Usage, message));
        }
        Ok(())
    }

    fn namespace(&self, environment: Environment<'_>) -> Result<Option<Namespace>, Failure> {
        let (text, source) = match &self.namespace {
            Some(text) => (text.clone(), "--namespace".to_owned()),
            None => match variable(environment, "NAMESPACE").map_err(failed)? {
                Some(found) => (found.value, found.name),
                None => return Ok(None),
            },
        };
        if text.is_empty() {
            return Ok(None);
        }
        Namespace::new(&text, &source).map(Some).map_err(failed)
    }

    fn approle(&self, environment: Environment<'_>) -> Result<AppRole, Failure> {
        let role_id = Places {
            what: "the role id",
            form: Form::Id,
            file: self.role_id_file.as_deref().map(|path| ("--role-id-file", path)),
            variable: "APPROLE_ROLE_ID",
        };
        let role_id = match &self.role_id {
            Some(text) => Some(Secret::id(text.as_str()).or_exit(Exit::Config, "read the role id from --role-id")?),
            None => role_id.find(environment).map_err(failed)?,
        };
        let secret_id = Places {
            what: "the secret id",
            form: Form::Id,
            file: self.secret_id_file.as_deref().map(|path| ("--secret-id-file", path)),
            variable: "APPROLE_SECRET_ID",
        };
        Ok(AppRole {
            mount: self.mount(environment)?,
            role_id: role_id.ok_or_else(|| {
                Failure::says(Exit::Config, "find the role id: there is none")
                    .hint("give --role-id or --role-id-file, or set VAULT_APPROLE_ROLE_ID")
            })?,
            secret_id: secret_id.find(environment).map_err(failed)?,
        })
    }

    fn mount(&self, environment: Environment<'_>) -> Result<Mount, Failure> {
        let mount = match &self.path {
            Some(text) => Mount::new(text, "--path"),
            None => match variable(environment, "AUTH_PATH").map_err(failed)? {
                Some(found) if !found.value.is_empty() => Mount::new(&found.value, &found.name),
                _ => Mount::new(Name::AppRole.text(), "the default"),
            },
        };
        mount.map_err(failed)
    }

    fn token(&self, environment: Environment<'_>) -> Result<Secret, Failure> {
        let token = Places {
            what: "the token",
            form: Form::Token,
            file: self.token_file.as_deref().map(|path| ("--token-file", path)),
            variable: "TOKEN",
        };
        token.find(environment).map_err(failed)?.ok_or_else(|| {
            Failure::says(Exit::Config, "find the token: there is none").hint("give --token-file, or set VAULT_TOKEN")
        })
    }
}
