//! Templates and URIs, as the programs use them.
// clippy.toml allows these in test functions only, not in what they share.
#![allow(clippy::unwrap_used, clippy::panic)]

use proptest::prelude::*;
use snapline_series::{DEFAULT_NAME, Error, Location, ObjectUri, Template};
use time::macros::{datetime, offset};
use time::{OffsetDateTime, UtcOffset};

fn template(source: &str) -> Template {
    Template::parse(source).unwrap()
}

fn series(uri: &str) -> Template {
    match Location::parse(uri, DEFAULT_NAME).unwrap() {
        Location::Series { template, .. } => template,
        Location::Object { key, .. } => panic!("{key} is an object"),
    }
}

fn object(bucket: &str, key: &str) -> Location {
    Location::Object {
        bucket: bucket.to_owned(),
        key: key.to_owned(),
    }
}

#[test]
fn default_name_is_that_of_the_original_cron_job() {
    let template = template(DEFAULT_NAME);
    let time = datetime!(2026-02-09 03:04:05.678 UTC);
    assert_eq!(template.format(time), "vault_raft_20260209_030405.snap");
    assert_eq!(
        template.parse_key("vault_raft_20260209_030405.snap"),
        Some(datetime!(2026-02-09 03:04:05 UTC))
    );
    assert_eq!(template.literal_prefix(), "vault_raft_");
    assert_eq!(template.to_string(), DEFAULT_NAME);
}

#[test]
fn times_are_utc() {
    let time = datetime!(2026-01-01 00:30:00).assume_offset(offset!(+2));
    assert_eq!(template(DEFAULT_NAME).format(time), "vault_raft_20251231_223000.snap");
}

#[test]
fn prefix_twins_do_not_see_each_other() {
    let time = datetime!(2026-02-09 03:04:05 UTC);
    let twins = [
        "s3://backups/",
        "s3://backups/vault/",
        "s3://backups/vault-staging/",
        "s3://backups/vault/vault/",
    ];
    for one in twins {
        for other in twins {
            let belongs = series(other).parse_key(&series(one).format(time)).is_some();
            assert_eq!(belongs, one == other, "{one} {other}");
        }
    }
    let short = series("s3://backups/vault-%Y%m%d%H%M%S");
    assert_eq!(short.parse_key("vault-staging-20260209030405"), None);
    assert_eq!(short.parse_key("vault-20260209030405.snap"), None);
    assert_eq!(short.parse_key("/vault-20260209030405"), None);
}

#[test]
fn dates_that_do_not_exist_do_not_belong() {
    let template = template("%Y%m%d-%H%M%S");
    for key in [
        "20260230-000000",
        "20250229-000000",
        "19000229-000000",
        "20260001-000000",
        "20261301-000000",
        "20260100-000000",
        "20260101-240000",
        "20260101-006000",
        "20161231-235960",
        "+0260101-000000",
        "2026+101-000000",
        "202601 1-000000",
        "20260101-00000",
        "20260101-0000000",
        "٢٠٢٦0101-000000",
        "",
    ] {
        assert_eq!(template.parse_key(key), None, "{key}");
    }
    assert_eq!(
        template.parse_key("20240229-235959"),
        Some(datetime!(2024-02-29 23:59:59 UTC))
    );
    assert_eq!(
        template.parse_key("20000229-000000"),
        Some(datetime!(2000-02-29 00:00:00 UTC))
    );
    assert_eq!(
        template.parse_key("00000101-000000"),
        Some(datetime!(0000-01-01 00:00:00 UTC))
    );
    assert_eq!(
        template.parse_key("99991231-235959"),
        Some(datetime!(9999-12-31 23:59:59 UTC))
    );
}

#[test]
fn percent_signs_are_doubled_in_templates() {
    let template = template("100%%/%%Y-%Y%m%d%H%M%S%%");
    assert_eq!(template.literal_prefix(), "100%/%Y-");
    assert_eq!(
        template.format(datetime!(2026-02-09 03:04:05 UTC)),
        "100%/%Y-20260209030405%"
    );
    assert!(template.parse_key("100%/%Y-20260209030405%").is_some());
    assert_eq!(template.parse_key("100%%/%%Y-20260209030405%%"), None);
}

#[test]
fn each_field_is_needed_once_and_no_other_is_known() {
    let whole = "%Y%m%d%H%M%S";
    for letter in "YmdHMS".chars() {
        let field = format!("%{letter}");
        let missing = Template::parse(&whole.replace(&field, "")).unwrap_err();
        assert!(
            matches!(missing, Error::MissingField { field, .. } if field == letter),
            "{missing}"
        );
        let doubled = Template::parse(&format!("{whole}{field}")).unwrap_err();
        assert!(
            matches!(doubled, Error::DoubledField { field, .. } if field == letter),
            "{doubled}"
        );
    }
    for letter in "yjsZTFe-_ ä".chars() {
        let unknown = Template::parse(&format!("{whole}%{letter}")).unwrap_err();
        assert!(
            matches!(unknown, Error::UnknownField { field: Some(field), .. } if field == letter),
            "{unknown}"
        );
    }
    let open = Template::parse(&format!("{whole}%")).unwrap_err();
    assert_eq!(
        open.to_string(),
        "template '%Y%m%d%H%M%S%' has a percent sign at its end; \
         known are %Y %m %d %H %M %S, and %% for a percent sign"
    );
}

#[test]
fn uri_is_a_key_a_template_or_a_prefix() {
    assert_eq!(
        Location::parse("s3://bucket/a/b.snap", "").unwrap(),
        object("bucket", "a/b.snap")
    );
    assert_eq!(series("s3://bucket/a/").as_str(), "a/vault_raft_%Y%m%d_%H%M%S.snap");
    assert_eq!(series("s3://bucket/").as_str(), DEFAULT_NAME);
    assert_eq!(series("s3://bucket/%Y/%m/%d/%H%M%S").literal_prefix(), "");
    let location = Location::parse("s3://bucket/vault/", "%Y/%m/%d/x-%H%M%S.snap").unwrap();
    assert_eq!(location.to_string(), "s3://bucket/vault/%Y/%m/%d/x-%H%M%S.snap");
    assert_eq!(location.bucket(), "bucket");
    // A prefix is part of the template, so its percent signs are read as in any template.
    assert_eq!(series("s3://bucket/50%%/").literal_prefix(), "50%/vault_raft_");
    assert!(Location::parse("s3://bucket/50%/", DEFAULT_NAME).is_err());
}

#[test]
fn bucket_without_slash_is_refused_with_a_hint() {
    let err = Location::parse("s3://backups", DEFAULT_NAME).unwrap_err();
    assert_eq!(
        err.to_string(),
        "'s3://backups' names no object; for the whole bucket write 's3://backups/'"
    );
}

#[test]
fn names_behind_a_prefix_are_checked() {
    assert_eq!(Location::parse("s3://bucket/a/", ""), Err(Error::EmptyName));
    assert!(matches!(
        Location::parse("s3://bucket/a/", "/x"),
        Err(Error::NameWithSlash { .. })
    ));
    assert!(matches!(
        Location::parse("s3://bucket/a/", "fixed.snap"),
        Err(Error::MissingField { .. })
    ));
    assert_eq!(Location::parse("s3://bucket/a", "").unwrap(), object("bucket", "a"));
}

#[test]
fn bucket_names_are_checked_leniently() {
    for bucket in [
        "abc",
        "my.bucket-1",
        "Old_Bucket",
        "acme:backups",
        "a:my.bucket-1",
        &"b".repeat(63),
    ] {
        assert!(ObjectUri::parse(&format!("s3://{bucket}/key")).is_ok(), "{bucket}");
    }
    for bucket in [
        "",
        "ab",
        "a b c",
        "büc",
        "abc?x",
        "user@host",
        "a:b",
        ":abc",
        "a:",
        "a:b:abc",
        &"b".repeat(64),
    ] {
        let err = ObjectUri::parse(&format!("s3://{bucket}/key")).unwrap_err();
        assert!(matches!(err, Error::Bucket { .. }), "{bucket}");
    }
    let arn = "s3://arn:aws:s3:eu-west-1:123456789012:accesspoint/backups/vault/";
    let err = Location::parse(arn, "n_%Y%m%d%H%M%S").unwrap_err();
    assert!(matches!(err, Error::Arn { .. }));
    let said = err.to_string();
    assert!(said.contains("access point") && said.contains("alias"), "{said}");
    for uri in [
        "",
        "bucket/key",
        "S3://bucket/key",
        "s3:/bucket/key",
        " s3://bucket/key",
        "https://bucket/key",
    ] {
        assert!(matches!(ObjectUri::parse(uri), Err(Error::Scheme { .. })), "{uri}");
    }
}

#[test]
fn keys_are_exact_in_printed_uris() {
    for key in [
        "a",
        "a b",
        "a+b",
        "100%",
        "%Y",
        "%20",
        "ключ/резерв 1",
        "a//b",
        "/a",
        "a/",
        "?x=1#y",
        "'\"",
    ] {
        let uri = format!("s3://bucket/{key}");
        let parsed = ObjectUri::parse(&uri).unwrap();
        assert_eq!((parsed.bucket.as_str(), parsed.key.as_str()), ("bucket", key));
        assert_eq!(parsed.to_string(), uri);
        assert_eq!(Location::from(parsed.clone()), object("bucket", key));
        assert_eq!(uri.parse(), Ok(parsed));
    }
}

#[test]
fn keys_are_one_line_of_1_to_1024_bytes() {
    assert_eq!(ObjectUri::parse("s3://bucket/"), Err(Error::EmptyKey));
    assert!(matches!(ObjectUri::parse("s3://bucket"), Err(Error::NoSlash { .. })));
    for character in ['\n', '\r', '\0', '\t', '\u{7f}', '\u{85}'] {
        let uri = format!("s3://bucket/a{character}b");
        let err = ObjectUri::parse(&uri).unwrap_err();
        assert!(!err.to_string().contains(character));
        assert!(matches!(err, Error::ControlCharacter { .. }));
        assert_eq!(Location::parse(&uri, DEFAULT_NAME), Err(err));
    }
    assert!(ObjectUri::parse(&format!("s3://bucket/{}", "ä".repeat(512))).is_ok());
    let long = format!("s3://bucket/{}", "ä".repeat(513));
    assert_eq!(ObjectUri::parse(&long), Err(Error::KeyTooLong { length: 1026 }));

    // Of a template the keys count, not its own length: 14 digits stand for 12 characters.
    let fields = "%Y%m%d%H%M%S";
    assert!(Template::parse(&format!("{}{fields}", "x".repeat(1010))).is_ok());
    assert!(Template::parse(&format!("{}{fields}", "%%".repeat(1010))).is_ok());
    let err = Template::parse(&format!("{}{fields}", "x".repeat(1011))).unwrap_err();
    assert_eq!(err, Error::KeyTooLong { length: 1025 });
    assert!(Template::parse(&format!("a\n{fields}")).is_err());
}

#[test]
fn foreign_text_is_bounded_and_escaped_in_messages() {
    let message = ObjectUri::parse(&format!("\x1b]0;{}", "x".repeat(5000)))
        .unwrap_err()
        .to_string();
    assert!(
        message.starts_with("'\\u{1b}]0;xxx") && message.len() < 300,
        "{message}"
    );
}

#[test]
fn years_beyond_four_digits_are_clamped() {
    let template = template("%Y%m%d%H%M%S");
    // One second before the year 0, and a time whose UTC lies in another year than it says.
    assert_eq!(
        template.format(datetime!(0000-01-01 00:00:00 UTC) - time::Duration::SECOND),
        "00001231235959"
    );
    let late = datetime!(9999-12-31 23:59:59).assume_offset(offset!(-1));
    assert_eq!(template.format(late).len(), 14);
}

fn times() -> impl Strategy<Value = OffsetDateTime> {
    let first = datetime!(0000-01-01 00:00:00 UTC).unix_timestamp();
    let last = datetime!(9999-12-31 23:59:59 UTC).unix_timestamp();
    (first..=last).prop_map(|seconds| OffsetDateTime::from_unix_timestamp(seconds).unwrap())
}

fn templates() -> impl Strategy<Value = String> {
    let literal = prop_oneof![
        Just(String::new()),
        "[a-z0-9_./+ -]{0,8}",
        "[0-9]{0,4}",
        Just("%%".to_owned()),
        "[äж雪%]{0,3}".prop_map(|text| text.replace('%', "%%")),
    ];
    let fields = Just(vec!["%Y", "%m", "%d", "%H", "%M", "%S"]).prop_shuffle();
    (fields, prop::collection::vec(literal, 7)).prop_map(|(fields, literals)| {
        let mut template = literals[0].clone();
        for (field, literal) in fields.iter().zip(&literals[1..]) {
            template.push_str(field);
            template.push_str(literal);
        }
        template
    })
}

proptest! {
    #[test]
    fn formatted_times_are_parsed_back(source in templates(), time in times(), hours in -11_i8..=11) {
        let template = Template::parse(&source).unwrap();
        let key = template.format(time);
        prop_assert_eq!(template.parse_key(&key), Some(time));
        prop_assert!(key.starts_with(template.literal_prefix()));
        if let Some(elsewhere) = time.checked_to_offset(UtcOffset::from_hms(hours, 0, 0).unwrap()) {
            prop_assert_eq!(template.format(elsewhere), key);
        }
    }

    #[test]
    fn parsed_keys_are_formatted_back(
        source in templates(), time in times(), at in any::<prop::sample::Index>(), other in "[0-9a-z%/+ä]{0,2}",
    ) {
        let template = Template::parse(&source).unwrap();
        // A key with one character replaced: it may belong to the series still, but then exactly.
        let mut characters: Vec<String> = template.format(time).chars().map(String::from).collect();
        let position = at.index(characters.len());
        characters[position] = other;
        let key = characters.concat();
        if let Some(parsed) = template.parse_key(&key) {
            prop_assert_eq!(template.format(parsed), key);
        }
    }

    #[test]
    fn any_text_is_parsed_without_panic(uri in any::<String>(), name in any::<String>(), key in any::<String>()) {
        let _ = Location::parse(&uri, &name);
        let _ = Location::parse(&format!("s3://bucket/{uri}"), &name);
        prop_assert_eq!(Template::parse(DEFAULT_NAME).unwrap().parse_key(&key), None);
    }

    #[test]
    fn uris_are_printed_as_they_were_read(key in "\\PC{1,40}") {
        let uri = format!("s3://bucket/{key}");
        if let Ok(parsed) = ObjectUri::parse(&uri) {
            prop_assert_eq!(parsed.to_string(), uri);
        }
    }
}
