//! Options and variables become checked values, once.

use std::time::Duration;

use http::HeaderValue;
use snapline_aws::{Chain, Profiles, Variant, endpoint_url};
use snapline_http::{Environment, Kind, Proxies, Roots, Tls};
use snapline_series::DEFAULT_NAME;

use crate::{AddressingStyle, Endpoint, Error, endpoint};

/// That of signatures where nothing else is said, as for `aws`.
const DEFAULT_REGION: &str = "us-east-1";

/// The options as typed; what is absent comes from the environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flags {
    /// `--endpoint-url`
    pub endpoint_url: Option<String>,
    /// `--region`
    pub region: Option<String>,
    /// `--profile`
    pub profile: Option<String>,
    /// `--addressing-style`
    pub addressing_style: Option<String>,
    /// `--ca-bundle`
    pub ca_bundle: Option<String>,
    /// `--no-verify-ssl`
    pub no_verify_ssl: bool,
    /// `--timeout`
    pub timeout: Option<Duration>,
    /// `--max-attempts`
    pub max_attempts: Option<u32>,
    /// `--expected-bucket-owner`
    pub expected_bucket_owner: Option<String>,
    /// `--name`
    pub name: Option<String>,
}

/// Everything a [`Client`](crate::Client) needs to know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the store is.
    pub endpoint: Endpoint,
    /// The region that signatures name.
    pub region: String,
    /// Where it is found who we are.
    pub credentials: Chain,
    /// Limit for a connection on which nothing moves.
    pub idle: Duration,
    /// How often a request is sent at most, at least 1.
    pub attempts: u32,
    /// How long the store is waited for in all, for one request: between its attempts and within them, but not while its body is
    /// sent. There is always a second attempt.
    pub retry: Duration,
    /// How long the reply to a completion may take: a store may assemble a large object for minutes, and send white space
    /// meanwhile.
    pub complete: Duration,
    /// Whom to trust.
    pub tls: Tls,
    /// Through which proxies.
    pub proxies: Proxies,
    /// The account that must own the bucket: it goes with every request
    /// (docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html).
    pub expected_bucket_owner: Option<HeaderValue>,
    /// The template of names behind a prefix, not yet parsed.
    pub name: String,
}

impl Settings {
    /// Flags beat variables, variables beat the shared files of AWS, and those beat defaults. A variable that is set but empty
    /// counts as not set, as for `aws`, except for what says who we are.
    ///
    /// # Errors
    /// [`Kind::Usage`] for a flag, [`Kind::Config`] for a variable that cannot be used; it is named.
    pub fn resolve(flags: Flags, environment: Environment<'_>) -> Result<Self, Error> {
        let first = |names: &[&'static str]| {
            names.iter().find_map(|name| {
                let value = environment(name)?.to_string_lossy().into_owned();
                (!value.is_empty()).then_some((*name, value))
            })
        };
        let profiles = Profiles::read(flags.profile.as_deref(), environment)?;
        let style = match flags.addressing_style {
            None => style_of(&profiles)?,
            Some(text) => text
                .parse()
                .map_err(|cause: String| Error::other(Kind::Usage, "read --addressing-style", cause))?,
        };
        let region = region(flags.region, first(&["AWS_REGION", "AWS_DEFAULT_REGION"]), &profiles)?;
        // Some stores have regions that no host of AWS can be called by. Who we are is then asked where `aws` asks without a region.
        let sts_region = if endpoint::is_name(&region) {
            &region
        } else {
            DEFAULT_REGION
        };
        if profiles.is_on(ACCELERATE)? {
            let cause = "S3 Transfer Acceleration is not supported";
            return Err(
                Error::other(Kind::Config, format!("read {}", profiles.place(ACCELERATE)), cause)
                    .hint_with("use another profile, or set it to false in this one"),
            );
        }
        let own = match flags.endpoint_url {
            Some(url) => Some(("--endpoint-url".to_owned(), url)),
            None => endpoint_url("s3", environment, &profiles)?,
        };
        let endpoint = match own {
            Some((source, url)) => Endpoint::at(&url, &source, style)?,
            None => Endpoint::of_region(&region, Variant::of_s3(environment, &profiles)?, style)?,
        };
        let wanted = first(&["AWS_MAX_ATTEMPTS"]).map(|(name, text)| (name.to_owned(), text));
        let wanted = wanted.or_else(|| Some((profiles.place(ATTEMPTS), profiles.setting(ATTEMPTS)?.to_owned())));
        let attempts = match (flags.max_attempts, wanted) {
            (Some(attempts), _) => attempts,
            (None, None) => 5,
            (None, Some((name, text))) => text.parse().map_err(|_| {
                Error::other(
                    Kind::Config,
                    format!("read {name}"),
                    format!("'{text}' is no number of attempts"),
                )
            })?,
        };
        let idle = flags.timeout.unwrap_or(Duration::from_secs(60));
        if idle.is_zero() {
            return Err(Error::other(Kind::Usage, "read --timeout", "it must be more than 0"));
        }
        let roots = match (flags.ca_bundle, first(&["AWS_CA_BUNDLE"])) {
            (Some(path), _) => bundle(&path, "--ca-bundle")?,
            (None, Some((name, path))) => bundle(&path, name)?,
            (None, None) => match profiles.setting("ca_bundle") {
                Some(path) => bundle(path, &profiles.place("ca_bundle"))?,
                None => Roots::System,
            },
        };
        let expected_bucket_owner = flags.expected_bucket_owner.as_deref().map(owner).transpose()?;
        let name = flags
            .name
            .or_else(|| first(&["SNAPLINE_NAME"]).map(|(_, name)| name))
            .unwrap_or_else(|| DEFAULT_NAME.to_owned());
        Ok(Self {
            name,
            expected_bucket_owner,
            endpoint,
            credentials: Chain::find(environment, &profiles, sts_region, "snapline")?,
            region,
            idle,
            attempts: attempts.max(1),
            retry: Duration::from_secs(90),
            complete: Duration::from_secs(600),
            tls: Tls {
                roots,
                skip_verify: flags.no_verify_ssl,
                ..Tls::default()
            },
            proxies: Proxies::from_environment(environment)
                .map_err(|error| Error::transport("find the proxy", error))?,
        })
    }
}

/// The profile's form of `AWS_MAX_ATTEMPTS`.
const ATTEMPTS: &str = "max_attempts";

/// Changes where data goes, with and without an address of one's own: `aws` refuses the two together.
const ACCELERATE: &str = "s3.use_accelerate_endpoint";

/// The style that the profile asks for.
fn style_of(profiles: &Profiles) -> Result<AddressingStyle, Error> {
    const STYLE: &str = "s3.addressing_style";
    let Some(text) = profiles.setting(STYLE) else {
        return Ok(AddressingStyle::Auto);
    };
    match text.parse() {
        Ok(AddressingStyle::Virtual) => Ok(AddressingStyle::VirtualIfPossible),
        Ok(style) => Ok(style),
        Err(cause) => {
            let doing = format!("read {}", profiles.place(STYLE));
            Err(Error::other(Kind::Config, doing, cause))
        }
    }
}

/// The region that signatures name, checked as far as signatures need.
fn region(
    flag: Option<String>,
    variable: Option<(&'static str, String)>,
    profiles: &Profiles,
) -> Result<String, Error> {
    let (kind, source, region) = match (flag, variable, profiles.setting("region")) {
        (Some(region), _, _) => (Kind::Usage, "--region".to_owned(), region),
        (None, Some((name, region)), _) => (Kind::Config, name.to_owned(), region),
        (None, None, Some(region)) => (Kind::Config, profiles.place("region"), region.to_owned()),
        (None, None, None) => return Ok(DEFAULT_REGION.to_owned()),
    };
    if endpoint::is_label(&region) {
        return Ok(region);
    }
    Err(Error::other(
        kind,
        format!("read {source}"),
        format!("'{region}' is no region's name"),
    ))
}

fn owner(id: &str) -> Result<HeaderValue, Error> {
    let is_word = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_graphic());
    let value = is_word.then(|| HeaderValue::from_str(id).ok()).flatten();
    value.ok_or_else(|| {
        let cause = format!("'{id}' is no account's id");
        Error::other(Kind::Usage, "read --expected-bucket-owner", cause)
    })
}

/// The authorities in a file; as for `aws`, they replace the system's.
fn bundle(path: &str, source: &str) -> Result<Roots, Error> {
    let shown = format!("'{path}' ({source})");
    let pem = std::fs::read(path)
        .map_err(|error| Error::other(Kind::Io, format!("read certificates from {shown}"), error.to_string()))?;
    Roots::from_pem(&pem, &shown).map_err(|error| Error::transport("prepare TLS", error))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use snapline_failure::Fail as _;

    use super::*;

    const KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "k"), ("AWS_SECRET_ACCESS_KEY", "s")];

    fn resolve(flags: Flags, variables: &[(&str, &str)]) -> Result<Settings, Error> {
        let all: Vec<_> = KEYS.iter().chain(variables).copied().collect();
        let environment = |name: &str| all.iter().find(|(n, _)| *n == name).map(|(_, v)| OsString::from(v));
        Settings::resolve(flags, &environment)
    }

    #[test]
    fn a_bundle_that_cannot_be_read_is_named_with_what_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("config");
        std::fs::write(&config, "[profile work]\nca_bundle = /no/such/bundle\n").unwrap();
        let variables = [("AWS_CONFIG_FILE", config.to_str().unwrap()), ("AWS_PROFILE", "work")];
        let error = resolve(Flags::default(), &variables).unwrap_err().to_string();
        assert!(
            error.contains("'/no/such/bundle' (ca_bundle of profile 'work')"),
            "{error}"
        );
        let variables = [variables[0], variables[1], ("AWS_CA_BUNDLE", "/nor/this")];
        let error = resolve(Flags::default(), &variables).unwrap_err().to_string();
        assert!(error.contains("'/nor/this' (AWS_CA_BUNDLE)"), "{error}");
    }

    #[test]
    fn flags_beat_variables_and_variables_beat_defaults() {
        let settings = resolve(Flags::default(), &[]).unwrap();
        assert_eq!(settings.endpoint.as_str(), "https://s3.us-east-1.amazonaws.com");
        assert_eq!((settings.attempts, settings.idle), (5, Duration::from_secs(60)));

        let variables = [
            ("AWS_DEFAULT_REGION", "eu-west-1"),
            ("AWS_ENDPOINT_URL", "http://general"),
            ("AWS_ENDPOINT_URL_S3", "http://special"),
            ("AWS_MAX_ATTEMPTS", "2"),
        ];
        let settings = resolve(Flags::default(), &variables).unwrap();
        assert_eq!(settings.endpoint.as_str(), "http://special");
        assert_eq!((settings.region.as_str(), settings.attempts), ("eu-west-1", 2));

        let flags = Flags {
            endpoint_url: Some("http://flag".to_owned()),
            region: Some("us-west-2".to_owned()),
            max_attempts: Some(0),
            ..Flags::default()
        };
        let settings = resolve(flags, &variables).unwrap();
        assert_eq!(settings.endpoint.as_str(), "http://flag");
        assert_eq!((settings.region.as_str(), settings.attempts), ("us-west-2", 1));
    }

    fn with_profile(flags: Flags, variables: &[(&str, &str)], config: &str) -> Result<Settings, Error> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        std::fs::write(&path, format!("[default]\n{config}")).unwrap();
        let file = ("AWS_CONFIG_FILE", path.to_str().unwrap());
        resolve(flags, &[variables, &[file]].concat())
    }

    #[test]
    fn the_profile_says_the_style_unless_the_option_does() {
        let at = |flag: Option<&str>, style: &str| {
            let flags = Flags {
                addressing_style: flag.map(str::to_owned),
                endpoint_url: Some("http://localhost:9".to_owned()),
                ..Flags::default()
            };
            let config = format!("s3 =\n  addressing_style = {style}\n");
            with_profile(flags, &[], &config).map(|settings| settings.endpoint.url("b", "k", &[]).unwrap().to_string())
        };
        assert_eq!(at(None, "virtual").unwrap(), "http://b.localhost:9/k");
        assert_eq!(at(None, "path").unwrap(), "http://localhost:9/b/k");
        assert_eq!(at(None, "auto").unwrap(), "http://localhost:9/b/k");
        assert_eq!(at(Some("path"), "virtual").unwrap(), "http://localhost:9/b/k");
        assert_eq!(at(Some("virtual"), "nonsense").unwrap(), "http://b.localhost:9/k");
        let error = at(None, "dns").unwrap_err();
        assert_eq!(error.kind(), Kind::Config);
        let words = "read s3.addressing_style of profile 'default': 'dns'";
        assert!(error.to_string().contains(words), "{error}");
    }

    #[test]
    fn attempts_come_from_the_variable_and_then_from_the_profile() {
        let config = "max_attempts = 3\n";
        let attempts = |variables: &[(&str, &str)], config: &str| {
            with_profile(Flags::default(), variables, config).map(|settings| settings.attempts)
        };
        assert_eq!(attempts(&[], config).unwrap(), 3);
        assert_eq!(attempts(&[("AWS_MAX_ATTEMPTS", "4")], config).unwrap(), 4);
        let error = attempts(&[], "max_attempts = many\n").unwrap_err();
        let words = "read max_attempts of profile 'default': 'many'";
        assert!(error.to_string().contains(words), "{error}");
    }

    #[test]
    fn a_variant_of_the_endpoint_is_used_unless_there_is_one_of_ones_own() {
        let region = ("AWS_REGION", "eu-west-1");
        let fips = ("AWS_USE_FIPS_ENDPOINT", "true");
        let wrong = ("AWS_USE_DUALSTACK_ENDPOINT", "1");
        let dualstack = "s3 =\n  use_dualstack_endpoint = true\n";
        let at = |variables: &[(&str, &str)], config: &str| {
            with_profile(Flags::default(), variables, config).map(|settings| settings.endpoint.as_str().to_owned())
        };
        assert_eq!(
            at(&[region, fips], dualstack).unwrap(),
            "https://s3-fips.dualstack.eu-west-1.amazonaws.com"
        );
        let own = ("AWS_ENDPOINT_URL", "http://own");
        assert_eq!(at(&[region, fips, wrong, own], dualstack).unwrap(), "http://own");
        let error = at(&[region, wrong], "").unwrap_err();
        assert_eq!(
            (error.kind(), error.to_string().contains("AWS_USE_DUALSTACK_ENDPOINT")),
            (Kind::Config, true)
        );
    }

    #[test]
    fn acceleration_is_refused_by_name_and_only_in_the_profile_that_is_used() {
        let accelerate = "s3 =\n  use_accelerate_endpoint = true\n  max_concurrent_requests = 3\n";
        for variables in [&[][..], &[("AWS_ENDPOINT_URL", "http://own")]] {
            let error = with_profile(Flags::default(), variables, accelerate).unwrap_err();
            assert_eq!(error.kind(), Kind::Config);
            let words = "s3.use_accelerate_endpoint of profile 'default'";
            assert!(error.to_string().contains(words), "{error}");
        }
        for config in [
            accelerate.replace("true", "false"),
            format!("region = x\n[profile other]\n{accelerate}"),
        ] {
            assert!(with_profile(Flags::default(), &[], &config).is_ok(), "{config}");
        }
    }

    /// Garage, SeaweedFS, Ceph and MinIO call their regions anything.
    #[test]
    fn a_region_of_ones_own_store_may_be_any_word_and_the_identitys_is_aws_s() {
        let identity = [("AWS_ENDPOINT_URL_S3", "http://store"), ("AWS_REGION", "dc1_prod")];
        assert_eq!(resolve(Flags::default(), &identity).unwrap().region, "dc1_prod");
        // Without an address of one's own it would be part of a host's name.
        let error = resolve(Flags::default(), &identity[1..]).unwrap_err();
        assert_eq!(
            (error.kind(), error.to_string().contains("dc1_prod")),
            (Kind::Config, true)
        );
        for region in ["a/b", "a b", "a\r\nb"] {
            let flags = Flags {
                region: Some(region.to_owned()),
                ..Flags::default()
            };
            let error = resolve(flags, &identity).unwrap_err();
            assert_eq!(
                (error.kind(), error.to_string().contains("--region")),
                (Kind::Usage, true)
            );
            let error = resolve(
                Flags::default(),
                &[("AWS_ENDPOINT_URL", "http://store"), ("AWS_DEFAULT_REGION", region)],
            );
            assert!(error.unwrap_err().to_string().contains("AWS_DEFAULT_REGION"));
        }
    }

    #[test]
    fn an_empty_variable_counts_as_not_set() {
        let settings = resolve(Flags::default(), &[("AWS_ENDPOINT_URL_S3", ""), ("AWS_REGION", "")]).unwrap();
        assert_eq!(settings.endpoint.as_str(), "https://s3.us-east-1.amazonaws.com");
    }

    #[test]
    fn an_owner_is_one_word() {
        let resolve = |id: &str| {
            let flags = Flags {
                expected_bucket_owner: Some(id.to_owned()),
                ..Flags::default()
            };
            self::resolve(flags, &[])
        };
        let owner = resolve("123456789012").unwrap().expected_bucket_owner;
        assert_eq!(owner.unwrap().to_str().unwrap(), "123456789012");
        for id in ["", "a b", "a\r\nb", "ü"] {
            let error = resolve(id).unwrap_err();
            assert_eq!(error.kind(), Kind::Usage, "{error}");
            assert!(error.to_string().contains("--expected-bucket-owner"), "{error}");
        }
    }

    #[test]
    fn what_supplied_a_bad_value_is_named() {
        let flags = Flags {
            addressing_style: Some("dns".to_owned()),
            ..Flags::default()
        };
        let error = resolve(flags, &[]).unwrap_err();
        assert_eq!(
            (error.kind(), error.to_string().contains("--addressing-style")),
            (Kind::Usage, true)
        );
        let error = resolve(Flags::default(), &[("AWS_MAX_ATTEMPTS", "many")]).unwrap_err();
        assert_eq!(
            (error.kind(), error.to_string().contains("AWS_MAX_ATTEMPTS")),
            (Kind::Config, true)
        );
    }

    #[test]
    fn a_bundle_that_holds_no_certificate_is_refused_and_named() {
        for (flag, variable, named, kind) in [
            (Some("/dev/null"), "/nowhere", "'/dev/null' (--ca-bundle)", Kind::Config),
            (None, "/dev/null", "'/dev/null' (AWS_CA_BUNDLE)", Kind::Config),
            (None, "/nowhere", "'/nowhere' (AWS_CA_BUNDLE)", Kind::Io),
        ] {
            let flags = Flags {
                ca_bundle: flag.map(str::to_owned),
                ..Flags::default()
            };
            let error = resolve(flags, &[("AWS_CA_BUNDLE", variable)]).unwrap_err();
            assert_eq!(
                (error.kind(), error.to_string().contains(named)),
                (kind, true),
                "{error}"
            );
        }
    }

    #[test]
    fn nobody_but_the_option_turns_verification_off() {
        assert!(
            !resolve(Flags::default(), &[("AWS_CA_BUNDLE", "")])
                .unwrap()
                .tls
                .skip_verify
        );
        let flags = Flags {
            no_verify_ssl: true,
            ..Flags::default()
        };
        assert!(resolve(flags, &[]).unwrap().tls.skip_verify);
    }
}
