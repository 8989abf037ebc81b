//! The command line: codes, messages, streams, and where the token goes.

#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../../crates/vault/tests/support/scripted.rs"]
mod scripted;
#[path = "../../../crates/cli/tests/support/signals.rs"]
mod signals;

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Output, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use scripted::{Server, closed, reply};
use signals::{signal, signal_twice, wait_until_it_blocks_in};

const LOGIN: &str = r#"{"auth":{"client_token":"hvs.new-token","policies":["backup","default"],"lease_duration":900}}"#;
const REVOKE: &str = "POST /v1/auth/token/revoke-self";

/// The program with nothing in its environment but a role, towards `address`.
fn program(address: &str) -> std::process::Command {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_vault-login"));
    command
        .env_clear()
        .env("VAULT_ADDR", address)
        .env("VAULT_MAX_RETRIES", "0")
        .env("VAULT_APPROLE_ROLE_ID", "my-role-id")
        .env("VAULT_APPROLE_SECRET_ID", "my-secret-id")
        .stdin(Stdio::null());
    command
}

/// Runs it with `words`, and not for ever.
fn run(address: &str, words: &[&str]) -> Output {
    assert_cmd::Command::from_std(program(address))
        .args(words)
        .timeout(Duration::from_secs(60))
        .output()
        .unwrap()
}

#[track_caller]
fn expect(output: &Output, code: i32, words: &[&str]) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    for word in words {
        assert!(stderr.contains(word), "no '{word}' in {stderr}");
    }
    if code != 0 {
        assert!(output.stdout.is_empty());
        assert!(stderr.contains("vault-login: error: "), "{stderr}");
    }
    for secret in ["my-secret-id", "my-role-id", "hvs.new-token", "hvs.own-token"] {
        assert!(!stderr.contains(secret), "{secret} in {stderr}");
    }
}

/// A Vault that logs anybody in.
fn vault() -> Server {
    Server::start(|seen, _, stream| match seen.line.as_str() {
        REVOKE => reply(stream, "204 No Content", "", ""),
        "GET /v1/auth/token/lookup-self" => {
            reply(
                stream,
                "200 OK",
                "",
                r#"{"data":{"id":"hvs.own-token","policies":["root"],"ttl":0}}"#,
            );
        }
        _ => reply(stream, "200 OK", "", LOGIN),
    })
}

#[test]
fn the_token_is_one_line_and_the_summary_does_not_show_it() {
    let vault = vault();
    let output = run(&vault.url, &["-vvv"]);
    let summary = format!(
        "vault-login: logged in at '{}' method=approle policies=backup,default ttl=900\n",
        vault.url
    );
    expect(&output, 0, &[&summary]);
    assert_eq!(output.stdout, b"hvs.new-token\n");
    assert_eq!(vault.lines(), ["POST /v1/auth/approle/login"]);
    assert!(run(&vault.url, &["-q"]).stderr.is_empty());
    expect(
        &run(&vault.url, &["--log-format=json"]),
        0,
        &[r#""ttl":900"#, r#""method":"approle""#],
    );
}

#[test]
fn help_and_version_need_no_configuration() {
    for word in ["--help", "-h"] {
        let output = run("", &[word]);
        assert_eq!(output.status.code(), Some(0));
        let text = String::from_utf8(output.stdout).unwrap();
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in [
            "--secret-id-file",
            "approle, kubernetes, jwt, cert, userpass, ldap, aws or token",
            "--header-value",
            "X-Vault-AWS-IAM-Server-ID",
            "VAULT_APPROLE_ROLE_ID",
            "VAULT_AUTH_ROLE",
            "VAULT_AUTH_JWT_FILE",
            "VAULT_AUTH_PASSWORD_FILE",
            "VAULT_ADDR",
            "--ca-cert",
            "--ca-path",
            "--client-cert",
            "--client-key",
            "--tls-server-name",
            "--tls-skip-verify",
            "--disable-redirects",
            "| vault-snapshot",
            "141",
        ] {
            assert!(text.contains(part), "no {part} in {text}");
        }
    }
    let output = run("", &["--version"]);
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        format!("vault-login {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn wrong_calls_are_64() {
    for (words, part) in [
        (&["--no-such-option"][..], "--no-such-option"),
        (&["word"], "word"),
        (
            &["--method", "kerberos"],
            "approle, kubernetes, jwt, cert, userpass, ldap, aws, token",
        ),
        (&["--method", "token", "--role-id", "x"], "--role-id"),
        (&["--method", "token", "--path", "x"], "--path"),
        (&["--token-file", "x"], "--token-file"),
        (&["--role", "x"], "--role"),
        (&["--jwt-file", "x"], "--jwt-file"),
        (
            &["--method", "kubernetes", "--secret-id-wrapped"],
            "--secret-id-wrapped",
        ),
        (&["--method", "jwt", "--username", "x"], "--username"),
        (&["--method", "cert", "--jwt-file", "x"], "--jwt-file"),
        (&["--method", "userpass", "--role", "x"], "--role"),
        (&["--method", "ldap", "--role-id", "x"], "--role-id"),
        (&["--method", "jwt", "--jwt-file", "-"], "standard input"),
        (&["--method", "ldap", "--password-file", "-"], "standard input"),
        (&["--role-id", "x", "--role-id-file", "y"], "--role-id-file"),
        (&["--secret-id-file", "-"], "standard input"),
        (&["--timeout", "soon"], "soon"),
        (&["--max-retries", "-1"], "-1"),
    ] {
        expect(&run("http://127.0.0.1:1", words), 64, &[part]);
    }
}

#[test]
fn a_reply_that_is_none_of_vault_is_65() {
    for body in ["<html>hello</html>", r#"{"data":{"client_token":"hvs.new-token"}}"#] {
        let server = Server::start(move |_, _, stream| reply(stream, "200 OK", "", body));
        expect(&run(&server.url, &[]), 65, &["is this Vault?"]);
    }
}

#[test]
fn no_server_and_a_sealed_server_are_69() {
    expect(
        &run(&closed(), &[]),
        69,
        &["connection refused", "/v1/auth/approle/login"],
    );
    let sealed = Server::start(|_, _, stream| reply(stream, "503 x", "", r#"{"errors":["Vault is sealed"]}"#));
    expect(&run(&sealed.url, &[]), 69, &["Vault is sealed", "vault-login: hint: "]);
    let cut = Server::start(|_, _, _| {});
    expect(&run(&cut.url, &[]), 69, &[]);
    let slow = Server::start(|_, _, _| std::thread::sleep(Duration::from_secs(30)));
    expect(&run(&slow.url, &["--timeout", "1s"]), 69, &["in time"]);
}

#[test]
fn a_refusal_is_77_with_the_servers_own_words_on_one_line() {
    for (status, body, part) in [
        (
            "400 x",
            r#"{"errors":["invalid role or secret ID"]}"#,
            "invalid role or secret ID",
        ),
        ("400 x", r#"{"errors":["missing secret_id"]}"#, "missing secret_id"),
        (
            "403 x",
            r#"{"errors":["1 error occurred:\n\t* permission denied\n\n"]}"#,
            "status 403: 1 error occurred: * permission denied\n",
        ),
    ] {
        let server = Server::start(move |_, _, stream| reply(stream, status, "", body));
        expect(&run(&server.url, &["--max-retries", "2"]), 77, &[part]);
        assert_eq!(server.lines().len(), 1);
    }
}

#[test]
fn what_cannot_be_understood_is_78_and_says_which_option_or_variable_it_was() {
    for (variables, words, part) in [
        (&[("VAULT_ADDR", "vault:8200")][..], &[][..], "VAULT_ADDR"),
        (&[], &["--address", "unix://"], "--address"),
        (&[("BAO_CLIENT_TIMEOUT", "soon")], &[], "BAO_CLIENT_TIMEOUT"),
        (&[("VAULT_MAX_RETRIES", "-1")], &[], "VAULT_MAX_RETRIES"),
        (&[("VAULT_AUTH_METHOD", "kerberos")], &[], "VAULT_AUTH_METHOD"),
        (&[("VAULT_AUTH_PATH", "a/../b")], &[], "VAULT_AUTH_PATH"),
        (&[("VAULT_APPROLE_SECRET_ID", "")], &[], "VAULT_APPROLE_SECRET_ID"),
        (
            &[("BAO_APPROLE_ROLE_ID_FILE", "/dev/null")],
            &[],
            "BAO_APPROLE_ROLE_ID_FILE",
        ),
        (&[], &["--secret-id-file", "/dev/null"], "--secret-id-file"),
        (&[], &["--ca-cert", "/dev/null"], "'/dev/null' (--ca-cert)"),
        (&[("BAO_CACERT_BYTES", "x")], &[], "BAO_CACERT_BYTES"),
        (
            &[],
            &["--client-cert", "/dev/null"],
            "'/dev/null' (--client-cert), but no key",
        ),
        (&[], &["--tls-server-name", "a/b"], "--tls-server-name"),
        (&[("VAULT_SKIP_VERIFY", "yes")], &[], "VAULT_SKIP_VERIFY"),
        (&[("VAULT_DISABLE_REDIRECTS", "no")], &[], "VAULT_DISABLE_REDIRECTS"),
        (&[("VAULT_HEADERS", "{}x")], &[], "VAULT_HEADERS"),
        (&[("VAULT_PROXY_ADDR", "socks5://p")], &[], "VAULT_PROXY_ADDR"),
    ] {
        let output = program("http://127.0.0.1:1")
            .envs(variables.iter().copied())
            .args(words)
            .output()
            .unwrap();
        expect(&output, 78, &[part]);
    }
}

#[test]
fn a_file_of_certificates_or_keys_that_cannot_be_read_is_74() {
    for option in ["--ca-cert", "--ca-path", "--client-cert", "--client-key"] {
        let output = run("http://127.0.0.1:1", &[option, "/nowhere"]);
        expect(&output, 74, &["'/nowhere'", option]);
    }
}

/// A program without the role that [`program`] has.
fn anonymous(address: &str, method: &str) -> std::process::Command {
    let mut command = program(address);
    command
        .env_remove("VAULT_APPROLE_ROLE_ID")
        .env_remove("VAULT_APPROLE_SECRET_ID")
        .env("VAULT_AUTH_METHOD", method);
    command
}

fn file(folder: &tempfile::TempDir, name: &str, content: &str) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn what_a_method_needs_and_has_not_is_78_and_names_option_and_variable() {
    let folder = tempfile::tempdir().unwrap();
    let jwt = file(&folder, "jwt", "a.b.c");
    for (method, variables, words, parts) in [
        (
            "approle",
            &[][..],
            &[][..],
            &["role id", "--role-id", "VAULT_APPROLE_ROLE_ID"][..],
        ),
        (
            "approle",
            &[("VAULT_APPROLE_ROLE_ID", "x")],
            &["--secret-id-wrapped"],
            &["wrapping token", "--secret-id-file", "VAULT_APPROLE_SECRET_ID"],
        ),
        (
            "kubernetes",
            &[("VAULT_AUTH_ROLE", "x")],
            &[],
            &[
                "/var/run/secrets/kubernetes.io/serviceaccount/token",
                "--jwt-file",
                "VAULT_AUTH_JWT_FILE",
            ],
        ),
        (
            "kubernetes",
            &[],
            &["--jwt-file", &jwt],
            &["role", "--role", "VAULT_AUTH_ROLE"],
        ),
        (
            "jwt",
            &[("VAULT_AUTH_ROLE", "x")],
            &[],
            &["JWT", "--jwt-file", "VAULT_AUTH_JWT_FILE"],
        ),
        (
            "userpass",
            &[("VAULT_AUTH_PASSWORD", "x")],
            &[],
            &["user name", "--username", "VAULT_AUTH_USERNAME"],
        ),
        (
            "ldap",
            &[("VAULT_AUTH_PASSWORD", "x")],
            &[],
            &["user name", "--username", "VAULT_AUTH_USERNAME"],
        ),
        (
            "userpass",
            &[("VAULT_AUTH_USERNAME", "x")],
            &[],
            &[
                "password",
                "--password-file",
                "VAULT_AUTH_PASSWORD",
                "VAULT_AUTH_PASSWORD_FILE",
            ],
        ),
        (
            "ldap",
            &[],
            &["--username", "x"],
            &[
                "password",
                "--password-file",
                "VAULT_AUTH_PASSWORD",
                "VAULT_AUTH_PASSWORD_FILE",
            ],
        ),
        (
            "cert",
            &[],
            &["--address", "https://127.0.0.1:1"],
            &[
                "client certificate",
                "--client-cert",
                "--client-key",
                "VAULT_CLIENT_CERT",
                "VAULT_CLIENT_KEY",
            ],
        ),
        ("token", &[], &[], &["token", "--token-file", "VAULT_TOKEN"]),
    ] {
        let output = anonymous("http://127.0.0.1:1", method)
            .envs(variables.iter().copied())
            .args(words)
            .output()
            .unwrap();
        expect(&output, 78, parts);
    }
}

#[test]
fn what_names_somebody_and_is_empty_is_78_and_no_fall_through() {
    let folder = tempfile::tempdir().unwrap();
    let (jwt, empty) = (file(&folder, "jwt", "a.b.c"), file(&folder, "empty", "\n"));
    for (method, variables, part) in [
        (
            "jwt",
            &[("VAULT_AUTH_ROLE", ""), ("VAULT_AUTH_JWT_FILE", &jwt)][..],
            "VAULT_AUTH_ROLE",
        ),
        (
            "kubernetes",
            &[("VAULT_AUTH_ROLE", "x"), ("BAO_AUTH_JWT_FILE", "")],
            "BAO_AUTH_JWT_FILE",
        ),
        ("jwt", &[("VAULT_AUTH_JWT_FILE", &empty)], "VAULT_AUTH_JWT_FILE"),
        (
            "userpass",
            &[("VAULT_AUTH_USERNAME", ".."), ("VAULT_AUTH_PASSWORD", "x")],
            "VAULT_AUTH_USERNAME",
        ),
        (
            "userpass",
            &[("VAULT_AUTH_USERNAME", "x"), ("VAULT_AUTH_PASSWORD", "")],
            "VAULT_AUTH_PASSWORD",
        ),
        (
            "ldap",
            &[
                ("VAULT_AUTH_USERNAME", "x"),
                ("VAULT_AUTH_PASSWORD", "y"),
                ("VAULT_AUTH_PASSWORD_FILE", &empty),
            ],
            "VAULT_AUTH_PASSWORD_FILE",
        ),
    ] {
        let output = anonymous("http://127.0.0.1:1", method)
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        expect(&output, 78, &[part]);
    }
}

#[test]
fn each_method_logs_in_at_its_own_mount_and_ignores_the_variables_of_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let jwt = file(&folder, "jwt", "a.my-claims.c\n\n");
    let password = file(&folder, "password", "my-password\n");
    let vault = vault();
    for (method, words, line, body) in [
        (
            "kubernetes",
            &["--role", "backup", "--jwt-file", &jwt][..],
            "POST /v1/auth/kubernetes/login",
            r#"{"jwt":"a.my-claims.c","role":"backup"}"#,
        ),
        (
            "jwt",
            &["--jwt-file", &jwt],
            "POST /v1/auth/jwt/login",
            r#"{"jwt":"a.my-claims.c","role":"of-a-variable"}"#,
        ),
        (
            "cert",
            &["--role", "web", "--path", "tls"],
            "POST /v1/auth/tls/login",
            r#"{"name":"web"}"#,
        ),
        (
            "userpass",
            &["--username", "backup"],
            "POST /v1/auth/userpass/login/backup",
            r#"{"password":"of-a-variable"}"#,
        ),
        (
            "ldap",
            &["--username", "a/b", "--password-file", &password],
            "POST /v1/auth/ldap/login/a%2Fb",
            r#"{"password":"my-password"}"#,
        ),
    ] {
        for format in ["text", "json"] {
            let before = vault.lines().len();
            let output = program(&vault.url)
                .env("VAULT_AUTH_ROLE", "of-a-variable")
                .env("VAULT_AUTH_PASSWORD", "of-a-variable")
                .args(["--method", method, "-vvv", "--log-format", format])
                .args(words)
                .output()
                .unwrap();
            expect(&output, 0, &["method", method, "policies"]);
            assert_eq!(output.stdout, b"hvs.new-token\n");
            let seen = vault.seen().remove(before);
            assert_eq!((seen.line.as_str(), seen.body.as_str()), (line, body));
            let stderr = String::from_utf8(output.stderr).unwrap();
            for secret in ["my-claims", "my-password", "of-a-variable"] {
                assert!(!stderr.contains(secret), "{secret} in {stderr}");
            }
        }
    }
}

#[test]
fn a_jwt_that_was_replaced_is_the_one_of_the_next_run() {
    let folder = tempfile::tempdir().unwrap();
    let vault = vault();
    for jwt in ["first.a.b", "second.a.b"] {
        let path = file(&folder, "jwt", jwt);
        let words = ["--method", "jwt", "--jwt-file", &path];
        expect(&run(&vault.url, &words), 0, &[]);
        let body = vault.seen().pop().unwrap().body;
        assert!(body.contains(jwt), "{body}");
    }
}

#[test]
fn a_role_that_does_not_exist_is_78_and_a_second_factor_77() {
    for (status, body, code, part) in [
        (
            "400 x",
            r#"{"errors":["invalid role name \"backup\""]}"#,
            78,
            "see --role",
        ),
        (
            "400 x",
            r#"{"errors":["role \"backup\" could not be found"]}"#,
            78,
            "see --role",
        ),
        ("400 x", r#"{"errors":["missing role"]}"#, 78, "give --role"),
        (
            "400 x",
            r#"{"errors":["error validating token: invalid expiration time"]}"#,
            77,
            "invalid expiration",
        ),
        (
            "200 OK",
            r#"{"auth":{"client_token":"","mfa_requirement":{"mfa_request_id":"1"}}}"#,
            77,
            "second factor",
        ),
        (
            "200 OK",
            r#"{"auth":null,"wrap_info":{"token":"hvs.w"}}"#,
            78,
            "wrapped",
        ),
    ] {
        let server = Server::start(move |_, _, stream| reply(stream, status, "", body));
        expect(&run(&server.url, &[]), code, &[part]);
    }
}

#[test]
fn the_servers_warnings_are_told_at_the_first_v() {
    let vault = Server::start(|_, _, stream| {
        let body = r#"{"auth":{"client_token":"hvs.new-token"},"warnings":["TTL of \"1h\" exceeded\nthe limit, hvs.new-token"]}"#;
        reply(stream, "200 OK", "", body);
    });
    expect(
        &run(&vault.url, &["-v"]),
        0,
        &["the server warns: TTL of \"1h\" exceeded the limit"],
    );
    let quiet = String::from_utf8(run(&vault.url, &[]).stderr).unwrap();
    assert!(!quiet.contains("exceeded"), "{quiet}");
}

#[test]
fn a_missing_mount_is_78_where_the_server_says_404() {
    let server = Server::start(|_, _, stream| reply(stream, "404 x", "", r#"{"errors":[]}"#));
    expect(
        &run(&server.url, &["--path", "other"]),
        78,
        &["/v1/auth/other/login", "--path"],
    );
}

#[test]
fn a_file_that_cannot_be_read_is_74() {
    let output = run("http://127.0.0.1:1", &["--secret-id-file", "/no/such/file"]);
    expect(&output, 74, &["/no/such/file", "--secret-id-file"]);
}

#[test]
fn ids_come_from_options_before_variables_and_a_secret_id_may_be_absent() {
    let folder = tempfile::tempdir().unwrap();
    let (role, secret) = (folder.path().join("role"), folder.path().join("secret"));
    std::fs::write(&role, "file-role\n").unwrap();
    std::fs::write(&secret, "file-secret\n").unwrap();
    let (role, secret) = (role.to_str().unwrap(), secret.to_str().unwrap());
    let vault = vault();
    for words in [
        &["--role-id", "option-role"][..],
        &["--role-id-file", role, "--secret-id-file", secret],
    ] {
        expect(&run(&vault.url, words), 0, &[]);
    }
    let output = program(&vault.url)
        .env_remove("VAULT_APPROLE_SECRET_ID")
        .output()
        .unwrap();
    expect(&output, 0, &[]);
    let bodies: Vec<String> = vault.seen().into_iter().map(|seen| seen.body).collect();
    assert_eq!(
        bodies,
        [
            r#"{"role_id":"option-role","secret_id":"my-secret-id"}"#,
            r#"{"role_id":"file-role","secret_id":"file-secret"}"#,
            r#"{"role_id":"my-role-id"}"#,
        ]
    );
}

#[test]
fn the_namespace_goes_with_the_login() {
    let vault = vault();
    let output = program(&vault.url)
        .env("VAULT_NAMESPACE", "team/a")
        .env("BAO_NAMESPACE", "team/b")
        .output()
        .unwrap();
    expect(&output, 0, &[]);
    expect(&run(&vault.url, &["--namespace", "team/c"]), 0, &[]);
    let found: Vec<_> = vault
        .seen()
        .iter()
        .map(|seen| seen.header("x-vault-namespace").map(str::to_owned))
        .collect();
    assert_eq!(found, [Some("team/b".to_owned()), Some("team/c".to_owned())]);
}

#[test]
fn method_token_looks_the_token_up_and_never_revokes_it() {
    let vault = vault();
    let with_token = |stdout: Stdio| {
        program(&vault.url)
            .args(["--method", "token", "-vvv"])
            .env("VAULT_TOKEN", "hvs.own-token")
            .stdout(stdout)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
            .wait_with_output()
            .unwrap()
    };
    let output = with_token(Stdio::piped());
    expect(&output, 0, &["method=token policies=root ttl=0"]);
    assert_eq!(output.stdout, b"hvs.own-token\n");
    expect(&with_token(File::create("/dev/full").unwrap().into()), 74, &[]);
    assert!(!vault.lines().contains(&REVOKE.to_owned()));
    expect(&run(&vault.url, &["--method", "token"]), 78, &["--token-file"]);
}

#[test]
fn a_token_whose_reader_has_gone_is_revoked_and_the_code_is_141() {
    let vault = vault();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = program(&vault.url)
        .args(["-vvv", "--namespace", "team/a"])
        .stdout(writer)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
        .wait_with_output()
        .unwrap();
    expect(&output, 141, &["standard output"]);
    let revoke = vault.seen().remove(1);
    assert_eq!(revoke.line, REVOKE);
    assert_eq!(revoke.header("x-vault-token"), Some("hvs.new-token"));
    assert_eq!(revoke.header("x-vault-namespace"), Some("team/a"));
}

#[test]
fn a_token_that_cannot_be_written_is_revoked_and_the_code_is_74() {
    let vault = vault();
    let output = program(&vault.url)
        .stdout(File::create("/dev/full").unwrap())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
        .wait_with_output()
        .unwrap();
    expect(&output, 74, &["standard output"]);
    assert_eq!(vault.lines().last().map(String::as_str), Some(REVOKE));
}

#[test]
fn a_token_that_is_still_on_its_way_at_a_signal_is_waited_for_and_revoked() {
    let (go_on, waits) = std::sync::mpsc::channel::<()>();
    let waits = std::sync::Mutex::new(waits);
    let vault = Server::start(move |seen, _, stream| {
        if seen.line == REVOKE {
            return reply(stream, "204 No Content", "", "");
        }
        // The token is made; its reply is slow.
        waits.lock().unwrap().recv().unwrap();
        reply(stream, "200 OK", "", LOGIN);
    });
    let child = program(&vault.url)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    vault.wait_for("POST /v1/auth/approle/login");
    signal(&child, Signal::TERM);
    go_on.send(()).unwrap();
    let output = child.wait_with_output().unwrap();
    expect(&output, 143, &["ended by SIGTERM"]);
    assert!(output.stdout.is_empty());
    assert_eq!(vault.lines(), ["POST /v1/auth/approle/login", REVOKE]);
}

#[test]
fn a_reply_that_does_not_come_holds_up_the_end_by_two_seconds_at_most() {
    let vault = Server::start(|_, _, _| std::thread::sleep(Duration::from_secs(30)));
    let child = program(&vault.url)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    vault.wait_for("POST /v1/auth/approle/login");
    let begun = std::time::Instant::now();
    signal_twice(&child, Signal::TERM);
    expect(&child.wait_with_output().unwrap(), 143, &["ended by SIGTERM"]);
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
}

/// The fault behind most questions about Vault's client.
#[test]
fn that_no_address_is_set_is_said_when_the_default_does_not_answer() {
    for address in [None, Some("")] {
        let mut command = program("");
        match address {
            None => command.env_remove("VAULT_ADDR"),
            Some(address) => command.env("VAULT_ADDR", address),
        };
        let output = command.arg("--max-retries=0").output().unwrap();
        // Somebody's own server may be there, whose certificate is not trusted.
        let code = output.status.code().unwrap();
        assert!([69, 78].contains(&code), "{code}");
        expect(
            &output,
            code,
            &[
                "https://127.0.0.1:8200",
                "VAULT_ADDR is not set, so this machine was asked",
            ],
        );
    }
    let output = run(&closed(), &["--max-retries=0"]);
    assert!(!String::from_utf8(output.stderr).unwrap().contains("is not set"));
}

#[test]
fn a_token_that_waits_for_its_reader_is_revoked_at_a_signal() {
    let vault = vault();
    let (reader, writer) = std::io::pipe().unwrap();
    let mut filler = writer.try_clone().unwrap();
    // As much as a pipe holds: the token does not fit behind it.
    filler.write_all(&vec![b'x'; 64 * 1024]).unwrap();
    drop(filler);
    let child = program(&vault.url)
        .stdout(writer)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    vault.wait_for("POST /v1/auth/approle/login");
    // The write of the token blocks for ever.
    wait_until_it_blocks_in(&child, "pipe_write");
    signal_twice(&child, Signal::TERM);
    let output = child.wait_with_output().unwrap();
    expect(&output, 143, &["ended by SIGTERM"]);
    assert_eq!(vault.lines().last().map(String::as_str), Some(REVOKE));
    drop(reader);
}

#[test]
fn an_output_file_is_private_and_appears_only_with_a_token() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("token");
    let words = ["--output", place.to_str().unwrap()];
    expect(&run(&closed(), &words), 69, &[]);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);

    let vault = vault();
    let output = run(&vault.url, &words);
    expect(&output, 0, &[]);
    assert!(output.stdout.is_empty());
    assert_eq!(std::fs::read(&place).unwrap(), b"hvs.new-token\n");
    assert_eq!(std::fs::metadata(&place).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn where_the_token_cannot_go_none_is_made() {
    let vault = vault();
    expect(
        &run(&vault.url, &["--output", "/no/such/folder/token"]),
        74,
        &["/no/such/folder"],
    );
    assert!(vault.lines().is_empty());
}

/// Output goes to where a shell has prepared something.
fn in_shell(address: &str, line: &str) -> Output {
    let mut command = std::process::Command::new("sh");
    let own = program(address);
    command
        .env_clear()
        .args(["-c", line, env!("CARGO_BIN_EXE_vault-login")]);
    for (name, value) in own.get_envs() {
        command.env(name, value.unwrap());
    }
    command
        .env("PATH", "/bin:/usr/bin")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

#[test]
fn descriptors_that_a_shell_hands_over_are_written_to() {
    let vault = vault();
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/dev/stdout", folder.path().join("link")).unwrap();
    let link = folder.path().join("link").display().to_string();
    for line in [
        "\"$0\" --output /dev/stdout",
        "\"$0\" --output /dev/stdout | cat",
        "exec 7>&1; \"$0\" --output /dev/fd/7 | cat",
        &format!("\"$0\" --output '{link}'"),
    ] {
        let output = in_shell(&vault.url, line);
        expect(&output, 0, &[]);
        assert_eq!(output.stdout, b"hvs.new-token\n", "{line}");
    }
    // What is in the file already stays.
    let file = folder.path().join("file");
    let line = format!(
        "{{ echo before; \"$0\" --output /dev/stdout; echo after; }} > '{}'",
        file.display()
    );
    expect(&in_shell(&vault.url, &line), 0, &[]);
    assert_eq!(std::fs::read_to_string(file).unwrap(), "before\nhvs.new-token\nafter\n");
}

#[test]
fn neither_a_link_nor_a_pipe_of_another_user_gets_the_token() {
    let vault = vault();
    let folder = tempfile::tempdir().unwrap();
    let (link, fifo) = (folder.path().join("link"), folder.path().join("fifo"));
    std::os::unix::fs::symlink(folder.path().join("elsewhere"), &link).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&fifo).status().unwrap();
    assert!(made.success());
    if !rustix::process::geteuid().is_root() {
        // Nobody else can give them away: see the tests of the library.
        return;
    }
    for (path, what) in [(&link, "link"), (&fifo, "FIFO")] {
        std::os::unix::fs::lchown(path, Some(1234), None).unwrap();
        let output = run(&vault.url, &["--output", path.to_str().unwrap()]);
        let part = format!("a {what} of another user (uid 1234)");
        expect(&output, 74, &[path.to_str().unwrap(), &part]);
    }
    assert!(vault.seen().is_empty() && !folder.path().join("elsewhere").exists());
}

#[test]
fn what_cannot_be_seen_in_a_servers_words_is_shown_as_an_escape_in_both_forms() {
    let vault = Server::start(|_, _, stream| {
        let body = LOGIN.replace("backup", "back\u{202e}up\u{200b}");
        reply(stream, "200 OK", "", &body);
    });
    for format in ["text", "json"] {
        let output = run(&vault.url, &["--log-format", format]);
        expect(&output, 0, &["u{202e}up", "u{200b},default"]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(!stderr.contains(['\u{202e}', '\u{200b}']), "{stderr}");
    }
}

#[test]
fn what_makes_a_connection_unsafe_is_said_even_where_only_errors_are_wanted() {
    // Nothing listens there, and no name is looked up.
    for words in [&["-q"][..], &[], &["-v"]] {
        let address = "http://192.0.2.1:1";
        let output = run(address, &[words, &["--timeout", "1ms"]].concat());
        let stderr = String::from_utf8_lossy(&output.stderr);
        let warnings = stderr
            .lines()
            .filter(|line| line.contains("warning: 'http://192.0.2.1:1' is plain http"));
        assert_eq!(warnings.count(), 1, "{stderr}");
        let output = run("https://127.0.0.1:1", &[words, &["--tls-skip-verify"]].concat());
        let stderr = String::from_utf8_lossy(&output.stderr);
        let warnings = stderr
            .lines()
            .filter(|line| line.contains("warning: certificates are not verified"));
        assert_eq!(warnings.count(), 1, "{stderr}");
    }
    let vault = vault();
    let output = run(&vault.url, &["-q"]);
    expect(&output, 0, &[]);
    assert!(output.stderr.is_empty());
}
