//! Names of places: a server's address, a mount, a namespace.

use std::fmt;
use std::path::Path;

use http::{HeaderValue, Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use snapline_http::Socket;

use crate::Error;

/// What may stand in a path segment as it is (RFC 3986, 2.3: unreserved).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The address of a server: `http://` or `https://`, a host, perhaps a port and a path prefix; or `unix://` and the path of
/// a socket, which may also follow `unix:` if it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    base: String,
    socket: Option<Socket>,
}

impl Address {
    /// Reads an address; `source` is the option or the variable that it came from.
    ///
    /// # Errors
    /// [`Kind::Config`](snapline_http::Kind::Config) for anything else than a plain http or https URL.
    pub fn new(text: &str, source: &str) -> Result<Self, Error> {
        let text = text.trim();
        // Not shown where it holds a password.
        let shown = if text.contains('@') { "…" } else { text };
        let wrong = |cause: &str| Error::config(format!("read the address '{shown}' of {source}: {cause}"));
        if let Some(path) = text.strip_prefix("unix:") {
            let hint = || Some("write it as unix:///run/vault.sock");
            let path = match path.strip_prefix("//") {
                Some("") => return Err(wrong("it names no socket").with_hint(hint())),
                Some(path) => path,
                // One slash is what people write (hashicorp/vault#8378). Where no socket is there, the spelling is the likelier fault.
                None if path.starts_with('/') && Path::new(path).exists() => path,
                None => return Err(wrong("there is no such socket, and the form is another one").with_hint(hint())),
            };
            return Ok(Self {
                // What Vault's own client says to the server.
                base: "http://localhost".to_owned(),
                socket: Some(Socket(path.into())),
            });
        }
        let hint = || Some("write it as https://host:8200");
        let uri: Uri = text.parse().map_err(|_| wrong("it is no URL").with_hint(hint()))?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(wrong("it has no scheme").with_hint(hint()));
        };
        if scheme != "http" && scheme != "https" {
            return Err(wrong("it begins neither with http:// nor with https://").with_hint(hint()));
        }
        if authority.as_str().contains('@') {
            return Err(wrong("it holds a user name or a password"));
        }
        if uri.query().is_some() || text.contains('#') {
            return Err(wrong("it has a query or a fragment"));
        }
        // A port that is no number, or too large a one, is silently none in the http crate.
        if authority.host().is_empty() || (uri.port().is_none() && authority.as_str() != authority.host()) {
            return Err(wrong("its host is missing, or its port is none").with_hint(hint()));
        }
        Ok(Self {
            base: format!("{scheme}://{authority}{}", uri.path().trim_end_matches('/')),
            socket: None,
        })
    }

    /// Whether what is sent there can be read on the way: plain http to another machine.
    pub fn is_open_to_others(&self) -> bool {
        let is_plain = self.socket.is_none() && self.base.starts_with("http://");
        let uri: Option<Uri> = self.base.parse().ok();
        let host = uri.as_ref().and_then(Uri::host).unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let is_here = host.eq_ignore_ascii_case("localhost")
            || host
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback());
        is_plain && !is_here
    }

    /// The socket that leads there, if it is no network address.
    pub(crate) const fn socket(&self) -> Option<&Socket> {
        self.socket.as_ref()
    }

    /// The URL of an API path, which is given without `/v1/` and already encoded.
    pub(crate) fn join(&self, path: &str) -> Result<Uri, Error> {
        let url = format!("{}/v1/{path}", self.base);
        url.parse()
            .map_err(|error| Error::config(format!("make a URL of '{url}': {error}")))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.socket {
            Some(socket) => write!(f, "unix://{}", socket.0.display()),
            None => f.write_str(&self.base),
        }
    }
}

/// The path that an auth method is mounted at, below `auth/`; it may have several segments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount(String);

impl Mount {
    /// Reads a mount path; slashes around it are cut. `source` is the option or the variable that it came from.
    ///
    /// # Errors
    /// [`Kind::Config`](snapline_http::Kind::Config) if it is empty, or a segment is empty, `.` or `..`.
    pub fn new(text: &str, source: &str) -> Result<Self, Error> {
        let path = text.trim_matches('/');
        if path.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
            return Err(Error::config(format!(
                "read the mount path '{text}' of {source}: it is no path such as approle or teams/approle"
            )));
        }
        Ok(Self(path.to_owned()))
    }

    /// The path as it is.
    pub(crate) fn path(&self) -> &str {
        &self.0
    }

    /// The path, each segment percent-encoded.
    pub(crate) fn encoded(&self) -> String {
        let segments = self
            .0
            .split('/')
            .map(|part| utf8_percent_encode(part, SEGMENT).to_string());
        segments.collect::<Vec<_>>().join("/")
    }
}

/// A user's name, for userpass and LDAP. It stands in the path of the login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Username(String);

impl Username {
    /// Reads a name. `source` is the option or the variable that it came from.
    ///
    /// # Errors
    /// [`Kind::Config`](snapline_http::Kind::Config) if it is empty, has a control character, or is `.` or `..`: a server
    /// resolves those away, and the login would go elsewhere.
    pub fn new(text: &str, source: &str) -> Result<Self, Error> {
        if matches!(text, "" | "." | "..") || text.contains(char::is_control) {
            return Err(Error::config(format!(
                "read the user name '{}' of {source}: it is none",
                text.escape_debug()
            )));
        }
        Ok(Self(text.to_owned()))
    }

    /// The name as one path segment.
    pub(crate) fn encoded(&self) -> String {
        utf8_percent_encode(&self.0, SEGMENT).to_string()
    }
}

/// A namespace of Vault Enterprise or OpenBao, for `X-Vault-Namespace`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace(HeaderValue);

impl Namespace {
    /// Reads a namespace path. `source` is the option or the variable that it came from.
    ///
    /// # Errors
    /// [`Kind::Config`](snapline_http::Kind::Config) if a header cannot hold it.
    pub fn new(text: &str, source: &str) -> Result<Self, Error> {
        let value = HeaderValue::from_str(text).ok().filter(|_| text.is_ascii());
        value
            .map(Self)
            .ok_or_else(|| Error::config(format!("read the namespace of {source}: it is not plain ASCII text")))
    }

    pub(crate) const fn header(&self) -> &HeaderValue {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use snapline_failure::Fail as _;

    use super::*;

    #[test]
    fn urls_are_built_on_addresses_with_and_without_slash_and_prefix() {
        for (address, url) in [
            ("http://127.0.0.1:8200", "http://127.0.0.1:8200/v1/sys/leader"),
            ("http://127.0.0.1:8200/", "http://127.0.0.1:8200/v1/sys/leader"),
            ("https://vault", "https://vault/v1/sys/leader"),
            ("https://vault/a/b/", "https://vault/a/b/v1/sys/leader"),
            ("HTTPS://[::1]:8200//", "https://[::1]:8200/v1/sys/leader"),
            (" https://vault ", "https://vault/v1/sys/leader"),
        ] {
            let built = Address::new(address, "--address").unwrap().join("sys/leader").unwrap();
            assert_eq!(built.to_string(), url);
        }
    }

    #[test]
    fn plain_http_is_open_to_others_unless_it_stays_on_this_machine() {
        for (address, expected) in [
            ("http://vault:8200", true),
            ("HTTP://10.0.0.1", true),
            ("http://[fd00::1]:8200", true),
            ("http://localhost.example.com", true),
            ("https://vault", false),
            ("http://LOCALHOST:8200", false),
            ("http://127.0.0.9:8200/a", false),
            ("http://[::1]:8200", false),
            ("unix:///run/vault.sock", false),
        ] {
            let built = Address::new(address, "--address").unwrap();
            assert_eq!(built.is_open_to_others(), expected, "{address}");
        }
    }

    #[test]
    fn a_socket_is_an_address_whose_server_is_called_localhost() {
        let address = Address::new("unix:///run/vault.sock", "VAULT_ADDR").unwrap();
        assert_eq!(address.to_string(), "unix:///run/vault.sock");
        assert_eq!(address.socket(), Some(&Socket("/run/vault.sock".into())));
        assert_eq!(
            address.join("sys/leader").unwrap().to_string(),
            "http://localhost/v1/sys/leader"
        );
    }

    #[test]
    fn a_socket_that_is_there_may_be_written_with_one_slash() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vault.sock");
        let text = format!("unix:{}", path.display());
        let error = Address::new(&text, "VAULT_ADDR").unwrap_err();
        assert_eq!(error.hint(), Some("write it as unix:///run/vault.sock"));
        let _listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let address = Address::new(&text, "VAULT_ADDR").unwrap();
        assert_eq!(address.to_string(), format!("unix://{}", path.display()));
        assert_eq!(address.socket(), Some(&Socket(path)));
    }

    #[test]
    fn what_is_no_address_is_refused_with_its_source() {
        for text in [
            "",
            "vault",
            "vault:8200",
            "127.0.0.1:8200",
            "/vault",
            "ftp://vault",
            "unix://",
            "unix:",
            "unix:run/vault.sock",
            "unix:/no/such/socket",
            "https://user:hidden@vault",
            "https://vault?a=b",
            "https://vault#a",
            "https://:8200",
            "https://vault:",
            "https://vault:99999999",
            "https://",
            "https://a b",
        ] {
            let error = Address::new(text, "VAULT_ADDR").err();
            let error = error.unwrap_or_else(|| panic!("'{text}' was taken")).to_string();
            assert!(error.contains("VAULT_ADDR") && !error.contains("hidden"), "{error}");
        }
    }

    #[test]
    fn a_mount_is_encoded_segment_by_segment() {
        for (path, encoded) in [
            ("approle", "approle"),
            ("/teams/ops/", "teams/ops"),
            ("a b/c?d#e%", "a%20b/c%3Fd%23e%25"),
            ("ä", "%C3%A4"),
        ] {
            assert_eq!(Mount::new(path, "--path").unwrap().encoded(), encoded);
        }
        for path in ["", "/", "a//b", "..", "a/../b", "."] {
            assert!(Mount::new(path, "--path").is_err(), "{path}");
        }
    }

    #[test]
    fn a_user_name_is_one_segment_of_the_path() {
        for (name, encoded) in [
            ("backup", "backup"),
            ("CORP\\backup", "CORP%5Cbackup"),
            ("backup@example.com", "backup%40example.com"),
            ("a b/c?d#e%", "a%20b%2Fc%3Fd%23e%25"),
        ] {
            assert_eq!(Username::new(name, "--username").unwrap().encoded(), encoded);
        }
        for name in ["", ".", "..", "a\nb", "a\0"] {
            assert!(Username::new(name, "--username").is_err(), "{name:?}");
        }
    }

    #[test]
    fn a_namespace_cannot_bring_a_header_of_its_own() {
        assert!(Namespace::new("team/a", "--namespace").is_ok());
        for text in ["a\r\nX-Vault-Token: b", "ä", "a\0"] {
            assert!(Namespace::new(text, "--namespace").is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_mount_leaves_its_place_in_the_url(path in "\\PC{1,40}") {
            if let Ok(mount) = Mount::new(&path, "--path") {
                let path = format!("auth/{}/login", mount.encoded());
                let url = Address::new("http://vault", "--address").unwrap().join(&path).unwrap();
                prop_assert_eq!(url.path(), format!("/v1/{path}"));
                prop_assert_eq!(url.query(), None);
                prop_assert_eq!(url.host(), Some("vault"));
            }
        }
    }
}
