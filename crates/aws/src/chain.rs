//! Which source it is: the order of AWS's tools, decided without the network.
//!
//! A source that is configured is the one: where it fails, nobody else's credentials are tried.

use snapline_failure::Fail as _;
use snapline_http::Environment;
use time::OffsetDateTime;

use crate::container::Container;
use crate::ini::Section;
use crate::instance::{Instance, Miss};
use crate::profile::nonempty;
use crate::source::Source;
use crate::sts::{Role, Sts};
use crate::transport::Transport;
use crate::variable::identity;
use crate::web_identity::WebIdentity;
use crate::{Credentials, Error, Profiles, Variant, endpoint, legacy_files};

const DOING: &str = "find credentials";

/// The source that applies, and why those before it do not.
#[derive(Debug, Clone)]
pub struct Chain {
    source: Source,
    skipped: Vec<String>,
}

impl Chain {
    /// Looks for the source, in the order of botocore: keys in the environment, a role of the profile, a web identity, other
    /// settings of the profile, a container endpoint, and last the instance's metadata. A profile named on the command line comes
    /// before the environment, as in `aws`. They are looked at one after the other: what is wrong with one that does not apply
    /// does not matter.
    ///
    /// `region` is whose STS is asked. `program` begins the name of a role's session where `AWS_ROLE_SESSION_NAME` does not say
    /// one.
    ///
    /// # Errors
    /// [`Kind::Config`](snapline_http::Kind::Config) if a source is configured by halves or in a way that is not supported, or
    /// if there is none at all; then with why, for each.
    pub fn find(environment: Environment<'_>, profiles: &Profiles, region: &str, program: &str) -> Result<Self, Error> {
        let finder = Finder {
            environment,
            profiles,
            region,
            program,
        };
        let (source, skipped) = finder.find()?;
        Ok(Self { source, skipped })
    }

    /// Whether asking again may give other credentials.
    pub(crate) const fn can_renew(&self) -> bool {
        self.source.can_renew()
    }

    pub(crate) const fn source(&self) -> &Source {
        &self.source
    }

    pub(crate) fn get(&self, transport: &Transport) -> Result<Credentials, Error> {
        self.source.get(transport).map_err(|miss| match (miss, &self.source) {
            (Miss::Absent(error), Source::Instance(instance)) => {
                let last = format!("instance metadata: {} says {}", instance.base(), error.cause());
                let none = nothing(&[self.skipped.as_slice(), &[last]].concat());
                match error.hint() {
                    Some(hint) => none.hint_with(format!("{HINT}; {hint}")),
                    None => none.hint_with(HINT),
                }
            }
            (miss, _) => miss.into_error(),
        })
    }
}

const HINT: &str = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or one of the other sources";

fn nothing(reasons: &[String]) -> Error {
    Error::config(DOING, format!("there are none; {}", reasons.join("; ")))
}

struct Finder<'a> {
    environment: Environment<'a>,
    profiles: &'a Profiles,
    region: &'a str,
    program: &'a str,
}

/// Looks at one source.
type Step<T> = fn(&T) -> Result<Found, Error>;

/// A source, or why there is none; that is empty where a later step looks at the same place again.
enum Found {
    Source(Source),
    Nothing(String),
}

impl Finder<'_> {
    fn find(&self) -> Result<(Source, Vec<String>), Error> {
        let mut skipped = Vec::new();
        let steps: [Step<Self>; 7] = [
            Self::environment,
            Self::role_of_profile,
            Self::web_identity,
            |finder| finder.profile(finder.profiles.name(), &mut Vec::new()),
            |finder| legacy_files::refuse(finder.environment).map(|()| Found::Nothing(String::new())),
            Self::container,
            Self::instance,
        ];
        for step in steps {
            match step(self)? {
                Found::Source(source) => return Ok((source, skipped)),
                Found::Nothing(why) if why.is_empty() => {}
                Found::Nothing(why) => skipped.push(why),
            }
        }
        Err(nothing(&skipped).hint_with(HINT))
    }

    fn environment(&self) -> Result<Found, Error> {
        if self.profiles.is_of_command_line() {
            return Ok(Found::Nothing("environment: --profile comes before it".to_owned()));
        }
        self.keys()
    }

    /// A role that is assumed with other credentials comes before a web identity (botocore `AssumeRoleProvider`).
    fn role_of_profile(&self) -> Result<Found, Error> {
        let has_role = |profile: &Section| {
            nonempty(profile, "role_arn").is_some() && nonempty(profile, "web_identity_token_file").is_none()
        };
        let name = self.profiles.name();
        if self.profiles.get(name).is_some_and(has_role) {
            return self.profile(name, &mut Vec::new());
        }
        Ok(Found::Nothing(String::new()))
    }

    fn keys(&self) -> Result<Found, Error> {
        Ok(match Credentials::from_environment(self.environment)? {
            Some(credentials) => Found::Source(Source::Keys {
                credentials,
                origin: "the environment".to_owned(),
            }),
            None => Found::Nothing("environment: AWS_ACCESS_KEY_ID is not set".to_owned()),
        })
    }

    /// Each of the two settings is that of the environment, else that of the profile (botocore
    /// `AssumeRoleWithWebIdentityProvider`).
    fn web_identity(&self) -> Result<Found, Error> {
        let nothing = Section::new();
        let profile = self.profiles.get(self.profiles.name()).unwrap_or(&nothing);
        let setting = |variable: &str, setting: &str| match self.profiles.is_of_command_line() {
            true => Ok(nonempty(profile, setting).map(str::to_owned)),
            false => identity(self.environment, variable)
                .map(|found| found.or_else(|| nonempty(profile, setting).map(str::to_owned))),
        };
        let Some(token_file) = setting("AWS_WEB_IDENTITY_TOKEN_FILE", "web_identity_token_file")? else {
            // A role alone may be meant for others: many tools have a variable of this name.
            let why = "web identity: AWS_WEB_IDENTITY_TOKEN_FILE is not set";
            return Ok(Found::Nothing(why.to_owned()));
        };
        let Some(arn) = setting("AWS_ROLE_ARN", "role_arn")? else {
            let cause = "AWS_WEB_IDENTITY_TOKEN_FILE is set, but AWS_ROLE_ARN is not";
            return Err(Error::config(DOING, cause));
        };
        Ok(Found::Source(Source::WebIdentity(WebIdentity {
            role: self.role(arn, profile)?,
            token_file,
            sts: self.sts()?,
        })))
    }

    /// Whom a role is asked of.
    fn sts(&self) -> Result<Sts, Error> {
        let (environment, profiles) = (self.environment, self.profiles);
        if let Some((source, url)) = endpoint::endpoint_url("sts", environment, profiles)? {
            let uri = endpoint::checked(&url, &source)?;
            let region = self.region.to_owned();
            return Ok(Sts { uri, region });
        }
        let legacy = endpoint::is_sts_legacy(environment, profiles)?;
        let (url, region) = endpoint::sts(self.region, Variant::find(environment, profiles)?, legacy)?;
        let uri = endpoint::checked(&url, "the region")?;
        Ok(Sts { uri, region })
    }

    fn container(&self) -> Result<Found, Error> {
        Ok(match Container::from_environment(self.environment)? {
            Some(container) => Found::Source(Source::Container(container)),
            None => Found::Nothing("container: AWS_CONTAINER_CREDENTIALS_FULL_URI is not set".to_owned()),
        })
    }

    fn instance(&self) -> Result<Found, Error> {
        Ok(match Instance::find(self.environment, self.profiles)? {
            Some(instance) => Found::Source(Source::Instance(instance)),
            None => Found::Nothing("instance metadata: AWS_EC2_METADATA_DISABLED is true".to_owned()),
        })
    }

    /// What a profile says; `seen` are those that led to it.
    fn profile(&self, name: &str, seen: &mut Vec<String>) -> Result<Found, Error> {
        let wrong = |cause: &str| Error::config(format!("read profile '{name}'"), cause);
        let Some(profile) = self.profiles.get(name) else {
            return match seen.last() {
                Some(last) => Err(wrong(&format!("there is none, and profile '{last}' names it"))),
                None => Ok(Found::Nothing(format!(
                    "profile '{name}': there is none, {}",
                    self.profiles.files()
                ))),
            };
        };
        if seen.iter().any(|one| one == name) {
            return Err(wrong("its source_profile leads back to it"));
        }
        self.profiles.understood(name)?;
        // Who names this profile as a source means its keys, if it has any; who names it as such means its role.
        let has_keys = nonempty(profile, "aws_access_key_id").is_some();
        if let Some(arn) = nonempty(profile, "role_arn").filter(|_| seen.is_empty() || !has_keys) {
            seen.push(name.to_owned());
            return self.assumed(name, arn, profile, seen).map(Found::Source);
        }
        let refuse = |settings: &[&str]| match settings.iter().find(|setting| nonempty(profile, setting).is_some()) {
            None => Ok(()),
            Some(setting) => Err(wrong(&format!("it has {setting}, which is not supported"))
                .hint_with("use keys, role_arn with source_profile, or web_identity_token_file")),
        };
        // What comes before keys for `aws` must not be passed over: the keys may be somebody else's.
        refuse(&["sso_account_id", "sso_role_name"])?;
        if !self.profiles.is_in_credentials_file(name) {
            refuse(&["login_session", "credential_process"])?;
        }
        if let Some(keys) = keys_of(profile, name)? {
            return Ok(Found::Source(keys));
        }
        refuse(&["credential_process", "sso_session", "sso_start_url", "login_session"])?;
        match seen.last() {
            Some(last) => Err(wrong(&format!("it has no keys, and profile '{last}' names it"))),
            None => Ok(Found::Nothing(format!(
                "profile '{name}': it has neither keys nor a role"
            ))),
        }
    }

    /// A profile with a role.
    fn assumed(&self, name: &str, arn: &str, profile: &Section, seen: &mut Vec<String>) -> Result<Source, Error> {
        let wrong = |cause: String| Error::config(format!("read profile '{name}'"), cause);
        let role = self.role(arn.to_owned(), profile)?;
        if nonempty(profile, "mfa_serial").is_some() {
            return Err(wrong("it has mfa_serial: no job can give a second factor".to_owned()));
        }
        let get = |setting| nonempty(profile, setting);
        let by = match (
            get("web_identity_token_file"),
            get("source_profile"),
            get("credential_source"),
        ) {
            (Some(file), None, None) => {
                return Ok(Source::WebIdentity(WebIdentity {
                    role,
                    token_file: file.to_owned(),
                    sts: self.sts()?,
                }));
            }
            (None, Some(source), None) if source == name => keys_of(profile, name)?
                .ok_or_else(|| wrong("it is its own source_profile, but has no keys".to_owned()))?,
            (None, Some(source), None) => match self.profile(source, seen)? {
                Found::Source(source) => source,
                Found::Nothing(why) => return Err(wrong(format!("its source_profile: {why}"))),
            },
            (None, None, Some(source)) => {
                let found = match source {
                    "Environment" => self.keys()?,
                    "EcsContainer" => self.container()?,
                    "Ec2InstanceMetadata" => self.instance()?,
                    other => return Err(wrong(format!("its credential_source '{other}' is none"))),
                };
                match found {
                    Found::Source(source) => source,
                    Found::Nothing(why) => return Err(wrong(format!("its credential_source: {why}"))),
                }
            }
            (None, None, None) => {
                let cause =
                    "it has role_arn, but neither source_profile, credential_source nor web_identity_token_file";
                return Err(wrong(cause.to_owned()));
            }
            _ => {
                let cause = "it has more than one of source_profile, credential_source, web_identity_token_file";
                return Err(wrong(cause.to_owned()));
            }
        };
        Ok(Source::Assumed {
            by: Box::new(by),
            role,
            sts: self.sts()?,
        })
    }

    /// A role with its profile's settings; for a role of the environment, those are empty.
    fn role(&self, arn: String, profile: &Section) -> Result<Role, Error> {
        let session_name = match nonempty(profile, "role_session_name") {
            Some(name) => name.to_owned(),
            None => identity(self.environment, "AWS_ROLE_SESSION_NAME")?
                .unwrap_or_else(|| format!("{}-{}", self.program, OffsetDateTime::now_utc().unix_timestamp())),
        };
        let duration = nonempty(profile, "duration_seconds")
            .map(str::parse)
            .transpose()
            .map_err(|_| Error::config("read duration_seconds of the profile", "it is no number"))?;
        Ok(Role {
            arn,
            session_name,
            external_id: nonempty(profile, "external_id").map(str::to_owned),
            duration,
        })
    }
}

fn keys_of(profile: &Section, name: &str) -> Result<Option<Source>, Error> {
    let get = |setting| nonempty(profile, setting).map(str::to_owned);
    let missing = |setting| Error::config(format!("read profile '{name}'"), format!("it has no {setting}"));
    let (key, secret) = match (get("aws_access_key_id"), get("aws_secret_access_key")) {
        (Some(key), Some(secret)) => (key, secret),
        (None, None) => return Ok(None),
        (None, _) => return Err(missing("aws_access_key_id")),
        (_, None) => return Err(missing("aws_secret_access_key")),
    };
    let origin = format!("profile '{name}'");
    let token = get("aws_security_token").or_else(|| get("aws_session_token"));
    let credentials = Credentials::checked(key, secret, token, &origin)?;
    Ok(Some(Source::Keys { credentials, origin }))
}

#[cfg(test)]
mod tests;
