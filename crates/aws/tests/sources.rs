//! Each source against a stand-in on loopback: what it is asked, what becomes of its answers, right and wrong.

#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "support/cloud.rs"]
mod cloud;
#[path = "../../vault/tests/support/scripted.rs"]
mod scripted;

use std::ffi::OsString;
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use cloud::{SECRETS, field, issued, reply, sts, sts_refusal};
use scripted::{Seen, Server, closed, send};
use snapline_aws::{Chain, Error, Profiles, Provider};
use snapline_failure::Fail as _;
use snapline_http::{Kind, Proxies, Settings, Tls};
use tempfile::TempDir;

const ROLE: &str = "arn:aws:iam::111122223333:role/vault snapshots";
const WEB: &str = "AssumeRoleWithWebIdentity";
const PROXY: (&str, &str) = ("HTTP_PROXY", "http://127.0.0.1:1");

fn provider(variables: &[(&str, &str)]) -> Provider {
    let environment = |name: &str| {
        let found = variables.iter().find(|(n, _)| *n == name);
        found.map(|(_, value)| OsString::from(value))
    };
    let profiles = Profiles::read(None, &environment).unwrap();
    let chain = Chain::find(&environment, &profiles, "eu-west-1", "test").unwrap();
    let settings = Settings {
        user_agent: "test".to_owned(),
        tls: Tls::default(),
        proxies: Proxies::from_environment(&environment).unwrap(),
        connect: Duration::from_secs(5),
        connections: 1,
    };
    Provider::new(chain, settings)
}

/// The failure, on one line and without a secret.
fn failure(provider: &Provider) -> Error {
    let error = provider.credentials().unwrap_err();
    let text = format!("{error} {:?}", error.hint());
    assert!(!text.contains('\n'), "{text}");
    for secret in SECRETS {
        assert!(!text.contains(secret), "{text}");
    }
    error
}

fn server(answer: impl Fn(&Seen, usize) -> String + Send + Sync + 'static) -> Server {
    Server::start(move |seen, before, stream| send(stream, answer(seen, before)))
}

/// A folder with a file `token`.
fn token_file(text: &str) -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    fs::write(&path, text).unwrap();
    (folder, path.to_str().unwrap().to_owned())
}

fn web_identity(url: &str, path: &str) -> Provider {
    provider(&[
        ("AWS_WEB_IDENTITY_TOKEN_FILE", path),
        ("AWS_ROLE_ARN", ROLE),
        ("AWS_ROLE_SESSION_NAME", "me"),
        ("AWS_ENDPOINT_URL_STS", url),
    ])
}

#[test]
fn a_web_identity_is_exchanged_by_post_and_the_token_is_in_no_url() {
    let sts = server(|_, _| sts(WEB, "ASIA1", 3600));
    let (_folder, path) = token_file("WEB-TOKEN\n");
    let provider = web_identity(&sts.url, &path);
    let found = provider.credentials().unwrap();
    assert_eq!(
        (found.access_key_id.as_str(), found.secret_access_key.as_str()),
        ("ASIA1", SECRETS[0])
    );
    assert_eq!(found.session_token.as_deref(), Some(SECRETS[1]));
    provider.credentials().unwrap();
    let seen = sts.seen();
    assert_eq!(seen.len(), 1, "kept until shortly before its end");
    assert_eq!(seen[0].line, "POST /");
    for (name, value) in [
        ("Action", WEB),
        ("Version", "2011-06-15"),
        ("RoleArn", ROLE),
        ("RoleSessionName", "me"),
        ("WebIdentityToken", "WEB-TOKEN"),
    ] {
        assert_eq!(field(&seen[0].body, name).as_deref(), Some(value));
    }
    assert_eq!(
        seen[0].header("content-type"),
        Some("application/x-www-form-urlencoded")
    );
    assert_eq!(seen[0].header("authorization"), None);
}

#[test]
fn what_sts_refuses_is_77_in_its_words_and_what_it_cannot_do_now_is_tried_again() {
    let (_folder, path) = token_file("WEB-TOKEN");
    let refusing = server(|_, _| sts_refusal("400 Bad Request", "InvalidIdentityToken", "No OpenIDConnect provider"));
    let error = failure(&web_identity(&refusing.url, &path));
    let wanted = format!(
        "take role '{ROLE}' at {}: 400 InvalidIdentityToken No OpenIDConnect provider",
        refusing.url
    );
    assert_eq!((error.kind(), error.to_string()), (Kind::Refused, wanted));
    assert_eq!(refusing.seen().len(), 1);

    let busy = server(|_, before| match before {
        0 => reply("503 Service Unavailable", ""),
        1 => sts_refusal("400 Bad Request", "IDPCommunicationError", "later"),
        _ => sts(WEB, "ASIA1", 3600),
    });
    assert_eq!(
        web_identity(&busy.url, &path).credentials().unwrap().access_key_id,
        "ASIA1"
    );

    let away = server(|_, _| reply("503 Service Unavailable", "down"));
    assert_eq!(failure(&web_identity(&away.url, &path)).kind(), Kind::Unavailable);
    assert_eq!(away.seen().len(), 3);
    assert_eq!(failure(&web_identity(&closed(), &path)).kind(), Kind::Unavailable);
}

#[test]
fn an_answer_of_sts_that_is_none_or_too_old_is_refused() {
    let (_folder, path) = token_file("WEB-TOKEN");
    for (answer, kind, words) in [
        (reply("200 OK", "<html>ISSUED-SECRET"), Kind::Unavailable, "none of STS"),
        (reply("200 OK", ""), Kind::Unavailable, "none of STS"),
        (sts(WEB, "ASIA1\n2", 3600), Kind::Unavailable, "the access key id"),
        (sts(WEB, "ASIA1", -60), Kind::Refused, "expired already"),
        (
            sts(WEB, "ASIA1", 3600).replace('Z', "?"),
            Kind::Unavailable,
            "the expiration",
        ),
        (reply("404 Not Found", "no"), Kind::Config, "404"),
    ] {
        let sts = server(move |_, _| answer.clone());
        let error = failure(&web_identity(&sts.url, &path));
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(words), "no {words} in {error}");
    }
    let (_folder, empty) = token_file("\n");
    assert_eq!(failure(&web_identity(&closed(), &empty)).kind(), Kind::Config);
    assert_eq!(failure(&web_identity(&closed(), "/nowhere")).kind(), Kind::Io);
}

#[test]
fn a_role_of_a_profile_is_taken_with_a_signed_request() {
    let sts = server(|_, _| sts("AssumeRole", "ASIA2", 3600));
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join(".aws")).unwrap();
    let config = "[profile x]\nrole_arn = r\nsource_profile = base\nexternal_id = e\nduration_seconds = 900\n\
                  [profile base]\naws_access_key_id = AKBASE\naws_secret_access_key = s\naws_session_token = t\n";
    fs::write(folder.path().join(".aws/config"), config).unwrap();
    let home = folder.path().to_str().unwrap();
    let provider = provider(&[("HOME", home), ("AWS_PROFILE", "x"), ("AWS_ENDPOINT_URL_STS", &sts.url)]);
    assert_eq!(provider.credentials().unwrap().access_key_id, "ASIA2");
    let seen = &sts.seen()[0];
    assert_eq!(field(&seen.body, "ExternalId").as_deref(), Some("e"));
    assert_eq!(field(&seen.body, "DurationSeconds").as_deref(), Some("900"));
    let authorization = seen.header("authorization").unwrap();
    assert!(
        authorization.starts_with("AWS4-HMAC-SHA256 Credential=AKBASE/"),
        "{authorization}"
    );
    assert!(authorization.contains("/eu-west-1/sts/aws4_request"), "{authorization}");
    assert_eq!(seen.header("x-amz-security-token"), Some("t"));
}

#[test]
fn a_container_endpoint_gets_the_token_of_the_moment() {
    let endpoint = server(|_, before| issued(["ASIA1", "ASIA2"][before], 2));
    let (_folder, path) = token_file("WEB-TOKEN\n");
    let url = format!("{}/v1/credentials", endpoint.url);
    let provider = provider(&[
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &url),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "not this"),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &path),
    ]);
    let first = provider.credentials().unwrap();
    fs::write(&path, "newer").unwrap();
    assert_eq!(provider.renew(&first).unwrap().unwrap().access_key_id, "ASIA2");
    let seen = endpoint.seen();
    let tokens: Vec<_> = seen.iter().map(|seen| seen.header("authorization").unwrap()).collect();
    assert_eq!(tokens, ["WEB-TOKEN", "newer"]);
    assert_eq!(seen[0].line, "GET /v1/credentials");
}

#[test]
fn neither_the_path_of_a_container_endpoint_nor_a_token_is_shown_even_where_a_server_quotes_them() {
    let secret = "8a6b1c2d-1111-2222-3333-444455556666";
    let endpoint = server(move |seen, _| {
        let token = seen.header("authorization").unwrap();
        reply(
            "403 Forbidden",
            &format!("{{\"message\":\"{token} may not have {}\"}}", seen.line),
        )
    });
    let url = format!("{}/v2/credentials/{secret}", endpoint.url);
    let error = failure(&provider(&[
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &url),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", SECRETS[2]),
    ]));
    let text = error.to_string();
    assert!(
        text.contains("… may not have GET …") && text.contains(&endpoint.url),
        "{text}"
    );
    assert!(!text.contains(secret), "{text}");

    let sts = server(|seen, _| {
        let token = field(&seen.body, "WebIdentityToken").unwrap();
        sts_refusal(
            "400 Bad Request",
            "InvalidIdentityToken",
            &format!("token {token} is none"),
        )
    });
    let (_folder, path) = token_file(SECRETS[2]);
    let error = failure(&provider(&[
        ("AWS_ENDPOINT_URL_STS", &sts.url),
        ("AWS_ROLE_ARN", ROLE),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", &path),
    ]));
    assert!(error.to_string().contains("token … is none"), "{error}");
}

#[test]
fn a_container_endpoint_that_does_not_answer_well_is_named_and_nobody_else_is_asked() {
    let refusal = "{\"code\":\"AccessDeniedException\",\"message\":\"no association\"}";
    for (answer, kind, words) in [
        (
            reply("401 Unauthorized", refusal),
            Kind::Refused,
            "401 AccessDeniedException no association",
        ),
        (reply("400 Bad Request", "x"), Kind::Refused, ": 400"),
        (reply("404 Not Found", "x"), Kind::Config, ": 404"),
        (reply("500 Oh", "x"), Kind::Unavailable, ": 500"),
        (
            reply("200 OK", "{\"AccessKeyId\":\"ISSUED-SECRET\"}"),
            Kind::Unavailable,
            "holds no credentials",
        ),
        (
            issued("", 60),
            Kind::Unavailable,
            "the access key id in the reply is empty",
        ),
    ] {
        let endpoint = server(move |_, _| answer.clone());
        let error = failure(&provider(&[("AWS_CONTAINER_CREDENTIALS_FULL_URI", &endpoint.url)]));
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(words), "no {words} in {error}");
    }
    let token = ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/nowhere");
    let error = failure(&provider(&[("AWS_CONTAINER_CREDENTIALS_FULL_URI", &closed()), token]));
    assert_eq!(error.kind(), Kind::Io);
}

/// An instance whose role is `backup`.
fn instance(seen: &Seen, keys: &str) -> String {
    let has_token = seen.header("x-aws-ec2-metadata-token") == Some("T0KEN");
    match seen.line.as_str() {
        "PUT /latest/api/token" if seen.header("x-aws-ec2-metadata-token-ttl-seconds") == Some("21600") => {
            reply("200 OK", "T0KEN")
        }
        "GET /latest/meta-data/iam/security-credentials/" if has_token => reply("200 OK", "backup"),
        "GET /latest/meta-data/iam/security-credentials/backup" if has_token => keys.to_owned(),
        _ => reply("401 Unauthorized", ""),
    }
}

#[test]
fn an_instance_is_asked_by_version_2_and_through_no_proxy() {
    let metadata = server(|seen, _| instance(seen, &issued("ASIA3", 3600)));
    // Loopback is reached directly anyhow; this is the same machine by an address that is none.
    let url = format!("{}/", metadata.url.replace("127.0.0.1", "0.0.0.0"));
    let provider = provider(&[PROXY, ("AWS_EC2_METADATA_SERVICE_ENDPOINT", &url)]);
    assert_eq!(provider.credentials().unwrap().access_key_id, "ASIA3");
    assert_eq!(metadata.seen().len(), 3);
}

/// "Static stability": S3 decides whether keys are still good that the service could not renew.
#[test]
fn keys_of_an_instance_whose_end_is_past_are_used_for_some_minutes_more() {
    let metadata = server(|seen, _| instance(seen, &issued("ASIA3", -600)));
    let provider = provider(&[("AWS_EC2_METADATA_SERVICE_ENDPOINT", &metadata.url)]);
    let credentials = provider.credentials().unwrap();
    assert_eq!(credentials.access_key_id, "ASIA3");
    assert!(credentials.expires.unwrap() > time::OffsetDateTime::now_utc() + time::Duration::minutes(9));
    // Not fetched before each request.
    provider.credentials().unwrap();
    assert_eq!(metadata.seen().len(), 3);
}

#[test]
fn what_is_no_instance_is_the_last_of_all_reasons() {
    let silent = Server::start(|_, _, _stream| std::thread::sleep(Duration::from_secs(5)));
    let no_role = server(|seen, _| match seen.line.as_str() {
        "PUT /latest/api/token" => reply("200 OK", "T"),
        _ => reply("404 Not Found", ""),
    });
    let off = server(|_, _| reply("403 Forbidden", ""));
    for (url, words) in [
        (closed(), "connection refused"),
        (silent.url, "no reply in time"),
        (no_role.url, "the instance has no role"),
        (off.url, "says 403"),
    ] {
        let start = Instant::now();
        let error = failure(&provider(&[("AWS_EC2_METADATA_SERVICE_ENDPOINT", &url)]));
        assert!(start.elapsed() < Duration::from_secs(5), "{error}");
        assert_eq!(error.kind(), Kind::Config, "{error}");
        for words in [
            "environment: ",
            "web identity: ",
            "profile 'default': ",
            "container: ",
            words,
        ] {
            assert!(error.to_string().contains(words), "no {words} in {error}");
        }
    }
}

#[test]
fn an_instance_whose_credentials_do_not_come_is_an_outage() {
    let failed = "{\"Code\":\"AssumeRoleUnauthorizedAccess\",\"Message\":\"EC2 cannot assume the role\"}";
    for (keys, words) in [
        (reply("200 OK", failed), "AssumeRoleUnauthorizedAccess EC2 cannot"),
        (reply("200 OK", "{}"), "holds no credentials"),
        (reply("500 Oh", ""), "500"),
    ] {
        let metadata = server(move |seen, _| instance(seen, &keys));
        let error = failure(&provider(&[("AWS_EC2_METADATA_SERVICE_ENDPOINT", &metadata.url)]));
        assert_eq!(error.kind(), Kind::Unavailable, "{error}");
        assert!(error.to_string().contains(words), "no {words} in {error}");
    }
}

#[test]
fn one_thread_fetches_while_the_others_go_on_with_what_is_still_good() {
    // The second answer comes only once the others have got their credentials.
    let (go, answered) = (Arc::new(Barrier::new(2)), Arc::new(AtomicBool::new(false)));
    let (wait, done) = (Arc::clone(&go), Arc::clone(&answered));
    let endpoint = server(move |_, before| {
        if before > 0 {
            wait.wait();
            done.store(true, Ordering::SeqCst);
        }
        issued(&format!("ASIA{before}"), if before == 0 { 4 } else { 3600 })
    });
    let provider = provider(&[("AWS_CONTAINER_CREDENTIALS_FULL_URI", &endpoint.url)]);
    assert_eq!(provider.credentials().unwrap().access_key_id, "ASIA0");
    let one = std::thread::scope(|scope| {
        // Half of four seconds is over when the second request has come.
        let fetching = scope.spawn(|| {
            loop {
                let found = provider.credentials().unwrap();
                if found.access_key_id != "ASIA0" {
                    return found.access_key_id.clone();
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let start = Instant::now();
        while endpoint.seen().len() < 2 {
            assert!(start.elapsed() < Duration::from_secs(20));
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(provider.credentials().unwrap().access_key_id, "ASIA0");
        assert!(!answered.load(Ordering::SeqCst), "nobody waited for the answer");
        go.wait();
        fetching.join().unwrap()
    });
    assert_eq!(one, "ASIA1");
    assert_eq!(endpoint.seen().len(), 2);
}

#[test]
fn what_is_still_good_is_used_when_no_other_comes() {
    let endpoint = server(|_, before| match before {
        0 => issued("ASIA0", 60),
        _ => reply("403 Forbidden", ""),
    });
    let provider = provider(&[("AWS_CONTAINER_CREDENTIALS_FULL_URI", &endpoint.url)]);
    let first = provider.credentials().unwrap();
    assert_eq!(provider.credentials().unwrap(), first);
    // The store says that they have ended: then there are none.
    assert_eq!(provider.renew(&first).unwrap_err().kind(), Kind::Refused);
}

#[test]
fn threads_whose_credentials_were_refused_get_one_renewal_together() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let endpoint = server(move |_, before| {
        count.fetch_add(1, Ordering::SeqCst);
        issued(&format!("ASIA{before}"), 3600)
    });
    let provider = provider(&[("AWS_CONTAINER_CREDENTIALS_FULL_URI", &endpoint.url)]);
    let first = provider.credentials().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let found = provider.renew(&first).unwrap().unwrap();
                assert_eq!(found.access_key_id, "ASIA1");
            });
        }
    });
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[test]
fn keys_that_are_written_down_cannot_be_renewed() {
    let provider = provider(&[("AWS_ACCESS_KEY_ID", "k"), ("AWS_SECRET_ACCESS_KEY", "s")]);
    let found = provider.credentials().unwrap();
    assert_eq!(provider.renew(&found).unwrap(), None);
}

#[test]
fn whose_credentials_are_refused_while_others_are_fetched_waits_for_those() {
    let go = Arc::new(Barrier::new(2));
    let wait = Arc::clone(&go);
    let endpoint = server(move |_, before| {
        if before == 1 {
            wait.wait();
        }
        issued(&format!("ASIA{before}"), if before == 0 { 4 } else { 3600 })
    });
    let provider = provider(&[("AWS_CONTAINER_CREDENTIALS_FULL_URI", &endpoint.url)]);
    let first = provider.credentials().unwrap();
    std::thread::scope(|scope| {
        let fetching = scope.spawn(|| {
            while provider.credentials().unwrap().access_key_id == "ASIA0" {
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let start = Instant::now();
        while endpoint.seen().len() < 2 {
            assert!(start.elapsed() < Duration::from_secs(20));
            std::thread::sleep(Duration::from_millis(5));
        }
        let refused = scope.spawn(|| provider.renew(&first).unwrap());
        // It can only be seen not to end; an answer that came too early is one without other credentials.
        std::thread::sleep(Duration::from_millis(50));
        go.wait();
        assert_eq!(refused.join().unwrap().unwrap().access_key_id, "ASIA1");
        fetching.join().unwrap();
    });
    assert_eq!(endpoint.seen().len(), 2);
}
