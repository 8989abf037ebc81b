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
mod tests {
    use std::ffi::OsString;

    use super::*;
    use crate::profile::tests::profiles;

    const KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "ak"), ("AWS_SECRET_ACCESS_KEY", "s-ecret")];
    const IDENTITY: [(&str, &str); 3] = [
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "/t"),
        ("AWS_ROLE_ARN", "arn"),
        ("AWS_ROLE_SESSION_NAME", "me"),
    ];
    const CONTAINER: (&str, &str) = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/c");
    const DISABLED: (&str, &str) = ("AWS_EC2_METADATA_DISABLED", "true");

    fn find(variables: &[(&str, &str)], flag: Option<&str>, config: &str) -> Result<String, String> {
        let environment = |name: &str| {
            let found = variables.iter().find(|(n, _)| *n == name);
            found.map(|(_, value)| OsString::from(value))
        };
        let profiles = profiles(flag, config, "").map_err(|error| error.to_string())?;
        let found = Chain::find(&environment, &profiles, "eu-west-1", "test").map_err(|error| error.to_string());
        found.map(|chain| chain.source.to_string())
    }

    type Row = (
        &'static [(&'static str, &'static str)],
        &'static str,
        bool,
        &'static str,
    );

    /// The order: what is set for a source in the environment and in the profile, whether `--profile` passes over it, and what it
    /// is called. `integration/credentials-order` compares it with botocore.
    const ORDER: [Row; 6] = [
        (&KEYS, "", true, "the keys of the environment"),
        (
            &[],
            "role_arn = r\nsource_profile = base\n",
            false,
            "role 'r' by the keys of profile 'base'",
        ),
        (&IDENTITY, "", true, "role 'arn' by web identity"),
        (
            &[],
            "aws_access_key_id = p\naws_secret_access_key = s\n",
            false,
            "the keys of profile 'default'",
        ),
        (&[CONTAINER], "", false, "the container endpoint http://127.0.0.1:1/…"),
        (&[], "", false, "the instance's metadata at http://169.254.169.254"),
    ];

    #[test]
    fn of_all_sources_that_are_configured_the_first_in_the_order_is_the_one() {
        for chosen in 0..1_u32 << (ORDER.len() - 1) {
            // The instance's metadata is there without being configured.
            let is_chosen = |row: usize| row == ORDER.len() - 1 || chosen >> row & 1 == 1;
            let rows: Vec<_> = (0..ORDER.len())
                .filter(|row| is_chosen(*row))
                .map(|row| ORDER[row])
                .collect();
            let variables: Vec<_> = rows.iter().flat_map(|(variables, ..)| *variables).copied().collect();
            let profile: String = rows.iter().map(|(_, profile, ..)| *profile).collect();
            let base = "[profile base]\naws_access_key_id = b\naws_secret_access_key = s\n";
            let config = format!("{base}[default]\n{profile}");
            for flag in [None, Some("default")] {
                let first = rows.iter().find(|(_, _, is_passed, _)| flag.is_none() || !is_passed);
                let expected = first.map(|(.., name)| (*name).to_owned());
                assert_eq!(
                    find(&variables, flag, &config).ok(),
                    expected,
                    "{variables:?} {flag:?} {config}"
                );
            }
        }
    }

    #[test]
    fn legacy_files_that_aws_would_use_are_refused_by_name_and_only_there() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let ec2 = write("ec2", "AWSAccessKeyId=k\nAWSSecretKey=s-ecret\n");
        let boto = write(
            "boto",
            "[Credentials]\naws_access_key_id = k\naws_secret_access_key = s-ecret\n",
        );
        let google = write("google", "[Credentials]\ngs_oauth2_refresh_token = s-ecret\n");
        let home = folder.path().join("home");
        std::fs::create_dir(&home).unwrap();
        std::fs::copy(&boto, home.join(".boto")).unwrap();
        let home = home.to_str().unwrap();
        for (variables, words) in [
            (
                [("AWS_CREDENTIAL_FILE", ec2.as_str()), CONTAINER],
                "AWS_CREDENTIAL_FILE",
            ),
            (
                [("AWS_CREDENTIAL_FILE", "/no/such/file"), CONTAINER],
                "AWS_CREDENTIAL_FILE",
            ),
            ([("BOTO_CONFIG", boto.as_str()), CONTAINER], "BOTO_CONFIG"),
            ([("HOME", home), CONTAINER], "/home/.boto"),
        ] {
            let error = find(&variables, None, "").unwrap_err();
            assert!(error.contains(words) && error.contains("not supported"), "{error}");
            assert!(!error.contains("s-ecret"), "{error}");
            let before = [&variables[..], &KEYS].concat();
            assert_eq!(find(&before, None, "").unwrap(), "the keys of the environment");
        }
        for variables in [
            [("BOTO_CONFIG", google.as_str()), CONTAINER],
            [("BOTO_CONFIG", "/no/such/file"), CONTAINER],
        ] {
            assert!(find(&variables, None, "").unwrap().contains("container"));
        }
    }

    #[test]
    fn the_metadata_service_is_where_the_variables_say_and_then_the_profile() {
        const ENDPOINT: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
        for (variables, config, base) in [
            (&[][..], "", "http://169.254.169.254"),
            (
                &[],
                "ec2_metadata_service_endpoint = http://127.0.0.1:1/\n",
                "http://127.0.0.1:1",
            ),
            (
                &[(ENDPOINT, "http://127.0.0.1:2")],
                "ec2_metadata_service_endpoint = http://127.0.0.1:1\n",
                "http://127.0.0.1:2",
            ),
            (
                &[],
                "ec2_metadata_service_endpoint_mode = IPv6\n",
                "http://[fd00:ec2::254]",
            ),
            (&[("AWS_IMDS_USE_IPV6", "true")], "", "http://[fd00:ec2::254]"),
            (&[], "imds_use_ipv6 = true\n", "http://[fd00:ec2::254]"),
            (
                &[("AWS_IMDS_USE_IPV6", "false")],
                "imds_use_ipv6 = true\n",
                "http://169.254.169.254",
            ),
            (
                &[
                    ("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv4"),
                    ("AWS_IMDS_USE_IPV6", "true"),
                ],
                "",
                "http://169.254.169.254",
            ),
        ] {
            let found = find(variables, None, &format!("[default]\n{config}")).unwrap();
            assert_eq!(
                found,
                format!("the instance's metadata at {base}"),
                "{variables:?} {config}"
            );
        }
        let error = find(&[], None, "[default]\nec2_metadata_service_endpoint_mode = x\n").unwrap_err();
        assert!(
            error.contains("ec2_metadata_service_endpoint_mode of profile 'default'"),
            "{error}"
        );
    }

    #[test]
    fn why_each_source_gives_nothing_is_said() {
        let error = find(&[DISABLED], None, "").unwrap_err();
        for words in [
            "find credentials: there are none; environment: AWS_ACCESS_KEY_ID is not set; ",
            "web identity: AWS_WEB_IDENTITY_TOKEN_FILE is not set; ",
            "profile 'default': there is none, '",
            "container: AWS_CONTAINER_CREDENTIALS_FULL_URI is not set; ",
            "instance metadata: AWS_EC2_METADATA_DISABLED is true",
        ] {
            assert!(error.contains(words), "no {words} in {error}");
        }
    }

    #[test]
    fn what_is_set_but_empty_or_by_halves_is_an_error_and_never_the_next_source() {
        for (variables, words) in [
            (
                &[("AWS_ACCESS_KEY_ID", ""), CONTAINER][..],
                "AWS_ACCESS_KEY_ID is set but empty",
            ),
            (&KEYS[..1], "AWS_SECRET_ACCESS_KEY is not set"),
            (&[IDENTITY[0], ("AWS_ROLE_ARN", "")], "AWS_ROLE_ARN is set but empty"),
            (&[IDENTITY[0], CONTAINER], "AWS_ROLE_ARN is not"),
            (
                &[("AWS_WEB_IDENTITY_TOKEN_FILE", ""), CONTAINER],
                "AWS_WEB_IDENTITY_TOKEN_FILE is set but empty",
            ),
            (
                &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", "")],
                "AWS_CONTAINER_CREDENTIALS_FULL_URI is set but empty",
            ),
            (
                &[CONTAINER, ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "")],
                "AWS_CONTAINER_AUTHORIZATION_TOKEN is set",
            ),
        ] {
            let error = find(variables, None, "").unwrap_err();
            assert!(error.contains(words), "no {words} in {error}");
        }
        assert!(
            find(&[IDENTITY[1], CONTAINER], None, "").unwrap().contains("container"),
            "a role alone"
        );
        assert!(
            find(&[("AWS_ROLE_ARN", ""), CONTAINER], None, "")
                .unwrap()
                .contains("container")
        );
    }

    /// What is wrong with a source that does not apply does not matter.
    #[test]
    fn a_broken_source_behind_the_one_that_applies_does_not_stop_it() {
        let broken = [
            ("AWS_ROLE_ARN", ""),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", ""),
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", ""),
            ("AWS_ENDPOINT_URL_STS", "nonsense"),
        ];
        let config = "[default]\ncredential_process = /bin/x\n";
        let all = [&KEYS[..], &broken].concat();
        assert_eq!(find(&all, None, config).unwrap(), "the keys of the environment");
        let config = "[default]\nrole_arn = r\nsource_profile = base\n[profile base]\naws_access_key_id = k\naws_secret_access_key = s\n";
        assert_eq!(
            find(&broken[..3], None, config).unwrap(),
            "role 'r' by the keys of profile 'base'"
        );
        assert!(
            find(&broken, None, config)
                .unwrap_err()
                .contains("AWS_ENDPOINT_URL_STS")
        );
    }

    /// On EKS the webhook sets a web identity for every pod; who asks for a role by a profile means that one.
    #[test]
    fn a_role_of_the_profile_comes_before_a_web_identity() {
        let role = "[default]\nrole_arn = r\ncredential_source = EcsContainer\n";
        let all = [&IDENTITY[..], &[CONTAINER]].concat();
        assert!(find(&all, None, role).unwrap().starts_with("role 'r' by the container"));
        // The same where the role is to be had by the identity itself.
        let config = "[default]\nrole_arn = r\nweb_identity_token_file = /p\n";
        assert_eq!(find(&IDENTITY, None, config).unwrap(), "role 'arn' by web identity");
        assert_eq!(
            find(&IDENTITY, Some("default"), config).unwrap(),
            "role 'r' by web identity"
        );
        assert_eq!(
            find(
                &IDENTITY[..1],
                None,
                "[default]\nrole_arn = r\nweb_identity_token_file = /p\n"
            )
            .unwrap(),
            "role 'r' by web identity"
        );
    }

    #[test]
    fn what_aws_would_take_before_keys_is_refused_and_not_passed_over() {
        let keys = "aws_access_key_id = k\naws_secret_access_key = s\n";
        for (setting, is_refused) in [
            ("sso_account_id = 1", true),
            ("sso_role_name = r", true),
            ("credential_process = /bin/x", true),
            // Not enough for a login.
            ("sso_start_url = https://x", false),
        ] {
            let found = find(&[], None, &format!("[default]\n{setting}\n{keys}"));
            assert_eq!(found.is_err(), is_refused, "{setting}");
        }
        let profiles = profiles(
            None,
            "[default]\ncredential_process = /bin/x\n",
            &format!("[default]\n{keys}"),
        )
        .unwrap();
        let chain = Chain::find(&|_| None, &profiles, "eu-west-1", "test").unwrap();
        assert_eq!(chain.source.to_string(), "the keys of profile 'default'");
    }

    #[test]
    fn a_profiles_role_is_taken_by_what_it_names() {
        let keys = "aws_access_key_id = k\naws_secret_access_key = s\n";
        for (config, source) in [
            (
                format!("[default]\nrole_arn = r\nsource_profile = base\n[profile base]\n{keys}"),
                "role 'r' by the keys of profile 'base'",
            ),
            (
                format!("[default]\nrole_arn = r\nsource_profile = default\n{keys}"),
                "role 'r' by the keys of profile 'default'",
            ),
            (
                format!(
                    "[default]\nrole_arn = r\nsource_profile = mid\n[profile mid]\nrole_arn = q\nsource_profile = base\n\
                     [profile base]\n{keys}"
                ),
                "role 'r' by role 'q' by the keys of profile 'base'",
            ),
            (
                format!("[default]\nrole_arn = r\nsource_profile = mid\n[profile mid]\nrole_arn = q\n{keys}"),
                "role 'r' by the keys of profile 'mid'",
            ),
            (
                "[default]\nrole_arn = r\nweb_identity_token_file = /t\n".to_owned(),
                "role 'r' by web identity",
            ),
            (
                "[default]\nrole_arn = r\ncredential_source = EcsContainer\n".to_owned(),
                "role 'r' by the container endpoint http://127.0.0.1:1/…",
            ),
            (
                "[default]\nrole_arn = r\ncredential_source = Ec2InstanceMetadata\n".to_owned(),
                "role 'r' by the instance's metadata at http://169.254.169.254",
            ),
        ] {
            assert_eq!(find(&[CONTAINER], None, &config).as_deref(), Ok(source), "{config}");
        }
    }

    #[test]
    fn a_profile_that_cannot_be_used_says_why() {
        for (config, words) in [
            (
                "aws_access_key_id = k\n",
                "profile 'default': it has no aws_secret_access_key",
            ),
            ("role_arn = r\n", "neither source_profile"),
            (
                "role_arn = r\nsource_profile = no\n",
                "read profile 'no': there is none, and profile 'default' names it",
            ),
            (
                "role_arn = r\nsource_profile = a\n[profile a]\nregion = x\n",
                "read profile 'a': it has no keys",
            ),
            (
                "role_arn = r\nsource_profile = a\n[profile a]\nrole_arn = q\nsource_profile = default\n",
                "leads back to it",
            ),
            (
                "role_arn = r\nsource_profile = a\ncredential_source = Environment\n",
                "more than one",
            ),
            ("role_arn = r\ncredential_source = Moon\n", "'Moon'"),
            (
                "role_arn = r\ncredential_source = Environment\n",
                "AWS_ACCESS_KEY_ID is not set",
            ),
            ("role_arn = r\nsource_profile = default\nmfa_serial = x\n", "mfa_serial"),
            (
                "role_arn = r\nweb_identity_token_file = t\nduration_seconds = long\n",
                "duration_seconds",
            ),
            (
                "credential_process = /bin/x\n",
                "credential_process, which is not supported",
            ),
            ("sso_session = s\n", "sso_session, which is not supported"),
            (
                "aws_access_key_id = k\naws_secret_access_key = s-ecret x\n",
                "the secret access key in profile 'default'",
            ),
        ] {
            let error = find(&[], None, &format!("[default]\n{config}")).unwrap_err();
            assert!(error.contains(words), "no {words} in {error}");
            assert!(!error.contains("s-ecret"), "{error}");
        }
    }

    #[test]
    fn sts_is_that_of_the_region_unless_somebody_says_otherwise() {
        let uri = |variables: &[(&str, &str)]| {
            let environment = |name: &str| {
                let found = IDENTITY.iter().chain(variables).find(|(n, _)| *n == name);
                found.map(|(_, value)| OsString::from(value))
            };
            let profiles = profiles(None, "", "").unwrap();
            let chain = Chain::find(&environment, &profiles, "cn-north-1", "test")?;
            match chain.source {
                Source::WebIdentity(identity) => Ok(identity.sts.uri.to_string()),
                other => Err(Error::config(DOING, other.to_string())),
            }
        };
        assert_eq!(uri(&[]).unwrap(), "https://sts.cn-north-1.amazonaws.com.cn/");
        assert_eq!(
            uri(&[("AWS_ENDPOINT_URL_STS", "http://h:1/x")]).unwrap(),
            "http://h:1/x"
        );
        let fips = ("AWS_USE_FIPS_ENDPOINT", "true");
        assert_eq!(uri(&[fips]).unwrap(), "https://sts-fips.cn-north-1.amazonaws.com.cn/");
        // An endpoint of one's own has no variants, so that nothing about them matters.
        let own = ("AWS_ENDPOINT_URL_STS", "http://h:1/x");
        let wrong = [("AWS_USE_DUALSTACK_ENDPOINT", "?"), ("AWS_STS_REGIONAL_ENDPOINTS", "?")];
        assert_eq!(uri(&[own, fips, wrong[0], wrong[1]]).unwrap(), "http://h:1/x");
        for (name, value) in wrong {
            assert!(uri(&[(name, value)]).unwrap_err().to_string().contains(name), "{name}");
        }
        assert!(
            uri(&[("AWS_ENDPOINT_URL", "h")])
                .unwrap_err()
                .to_string()
                .contains("AWS_ENDPOINT_URL")
        );
    }
}
