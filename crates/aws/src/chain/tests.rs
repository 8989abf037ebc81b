use std::ffi::OsString;

use super::*;
use crate::profile::tests::profiles;

const KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "ak"), ("AWS_SECRET_ACCESS_KEY", "s-ecret")];
const IDENTITY: [(&str, &str); 3] = [
    ("AWS_WEB_IDENTITY_TOKEN_FILE", "/t"),
    ("AWS_ROLE_ARN", "arn"),
    ("AWS_ROLE_SESSION_NAME", "me"),
];
const CONTAINER: (&str, &str) = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/c");
const DISABLED: (&str, &str) = ("AWS_EC2_METADATA_DISABLED", "true");

fn find(variables: &[(&str, &str)], flag: Option<&str>, config: &str) -> Result<String, String> {
    let environment = |name: &str| {
        let found = variables.iter().find(|(n, _)| *n == name);
        found.map(|(_, value)| OsString::from(value))
    };
    let profiles = profiles(flag, config, "").map_err(|error| error.to_string())?;
    let found = Chain::find(&environment, &profiles, "eu-west-1", "test").map_err(|error| error.to_string());
    found.map(|chain| chain.source.to_string())
}

type Row = (
    &'static [(&'static str, &'static str)],
    &'static str,
    bool,
    &'static str,
);

/// The order: what is set for a source in the environment and in the profile, whether `--profile` passes over it, and what it
/// is called. `integration/credentials-order` compares it with botocore.
const ORDER: [Row; 6] = [
    (&KEYS, "", true, "the keys of the environment"),
    (
        &[],
        "role_arn = r\nsource_profile = base\n",
        false,
        "role 'r' by the keys of profile 'base'",
    ),
    (&IDENTITY, "", true, "role 'arn' by web identity"),
    (
        &[],
        "aws_access_key_id = p\naws_secret_access_key = s\n",
        false,
        "the keys of profile 'default'",
    ),
    (&[CONTAINER], "", false, "the container endpoint http://127.0.0.1:1/…"),
    (&[], "", false, "the instance's metadata at http://169.254.169.254"),
];

#[test]
fn of_all_sources_that_are_configured_the_first_in_the_order_is_the_one() {
    for chosen in 0..1_u32 << (ORDER.len() - 1) {
        // The instance's metadata is there without being configured.
        let is_chosen = |row: usize| row == ORDER.len() - 1 || chosen >> row & 1 == 1;
        let rows: Vec<_> = (0..ORDER.len())
            .filter(|row| is_chosen(*row))
            .map(|row| ORDER[row])
            .collect();
        let variables: Vec<_> = rows.iter().flat_map(|(variables, ..)| *variables).copied().collect();
        let profile: String = rows.iter().map(|(_, profile, ..)| *profile).collect();
        let base = "[profile base]\naws_access_key_id = b\naws_secret_access_key = s\n";
        let config = format!("{base}[default]\n{profile}");
        for flag in [None, Some("default")] {
            let first = rows.iter().find(|(_, _, is_passed, _)| flag.is_none() || !is_passed);
            let expected = first.map(|(.., name)| (*name).to_owned());
            assert_eq!(
                find(&variables, flag, &config).ok(),
                expected,
                "{variables:?} {flag:?} {config}"
            );
        }
    }
}

#[test]
fn legacy_files_that_aws_would_use_are_refused_by_name_and_only_there() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let ec2 = write("ec2", "AWSAccessKeyId=k\nAWSSecretKey=s-ecret\n");
    let boto = write(
        "boto",
        "[Credentials]\naws_access_key_id = k\naws_secret_access_key = s-ecret\n",
    );
    let google = write("google", "[Credentials]\ngs_oauth2_refresh_token = s-ecret\n");
    let home = folder.path().join("home");
    std::fs::create_dir(&home).unwrap();
    std::fs::copy(&boto, home.join(".boto")).unwrap();
    let home = home.to_str().unwrap();
    for (variables, words) in [
        (
            [("AWS_CREDENTIAL_FILE", ec2.as_str()), CONTAINER],
            "AWS_CREDENTIAL_FILE",
        ),
        (
            [("AWS_CREDENTIAL_FILE", "/no/such/file"), CONTAINER],
            "AWS_CREDENTIAL_FILE",
        ),
        ([("BOTO_CONFIG", boto.as_str()), CONTAINER], "BOTO_CONFIG"),
        ([("HOME", home), CONTAINER], "/home/.boto"),
    ] {
        let error = find(&variables, None, "").unwrap_err();
        assert!(error.contains(words) && error.contains("not supported"), "{error}");
        assert!(!error.contains("s-ecret"), "{error}");
        let before = [&variables[..], &KEYS].concat();
        assert_eq!(find(&before, None, "").unwrap(), "the keys of the environment");
    }
    for variables in [
        [("BOTO_CONFIG", google.as_str()), CONTAINER],
        [("BOTO_CONFIG", "/no/such/file"), CONTAINER],
    ] {
        assert!(find(&variables, None, "").unwrap().contains("container"));
    }
}

#[test]
fn the_metadata_service_is_where_the_variables_say_and_then_the_profile() {
    const ENDPOINT: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
    for (variables, config, base) in [
        (&[][..], "", "http://169.254.169.254"),
        (
            &[],
            "ec2_metadata_service_endpoint = http://127.0.0.1:1/\n",
            "http://127.0.0.1:1",
        ),
        (
            &[(ENDPOINT, "http://127.0.0.1:2")],
            "ec2_metadata_service_endpoint = http://127.0.0.1:1\n",
            "http://127.0.0.1:2",
        ),
        (
            &[],
            "ec2_metadata_service_endpoint_mode = IPv6\n",
            "http://[fd00:ec2::254]",
        ),
        (&[("AWS_IMDS_USE_IPV6", "true")], "", "http://[fd00:ec2::254]"),
        (&[], "imds_use_ipv6 = true\n", "http://[fd00:ec2::254]"),
        (
            &[("AWS_IMDS_USE_IPV6", "false")],
            "imds_use_ipv6 = true\n",
            "http://169.254.169.254",
        ),
        (
            &[
                ("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv4"),
                ("AWS_IMDS_USE_IPV6", "true"),
            ],
            "",
            "http://169.254.169.254",
        ),
    ] {
        let found = find(variables, None, &format!("[default]\n{config}")).unwrap();
        assert_eq!(
            found,
            format!("the instance's metadata at {base}"),
            "{variables:?} {config}"
        );
    }
    let error = find(&[], None, "[default]\nec2_metadata_service_endpoint_mode = x\n").unwrap_err();
    assert!(
        error.contains("ec2_metadata_service_endpoint_mode of profile 'default'"),
        "{error}"
    );
}

#[test]
fn why_each_source_gives_nothing_is_said() {
    let error = find(&[DISABLED], None, "").unwrap_err();
    for words in [
        "find credentials: there are none; environment: AWS_ACCESS_KEY_ID is not set; ",
        "web identity: AWS_WEB_IDENTITY_TOKEN_FILE is not set; ",
        "profile 'default': there is none, '",
        "container: AWS_CONTAINER_CREDENTIALS_FULL_URI is not set; ",
        "instance metadata: AWS_EC2_METADATA_DISABLED is true",
    ] {
        assert!(error.contains(words), "no {words} in {error}");
    }
}

#[test]
fn what_is_set_but_empty_or_by_halves_is_an_error_and_never_the_next_source() {
    for (variables, words) in [
        (
            &[("AWS_ACCESS_KEY_ID", ""), CONTAINER][..],
            "AWS_ACCESS_KEY_ID is set but empty",
        ),
        (&KEYS[..1], "AWS_SECRET_ACCESS_KEY is not set"),
        (&[IDENTITY[0], ("AWS_ROLE_ARN", "")], "AWS_ROLE_ARN is set but empty"),
        (&[IDENTITY[0], CONTAINER], "AWS_ROLE_ARN is not"),
        (
            &[("AWS_WEB_IDENTITY_TOKEN_FILE", ""), CONTAINER],
            "AWS_WEB_IDENTITY_TOKEN_FILE is set but empty",
        ),
        (
            &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", "")],
            "AWS_CONTAINER_CREDENTIALS_FULL_URI is set but empty",
        ),
        (
            &[CONTAINER, ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "")],
            "AWS_CONTAINER_AUTHORIZATION_TOKEN is set",
        ),
    ] {
        let error = find(variables, None, "").unwrap_err();
        assert!(error.contains(words), "no {words} in {error}");
    }
    assert!(
        find(&[IDENTITY[1], CONTAINER], None, "").unwrap().contains("container"),
        "a role alone"
    );
    assert!(
        find(&[("AWS_ROLE_ARN", ""), CONTAINER], None, "")
            .unwrap()
            .contains("container")
    );
}

/// What is wrong with a source that does not apply does not matter.
#[test]
fn a_broken_source_behind_the_one_that_applies_does_not_stop_it() {
    let broken = [
        ("AWS_ROLE_ARN", ""),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", ""),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", ""),
        ("AWS_ENDPOINT_URL_STS", "nonsense"),
    ];
    let config = "[default]\ncredential_process = /bin/x\n";
    let all = [&KEYS[..], &broken].concat();
    assert_eq!(find(&all, None, config).unwrap(), "the keys of the environment");
    let config = "[default]\nrole_arn = r\nsource_profile = base\n[profile base]\naws_access_key_id = k\naws_secret_access_key = s\n";
    assert_eq!(
        find(&broken[..3], None, config).unwrap(),
        "role 'r' by the keys of profile 'base'"
    );
    assert!(
        find(&broken, None, config)
            .unwrap_err()
            .contains("AWS_ENDPOINT_URL_STS")
    );
}

/// On EKS the webhook sets a web identity for every pod; who asks for a role by a profile means that one.
#[test]
fn a_role_of_the_profile_comes_before_a_web_identity() {
    let role = "[default]\nrole_arn = r\ncredential_source = EcsContainer\n";
    let all = [&IDENTITY[..], &[CONTAINER]].concat();
    assert!(find(&all, None, role).unwrap().starts_with("role 'r' by the container"));
    // The same where the role is to be had by the identity itself.
    let config = "[default]\nrole_arn = r\nweb_identity_token_file = /p\n";
    assert_eq!(find(&IDENTITY, None, config).unwrap(), "role 'arn' by web identity");
    assert_eq!(
        find(&IDENTITY, Some("default"), config).unwrap(),
        "role 'r' by web identity"
    );
    assert_eq!(
        find(
            &IDENTITY[..1],
            None,
            "[default]\nrole_arn = r\nweb_identity_token_file = /p\n"
        )
        .unwrap(),
        "role 'r' by web identity"
    );
}

#[test]
fn what_aws_would_take_before_keys_is_refused_and_not_passed_over() {
    let keys = "aws_access_key_id = k\naws_secret_access_key = s\n";
    for (setting, is_refused) in [
        ("sso_account_id = 1", true),
        ("sso_role_name = r", true),
        ("credential_process = /bin/x", true),
        // Not enough for a login.
        ("sso_start_url = https://x", false),
    ] {
        let found = find(&[], None, &format!("[default]\n{setting}\n{keys}"));
        assert_eq!(found.is_err(), is_refused, "{setting}");
    }
    let profiles = profiles(
        None,
        "[default]\ncredential_process = /bin/x\n",
        &format!("[default]\n{keys}"),
    )
    .unwrap();
    let chain = Chain::find(&|_| None, &profiles, "eu-west-1", "test").unwrap();
    assert_eq!(chain.source.to_string(), "the keys of profile 'default'");
}

#[test]
fn a_profiles_role_is_taken_by_what_it_names() {
    let keys = "aws_access_key_id = k\naws_secret_access_key = s\n";
    for (config, source) in [
        (
            format!("[default]\nrole_arn = r\nsource_profile = base\n[profile base]\n{keys}"),
            "role 'r' by the keys of profile 'base'",
        ),
        (
            format!("[default]\nrole_arn = r\nsource_profile = default\n{keys}"),
            "role 'r' by the keys of profile 'default'",
        ),
        (
            format!(
                "[default]\nrole_arn = r\nsource_profile = mid\n[profile mid]\nrole_arn = q\nsource_profile = base\n\
                 [profile base]\n{keys}"
            ),
            "role 'r' by role 'q' by the keys of profile 'base'",
        ),
        (
            format!("[default]\nrole_arn = r\nsource_profile = mid\n[profile mid]\nrole_arn = q\n{keys}"),
            "role 'r' by the keys of profile 'mid'",
        ),
        (
            "[default]\nrole_arn = r\nweb_identity_token_file = /t\n".to_owned(),
            "role 'r' by web identity",
        ),
        (
            "[default]\nrole_arn = r\ncredential_source = EcsContainer\n".to_owned(),
            "role 'r' by the container endpoint http://127.0.0.1:1/…",
        ),
        (
            "[default]\nrole_arn = r\ncredential_source = Ec2InstanceMetadata\n".to_owned(),
            "role 'r' by the instance's metadata at http://169.254.169.254",
        ),
    ] {
        assert_eq!(find(&[CONTAINER], None, &config).as_deref(), Ok(source), "{config}");
    }
}

#[test]
fn a_profile_that_cannot_be_used_says_why() {
    for (config, words) in [
        (
            "aws_access_key_id = k\n",
            "profile 'default': it has no aws_secret_access_key",
        ),
        ("role_arn = r\n", "neither source_profile"),
        (
            "role_arn = r\nsource_profile = no\n",
            "read profile 'no': there is none, and profile 'default' names it",
        ),
        (
            "role_arn = r\nsource_profile = a\n[profile a]\nregion = x\n",
            "read profile 'a': it has no keys",
        ),
        (
            "role_arn = r\nsource_profile = a\n[profile a]\nrole_arn = q\nsource_profile = default\n",
            "leads back to it",
        ),
        (
            "role_arn = r\nsource_profile = a\ncredential_source = Environment\n",
            "more than one",
        ),
        ("role_arn = r\ncredential_source = Moon\n", "'Moon'"),
        (
            "role_arn = r\ncredential_source = Environment\n",
            "AWS_ACCESS_KEY_ID is not set",
        ),
        ("role_arn = r\nsource_profile = default\nmfa_serial = x\n", "mfa_serial"),
        (
            "role_arn = r\nweb_identity_token_file = t\nduration_seconds = long\n",
            "duration_seconds",
        ),
        (
            "credential_process = /bin/x\n",
            "credential_process, which is not supported",
        ),
        ("sso_session = s\n", "sso_session, which is not supported"),
        (
            "aws_access_key_id = k\naws_secret_access_key = s-ecret x\n",
            "the secret access key in profile 'default'",
        ),
    ] {
        let error = find(&[], None, &format!("[default]\n{config}")).unwrap_err();
        assert!(error.contains(words), "no {words} in {error}");
        assert!(!error.contains("s-ecret"), "{error}");
    }
}

#[test]
fn sts_is_that_of_the_region_unless_somebody_says_otherwise() {
    let uri = |variables: &[(&str, &str)]| {
        let environment = |name: &str| {
            let found = IDENTITY.iter().chain(variables).find(|(n, _)| *n == name);
            found.map(|(_, value)| OsString::from(value))
        };
        let profiles = profiles(None, "", "").unwrap();
        let chain = Chain::find(&environment, &profiles, "cn-north-1", "test")?;
        match chain.source {
            Source::WebIdentity(identity) => Ok(identity.sts.uri.to_string()),
            other => Err(Error::config(DOING, other.to_string())),
        }
    };
    assert_eq!(uri(&[]).unwrap(), "https://sts.cn-north-1.amazonaws.com.cn/");
    assert_eq!(
        uri(&[("AWS_ENDPOINT_URL_STS", "http://h:1/x")]).unwrap(),
        "http://h:1/x"
    );
    let fips = ("AWS_USE_FIPS_ENDPOINT", "true");
    assert_eq!(uri(&[fips]).unwrap(), "https://sts-fips.cn-north-1.amazonaws.com.cn/");
    // An endpoint of one's own has no variants, so that nothing about them matters.
    let own = ("AWS_ENDPOINT_URL_STS", "http://h:1/x");
    let wrong = [("AWS_USE_DUALSTACK_ENDPOINT", "?"), ("AWS_STS_REGIONAL_ENDPOINTS", "?")];
    assert_eq!(uri(&[own, fips, wrong[0], wrong[1]]).unwrap(), "http://h:1/x");
    for (name, value) in wrong {
        assert!(uri(&[(name, value)]).unwrap_err().to_string().contains(name), "{name}");
    }
    assert!(
        uri(&[("AWS_ENDPOINT_URL", "h")])
            .unwrap_err()
            .to_string()
            .contains("AWS_ENDPOINT_URL")
    );
}
