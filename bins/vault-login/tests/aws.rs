//! Method aws: what is sent, for whom it is signed, and why it is not.

#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../../crates/aws/tests/support/cloud.rs"]
mod cloud;
#[path = "../../../crates/vault/tests/support/scripted.rs"]
mod scripted;

use std::process::Output;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cloud::{SECRETS, sts, sts_refusal};
use scripted::{Server, reply, send};
use serde_json::Value;

const LOGIN: &str = r#"{"auth":{"client_token":"hvs.new-token","policies":["backup"],"lease_duration":900}}"#;
const KEYS: [(&str, &str); 3] = [
    ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
    ("AWS_SECRET_ACCESS_KEY", SECRETS[0]),
    ("AWS_SESSION_TOKEN", SECRETS[1]),
];

fn run(vault: &Server, variables: &[(&str, &str)], words: &[&str]) -> Output {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_vault-login"));
    command
        .env_clear()
        .env("VAULT_ADDR", &vault.url)
        .env("VAULT_MAX_RETRIES", "0")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .envs(variables.iter().copied());
    let output = assert_cmd::Command::from_std(command)
        .args(["--method", "aws", "-vvv"])
        .args(words)
        .timeout(Duration::from_secs(60))
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    for secret in SECRETS.iter().chain(&["hvs.new-token", "Signature="]) {
        assert!(!stderr.contains(secret), "{secret} in {stderr}");
    }
    output
}

#[track_caller]
fn expect(output: &Output, code: i32, words: &[&str]) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    for word in words {
        assert!(stderr.contains(word), "no '{word}' in {stderr}");
    }
}

fn vault() -> Server {
    Server::start(|_, _, stream| reply(stream, "200 OK", "", LOGIN))
}

/// The login that it got: the body, and the headers of the signed call.
fn login(vault: &Server) -> (Value, Value) {
    let seen = vault.seen();
    let body: Value = serde_json::from_str(&seen.last().unwrap().body).unwrap();
    let headers = serde_json::from_str(&decoded(&body["iam_request_headers"])).unwrap();
    (body, headers)
}

fn decoded(value: &Value) -> String {
    String::from_utf8(STANDARD.decode(value.as_str().unwrap()).unwrap()).unwrap()
}

#[test]
fn a_signed_call_of_sts_is_sent_as_vaults_own_command_sends_it() {
    let vault = vault();
    let output = run(&vault, &KEYS, &["--role", "backup"]);
    expect(
        &output,
        0,
        &["method=aws policies=backup ttl=900", "the keys of the environment"],
    );
    assert_eq!(output.stdout, b"hvs.new-token\n");
    assert_eq!(vault.lines(), ["POST /v1/auth/aws/login"]);
    let (body, headers) = login(&vault);
    assert_eq!(
        (&body["role"], &body["iam_http_request_method"]),
        (&"backup".into(), &"POST".into())
    );
    assert_eq!(decoded(&body["iam_request_url"]), "https://sts.amazonaws.com/");
    assert_eq!(
        decoded(&body["iam_request_body"]),
        "Action=GetCallerIdentity&Version=2011-06-15"
    );
    assert_eq!(headers["host"][0], "sts.amazonaws.com");
    assert_eq!(headers["x-amz-security-token"][0], SECRETS[1]);
    let authorization = headers["authorization"][0].as_str().unwrap();
    assert!(authorization.contains("Credential=AKIDEXAMPLE/"), "{authorization}");
    assert!(authorization.contains("/us-east-1/sts/aws4_request"), "{authorization}");
}

#[test]
fn region_header_value_and_mount_are_those_that_were_given() {
    let vault = vault();
    let region = ("AWS_REGION", "eu-west-1");
    let all = [&KEYS[..], &[region, ("VAULT_AUTH_HEADER_VALUE", "vault.example.com")]].concat();
    expect(&run(&vault, &all, &["--path", "aws/prod"]), 0, &[]);
    let (body, headers) = login(&vault);
    assert_eq!(vault.lines(), ["POST /v1/auth/aws/prod/login"]);
    assert_eq!(body["role"], Value::Null, "none was given");
    // As by Vault's own command, which does not look at AWS_REGION either.
    assert_eq!(headers["host"][0], "sts.amazonaws.com");
    assert_eq!(headers["x-vault-aws-iam-server-id"][0], "vault.example.com");
    let authorization = headers["authorization"][0].as_str().unwrap();
    assert!(authorization.contains(";x-vault-aws-iam-server-id,"), "{authorization}");

    for (words, host) in [
        (&["--region", "auto"][..], "sts.eu-west-1.amazonaws.com"),
        (&["--region", "cn-north-1"], "sts.cn-north-1.amazonaws.com.cn"),
    ] {
        expect(&run(&vault, &all, words), 0, &[]);
        assert_eq!(login(&vault).1["host"][0], host);
    }
    expect(&run(&vault, &KEYS, &["--region", "a/b"]), 78, &["'a/b'"]);
    expect(
        &run(&vault, &KEYS, &["--header-value", "a\nb"]),
        78,
        &["x-vault-aws-iam-server-id"],
    );
}

#[test]
fn a_web_identity_logs_in_and_what_sts_refuses_never_reaches_vault() {
    let vault = vault();
    let good = Server::start(|_, _, stream| send(stream, sts("AssumeRoleWithWebIdentity", "ASIAWEB", 900)));
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, SECRETS[2]).unwrap();
    let with = |url: &str| {
        let variables = [
            ("AWS_ROLE_ARN", "arn:aws:iam::1:role/r"),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", token.to_str().unwrap()),
            ("AWS_ENDPOINT_URL_STS", url),
        ];
        run(&vault, &variables, &[])
    };
    expect(&with(&good.url), 0, &["role 'arn:aws:iam::1:role/r' by web identity"]);
    let authorization = login(&vault).1["authorization"][0].as_str().unwrap().to_owned();
    assert!(authorization.contains("Credential=ASIAWEB/"), "{authorization}");

    let refusing = Server::start(|_, _, stream| send(stream, sts_refusal("403 Forbidden", "AccessDenied", "not you")));
    expect(&with(&refusing.url), 77, &["take role", "403 AccessDenied not you"]);
    assert_eq!(vault.seen().len(), 1);
}

#[test]
fn without_credentials_it_is_78_and_each_source_says_why() {
    let vault = vault();
    let words = [
        "environment: ",
        "web identity: ",
        "profile 'default': ",
        "container: ",
        "instance metadata: ",
    ];
    expect(&run(&vault, &[], &[]), 78, &words);
    expect(
        &run(&vault, &[("AWS_ACCESS_KEY_ID", "")], &[]),
        78,
        &["AWS_ACCESS_KEY_ID is set but empty"],
    );
    expect(
        &run(&vault, &[("AWS_PROFILE", "x")], &[]),
        78,
        &["find profile 'x' of AWS_PROFILE"],
    );
    expect(
        &run(&vault, &[KEYS[0], KEYS[1], ("AWS_CA_BUNDLE", "/nowhere")], &[]),
        74,
        &["/nowhere"],
    );
    assert!(vault.seen().is_empty());
}

#[test]
fn what_vault_refuses_is_77_in_its_words() {
    let vault = Server::start(|_, _, stream| {
        let body = r#"{"errors":["error making upstream request: received error code 403 from STS"]}"#;
        reply(stream, "400 Bad Request", "", body);
    });
    expect(&run(&vault, &KEYS, &[]), 77, &["received error code 403 from STS"]);
}
