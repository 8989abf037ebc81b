//! Where a redirect leads, and whether to go there.

use std::net::IpAddr;

use http::{HeaderMap, StatusCode, Uri, header::LOCATION};

use crate::words::one_line;

/// How many redirects one request follows. A standby needs one; the second is for a leader that changed meanwhile.
pub(crate) const MOST: u32 = 2;

/// What to do about a redirect that is not followed, by how many addresses are named already.
pub(crate) const fn hint(addresses: usize) -> &'static str {
    if addresses > 1 {
        "a standby leads to the api_addr of the active node; set it to a URL that clients reach"
    } else {
        "a standby leads to the api_addr of the active node; set it to a URL that clients reach, or name the nodes, with --address for each"
    }
}

/// The same for redirects in a circle.
pub(crate) const fn hint_of_circle(addresses: usize) -> &'static str {
    if addresses > 1 {
        "api_addr of each node must lead to that node, not to a load balancer"
    } else {
        "api_addr of each node must lead to that node, not to a load balancer; or name the nodes, with --address for each"
    }
}

/// The same where the user wants none followed.
pub(crate) const fn hint_of_disabled(addresses: usize) -> &'static str {
    if addresses > 1 {
        "none of the addresses answered by itself: name the leader among them, or allow redirects"
    } else {
        "name the leader by --address; repeat the option for further nodes"
    }
}

/// Whether a reply with `status` is a redirect of Vault: 301, 302 and 307 as its own client follows them, method and body kept
/// (`api/client.go`), and 308.
pub(crate) const fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 307 | 308)
}

/// Whether two URLs lead to one machine, as far as names tell. A dot at a name's end does not matter.
pub(crate) fn is_same_host(a: &Uri, b: &Uri) -> bool {
    host(a).eq_ignore_ascii_case(host(b))
}

fn host(url: &Uri) -> &str {
    url.host().unwrap_or_default().trim_end_matches('.')
}

/// Whether what is sent to `url` stays on this machine.
fn is_loopback(url: &Uri) -> bool {
    let host = host(url).trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The `Location` in `headers` as a message shows it.
pub(crate) fn shown(headers: &HeaderMap) -> String {
    headers.get(LOCATION).map_or_else(
        || "nowhere".to_owned(),
        |location| quoted(&String::from_utf8_lossy(location.as_bytes())),
    )
}

/// A URL in quotes, without the user name and the password that it may have.
fn quoted(url: &str) -> String {
    let (scheme, rest) = url.split_once("//").unwrap_or(("", url));
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..end].rfind('@') {
        Some(at) => format!("'{}//…{}'", one_line(scheme, &[]), one_line(&rest[at..], &[])),
        None => format!("'{}'", one_line(url, &[])),
    }
}

/// The URL that a reply with `headers`, got from `from`, leads to.
///
/// Any host: a standby's target is always another one, and often an address that is known nowhere else. But never from https, a
/// Unix socket (whose URL says `localhost`) or a loopback address to http on the network, which would show the token on the wire.
///
/// # Errors
/// Why it is not followed, with the target as it came.
pub(crate) fn target(from: &Uri, headers: &HeaderMap) -> Result<Uri, String> {
    let location = headers.get(LOCATION).ok_or("it redirects, but does not say where to")?;
    match location.to_str() {
        Ok(text) => allowed(from, text),
        Err(_) => Err(unusable(&String::from_utf8_lossy(location.as_bytes()))),
    }
}

/// The URL that `text` means to a client that has come from `from`, if it may go there.
///
/// # Errors
/// Why not, as a server's deed: `it redirects to …`.
pub(crate) fn allowed(from: &Uri, text: &str) -> Result<Uri, String> {
    let unusable = || unusable(text);
    let to: Uri = text.parse().map_err(|_| unusable())?;
    let to = if to.authority().is_none() && text.starts_with('/') && !text.starts_with("//") {
        let mut parts = from.clone().into_parts();
        parts.path_and_query = to.into_parts().path_and_query;
        Uri::from_parts(parts).map_err(|_| unusable())?
    } else {
        to
    };
    let authority = to.authority().ok_or_else(unusable)?;
    if authority.as_str().contains('@') {
        return Err(format!(
            "it redirects to {}, a URL with a user name or a password",
            quoted(text)
        ));
    }
    match (from.scheme_str(), to.scheme_str()) {
        (Some("http"), Some("http")) if is_loopback(from) && !is_loopback(&to) => Err(format!(
            "it redirects to {}, from this machine to plain http on the network; the token is not sent there",
            quoted(text)
        )),
        (_, Some("https")) | (Some("http"), Some("http")) => Ok(to),
        (_, Some("http")) => Err(format!(
            "it redirects to {}, from https to http; the token is not sent there",
            quoted(text)
        )),
        _ => Err(unusable()),
    }
}

fn unusable(text: &str) -> String {
    format!("it redirects to {}, which is no http or https URL", quoted(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follow(from: &str, location: Option<&str>) -> Result<String, String> {
        let mut headers = HeaderMap::new();
        if let Some(location) = location {
            headers.insert(LOCATION, location.parse().unwrap());
        }
        target(&from.parse().unwrap(), &headers).map(|to| to.to_string())
    }

    #[test]
    fn the_same_scheme_or_a_better_one_is_followed_to_any_host() {
        for (from, location, to) in [
            ("http://a/v1/x", "http://b:8200/v1/x?q=1", "http://b:8200/v1/x?q=1"),
            ("http://a/v1/x", "https://b/v1/x", "https://b/v1/x"),
            (
                "https://a/v1/x",
                "https://10.0.0.1:8200/v1/x",
                "https://10.0.0.1:8200/v1/x",
            ),
            ("https://a:1/v1/x", "/v1/y", "https://a:1/v1/y"),
            (
                "http://127.0.0.1/v1/x",
                "http://localhost:8201/v1/x",
                "http://localhost:8201/v1/x",
            ),
            ("http://[::1]/v1/x", "http://127.0.0.2/v1/x", "http://127.0.0.2/v1/x"),
            ("http://localhost/v1/x", "https://b/v1/x", "https://b/v1/x"),
            ("http://localhost/v1/x", "/v1/y", "http://localhost/v1/y"),
        ] {
            assert_eq!(follow(from, Some(location)), Ok(to.to_owned()));
        }
    }

    #[test]
    fn what_stayed_on_this_machine_does_not_go_on_the_wire_in_the_clear() {
        for from in [
            "http://localhost/v1/x",
            "http://127.0.0.1:8200/v1/x",
            "http://[::1]:8200/v1/x",
            "http://LOCALHOST./v1/x",
        ] {
            for to in [
                "http://b/v1/x",
                "http://10.0.0.1:8200/v1/x",
                "http://localhost.example/v1/x",
            ] {
                let refused = follow(from, Some(to)).unwrap_err();
                assert!(refused.contains(to) && refused.contains("plain http"), "{refused}");
            }
        }
    }

    #[test]
    fn a_target_is_shown_without_its_password() {
        for (location, shown) in [
            ("http://user:hidden@b/v1/x", "'http://…@b/v1/x'"),
            ("https://hidden@b:8200?q=@", "'https://…@b:8200?q=@'"),
            ("//user:hid@den@b", "'//…@b'"),
            ("http://b/v1/@x", "'http://b/v1/@x'"),
            ("/v1/x", "'/v1/x'"),
        ] {
            let headers = HeaderMap::from_iter([(LOCATION, location.parse().unwrap())]);
            assert_eq!(super::shown(&headers), shown);
            let words = follow("https://a/v1/x", Some(location)).unwrap_or_else(|refused| refused);
            assert!(!words.contains("hid"), "{words}");
        }
    }

    #[test]
    fn a_host_is_the_same_whatever_its_port_and_case() {
        let url = |text: &str| text.parse::<Uri>().unwrap();
        for (a, b, same) in [
            ("http://a/", "https://A:8200/x", true),
            ("https://vault.example.com./", "https://vault.example.com/", true),
            ("http://a/", "http://b/", false),
            ("http://127.0.0.1/", "http://localhost/", false),
        ] {
            assert_eq!(is_same_host(&url(a), &url(b)), same, "{a} {b}");
        }
    }

    #[test]
    fn what_would_show_the_token_or_leads_nowhere_is_refused() {
        let refused = follow("https://a/v1/x", Some("http://b/v1/x")).unwrap_err();
        assert!(
            refused.contains("http://b/v1/x") && refused.contains("from https to http"),
            "{refused}"
        );
        for location in [
            None,
            Some(""),
            Some("ftp://b/"),
            Some("b/c"),
            Some("x y"),
            Some("//b/c"),
            Some("http://u:p@b/"),
            Some("file:///etc/passwd"),
        ] {
            assert!(follow("http://a/v1/x", location).is_err(), "{location:?}");
        }
    }
}
