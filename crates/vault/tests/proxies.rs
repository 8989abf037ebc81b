//! Through proxies, good and bad ones.

#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "support/scripted.rs"]
mod scripted;

use std::ffi::OsString;
use std::time::Duration;

use scripted::{Server, closed, reply, send};
use snapline_failure::Fail as _;
use snapline_http::Kind;
use snapline_vault::{AppRole, Client, Error, Mount, Options, Secret, SecretId, Settings};

const LOGIN: &str = r#"{"auth":{"client_token":"hvs.new","policies":["p"],"lease_duration":900}}"#;

fn log_in(address: &str, variables: &[(&str, &str)]) -> Result<String, Error> {
    let options = Options {
        addresses: vec![address.to_owned()],
        timeout: Some(Duration::from_secs(10)),
        max_retries: Some(0),
        ..Options::default()
    };
    let environment = |wanted: &str| {
        let found = variables.iter().find(|(name, _)| *name == wanted);
        found.map(|(_, value)| OsString::from(value))
    };
    let client = Client::new(Settings::new(&options, &environment, "test/1").unwrap());
    let role = AppRole {
        mount: Mount::new("approle", "--path").unwrap(),
        role_id: Secret::id("the-role").unwrap(),
        secret_id: SecretId::Plain(Secret::id("the-secret").unwrap()),
    };
    role.log_in(&client, None).map(|login| login.token.reveal().to_owned())
}

const PLAIN: &str = "http://vault.test:8200";
const TLS: &str = "https://vault.test:8200";

#[test]
fn plain_http_is_sent_with_the_whole_url_and_nothing_is_connected() {
    let proxy = Server::start(|_, _, stream| reply(stream, "200 OK", "", LOGIN));
    let url = proxy.url.replace("http://", "http://job:p%40ss@");
    for variables in [("HTTP_PROXY", url.as_str()), ("VAULT_PROXY_ADDR", &url)] {
        assert_eq!(log_in(PLAIN, &[variables]).unwrap(), "hvs.new");
    }
    for seen in proxy.seen() {
        assert_eq!(seen.line, "POST http://vault.test:8200/v1/auth/approle/login");
        assert_eq!(seen.header("host"), Some("vault.test:8200"));
        assert_eq!(seen.header("proxy-authorization"), Some("Basic am9iOnBAc3M="));
        assert_eq!(seen.header("x-vault-request"), Some("true"));
        assert_eq!(seen.body, r#"{"role_id":"the-role","secret_id":"the-secret"}"#);
    }
}

#[test]
fn tls_is_reached_by_connect_and_the_proxy_sees_nothing_else() {
    let proxy = Server::start(|_, _, stream| {
        send(
            stream,
            "HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n220 smtp\r\n",
        );
    });
    let url = proxy.url.replace("http://", "http://job:p%40ss@");
    let error = log_in(TLS, &[("HTTPS_PROXY", &url)]).unwrap_err();
    assert!(error.to_string().contains("does not speak TLS"), "{error}");
    let seen = proxy.seen().remove(0);
    assert_eq!(seen.line, "CONNECT vault.test:8200");
    assert_eq!(seen.header("host"), Some("vault.test:8200"));
    assert_eq!(seen.header("proxy-authorization"), Some("Basic am9iOnBAc3M="));
    assert_eq!(seen.header("user-agent"), Some("test/1"));
}

#[test]
fn a_proxy_that_is_away_is_named_and_not_the_server() {
    for proxy in [&*closed(), "http://proxy.invalid:3128"] {
        for (address, variable) in [(TLS, "HTTPS_PROXY"), (PLAIN, "HTTP_PROXY")] {
            let error = log_in(address, &[(variable, proxy)]).unwrap_err();
            assert_eq!(error.kind(), Kind::Unavailable, "{error}");
            assert!(
                error.to_string().contains(&format!("connect to the proxy '{proxy}': ")),
                "{error}"
            );
            assert!(error.is_transient(), "{error}");
        }
    }
}

#[test]
fn a_proxy_that_wants_a_password_is_a_refusal() {
    let proxy = Server::start(|_, _, stream| {
        reply(
            stream,
            "407 Proxy Authentication Required",
            "Proxy-Authenticate: Basic realm=x\r\n",
            "who?",
        );
    });
    for (address, variable) in [(TLS, "HTTPS_PROXY"), (PLAIN, "HTTP_PROXY")] {
        for url in [proxy.url.clone(), proxy.url.replace("http://", "http://job:hidden@")] {
            let error = log_in(address, &[(variable, &url)]).unwrap_err();
            assert_eq!(error.kind(), Kind::Refused, "{error}");
            for word in [&proxy.url, "vault.test:8200", "407", "who?"] {
                assert!(error.to_string().contains(word), "{error}");
            }
            assert!(!error.to_string().contains("hidden"), "{error}");
            assert!(error.hint().unwrap().contains("password"));
        }
    }
}

#[test]
fn what_a_proxy_says_is_passed_on_as_its_own() {
    for status in ["403 Forbidden", "502 Bad Gateway", "503 Service Unavailable"] {
        let proxy = Server::start(move |_, _, stream| reply(stream, status, "", "<h1>policy denies</h1>"));
        let error = log_in(TLS, &[("HTTPS_PROXY", &proxy.url)]).unwrap_err();
        assert_eq!(error.kind(), Kind::Unavailable, "{error}");
        for word in ["the proxy '", &proxy.url, status, "policy denies"] {
            assert!(error.to_string().contains(word), "{error}");
        }
        assert!(error.hint().unwrap().contains("through a proxy"));
        // A plain reply may be the server's as well as the proxy's.
        let error = log_in(PLAIN, &[("HTTP_PROXY", &proxy.url)]).unwrap_err();
        assert!(
            error
                .to_string()
                .contains(&format!("through the proxy '{}'", proxy.url)),
            "{error}"
        );
    }
}

#[test]
fn a_proxy_that_says_nothing_or_nonsense_is_named() {
    for (text, cause) in [
        ("", "without a response"),
        ("HTTP/1.1 200", "without a response"),
        ("220 smtp\r\n\r\n", "no proper HTTP"),
    ] {
        let proxy = Server::start(move |_, _, stream| send(stream, text));
        let error = log_in(TLS, &[("HTTPS_PROXY", &proxy.url)]).unwrap_err();
        assert_eq!(error.kind(), Kind::Unavailable, "{error}");
        for word in [&proxy.url, "vault.test:8200", cause] {
            assert!(error.to_string().contains(word), "{error}");
        }
    }
}
