//! The command line, and the checked values it becomes.

use snapline_cli::{Failure, Kind, OrExit as _};
use snapline_http::Environment;
use snapline_vault::{Namespace, Settings, variable};

use crate::method::{Method, Name};
use crate::{PROGRAM, credentials};

snapline_cli::args! {
    /// Logs in to Vault or OpenBao and prints the token, one line. A token that cannot be handed over is revoked.
    #[argh(
        example = "{command_name} | vault-snapshot --revoke | s3-put s3://backups/vault/ | snap-prune --keep-last 30",
        example = "VAULT_TOKEN=$({command_name} --role-id-file role-id --secret-id-file secret-id) vault kv get secret/a",
        example = "{command_name} --method kubernetes --role backup | vault-snapshot --revoke --output vault.snap",
        note = "approle needs a role id, and a secret id unless the role has bind_secret_id=false: --secret-id-file, VAULT_APPROLE_SECRET_ID or VAULT_APPROLE_SECRET_ID_FILE.",
        note = "kubernetes needs a role; the JWT is the pod's own unless --jwt-file names another.",
        note = "jwt needs a JWT, and a role unless the mount has a default one.",
        note = "cert needs a TLS client certificate (--client-cert, --client-key); a role makes the server try that one only.",
        note = "userpass and ldap need a user name and a password: --password-file, VAULT_AUTH_PASSWORD or VAULT_AUTH_PASSWORD_FILE.",
        note = "aws proves by a signed call of STS who we are. Credentials, the first of these: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN; a role of the profile (AWS_PROFILE); AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN; keys of the profile; AWS_CONTAINER_CREDENTIALS_FULL_URI or _RELATIVE_URI; the instance's metadata.",
        note = "token needs a token, which is looked up and printed.",
        note = "What goes with another method is wrong as an option and ignored as a variable. BAO_X is read before VAULT_X."
    )]
    pub struct Args with (snapline_vault) {
        /// namespace to log in to [env: VAULT_NAMESPACE]
        #[argh(option, arg_name = "ns")]
        pub namespace: Option<String>,
        /// way to log in: approle, kubernetes, jwt, cert, userpass, ldap, aws or token [env: VAULT_AUTH_METHOD; default: approle]
        #[argh(option, arg_name = "m")]
        pub method: Option<String>,
        /// where the method is mounted, below auth/ [env: VAULT_AUTH_PATH; default: the method's name]
        #[argh(option, arg_name = "mount")]
        pub path: Option<String>,
        /// role for kubernetes, jwt and aws, certificate role for cert [env: VAULT_AUTH_ROLE]
        #[argh(option, arg_name = "name")]
        pub role: Option<String>,
        /// role id for approle [env: VAULT_APPROLE_ROLE_ID]
        #[argh(option, arg_name = "id")]
        pub role_id: Option<String>,
        /// file that holds the role id [env: VAULT_APPROLE_ROLE_ID_FILE]
        #[argh(option, arg_name = "file")]
        pub role_id_file: Option<String>,
        /// file that holds the secret id for approle [env: VAULT_APPROLE_SECRET_ID_FILE, VAULT_APPROLE_SECRET_ID]
        #[argh(option, arg_name = "file")]
        pub secret_id_file: Option<String>,
        /// the secret id is a wrapping token: check where it was made, unwrap it once
        #[argh(switch)]
        pub secret_id_wrapped: bool,
        /// file that holds the JWT for kubernetes and jwt [env: VAULT_AUTH_JWT_FILE; default for kubernetes: the service account's token]
        #[argh(option, arg_name = "file")]
        pub jwt_file: Option<String>,
        /// user for userpass and ldap [env: VAULT_AUTH_USERNAME]
        #[argh(option, arg_name = "name")]
        pub username: Option<String>,
        /// file that holds the user's password [env: VAULT_AUTH_PASSWORD_FILE, VAULT_AUTH_PASSWORD]
        #[argh(option, arg_name = "file")]
        pub password_file: Option<String>,
        /// region of the STS call for aws; auto takes AWS_REGION, AWS_DEFAULT_REGION or the profile's [default: us-east-1]
        #[argh(option, arg_name = "name")]
        pub region: Option<String>,
        /// for aws, value of the signed header X-Vault-AWS-IAM-Server-ID, where the mount demands one [env: VAULT_AUTH_HEADER_VALUE]
        #[argh(option, arg_name = "value")]
        pub header_value: Option<String>,
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
pub(crate) struct Config {
    pub(crate) settings: Settings,
    pub(crate) namespace: Option<Namespace>,
    pub(crate) method: Method,
    pub(crate) output: Option<String>,
}

impl Config {
    /// Flags, then the environment, then defaults.
    ///
    /// # Errors
    /// 64 for options that make no sense, 78 for values that are missing, contradictory or wrong, 74 for a file that cannot
    /// be read.
    pub(crate) fn from_args(args: Args, environment: Environment<'_>) -> Result<Self, Failure> {
        let name = args.method_name(environment)?;
        args.refuse_what_does_not_go_with(name)?;
        let settings = Settings::new(&args.vault(), environment, &PROGRAM.user_agent())?;
        if name == Name::Cert {
            demand_certificate(&settings)?;
        }
        Ok(Self {
            settings,
            namespace: args.namespace(environment)?,
            method: credentials::of(name, &args, environment)?,
            output: args.output,
        })
    }
}

impl Args {
    fn method_name(&self, environment: Environment<'_>) -> Result<Name, Failure> {
        if let Some(text) = &self.method {
            return Name::parse(text).or_exit(Kind::Usage, "read --method");
        }
        match variable(environment, "AUTH_METHOD")? {
            Some(found) if !found.value.is_empty() => {
                Name::parse(&found.value).or_exit(Kind::Config, format!("read {}", found.name))
            }
            _ => Ok(Name::AppRole),
        }
    }

    /// An option without effect is a misunderstanding, and here it may be one about who logs in.
    fn refuse_what_does_not_go_with(&self, name: Name) -> Result<(), Failure> {
        let wrapped = self.secret_id_wrapped.then(String::new);
        let given = [
            ("--path", &self.path),
            ("--role", &self.role),
            ("--role-id", &self.role_id),
            ("--role-id-file", &self.role_id_file),
            ("--secret-id-file", &self.secret_id_file),
            ("--secret-id-wrapped", &wrapped),
            ("--jwt-file", &self.jwt_file),
            ("--username", &self.username),
            ("--password-file", &self.password_file),
            ("--region", &self.region),
            ("--header-value", &self.header_value),
            ("--token-file", &self.token_file),
        ];
        for (option, value) in given {
            if value.is_some() && !name.options().contains(&option) {
                let message = format!("read {option}: it does not go with method {}", name.text());
                return Err(Failure::says(Kind::Usage, message));
            }
            if option.ends_with("-file") && value.as_deref() == Some("-") {
                let message = format!("read {option}: nothing is read from standard input");
                return Err(Failure::says(Kind::Usage, message).hint("name a file"));
            }
        }
        if self.role_id.is_some() && self.role_id_file.is_some() {
            let message = "find the role id: both --role-id and --role-id-file are given";
            return Err(Failure::says(Kind::Usage, message));
        }
        Ok(())
    }

    fn namespace(&self, environment: Environment<'_>) -> Result<Option<Namespace>, Failure> {
        let (text, source) = match &self.namespace {
            Some(text) => (text.clone(), "--namespace".to_owned()),
            None => match variable(environment, "NAMESPACE")? {
                Some(found) => (found.value, found.name),
                None => return Ok(None),
            },
        };
        if text.is_empty() {
            return Ok(None);
        }
        Ok(Some(Namespace::new(&text, &source)?))
    }
}

/// What logs in by a certificate has one to show. Behind `http://` and a socket there may be a proxy that shows its own.
fn demand_certificate(settings: &Settings) -> Result<(), Failure> {
    let encrypts = settings
        .addresses
        .iter()
        .any(|address| address.to_string().starts_with("https:"));
    if !encrypts || settings.tls.identity.is_some() {
        return Ok(());
    }
    Err(
        Failure::says(Kind::Config, "find the client certificate: there is none")
            .hint("give --client-cert and --client-key, or set VAULT_CLIENT_CERT and VAULT_CLIENT_KEY"),
    )
}
