//! Every variable of Vault's client that is read for each request, and its exact rule (`api/client.go` of Vault and of
//! OpenBao, `go-rootcerts`): variables in, what is set by them out.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "support/pem.rs"]
mod pem;

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use snapline_failure::Fail as _;
use snapline_http::{Kind, Proxies, Roots};
use snapline_vault::{Error, Options, Settings};

/// Files that rows name as `{name}`.
fn files(folder: &Path) {
    for (name, content) in [
        ("a.pem", pem::A),
        ("b.pem", pem::B),
        ("a.key", pem::A_KEY),
        ("a.enc", pem::A_KEY_ENCRYPTED),
        ("a.old", pem::A_KEY_ENCRYPTED_BY_OPENSSL),
        ("none.pem", "no certificate\n"),
        ("joined.pem", &format!("\u{feff}{}{}", pem::A.trim_end(), pem::B)),
        ("cut.pem", &format!("{}{}", pem::A, &pem::B[..300])),
    ] {
        fs::write(folder.join(name), content).unwrap();
    }
    // As a Secret looks in a pod.
    let volume = folder.join("volume");
    fs::create_dir_all(volume.join("..2026_01")).unwrap();
    fs::write(volume.join("..2026_01/ca.crt"), pem::A).unwrap();
    symlink("..2026_01", volume.join("..data")).unwrap();
    symlink("..data/ca.crt", volume.join("ca.crt")).unwrap();
    fs::create_dir_all(volume.join("below/it")).unwrap();
    fs::write(volume.join("below/it/b.crt"), pem::B).unwrap();
    let _ = std::os::unix::net::UnixListener::bind(volume.join("socket")).unwrap();
    fs::create_dir(folder.join("empty")).unwrap();
    fs::create_dir(folder.join("mixed")).unwrap();
    fs::write(folder.join("mixed/a.pem"), pem::A).unwrap();
    fs::write(folder.join("mixed/README"), "text").unwrap();
}

fn settings(folder: &Path, options: &Options, variables: &[(&str, &str)]) -> Result<Settings, Error> {
    let variables: Vec<(String, String)> = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), fill(folder, value)))
        .collect();
    let environment = |wanted: &str| {
        variables
            .iter()
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| OsString::from(value))
    };
    Settings::new(options, &environment, "test/1")
}

fn fill(folder: &Path, text: &str) -> String {
    match text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
        Some(name) if !text.contains(['"', ':']) => folder.join(name).display().to_string(),
        _ => text.replace("<A>", pem::A).replace("<A_KEY>", pem::A_KEY),
    }
}

/// What differs from the defaults.
fn shown(settings: &Settings) -> String {
    let mut shown = Vec::new();
    for address in &settings.addresses {
        if address.to_string() != "https://127.0.0.1:8200" {
            shown.push(address.to_string());
        }
    }
    match &settings.tls.roots {
        Roots::System => {}
        Roots::Only(given) => shown.push(format!("only {}", given.len())),
        Roots::Also(given) => shown.push(format!("also {}", given.len())),
    }
    if settings.tls.identity.is_some() {
        shown.push("identity".to_owned());
    }
    shown.extend(settings.tls.server_name.clone());
    if settings.tls.skip_verify {
        shown.push("unverified".to_owned());
    }
    match settings.timeout.map(|limit| limit.as_millis()) {
        None => shown.push("no limit".to_owned()),
        Some(60_000) => {}
        Some(limit) => shown.push(format!("{limit} ms")),
    }
    if settings.max_retries != 2 {
        shown.push(format!("{} retries", settings.max_retries));
    }
    if settings.proxies == Proxies::always("http://p:1", "").unwrap() {
        shown.push("always p".to_owned());
    } else if settings.proxies != Proxies::default() {
        shown.push("standard proxies".to_owned());
    }
    if settings.disable_redirects {
        shown.push("no redirects".to_owned());
    }
    for (name, value) in &settings.headers {
        shown.push(format!("{name}={}", String::from_utf8_lossy(value.as_bytes())));
    }
    shown.join(", ")
}

/// The rule, the variables, and what is set, or a part of the error.
type Row<'a> = (&'a str, &'a [(&'a str, &'a str)], Result<&'a str, &'a str>);

fn check(rows: &[Row<'_>]) {
    let folder = tempfile::tempdir().unwrap();
    files(folder.path());
    for (rule, variables, expected) in rows {
        let got = settings(folder.path(), &Options::default(), variables);
        match (got, expected) {
            (Ok(settings), Ok(expected)) => assert_eq!(&shown(&settings), expected, "{rule}: {variables:?}"),
            (Err(error), Err(part)) => {
                assert!(error.to_string().contains(part), "{rule}: {error}");
                let cause = error.to_string();
                let named = variables.iter().any(|(name, _)| cause.contains(name));
                assert!(named, "{rule}: which variable? {error}");
                assert!(!cause.contains('\n'), "{rule}: {error}");
            }
            (Ok(settings), Err(part)) => panic!("{rule}: '{}' instead of '{part}'", shown(&settings)),
            (Err(error), Ok(_)) => panic!("{rule}: {error}"),
        }
    }
}

#[test]
fn addresses() {
    check(&[
        ("the default", &[], Ok("")),
        ("a URL", &[("VAULT_ADDR", "https://v:8200")], Ok("https://v:8200")),
        ("a final slash goes", &[("VAULT_ADDR", "http://v/")], Ok("http://v")),
        ("a prefix stays", &[("VAULT_ADDR", "http://v/a/b/")], Ok("http://v/a/b")),
        (
            "IPv6",
            &[("VAULT_ADDR", "https://[fd00::1]:8200")],
            Ok("https://[fd00::1]:8200"),
        ),
        (
            "a socket",
            &[("VAULT_ADDR", "unix:///run/v.sock")],
            Ok("unix:///run/v.sock"),
        ),
        ("no scheme", &[("VAULT_ADDR", "v:8200")], Err("it has no scheme")),
        (
            "the agent replaces it",
            &[("VAULT_ADDR", "http://v"), ("VAULT_AGENT_ADDR", "http://a")],
            Ok("http://a"),
        ),
        (
            "an empty agent does not",
            &[("VAULT_ADDR", "http://v"), ("VAULT_AGENT_ADDR", "")],
            Ok("http://v"),
        ),
        (
            "an agent's socket",
            &[("VAULT_AGENT_ADDR", "unix:///run/a.sock")],
            Ok("unix:///run/a.sock"),
        ),
        (
            "OpenBao first",
            &[("VAULT_ADDR", "http://v"), ("BAO_ADDR", "http://b")],
            Ok("http://b"),
        ),
        (
            "OpenBao, empty",
            &[("VAULT_ADDR", "http://v"), ("BAO_ADDR", "")],
            Ok(""),
        ),
    ]);
}

#[test]
fn authorities() {
    check(&[
        ("a file", &[("VAULT_CACERT", "{a.pem}")], Ok("only 1")),
        ("a text", &[("VAULT_CACERT_BYTES", "<A>")], Ok("only 1")),
        (
            "a folder, and those below",
            &[("VAULT_CAPATH", "{volume}")],
            Ok("only 2"),
        ),
        (
            "the file beats the text",
            &[("VAULT_CACERT", "{a.pem}"), ("VAULT_CACERT_BYTES", "garbage")],
            Ok("only 1"),
        ),
        (
            "the text beats the folder",
            &[("VAULT_CACERT_BYTES", "<A>"), ("VAULT_CAPATH", "{empty}")],
            Ok("only 1"),
        ),
        (
            "an empty one counts as not set",
            &[("VAULT_CACERT", ""), ("VAULT_CAPATH", "{volume}")],
            Ok("only 2"),
        ),
        ("no such file", &[("VAULT_CACERT", "/nowhere")], Err("'/nowhere'")),
        (
            "a file without certificate",
            &[("VAULT_CACERT", "{none.pem}")],
            Err("there is none"),
        ),
        (
            "a text without certificate",
            &[("VAULT_CACERT_BYTES", "AAAA")],
            Err("there is none"),
        ),
        ("no such folder", &[("VAULT_CAPATH", "/nowhere")], Err("'/nowhere'")),
        ("a file for a folder", &[("VAULT_CAPATH", "{a.pem}")], Ok("only 1")),
        (
            "a file for a folder, without certificate",
            &[("VAULT_CAPATH", "{none.pem}")],
            Err("none.pem' (VAULT_CAPATH): there is none"),
        ),
        ("two in a row", &[("VAULT_CACERT", "{joined.pem}")], Ok("only 2")),
        (
            "one that is broken",
            &[("VAULT_CACERT", "{cut.pem}")],
            Err("cut.pem' (VAULT_CACERT): PEM block 2 in it has no end"),
        ),
        ("an empty folder", &[("VAULT_CAPATH", "{empty}")], Err("there is none")),
        ("every file must be PEM", &[("VAULT_CAPATH", "{mixed}")], Err("README")),
        (
            "OpenBao adds to the system's",
            &[("BAO_CACERT", "{a.pem}")],
            Ok("also 1"),
        ),
        (
            "OpenBao takes all of them",
            &[
                ("BAO_CACERT", "{a.pem}"),
                ("BAO_CACERT_BYTES", "<A>"),
                ("BAO_CAPATH", "{volume}"),
            ],
            Ok("also 4"),
        ),
        (
            "OpenBao takes Vault's as well",
            &[("VAULT_CACERT", "{a.pem}"), ("BAO_CAPATH", "{volume}")],
            Ok("also 3"),
        ),
        (
            "OpenBao, empty",
            &[("VAULT_CACERT", "{a.pem}"), ("BAO_CACERT", "")],
            Ok(""),
        ),
    ]);
}

#[test]
fn client_certificates() {
    check(&[
        (
            "both",
            &[("VAULT_CLIENT_CERT", "{a.pem}"), ("VAULT_CLIENT_KEY", "{a.key}")],
            Ok("identity"),
        ),
        ("no key", &[("VAULT_CLIENT_CERT", "{a.pem}")], Err("but no key")),
        (
            "no certificate",
            &[("VAULT_CLIENT_KEY", "{a.key}")],
            Err("but no certificate"),
        ),
        (
            "another's key",
            &[("VAULT_CLIENT_CERT", "{b.pem}"), ("VAULT_CLIENT_KEY", "{a.key}")],
            Err("does not belong to the certificate"),
        ),
        (
            "an encrypted key",
            &[("VAULT_CLIENT_CERT", "{a.pem}"), ("VAULT_CLIENT_KEY", "{a.enc}")],
            Err("it is encrypted"),
        ),
        (
            "a key that OpenSSL encrypted",
            &[("VAULT_CLIENT_CERT", "{a.pem}"), ("VAULT_CLIENT_KEY", "{a.old}")],
            Err("it is encrypted"),
        ),
        (
            "no key in the file",
            &[("VAULT_CLIENT_CERT", "{a.pem}"), ("VAULT_CLIENT_KEY", "{a.pem}")],
            Err("there is no private key"),
        ),
        (
            "OpenBao",
            &[("BAO_CLIENT_CERT", "{a.pem}"), ("BAO_CLIENT_KEY", "{a.key}")],
            Ok("identity"),
        ),
        (
            "OpenBao, as texts",
            &[("BAO_CLIENT_CERT_BYTES", "<A>"), ("BAO_CLIENT_KEY_BYTES", "<A_KEY>")],
            Ok("identity"),
        ),
        (
            "OpenBao, half a text",
            &[("BAO_CLIENT_KEY_BYTES", "<A_KEY>")],
            Err("but no certificate"),
        ),
    ]);
}

#[test]
fn server_name_and_switches() {
    for (variable, on) in [("SKIP_VERIFY", "unverified"), ("DISABLE_REDIRECTS", "no redirects")] {
        for prefix in ["VAULT_", "BAO_"] {
            let name = format!("{prefix}{variable}");
            for value in ["1", "t", "T", "TRUE", "true", "True"] {
                check(&[("on", &[(&name, value)], Ok(on))]);
            }
            for value in ["0", "f", "F", "FALSE", "false", "False", ""] {
                check(&[("off", &[(&name, value)], Ok(""))]);
            }
            for value in ["yes", "on", "tRUE", "2", " true"] {
                check(&[("neither", &[(&name, value)], Err("neither true nor false"))]);
            }
        }
    }
    check(&[
        (
            "a name",
            &[("VAULT_TLS_SERVER_NAME", "vault.example")],
            Ok("vault.example"),
        ),
        ("an address", &[("VAULT_TLS_SERVER_NAME", "10.0.0.1")], Ok("10.0.0.1")),
        (
            "no name",
            &[("VAULT_TLS_SERVER_NAME", "https://v")],
            Err("no name that a certificate"),
        ),
        (
            "OpenBao",
            &[("BAO_TLS_SERVER_NAME", "b"), ("VAULT_TLS_SERVER_NAME", "v")],
            Ok("b"),
        ),
    ]);
}

#[test]
fn limits_and_retries() {
    check(&[
        ("a number is seconds", &[("VAULT_CLIENT_TIMEOUT", "90")], Ok("90000 ms")),
        ("a duration", &[("VAULT_CLIENT_TIMEOUT", "1m30.5s")], Ok("90500 ms")),
        ("0 is none", &[("VAULT_CLIENT_TIMEOUT", "0")], Ok("no limit")),
        ("no duration", &[("VAULT_CLIENT_TIMEOUT", "soon")], Err("no duration")),
        ("negative", &[("VAULT_CLIENT_TIMEOUT", "-5s")], Err("no duration")),
        (
            "OpenBao",
            &[("BAO_CLIENT_TIMEOUT", "5s"), ("VAULT_CLIENT_TIMEOUT", "6s")],
            Ok("5000 ms"),
        ),
        ("retries", &[("VAULT_MAX_RETRIES", "5")], Ok("5 retries")),
        ("none", &[("VAULT_MAX_RETRIES", "0")], Ok("0 retries")),
        ("negative", &[("VAULT_MAX_RETRIES", "-1")], Err("no number")),
        ("a sign", &[("VAULT_MAX_RETRIES", "+1")], Err("no number")),
        (
            "more than 32 bits",
            &[("VAULT_MAX_RETRIES", "4294967296")],
            Err("no number"),
        ),
        (
            "OpenBao",
            &[("BAO_MAX_RETRIES", "3"), ("VAULT_MAX_RETRIES", "4")],
            Ok("3 retries"),
        ),
    ]);
}

#[test]
fn proxies() {
    check(&[
        (
            "the standard ones",
            &[("HTTPS_PROXY", "http://s:1")],
            Ok("standard proxies"),
        ),
        (
            "an own one replaces them, exceptions too",
            &[
                ("VAULT_PROXY_ADDR", "http://p:1"),
                ("HTTPS_PROXY", "http://s:1"),
                ("NO_PROXY", "*"),
            ],
            Ok("always p"),
        ),
        (
            "the other name",
            &[("VAULT_HTTP_PROXY", "http://p:1"), ("NO_PROXY", "*")],
            Ok("always p"),
        ),
        (
            "PROXY_ADDR wins",
            &[("VAULT_PROXY_ADDR", "http://p:1"), ("VAULT_HTTP_PROXY", "http://q:1")],
            Ok("always p"),
        ),
        (
            "an empty one is none",
            &[("VAULT_PROXY_ADDR", ""), ("HTTP_PROXY", "http://s:1")],
            Ok("standard proxies"),
        ),
        (
            "no proxy",
            &[("VAULT_PROXY_ADDR", "socks5://p:1")],
            Err("neither an http nor an https proxy"),
        ),
        (
            "OpenBao",
            &[("BAO_PROXY_ADDR", "http://p:1"), ("VAULT_PROXY_ADDR", "http://q:1")],
            Ok("always p"),
        ),
        (
            "OpenBao, the other name",
            &[("BAO_HTTP_PROXY", "http://p:1")],
            Ok("always p"),
        ),
    ]);
}

#[test]
fn headers() {
    check(&[
        (
            "an object of strings",
            &[("VAULT_HEADERS", r#"{"X-B":"2","x-a":"1"}"#)],
            Ok("x-b=2, x-a=1"),
        ),
        ("empty", &[("VAULT_HEADERS", "")], Ok("")),
        ("no JSON", &[("VAULT_HEADERS", "X-A: 1")], Err("no JSON object")),
        (
            "no strings",
            &[("VAULT_HEADERS", r#"{"X-A":1}"#)],
            Err("no JSON object"),
        ),
        ("a list", &[("VAULT_HEADERS", r#"["X-A"]"#)], Err("no JSON object")),
        (
            "Vault's own",
            &[("VAULT_HEADERS", r#"{"x-vault-token":"t"}"#)],
            Err("begins with X-Vault-"),
        ),
        (
            "no name",
            &[("VAULT_HEADERS", r#"{"a b":"1"}"#)],
            Err("no name of a header"),
        ),
        (
            "no value",
            &[("VAULT_HEADERS", r#"{"X-A":"1\nX-Vault-Token: t"}"#)],
            Err("the value of 'X-A'"),
        ),
        (
            "OpenBao",
            &[("BAO_HEADERS", r#"{"X-B":"2"}"#), ("VAULT_HEADERS", r#"{"X-A":"1"}"#)],
            Ok("x-b=2"),
        ),
    ]);
}

#[test]
fn the_value_of_a_header_is_never_shown() {
    for value in [
        r#"{"X-A":"hidden\n"}"#,
        r#"{"X-A":"hidden""#,
        r#"{"x-vault-a":"hidden"}"#,
    ] {
        let error = settings(Path::new("/"), &Options::default(), &[("VAULT_HEADERS", value)]).unwrap_err();
        assert!(!error.to_string().contains("hidden"), "{error}");
    }
    let good = settings(
        Path::new("/"),
        &Options::default(),
        &[("VAULT_HEADERS", r#"{"X-A":"hidden"}"#)],
    )
    .unwrap();
    assert!(!format!("{good:?}").contains("hidden"), "{good:?}");
}

#[test]
fn options_beat_every_variable_of_their_kind() {
    let folder = tempfile::tempdir().unwrap();
    files(folder.path());
    let path = |name: &str| Some(folder.path().join(name).display().to_string());
    let hostile = [
        ("BAO_CACERT", "/nowhere"),
        ("VAULT_CACERT_BYTES", "garbage"),
        ("VAULT_CAPATH", "/nowhere"),
        ("VAULT_CLIENT_CERT", "/nowhere"),
        ("BAO_CLIENT_KEY", "/nowhere"),
        ("VAULT_TLS_SERVER_NAME", "https://no"),
        ("VAULT_SKIP_VERIFY", "false"),
        ("BAO_DISABLE_REDIRECTS", "0"),
    ];
    let options = Options {
        ca_path: path("volume"),
        client_cert: path("a.pem"),
        client_key: path("a.key"),
        tls_server_name: Some("v".to_owned()),
        tls_skip_verify: true,
        disable_redirects: true,
        ..Options::default()
    };
    let got = settings(folder.path(), &options, &hostile).unwrap();
    assert_eq!(shown(&got), "only 2, identity, v, unverified, no redirects");
    let options = Options {
        ca_cert: path("a.pem"),
        ..options
    };
    assert_eq!(
        shown(&settings(folder.path(), &options, &hostile).unwrap()),
        "only 1, identity, v, unverified, no redirects"
    );
    let options = Options {
        tls_server_name: Some("a b".to_owned()),
        ..Options::default()
    };
    let error = settings(folder.path(), &options, &[]).unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string().contains("--tls-server-name")),
        (Kind::Config, true)
    );
}
