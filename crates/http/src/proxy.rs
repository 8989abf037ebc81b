//! Which proxy a URL goes through, by the rules that Go's `net/http` and curl share.

use http::Uri;

use crate::{Environment, Kind, TransportError};

/// The proxies of an environment.
///
/// `https_proxy` is for https URLs and `http_proxy` for http URLs (lower case before upper case); `no_proxy` lists who is
/// reached directly. Loopback addresses always are, as in Go (`golang.org/x/net/http/httpproxy`). `HTTP_PROXY` is not read
/// in a CGI environment (`REQUEST_METHOD` set), where a client's `Proxy:` header would become it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    http: Option<String>,
    https: Option<String>,
    direct: Vec<String>,
    /// Not even loopback addresses are reached directly.
    always: bool,
}

impl Proxies {
    /// The proxies that `environment` names.
    ///
    /// # Errors
    /// [`Kind::Config`] if one is no URL of a proxy that can be used.
    pub fn from_environment(environment: Environment<'_>) -> Result<Self, TransportError> {
        let read = |names: [&str; 2]| {
            names
                .into_iter()
                .filter_map(|name| Some((name.to_owned(), environment(name)?.into_string().ok()?)))
                .find(|(_, value)| !value.is_empty())
        };
        let cgi = environment("REQUEST_METHOD").is_some_and(|method| !method.is_empty());
        let http = read(["http_proxy", if cgi { "" } else { "HTTP_PROXY" }]);
        let https = read(["https_proxy", "HTTPS_PROXY"]);
        let direct = read(["no_proxy", "NO_PROXY"]).map(|(_, list)| list).unwrap_or_default();
        for (name, url) in [&http, &https].into_iter().flatten() {
            check(url, name)?;
        }
        Ok(Self {
            http: http.map(|(_, url)| url),
            https: https.map(|(_, url)| url),
            direct: direct
                .split(|c: char| c == ',' || c.is_whitespace())
                .filter(|entry| !entry.is_empty())
                .map(str::to_ascii_lowercase)
                .collect(),
            always: false,
        })
    }

    /// One proxy for everything, without exception; `source` names the variable.
    ///
    /// # Errors
    /// [`Kind::Config`] if it is no URL of a proxy that can be used.
    pub fn always(url: &str, source: &str) -> Result<Self, TransportError> {
        check(url, source)?;
        Ok(Self {
            http: Some(url.to_owned()),
            https: Some(url.to_owned()),
            direct: Vec::new(),
            always: true,
        })
    }

    /// The proxy for `uri`, or none for a direct connection.
    pub(crate) fn choose(&self, uri: &Uri) -> Option<ureq::Proxy> {
        let proxy = if uri.scheme_str() == Some("https") {
            self.https.as_deref()
        } else {
            self.http.as_deref()
        }?;
        if self.always {
            return ureq::Proxy::new(proxy).ok();
        }
        let host = uri
            .host()?
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_ascii_lowercase();
        let port = uri
            .port_u16()
            .unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
        if is_loopback(&host) || self.direct.iter().any(|entry| names(entry, &host, port)) {
            return None;
        }
        // Checked when it was read.
        ureq::Proxy::new(proxy).ok()
    }
}

/// The URL of `proxy` without the name and the password in it.
pub(crate) fn shown(proxy: &ureq::Proxy) -> String {
    let scheme = proxy.uri().scheme_str().unwrap_or("http");
    format!("{scheme}://{}:{}", proxy.host(), proxy.port())
}

/// The URL may hold a password, so it is not shown.
fn check(url: &str, source: &str) -> Result<(), TransportError> {
    let failed = |cause: &str| TransportError::new(Kind::Config, format!("read the proxy in {source}: {cause}"));
    let proxy = ureq::Proxy::new(url).map_err(|error| failed(&error.to_string()))?;
    if matches!(proxy.protocol(), ureq::ProxyProtocol::Http | ureq::ProxyProtocol::Https) {
        Ok(())
    } else {
        Err(failed("it is neither an http nor an https proxy"))
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Whether a `no_proxy` entry names a host: `*`, an address, a CIDR range, or a domain and all below it; each but the range
/// with an optional port.
fn names(entry: &str, host: &str, port: u16) -> bool {
    if entry == "*" {
        return true;
    }
    let address = host.parse::<std::net::IpAddr>().ok();
    if let (Some((network, bits)), Some(address)) = (entry.split_once('/'), address) {
        return in_range(network, bits, address);
    }
    let (name, wanted) = match entry.rsplit_once(':') {
        // More than one colon without brackets is an IPv6 address, not a port.
        Some((name, digits)) if !name.contains(':') || name.ends_with(']') => match digits.parse::<u16>() {
            Ok(wanted) => (name, Some(wanted)),
            Err(_) => (entry, None),
        },
        _ => (entry, None),
    };
    if wanted.is_some_and(|wanted| wanted != port) {
        return false;
    }
    let name = name.trim_start_matches('[').trim_end_matches(']');
    if let (Some(address), Ok(named)) = (address, name.parse::<std::net::IpAddr>()) {
        return address == named;
    }
    let domain = name.trim_start_matches('*').trim_start_matches('.');
    let below = host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
    // A leading dot means "below it only", in Go as in curl's documentation.
    !domain.is_empty() && (below || (host == domain && !name.starts_with('.') && !name.starts_with('*')))
}

fn in_range(network: &str, bits: &str, address: std::net::IpAddr) -> bool {
    use std::net::IpAddr::{V4, V6};
    let (Ok(network), Ok(bits)) = (network.parse::<std::net::IpAddr>(), bits.parse::<u32>()) else {
        return false;
    };
    let same =
        |a: u128, b: u128, width: u32| bits <= width && (bits == 0 || (a >> (width - bits)) == (b >> (width - bits)));
    match (network, address) {
        (V4(a), V4(b)) => same(u32::from(a).into(), u32::from(b).into(), 32),
        (V6(a), V6(b)) => same(a.into(), b.into(), 128),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use snapline_failure::Fail as _;

    use super::*;

    fn through(variables: &[(&str, &str)], uri: &str) -> Option<String> {
        let find = |name: &str| {
            variables
                .iter()
                .find(|(n, _)| *n == name)
                .map(|(_, value)| OsString::from(value))
        };
        let proxies = Proxies::from_environment(&find).unwrap();
        proxies
            .choose(&uri.parse().unwrap())
            .map(|proxy| proxy.host().to_owned())
    }

    #[test]
    fn the_scheme_of_the_url_chooses_the_proxy() {
        let both = [("HTTP_PROXY", "http://plain:1"), ("HTTPS_PROXY", "http://tls:1")];
        assert_eq!(through(&both, "http://vault/").as_deref(), Some("plain"));
        assert_eq!(through(&both, "https://vault/").as_deref(), Some("tls"));
        assert_eq!(through(&both[..1], "https://vault/"), None);
    }

    #[test]
    fn lower_case_comes_first_and_an_empty_value_is_none() {
        let both = [("https_proxy", "http://low:1"), ("HTTPS_PROXY", "http://up:1")];
        assert_eq!(through(&both, "https://v/").as_deref(), Some("low"));
        assert_eq!(through(&[("https_proxy", "")], "https://v/"), None);
    }

    #[test]
    fn loopback_is_never_sent_through_a_proxy() {
        let all = [("HTTP_PROXY", "http://p:1")];
        for uri in ["http://localhost/", "http://127.0.0.1:8200/", "http://[::1]/"] {
            assert_eq!(through(&all, uri), None, "{uri}");
        }
    }

    #[test]
    fn no_proxy_is_read_as_go_and_curl_read_it() {
        let cases = [
            ("*", "http://a.b/", true),
            ("b.c", "http://b.c/", true),
            ("b.c", "http://a.b.c/", true),
            ("b.c", "http://ab.c/", false),
            (".b.c", "http://a.b.c/", true),
            (".b.c", "http://b.c/", false),
            ("*.b.c", "http://a.b.c/", true),
            ("x, b.c", "http://b.c/", true),
            ("b.c:80", "http://b.c/", true),
            ("b.c:81", "http://b.c/", false),
            ("10.0.0.0/8", "http://10.1.2.3/", true),
            ("10.0.0.0/8", "http://11.1.2.3/", false),
            ("10.1.2.3", "http://10.1.2.3/", true),
            ("fd00::/8", "http://[fd00::1]/", true),
            ("B.C", "http://b.c/", true),
            ("b.c", "http://B.C/", true),
            ("a b.c", "http://b.c/", true),
            ("x,*", "http://b.c/", true),
            ("*c", "http://bc/", false),
            ("b.c:443", "http://b.c/", false),
            (".b.c:8080", "http://a.b.c:8080/", true),
            (".b.c:8080", "http://a.b.c/", false),
            ("10.1.2.3:8080", "http://10.1.2.3:8080/", true),
            ("10.1.2.3:8080", "http://10.1.2.3/", false),
            ("10.1.2.0/24", "http://b.c/", false),
            ("10.1.2.3/33", "http://10.1.2.3/", false),
            ("10.1.2.3/32", "http://10.1.2.3/", true),
            ("0.0.0.0/0", "http://10.1.2.3/", true),
            ("0.0.0.0/0", "http://[fd00::1]/", false),
            ("fd00::1", "http://[fd00::1]:9000/", true),
            ("[fd00::1]", "http://[fd00::1]/", true),
            ("[fd00::1]:9000", "http://[fd00::1]:9000/", true),
            ("[fd00::1]:9000", "http://[fd00::1]/", false),
            ("fd00:0::1", "http://[fd00::1]/", true),
            ("fd00::2", "http://[fd00::1]/", false),
            (",, ,", "http://b.c/", false),
            ("", "http://b.c/", false),
        ];
        for (list, uri, direct) in cases {
            let got = through(&[("HTTP_PROXY", "http://p:1"), ("NO_PROXY", list)], uri);
            assert_eq!(got.is_none(), direct, "{list} {uri}");
        }
    }

    #[test]
    fn in_a_cgi_environment_only_the_lower_case_variable_counts() {
        let both = |method| {
            [
                ("REQUEST_METHOD", method),
                ("HTTP_PROXY", "http://up:1"),
                ("HTTPS_PROXY", "http://tls:1"),
            ]
        };
        assert_eq!(through(&both("GET"), "http://v/"), None);
        assert_eq!(through(&both("GET"), "https://v/").as_deref(), Some("tls"));
        assert_eq!(through(&both(""), "http://v/").as_deref(), Some("up"));
        let low = [("REQUEST_METHOD", "GET"), ("http_proxy", "http://low:1")];
        assert_eq!(through(&low, "http://v/").as_deref(), Some("low"));
    }

    #[test]
    fn a_proxy_without_a_scheme_is_an_http_proxy() {
        assert_eq!(
            through(&[("HTTPS_PROXY", "p:3128")], "https://v/").as_deref(),
            Some("p")
        );
    }

    #[test]
    fn a_proxy_for_everything_knows_no_exception() {
        let proxies = Proxies::always("http://p:1", "VAULT_PROXY_ADDR").unwrap();
        for uri in [
            "http://localhost/",
            "https://127.0.0.1:8200/",
            "https://[::1]/",
            "https://v/",
        ] {
            let proxy = proxies.choose(&uri.parse().unwrap());
            assert_eq!(
                proxy.map(|proxy| proxy.host().to_owned()).as_deref(),
                Some("p"),
                "{uri}"
            );
        }
        let error = Proxies::always("ftp://user:secret@x", "VAULT_PROXY_ADDR").unwrap_err();
        assert!(
            error.to_string().contains("VAULT_PROXY_ADDR") && !error.to_string().contains("secret"),
            "{error}"
        );
    }

    #[test]
    fn a_socks_proxy_is_refused_and_not_passed_by() {
        let find = |name: &str| (name == "HTTPS_PROXY").then(|| OsString::from("socks5://proxy:1080"));
        let error = Proxies::from_environment(&find).unwrap_err();
        assert_eq!(error.kind(), Kind::Config);
        assert!(error.to_string().contains("HTTPS_PROXY"), "{error}");
    }

    #[test]
    fn a_proxy_that_is_no_url_is_a_configuration_error_and_not_shown() {
        let find = |name: &str| (name == "HTTP_PROXY").then(|| OsString::from("ftp://user:secret@x"));
        let error = Proxies::from_environment(&find).unwrap_err();
        assert_eq!(error.kind(), Kind::Config);
        assert!(!error.to_string().contains("secret"));
    }
}
