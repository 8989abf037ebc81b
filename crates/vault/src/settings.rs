//! What holds for every request of a program: options first, then variables, then defaults.

use std::time::Duration;

use http::HeaderMap;
use snapline_failure::Fail as _;
use snapline_http::{Environment, Proxies, Tls};

use crate::headers::headers;
use crate::variable::{flag, setting};
use crate::{Address, Error, duration, trust};

/// Where nobody says where.
const DEFAULT_ADDRESS: &str = "https://127.0.0.1:8200";
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);
/// As in Vault's SDK; its command line sets 0.
const DEFAULT_RETRIES: u32 = 2;

/// What a command line says, as typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// `--address`, which may be repeated.
    pub addresses: Vec<String>,
    /// `--timeout`.
    pub timeout: Option<Duration>,
    /// `--max-retries`.
    pub max_retries: Option<u32>,
    /// `--ca-cert`.
    pub ca_cert: Option<String>,
    /// `--ca-path`.
    pub ca_path: Option<String>,
    /// `--client-cert`.
    pub client_cert: Option<String>,
    /// `--client-key`.
    pub client_key: Option<String>,
    /// `--tls-server-name`.
    pub tls_server_name: Option<String>,
    /// `--tls-skip-verify`.
    pub tls_skip_verify: bool,
    /// `--disable-redirects`.
    pub disable_redirects: bool,
}

/// Who says where the servers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// `--address`, or `VAULT_ADDR`.
    Given,
    /// `VAULT_AGENT_ADDR`: an agent, which may have a token of its own.
    Agent,
    /// Nobody: it is the default.
    Default,
}

/// Checked settings.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The nodes, at least one, in the order in which they are tried.
    pub addresses: Vec<Address>,
    /// Where they come from.
    pub origin: Origin,
    /// The limit for a small request; absent means none.
    pub timeout: Option<Duration>,
    /// How often a request is sent again.
    pub max_retries: u32,
    /// Whom to trust, and who we are; also behind redirects.
    pub tls: Tls,
    /// Through which proxies.
    pub proxies: Proxies,
    /// Whether a redirect is a failure.
    pub disable_redirects: bool,
    /// Sent with every request, also behind redirects.
    pub headers: HeaderMap,
    /// Sent as `User-Agent`, for example `vault-login/0.1.0`.
    pub user_agent: String,
}

impl Settings {
    /// Reads `AGENT_ADDR` and `ADDR` (the former replaces the latter), `CLIENT_TIMEOUT` (a bare number is seconds, 0 is no
    /// limit), `MAX_RETRIES`, `CACERT`, `CACERT_BYTES`, `CAPATH`, `CLIENT_CERT`, `CLIENT_KEY`, `TLS_SERVER_NAME`, `SKIP_VERIFY`,
    /// `DISABLE_REDIRECTS`, `HEADERS`, `PROXY_ADDR` and `HTTP_PROXY`, each as `BAO_…` before `VAULT_…`, where the options do not say otherwise; an empty value
    /// counts as not set. The rules are those of Vault's `api/client.go`.
    ///
    /// # Errors
    /// [`Kind::Config`](snapline_http::Kind::Config) for a value that cannot be read; it says which option or variable it
    /// is.
    pub fn new(options: &Options, environment: Environment<'_>, user_agent: &str) -> Result<Self, Error> {
        let (addresses, origin) = addresses(&options.addresses, environment)?;
        Ok(Self {
            addresses,
            origin,
            timeout: timeout(options.timeout, environment)?,
            max_retries: max_retries(options.max_retries, environment)?,
            tls: trust::tls(options, environment)?,
            proxies: proxies(environment)?,
            disable_redirects: options.disable_redirects || flag(environment, "DISABLE_REDIRECTS")?,
            headers: headers(environment)?,
            user_agent: user_agent.to_owned(),
        })
    }
}

fn addresses(given: &[String], environment: Environment<'_>) -> Result<(Vec<Address>, Origin), Error> {
    if !given.is_empty() {
        let addresses = given.iter().map(|text| Address::new(text, "--address"));
        return Ok((addresses.collect::<Result<_, _>>()?, Origin::Given));
    }
    let (address, origin) = match (setting(environment, "AGENT_ADDR")?, setting(environment, "ADDR")?) {
        (Some(agent), _) => (Address::new(&agent.value, &agent.name), Origin::Agent),
        (None, Some(server)) => (Address::new(&server.value, &server.name), Origin::Given),
        (None, None) => (Address::new(DEFAULT_ADDRESS, "the default"), Origin::Default),
    };
    Ok((vec![address?], origin))
}

fn timeout(given: Option<Duration>, environment: Environment<'_>) -> Result<Option<Duration>, Error> {
    let timeout = match (given, setting(environment, "CLIENT_TIMEOUT")?) {
        (Some(given), _) => given,
        (None, None) => DEFAULT_TIMEOUT,
        (None, Some(found)) => duration::parse(&found.value).ok_or_else(|| {
            Error::config(format!(
                "read {}: '{}' is no duration such as 60 or 90s",
                found.name, found.value
            ))
        })?,
    };
    Ok((!timeout.is_zero()).then_some(timeout))
}

fn max_retries(given: Option<u32>, environment: Environment<'_>) -> Result<u32, Error> {
    match (given, setting(environment, "MAX_RETRIES")?) {
        (Some(given), _) => Ok(given),
        (None, None) => Ok(DEFAULT_RETRIES),
        (None, Some(found)) => {
            // Rust reads "+1", Go does not.
            let number = found.value.parse().ok().filter(|_| !found.value.starts_with('+'));
            number.ok_or_else(|| {
                Error::config(format!(
                    "read {}: '{}' is no number of 0 or more",
                    found.name, found.value
                ))
            })
        }
    }
}

/// `PROXY_ADDR`, else `HTTP_PROXY` of Vault's own: then everything goes there, whatever the standard variables say.
fn proxies(environment: Environment<'_>) -> Result<Proxies, Error> {
    let own = match setting(environment, "PROXY_ADDR")? {
        Some(found) => Some(found),
        None => setting(environment, "HTTP_PROXY")?,
    };
    match own {
        Some(found) => Proxies::always(&found.value, &found.name),
        None => Proxies::from_environment(environment),
    }
    .map_err(|error| Error::new(error.kind(), error.to_string()))
}

#[cfg(test)]
mod tests {
    use snapline_http::Kind;

    use super::*;
    use crate::variable::tests::environment;

    fn addresses(given: &[&str], variables: &[(&str, &str)]) -> Vec<String> {
        let options = Options {
            addresses: given.iter().map(|text| (*text).to_owned()).collect(),
            ..Options::default()
        };
        let settings = Settings::new(&options, &environment(variables), "test").unwrap();
        settings.addresses.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn addresses_come_from_options_then_agent_then_server_then_default() {
        let all = [
            ("VAULT_ADDR", "http://v"),
            ("BAO_ADDR", "http://b"),
            ("VAULT_AGENT_ADDR", "http://va"),
            ("BAO_AGENT_ADDR", "http://ba"),
        ];
        assert_eq!(addresses(&["http://x", "https://y/"], &all), ["http://x", "https://y"]);
        assert_eq!(addresses(&[], &all), ["http://ba"]);
        assert_eq!(addresses(&[], &all[..3]), ["http://va"]);
        assert_eq!(addresses(&[], &all[..2]), ["http://b"]);
        assert_eq!(addresses(&[], &all[..1]), ["http://v"]);
        assert_eq!(addresses(&[], &[]), [DEFAULT_ADDRESS]);
        assert_eq!(addresses(&[], &[("VAULT_ADDR", "")]), [DEFAULT_ADDRESS]);
        assert_eq!(addresses(&[], &[all[0], ("BAO_ADDR", "")]), [DEFAULT_ADDRESS]);
        assert_eq!(addresses(&[], &[all[0], all[2], ("BAO_AGENT_ADDR", "")]), ["http://v"]);
    }

    #[test]
    fn limits_are_read_as_vault_reads_them() {
        let read = |variables: &[(&str, &str)]| {
            let settings = Settings::new(&Options::default(), &environment(variables), "test").unwrap();
            (settings.timeout.map(|limit| limit.as_secs()), settings.max_retries)
        };
        assert_eq!(read(&[]), (Some(60), 2));
        assert_eq!(
            read(&[("VAULT_CLIENT_TIMEOUT", "90"), ("VAULT_MAX_RETRIES", "0")]),
            (Some(90), 0)
        );
        assert_eq!(
            read(&[("VAULT_CLIENT_TIMEOUT", "1h"), ("BAO_CLIENT_TIMEOUT", "2m")]),
            (Some(120), 2)
        );
        assert_eq!(read(&[("VAULT_CLIENT_TIMEOUT", "0")]), (None, 2));
        assert_eq!(
            read(&[("VAULT_CLIENT_TIMEOUT", ""), ("VAULT_MAX_RETRIES", "")]),
            (Some(60), 2)
        );
    }

    #[test]
    fn an_option_beats_a_variable() {
        let options = Options {
            timeout: Some(Duration::from_secs(5)),
            max_retries: Some(7),
            ..Options::default()
        };
        let variables = environment(&[("VAULT_CLIENT_TIMEOUT", "90"), ("VAULT_MAX_RETRIES", "1")]);
        let settings = Settings::new(&options, &variables, "test").unwrap();
        assert_eq!(settings.timeout, Some(Duration::from_secs(5)));
        assert_eq!(settings.max_retries, 7);
    }

    #[test]
    fn a_bad_value_is_a_configuration_error_that_names_its_variable() {
        for (name, value) in [
            ("VAULT_ADDR", "vault:8200"),
            ("BAO_AGENT_ADDR", "unix://"),
            ("VAULT_CLIENT_TIMEOUT", "soon"),
            ("BAO_CLIENT_TIMEOUT", "-1"),
            ("VAULT_MAX_RETRIES", "-1"),
            ("VAULT_MAX_RETRIES", "two"),
        ] {
            let error = Settings::new(&Options::default(), &environment(&[(name, value)]), "test").unwrap_err();
            assert_eq!(error.kind(), Kind::Config);
            assert!(error.to_string().contains(name), "{error}");
        }
    }
}
