//! Credentials from each source, good at the real MinIO; and an identity of AWS, good at the real Vault.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::fs;
use std::time::{Duration, Instant};

use serde_json::json;
use snapline_archive::synthetic::Synthetic;
use snapline_integration::cloud::{CONTAINER_TOKEN, Cloud, Keys, USER_ARN, USER_KEY, USER_SECRET, WEB_TOKEN};
use snapline_integration::minio::{ACCESS_KEY, Minio, SECRET_KEY};
use snapline_integration::program::Environment;
use snapline_integration::running::Outcome;
use snapline_integration::vault::{SNAPSHOT_POLICY, Vault, inspect};
use snapline_integration::wait::wait_for;

const HERE: &str = "127.0.0.1";

fn environment(minio: &Minio) -> Environment {
    Environment::new()
        .set("AWS_ENDPOINT_URL_S3", &minio.endpoint())
        .set("AWS_REGION", "us-east-1")
}

/// Nothing that anybody may not see is in what it says.
fn is_discreet(outcome: Outcome, keys: &[&Keys]) -> Outcome {
    let secrets = [WEB_TOKEN, CONTAINER_TOKEN, USER_SECRET, SECRET_KEY].into_iter();
    for secret in secrets.chain(keys.iter().flat_map(|keys| [keys.secret.as_str(), &keys.token])) {
        assert!(!outcome.stderr.contains(secret), "{secret} in {}", outcome.stderr);
    }
    outcome
}

#[test]
fn a_snapshot_is_stored_with_the_credentials_of_each_source() {
    let minio = Minio::shared();
    let bucket = minio.bucket("sources");
    let keys = Keys::of(&minio);
    let cloud = Cloud::start(HERE, vec![keys.clone()]);
    let archive = Synthetic::new(20_000).to_vec();
    let store = |environment: &Environment, name: &str, words: &str| {
        let outcome = environment.run("s3-put", &["-vvv", &bucket.uri(name)], &archive);
        let outcome = is_discreet(outcome, &[&keys]).expect(0);
        assert!(outcome.stderr.contains(words), "no {words} in {}", outcome.stderr);
        assert_eq!(bucket.get(name).unwrap(), archive);
    };

    let with = environment(&minio)
        .set("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/backup")
        .set("AWS_ENDPOINT_URL_STS", cloud.url());
    let token = with.home().join("token");
    fs::write(&token, WEB_TOKEN).unwrap();
    let with = with.set("AWS_WEB_IDENTITY_TOKEN_FILE", token.to_str().unwrap());
    store(
        &with,
        "web-identity",
        "using role 'arn:aws:iam::111122223333:role/backup' by web identity",
    );
    fs::write(&token, "of somebody else").unwrap();
    let outcome = is_discreet(with.run("s3-put", &[&bucket.uri("never")], &archive), &[&keys]).expect(77);
    assert!(
        outcome.stderr.contains("400 InvalidIdentityToken nobody trusts it"),
        "{}",
        outcome.stderr
    );

    let with = environment(&minio)
        .set(
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            &format!("{}/v1/credentials", cloud.url()),
        )
        .set("AWS_CONTAINER_AUTHORIZATION_TOKEN", CONTAINER_TOKEN);
    store(&with, "container", "using the container endpoint");
    let with = with.set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "of somebody else");
    let outcome = with.run("s3-put", &[&bucket.uri("never")], &archive).expect(77);
    assert!(
        outcome.stderr.contains("401 AccessDenied who is that"),
        "{}",
        outcome.stderr
    );

    let with = environment(&minio).set("AWS_EC2_METADATA_SERVICE_ENDPOINT", cloud.url());
    store(&with, "instance", "using the instance's metadata");

    let with = environment(&minio).set("AWS_PROFILE", "temporary");
    fs::create_dir(with.home().join(".aws")).unwrap();
    let Keys { id, secret, token, .. } = &keys;
    let file = format!(
        "[temporary]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\naws_session_token = {token}\n"
    );
    fs::write(with.home().join(".aws/credentials"), file).unwrap();
    store(&with, "profile", "using the keys of profile 'temporary'");
    assert_eq!(bucket.keys().len(), 4);
}

/// MinIO checks the signature of `AssumeRole`, and the session that comes of it.
#[test]
fn a_role_of_a_profile_is_taken_at_the_stores_own_sts() {
    let minio = Minio::shared();
    let bucket = minio.bucket("role");
    let with = Environment::new().set("AWS_EC2_METADATA_DISABLED", "true");
    fs::create_dir(with.home().join(".aws")).unwrap();
    let config = |secret: &str| {
        let endpoint = minio.endpoint();
        let text = format!(
            "[profile backup]\nrole_arn = arn:minio:iam:::role/backup\nsource_profile = base\nendpoint_url = {endpoint}\n\
             [profile base]\naws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {secret}\n"
        );
        fs::write(with.home().join(".aws/config"), text).unwrap();
    };
    config(SECRET_KEY);
    let archive = Synthetic::new(20_000).to_vec();
    let put = |name: &str| with.run("s3-put", &["-vvv", "--profile", "backup", &bucket.uri(name)], &archive);
    let outcome = is_discreet(put("one"), &[]).expect(0);
    assert!(
        outcome
            .stderr
            .contains("using role 'arn:minio:iam:::role/backup' by the keys of profile 'base'")
    );
    assert_eq!(bucket.get("one").unwrap(), archive);
    let series = bucket.uri("");
    let prune = [
        "--profile",
        "backup",
        "--series",
        series.as_str(),
        "--name",
        "%Y%m%d%H%M%S",
        "--keep-last",
        "1",
    ];
    with.run("snap-prune", &prune, b"").expect(66);

    config("of-somebody-else");
    let outcome = put("two").expect(77);
    assert!(
        outcome.stderr.contains("take role 'arn:minio:iam:::role/backup' at "),
        "{}",
        outcome.stderr
    );
    assert!(
        outcome.stderr.contains("403 AccessDenied The request signature"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn keys_that_end_in_mid_upload_are_replaced_before_and_the_object_is_whole() {
    let minio = Minio::shared();
    let bucket = minio.bucket("renewed");
    let (mut first, second) = (Keys::of(&minio), Keys::of(&minio));
    first.seconds = 4;
    let cloud = Cloud::start(HERE, vec![first.clone(), second.clone()]);
    let with = environment(&minio)
        .set(
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            &format!("{}/v1/credentials", cloud.url()),
        )
        .set("AWS_CONTAINER_AUTHORIZATION_TOKEN", CONTAINER_TOKEN);
    let archive = Synthetic::new(12 << 20).to_vec();
    let mut running = with.spawn("s3-put", &["-vvv", "--part-size", "5MiB", &bucket.uri("one")]);
    running.write(&archive[..6 << 20]);
    wait_for("the upload is begun", || {
        (cloud.handed_out() == 1 && bucket.uploads().len() == 1).then_some(())
    });
    let begun = Instant::now();
    wait_for("the keys have ended", || {
        (begun.elapsed() > Duration::from_secs(4)).then_some(())
    });
    running.write(&archive[6 << 20..]);
    running.close();
    is_discreet(running.end(), &[&first, &second]).expect(0);
    assert_eq!(cloud.handed_out(), 2);
    assert_eq!(bucket.get("one").unwrap(), archive);
}

/// MinIO knows nothing of such a session any more, as of one that has ended.
#[test]
fn a_session_that_the_store_does_not_accept_is_replaced_once() {
    let minio = Minio::shared();
    let bucket = minio.bucket("replaced");
    let good = Keys::of(&minio);
    let ended = Keys {
        token: format!("{}x", good.token),
        ..good.clone()
    };
    let archive = Synthetic::new(12 << 20).to_vec();
    let store = |keys: Vec<Keys>| {
        let cloud = Cloud::start(HERE, keys);
        let with = environment(&minio)
            .set(
                "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                &format!("{}/v1/credentials", cloud.url()),
            )
            .set("AWS_CONTAINER_AUTHORIZATION_TOKEN", CONTAINER_TOKEN);
        let outcome = with.run("s3-put", &["-vvv", "--part-size", "5MiB", &bucket.uri("one")], &archive);
        (is_discreet(outcome, &[&good, &ended]), cloud.handed_out())
    };
    let other = Keys {
        id: "ASIANOBODY".into(),
        ..ended.clone()
    };
    let (outcome, count) = store(vec![ended.clone(), other]);
    outcome.expect(77);
    assert!(count >= 2 && bucket.keys().is_empty() && bucket.uploads().is_empty());
    let (outcome, count) = store(vec![ended.clone(), good.clone()]);
    let outcome = outcome.expect(0);
    assert!(
        outcome.stderr.contains("asking with new credentials"),
        "{}",
        outcome.stderr
    );
    assert_eq!(count, 2);
    assert_eq!(bucket.get("one").unwrap(), archive);
}

/// Vault sends the signed call on to STS, whose stand-in checks the signature.
#[test]
fn vault_login_proves_an_identity_of_aws() {
    let vault = Vault::shared();
    let sts = Cloud::start(&vault.container().gateway(), Vec::new());
    vault.call("POST", "sys/auth/aws", Some(&json!({"type": "aws"})));
    vault.call(
        "PUT",
        "sys/policies/acl/aws-backup",
        Some(&json!({"policy": SNAPSHOT_POLICY})),
    );
    let config = json!({
        "sts_endpoint": sts.url(), "sts_region": "us-east-1", "iam_server_id_header_value": "vault.example.com",
    });
    vault.call("POST", "auth/aws/config/client", Some(&config));
    for (role, arn) in [("backup", USER_ARN), ("other", "arn:aws:iam::111122223333:user/other")] {
        let body = json!({
            "auth_type": "iam", "bound_iam_principal_arn": [arn], "resolve_aws_unique_ids": false,
            "token_policies": ["aws-backup"], "token_ttl": "15m",
        });
        vault.call("POST", &format!("auth/aws/role/{role}"), Some(&body));
    }
    let environment = |secret: &str| {
        Environment::new()
            .set("VAULT_ADDR", &vault.address())
            .set("AWS_ACCESS_KEY_ID", USER_KEY)
            .set("AWS_SECRET_ACCESS_KEY", secret)
            .set("VAULT_AUTH_METHOD", "aws")
            .set("VAULT_AUTH_ROLE", "backup")
    };
    let run = |secret: &str, words: &[&str]| {
        let outcome = environment(secret).run("vault-login", &[&["-vvv"], words].concat(), b"");
        is_discreet(outcome, &[])
    };
    let id = ["--header-value", "vault.example.com"];
    let outcome = run(USER_SECRET, &id).expect(0);
    let archive = environment("x")
        .run("vault-snapshot", &["--revoke"], &outcome.stdout)
        .expect(0)
        .stdout;
    assert!(inspect(&archive).status.success());
    // Without a role, Vault takes that of the caller's name: `backup`.
    let without = Environment::new()
        .set("VAULT_ADDR", &vault.address())
        .set("AWS_ACCESS_KEY_ID", USER_KEY)
        .set("AWS_SECRET_ACCESS_KEY", USER_SECRET);
    without
        .run("vault-login", &["--method", "aws", id[0], id[1]], b"")
        .expect(0);

    for (secret, words, part) in [
        ("of-somebody-else", &id[..], "SignatureDoesNotMatch"),
        (USER_SECRET, &[], "X-Vault-AWS-IAM-Server-ID"),
        (
            USER_SECRET,
            &["--header-value", "vault.example.org"],
            "vault.example.com",
        ),
        (
            USER_SECRET,
            &[id[0], id[1], "--role", "other"],
            "does not belong to the role",
        ),
    ] {
        let outcome = run(secret, words).expect(77);
        assert!(outcome.stdout.is_empty());
        assert!(outcome.stderr.contains(part), "no {part} in {}", outcome.stderr);
    }
}
