//! Where credentials come from, by the command line: each source's failure, and what becomes of an upload when they end.

#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../../crates/aws/tests/support/cloud.rs"]
mod cloud;
#[path = "../../../crates/s3/tests/support/program.rs"]
mod program;
#[path = "../../../crates/vault/tests/support/scripted.rs"]
mod scripted;
#[path = "../../../crates/s3/tests/support/stand_in.rs"]
mod stand_in;

use std::process::{Command, Output};

use cloud::{SECRETS, issued, sts_refusal};
use program::{expect, run_with};
use scripted::{Server, send};
use snapline_archive::synthetic::Synthetic;
use stand_in::{StandIn, Turn, error, reply};

const PROGRAM: &str = env!("CARGO_BIN_EXE_s3-put");
const URI: &str = "s3://bkt/vault/one.snap";
const IN_PARTS: [&str; 6] = ["-v", "--part-size", "5MiB", "--concurrency", "1", URI];

/// The program without any keys.
fn bare(url: &str) -> Command {
    let mut command = program::program(PROGRAM, url);
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] {
        command.env_remove(name);
    }
    command.env("AWS_EC2_METADATA_DISABLED", "true");
    command
}

fn run(command: Command, words: &[&str], stdin: impl Into<Vec<u8>>) -> Output {
    let output = run_with(command, words, stdin);
    let stderr = String::from_utf8_lossy(&output.stderr);
    for secret in SECRETS {
        assert!(!stderr.contains(secret), "{secret} in {stderr}");
    }
    output
}

fn small() -> Vec<u8> {
    Synthetic::new(20_000).to_vec()
}

/// Three parts of 5 MiB.
fn large() -> Vec<u8> {
    Synthetic::new(12 << 20).to_vec()
}

fn container(answer: impl Fn(usize) -> String + Send + Sync + 'static) -> Server {
    Server::start(move |_, before, stream| send(stream, answer(before)))
}

/// The key that signed a request.
fn signer(request: &stand_in::Request) -> String {
    let authorization = request.header("authorization").unwrap();
    let (_, behind) = authorization.split_once("Credential=").unwrap();
    behind.split('/').next().unwrap().to_owned()
}

#[test]
fn a_profile_says_keys_region_and_endpoint_and_beats_the_environment_where_it_is_an_option() {
    let store = StandIn::new();
    let home = tempfile::tempdir().unwrap();
    let folder = home.path();
    std::fs::create_dir(folder.join(".aws")).unwrap();
    let config = format!("[profile a]\nregion = eu-west-9\nendpoint_url = {}\n", store.url);
    std::fs::write(folder.join(".aws/config"), config).unwrap();
    let keys = "[a]\naws_access_key_id = AKFILE\naws_secret_access_key = ISSUED-SECRET\n[b]\naws_access_key_id = x\n";
    std::fs::write(folder.join(".aws/credentials"), keys).unwrap();
    let with = |set: &[(&str, &str)], words: &[&str]| {
        let mut command = bare("");
        command.env("HOME", folder).envs(set.iter().copied());
        run(command, words, small())
    };
    expect(
        &with(&[], &["-v", "--profile", "a", URI]),
        0,
        &["using the keys of profile 'a'"],
    );
    let seen = store.seen();
    assert!(seen.iter().all(|request| signer(request) == "AKFILE"));
    assert!(seen[0].header("authorization").unwrap().contains("/eu-west-9/s3/"));

    let keys = [
        ("AWS_ACCESS_KEY_ID", "AKENV"),
        ("AWS_SECRET_ACCESS_KEY", "ISSUED-SECRET"),
        ("AWS_PROFILE", "a"),
    ];
    expect(&with(&keys, &["s3://bkt/two"]), 0, &[]);
    assert_eq!(signer(store.seen().last().unwrap()), "AKENV");
    expect(&with(&keys, &["s3://bkt/three", "--profile", "a"]), 0, &[]);
    assert_eq!(signer(store.seen().last().unwrap()), "AKFILE");

    let asked = store.seen().len();
    expect(
        &with(&keys, &[URI, "--profile", "b"]),
        78,
        &["profile 'b': it has no aws_secret_access_key"],
    );
    expect(
        &with(&keys, &[URI, "--profile", "c"]),
        78,
        &["find profile 'c' of --profile: there is none"],
    );
    assert_eq!(store.seen().len(), asked);
}

#[test]
fn each_source_that_gives_nothing_or_fails_has_its_code_and_its_words() {
    let store = StandIn::new();
    let refusing = container(|_| sts_refusal("403 Forbidden", "AccessDenied", "not you"));
    let away = scripted::closed();
    let container_url = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
    let identity = [("AWS_ROLE_ARN", "arn:r"), ("AWS_WEB_IDENTITY_TOKEN_FILE", "/nowhere")];
    for (set, code, words) in [
        (
            &[][..],
            78,
            &[
                "find credentials: there are none; environment: AWS_ACCESS_KEY_ID is not set",
                "web identity: ",
                "profile 'default': ",
                "container: ",
                "instance metadata: AWS_EC2_METADATA_DISABLED is true",
                "hint: set AWS_ACCESS_KEY_ID",
            ][..],
        ),
        (
            &[
                ("AWS_EC2_METADATA_DISABLED", "false"),
                ("AWS_EC2_METADATA_SERVICE_ENDPOINT", &away),
            ],
            78,
            &["there are none", "instance metadata: ", "connection refused"],
        ),
        (
            &[("AWS_WEB_IDENTITY_TOKEN_FILE", "/t"), ("AWS_ROLE_ARN", "")],
            78,
            &["AWS_ROLE_ARN is set but empty"],
        ),
        (&identity, 74, &["read the web identity token '/nowhere'"]),
        (
            &[(container_url, "http://example.com/")],
            78,
            &["only from this machine", "hint: use an https:// address"],
        ),
        (
            &[(container_url, &away)],
            69,
            &["get credentials from the container endpoint", "connection refused"],
        ),
        (
            &[(container_url, &refusing.url)],
            77,
            &["get credentials from the container endpoint", "403"],
        ),
        (&[("AWS_PROFILE", "")], 78, &["AWS_PROFILE is set but empty"]),
    ] {
        let mut command = bare(&store.url);
        command.envs(set.iter().copied());
        let output = run(command, &[URI], small());
        expect(&output, code, words);
        assert!(output.stdout.is_empty());
    }
    assert_eq!(store.connections(), 0);
}

#[test]
fn what_sts_refuses_is_77_and_the_store_hears_nothing() {
    let store = StandIn::new();
    let refusing = container(|_| sts_refusal("400 Bad Request", "ExpiredTokenException", "Token expired"));
    let mut command = bare(&store.url);
    command
        .env("AWS_ROLE_ARN", "arn:r")
        .env(
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            env!("CARGO_MANIFEST_DIR").to_owned() + "/Cargo.toml",
        )
        .env("AWS_ENDPOINT_URL_STS", &refusing.url);
    let output = run(command, &[URI], small());
    expect(
        &output,
        77,
        &["take role 'arn:r' at ", "400 ExpiredTokenException Token expired"],
    );
    assert_eq!(store.connections(), 0);
}

#[test]
fn credentials_that_the_store_calls_expired_in_mid_upload_are_renewed_once() {
    let store = StandIn::with(|request, _| {
        let is_old = signer(request) == "ASIA0";
        if is_old && request.asks() == "part" && request.query("partNumber") != Some("1") {
            Turn::Reply(error("400 Bad Request", "ExpiredToken"))
        } else {
            Turn::Serve
        }
    });
    let endpoint = container(|before| issued(&format!("ASIA{before}"), 3600));
    let mut command = bare(&store.url);
    command.env("AWS_CONTAINER_CREDENTIALS_FULL_URI", &endpoint.url);
    expect(
        &run(command, &IN_PARTS, large()),
        0,
        &["ExpiredToken so it is; asking with new credentials"],
    );
    assert_eq!(store.object("vault/one.snap").body, large());
    assert_eq!(endpoint.seen().len(), 2);
    let parts: Vec<_> = store.those("part").iter().map(signer).collect();
    assert_eq!(parts, ["ASIA0", "ASIA0", "ASIA1", "ASIA1"]);
    assert_eq!(store.uploads(), 0);
}

#[test]
fn credentials_that_stay_expired_are_77_and_so_are_keys_that_cannot_be_renewed() {
    let expired = || StandIn::always("part", Turn::Reply(error("400 Bad Request", "ExpiredToken")));
    let store = expired();
    let endpoint = container(|before| issued(&format!("ASIA{before}"), 3600));
    let mut command = bare(&store.url);
    command.env("AWS_CONTAINER_CREDENTIALS_FULL_URI", &endpoint.url);
    expect(
        &run(command, &IN_PARTS, large()),
        77,
        &["400 ExpiredToken", "hint: the session credentials are too old"],
    );
    assert_eq!((store.those("part").len(), endpoint.seen().len()), (2, 2));
    assert_eq!((store.keys().len(), store.uploads()), (0, 0), "the upload is aborted");

    let store = expired();
    expect(
        &run(program::program(PROGRAM, &store.url), &IN_PARTS, large()),
        77,
        &["400 ExpiredToken"],
    );
    assert_eq!((store.those("part").len(), store.uploads()), (1, 0));
}

#[test]
fn credentials_that_cannot_be_renewed_in_mid_upload_end_it_with_the_cause() {
    let store = StandIn::always("part", Turn::Reply(error("400 Bad Request", "ExpiredToken")));
    let endpoint = container(|before| match before {
        0 => issued("ASIA0", 3600),
        _ => cloud::reply("403 Forbidden", "{\"code\":\"AccessDenied\",\"message\":\"gone\"}"),
    });
    let mut command = bare(&store.url);
    command.env("AWS_CONTAINER_CREDENTIALS_FULL_URI", &endpoint.url);
    let output = run(command, &IN_PARTS, large());
    expect(
        &output,
        77,
        &["get credentials from the container endpoint", "403 AccessDenied gone"],
    );
    assert!(output.stdout.is_empty() && store.keys().is_empty());
}

#[test]
fn a_store_that_quotes_the_session_token_does_not_make_us_print_it() {
    let token = "FwoGZXIvYXdzEJr//////////wEaDAbCdEfGhIjKlMnOpQrStUvWxYz0123456789".repeat(10);
    let quoted = token.clone();
    let store = StandIn::with(move |_, _| {
        let message = format!("the token '{quoted}' or '{}..' is malformed", &quoted[..40]);
        let body = format!("<Error><Code>InvalidToken</Code><Message>{message}</Message></Error>");
        Turn::Reply(reply("400 Bad Request", "", &body))
    });
    let mut command = program::program(PROGRAM, &store.url);
    command.env("AWS_SESSION_TOKEN", &token);
    let output = run(command, &[URI], small());
    expect(&output, 77, &["InvalidToken", "the token '…' or '…..' is malformed"]);
    assert!(!String::from_utf8_lossy(&output.stderr).contains(&token[..20]));
}
