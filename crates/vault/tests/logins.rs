//! What each login sends, and what it makes of the replies that no real server gives on demand.

#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "support/scripted.rs"]
mod scripted;

use std::time::Duration;

use scripted::{Server, closed, reply};
use snapline_failure::Fail as _;
use snapline_http::Kind;
use snapline_vault::{
    AppRole, Cert, Client, Error, Jwt, Login, Mount, Options, Password, Secret, SecretId, Settings, Username,
};

const LOGIN: &str = r#"{"auth":{"client_token":"hvs.new","policies":["p"],"lease_duration":900}}"#;
const LOOKUP: &str = "POST /v1/sys/wrapping/lookup";
const UNWRAP: &str = "POST /v1/sys/wrapping/unwrap";
const RIGHT: &str = r#"{"data":{"creation_path":"auth/approle/role/backup/secret-id","creation_ttl":120}}"#;
const UNKNOWN: &str = r#"{"errors":["wrapping token is not valid or does not exist"]}"#;

fn client(addresses: &[&str]) -> Client {
    let options = Options {
        addresses: addresses.iter().map(|address| (*address).to_owned()).collect(),
        timeout: Some(Duration::from_secs(10)),
        max_retries: Some(2),
        ..Options::default()
    };
    Client::new(Settings::new(&options, &|_| None, "test/1").unwrap())
}

fn mount(path: &str) -> Mount {
    Mount::new(path, "--path").unwrap()
}

fn logs_in() -> Server {
    Server::start(|_, _, stream| reply(stream, "200 OK", "", LOGIN))
}

#[test]
fn each_method_sends_what_its_api_page_says() {
    let vault = logs_in();
    let client = client(&[&vault.url]);
    let jwt = |path, role: Option<&str>| Jwt {
        mount: mount(path),
        role: role.map(str::to_owned),
        jwt: Secret::jwt("a.b.c").unwrap(),
    };
    let cert = |name: Option<&str>| Cert {
        mount: mount("cert"),
        name: name.map(str::to_owned),
    };
    let password = |name| Password {
        mount: mount("ldap/corp"),
        username: Username::new(name, "--username").unwrap(),
        password: Secret::password("my \"password\"").unwrap(),
    };
    jwt("kubernetes", Some("backup")).log_in(&client, None).unwrap();
    jwt("jwt", None).log_in(&client, None).unwrap();
    cert(None).log_in(&client, None).unwrap();
    cert(Some("web")).log_in(&client, None).unwrap();
    password("CORP\\a b/c").log_in(&client, None).unwrap();
    let seen: Vec<_> = vault.seen().into_iter().map(|seen| (seen.line, seen.body)).collect();
    let expected = [
        ("POST /v1/auth/kubernetes/login", r#"{"jwt":"a.b.c","role":"backup"}"#),
        ("POST /v1/auth/jwt/login", r#"{"jwt":"a.b.c"}"#),
        ("POST /v1/auth/cert/login", "{}"),
        ("POST /v1/auth/cert/login", r#"{"name":"web"}"#),
        (
            "POST /v1/auth/ldap/corp/login/CORP%5Ca%20b%2Fc",
            r#"{"password":"my \"password\""}"#,
        ),
    ];
    assert_eq!(seen, expected.map(|(line, body)| (line.to_owned(), body.to_owned())));
}

#[test]
fn a_login_by_jwt_or_password_whose_reply_was_lost_is_not_sent_again() {
    let server = Server::start(|_, _, _| {});
    let client = client(&[&server.url]);
    let jwt = Jwt {
        mount: mount("jwt"),
        role: None,
        jwt: Secret::jwt("a.b.c").unwrap(),
    };
    let password = Password {
        mount: mount("userpass"),
        username: Username::new("backup", "--username").unwrap(),
        password: Secret::password("secret").unwrap(),
    };
    assert_eq!(jwt.log_in(&client, None).unwrap_err().kind(), Kind::Unavailable);
    assert_eq!(password.log_in(&client, None).unwrap_err().kind(), Kind::Unavailable);
    assert_eq!(server.lines().len(), 2);
}

#[test]
fn a_server_that_says_a_secret_back_does_not_get_it_shown() {
    let server = Server::start(|seen, _, stream| {
        let body = serde_json::json!({"errors": [format!("bad request: {}", seen.body)]}).to_string();
        reply(stream, "400 Bad Request", "", &body);
    });
    let client = client(&[&server.url]);
    let jwt = Jwt {
        mount: mount("jwt"),
        role: Some("backup".to_owned()),
        jwt: Secret::jwt("head.my-claims.sig").unwrap(),
    };
    let error = jwt.log_in(&client, None).unwrap_err().to_string();
    assert!(error.contains("bad request") && !error.contains("my-claims"), "{error}");
}

fn log_in_wrapped(addresses: &[&str]) -> Result<Login, Error> {
    let role = AppRole {
        mount: mount("approle"),
        role_id: Secret::id("the-role").unwrap(),
        secret_id: SecretId::Wrapped(Secret::token("hvs.wrapping").unwrap()),
    };
    role.log_in(&client(addresses), None)
}

/// A Vault that knows one wrapping token, and answers the unwrapping with `status` and `body`.
fn wrapping(status: &'static str, body: &'static str) -> Server {
    Server::start(move |seen, _, stream| match seen.line.as_str() {
        LOOKUP => reply(stream, "200 OK", "", RIGHT),
        UNWRAP => reply(stream, status, "", body),
        _ => reply(stream, "200 OK", "", LOGIN),
    })
}

#[test]
fn a_wrapping_token_is_looked_up_then_unwrapped_then_the_secret_id_is_used() {
    let vault = wrapping(
        "200 OK",
        r#"{"data":{"secret_id":"the-secret","secret_id_accessor":"x"}}"#,
    );
    assert_eq!(log_in_wrapped(&[&vault.url]).unwrap().token.reveal(), "hvs.new");
    assert_eq!(vault.lines(), [LOOKUP, UNWRAP, "POST /v1/auth/approle/login"]);
    let seen = vault.seen();
    assert_eq!(seen[0].body, r#"{"token":"hvs.wrapping"}"#);
    assert_eq!(seen[0].header("x-vault-token"), None);
    // In both places at once it would be used up for nothing.
    assert_eq!(seen[1].header("x-vault-token"), Some("hvs.wrapping"));
    assert_eq!(seen[1].body, "");
    assert_eq!(seen[2].body, r#"{"role_id":"the-role","secret_id":"the-secret"}"#);
}

#[test]
fn a_wrapping_token_of_another_path_is_not_unwrapped() {
    for path in [
        "auth/other/role/backup/secret-id",
        "sys/wrapping/wrap",
        "auth/approle/login",
    ] {
        let body = format!(r#"{{"data":{{"creation_path":"{path}"}}}}"#);
        let vault = Server::start(move |_, _, stream| reply(stream, "200 OK", "", &body));
        let error = log_in_wrapped(&[&vault.url]).unwrap_err();
        assert_eq!(error.kind(), Kind::Refused);
        let text = error.to_string();
        assert!(
            text.contains(path) && text.contains("auth/approle/role/…/secret-id"),
            "{text}"
        );
        assert_eq!(vault.lines(), [LOOKUP]);
    }
}

#[test]
fn a_wrapping_token_that_is_not_known_may_have_been_intercepted() {
    let vault = Server::start(|_, _, stream| reply(stream, "400 Bad Request", "", UNKNOWN));
    let error = log_in_wrapped(&[&vault.url]).unwrap_err();
    assert_eq!(error.kind(), Kind::Refused);
    assert!(error.to_string().contains("somebody else may have read"), "{error}");
    assert_eq!(vault.lines(), [LOOKUP]);
    // Used up between the lookup and the unwrapping.
    let vault = wrapping("400 Bad Request", UNKNOWN);
    let error = log_in_wrapped(&[&vault.url]).unwrap_err();
    assert_eq!(error.kind(), Kind::Refused);
    assert!(error.to_string().contains("somebody else may have read"), "{error}");
    assert_eq!(vault.lines(), [LOOKUP, UNWRAP]);
}

#[test]
fn an_unwrapping_is_sent_once_whatever_comes_back() {
    let other = logs_in();
    for (status, body, kind) in [
        ("500 Internal Server Error", "", Kind::Unavailable),
        ("503 Service Unavailable", "", Kind::Unavailable),
        ("429 Too Many Requests", "", Kind::Unavailable),
        ("204 No Content", "", Kind::Data),
        ("200 OK", r#"{"data":{"secret":"the-secret"}}"#, Kind::Data),
        ("200 OK", r#"{"data":{"secret_id":""}}"#, Kind::Data),
    ] {
        let vault = wrapping(status, body);
        let error = log_in_wrapped(&[&vault.url, &other.url]).unwrap_err();
        assert_eq!(error.kind(), kind, "{status}: {error}");
        assert!(error.to_string().contains("may be used up by this"), "{error}");
        assert!(!error.to_string().contains("the-secret"), "{error}");
        assert_eq!(vault.lines(), [LOOKUP, UNWRAP], "{status}");
    }
    // No reply at all, and a reply that breaks off.
    for head in ["", "HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{\"data\":"] {
        let vault = Server::start(move |seen, _, stream| match seen.line.as_str() {
            LOOKUP => reply(stream, "200 OK", "", RIGHT),
            _ => scripted::send(stream, head),
        });
        let error = log_in_wrapped(&[&vault.url, &other.url]).unwrap_err();
        assert_eq!(error.kind(), Kind::Unavailable, "{error}");
        assert!(error.to_string().contains("may be used up by this"), "{error}");
        assert_eq!(vault.lines(), [LOOKUP, UNWRAP]);
    }
    assert!(other.lines().is_empty());
}

#[test]
fn a_lookup_of_a_wrapping_token_uses_nothing_up_and_is_tried_again_and_elsewhere() {
    let vault = Server::start(|seen, before, stream| match (seen.line.as_str(), before) {
        (LOOKUP, 0) => reply(stream, "503 Service Unavailable", "", ""),
        (LOOKUP, _) => reply(stream, "200 OK", "", RIGHT),
        (UNWRAP, _) => reply(stream, "200 OK", "", r#"{"data":{"secret_id":"the-secret"}}"#),
        _ => reply(stream, "200 OK", "", LOGIN),
    });
    assert!(log_in_wrapped(&[&closed(), &vault.url]).is_ok());
    assert_eq!(vault.lines(), [LOOKUP, LOOKUP, UNWRAP, "POST /v1/auth/approle/login"]);
}

#[test]
fn a_login_that_fails_after_the_unwrapping_says_that_the_token_is_used_up() {
    let vault = Server::start(|seen, _, stream| match seen.line.as_str() {
        LOOKUP => reply(stream, "200 OK", "", RIGHT),
        UNWRAP => reply(stream, "200 OK", "", r#"{"data":{"secret_id":"the-secret"}}"#),
        _ => reply(stream, "400 x", "", r#"{"errors":["invalid role or secret ID"]}"#),
    });
    let error = log_in_wrapped(&[&vault.url]).unwrap_err();
    assert_eq!(error.kind(), Kind::Refused);
    let text = error.to_string();
    assert!(
        text.contains("invalid role or secret ID") && text.contains("used up"),
        "{text}"
    );
}
