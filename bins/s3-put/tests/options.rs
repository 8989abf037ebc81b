//! What an object is to be stored with: where it goes, what is made of a store that refuses or ignores it.

#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../../crates/s3/tests/support/program.rs"]
mod program;
#[path = "../../../crates/s3/tests/support/stand_in.rs"]
mod stand_in;

use std::process::Output;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use program::{expect, run_with};
use snapline_archive::synthetic::Synthetic;
use stand_in::{Request, StandIn, Turn, error, reply};

const URI: &str = "s3://bkt/vault/one.snap";
const SMALL: u64 = 200_000;
/// Three parts.
const LARGE: u64 = 12 << 20;

const WISHES: [&str; 13] = [
    "--storage-class=STANDARD_IA",
    "--sse=aws:kms",
    "--sse-kms-key-id=1234",
    "--tag=env=prod & test",
    "--tag=größe=",
    "--metadata=Cluster=a=b;  c",
    "--metadata=note=100% +&",
    "--object-lock-mode=GOVERNANCE",
    "--object-lock-days=30",
    "--legal-hold",
    "--content-type=application/x-snapshot",
    "--part-size=5MiB",
    URI,
];

fn put(store: &StandIn, words: &[&str], size: u64) -> Output {
    let stdin = Synthetic::new(size).to_vec();
    run_with(program::program(env!("CARGO_BIN_EXE_s3-put"), &store.url), words, stdin)
}

/// It succeeded, and the URI was printed.
#[track_caller]
fn stored(store: &StandIn, output: &Output, words: &[&str]) {
    expect(output, 0, words);
    assert_eq!(output.stdout, format!("{URI}\n").as_bytes());
    assert_eq!((store.keys(), store.uploads()), (vec!["vault/one.snap".to_owned()], 0));
}

#[track_caller]
fn refused(store: &StandIn, output: &Output, code: i32, words: &[&str]) {
    expect(output, code, words);
    assert!(output.stdout.is_empty());
    assert_eq!((store.keys(), store.uploads()), (Vec::new(), 0));
}

fn warnings(output: &Output) -> Vec<String> {
    let text = String::from_utf8_lossy(&output.stderr);
    let lines = text.lines().filter(|line| line.contains(": warning: "));
    lines.map(str::to_owned).collect()
}

fn carries_data(request: &Request) -> bool {
    matches!(request.asks(), "put" | "part")
}

#[track_caller]
fn has_right_md5(request: &Request) {
    let wanted = BASE64_STANDARD.encode(*md5::compute(&request.body));
    assert_eq!(
        request.header("content-md5"),
        Some(wanted.as_str()),
        "{}",
        request.asks()
    );
}

#[test]
fn they_go_with_the_request_that_makes_the_object_and_with_no_other() {
    for (size, maker) in [(SMALL, "put"), (LARGE, "begin")] {
        let store = StandIn::new();
        let output = put(&store, &WISHES, size);
        stored(&store, &output, &[]);
        assert_eq!(warnings(&output), Vec::<String>::new());
        for seen in store.seen() {
            for (name, value) in [
                ("x-amz-storage-class", "STANDARD_IA"),
                ("x-amz-server-side-encryption", "aws:kms"),
                ("x-amz-server-side-encryption-aws-kms-key-id", "1234"),
                ("x-amz-tagging", "env=prod%20%26%20test&gr%C3%B6%C3%9Fe="),
                ("x-amz-meta-cluster", "a=b;  c"),
                ("x-amz-meta-note", "100% +&"),
                ("x-amz-object-lock-mode", "GOVERNANCE"),
                ("x-amz-object-lock-legal-hold", "ON"),
                ("content-type", "application/x-snapshot"),
            ] {
                let expected = (seen.asks() == maker).then_some(value);
                assert_eq!(seen.header(name), expected, "{name} of {}", seen.asks());
            }
            let until = seen.header("x-amz-object-lock-retain-until-date");
            assert_eq!(until.is_some(), seen.asks() == maker);
            assert!(until.is_none_or(|until| until.len() == 20 && until.ends_with('Z')));
            if carries_data(&seen) {
                has_right_md5(&seen);
            } else {
                assert_eq!(seen.header("content-md5"), None, "{}", seen.asks());
            }
        }
        assert_eq!(store.asked().last().unwrap(), "look");
    }
}

#[test]
fn without_them_nothing_is_looked_at_twice_and_no_md5_is_paid_for() {
    for (size, requests) in [(SMALL, 2), (LARGE, 6)] {
        let store = StandIn::new();
        stored(&store, &put(&store, &["--part-size=5MiB", URI], size), &[]);
        assert_eq!(store.asked().len(), requests, "{:?}", store.asked());
        assert!(store.seen().iter().all(|seen| seen.header("content-md5").is_none()));
    }
}

#[test]
fn a_store_that_wants_an_md5_gets_it_from_then_on() {
    let aws = "<Error><Code>InvalidRequest</Code><Message>Content-MD5 OR x-amz-checksum- HTTP header is required for Put \
               Part requests with Object Lock parameters</Message></Error>";
    for refusal in [
        reply("400 Bad Request", "", aws),
        error("400 Bad Request", "MissingContentMD5"),
    ] {
        for size in [SMALL, LARGE] {
            let refusal = refusal.clone();
            let store = StandIn::with(move |request, _| {
                if carries_data(request) && request.header("content-md5").is_none() {
                    Turn::Reply(refusal.clone())
                } else {
                    Turn::Serve
                }
            });
            let output = put(&store, &["-v", "--concurrency=1", "--part-size=5MiB", URI], size);
            stored(&store, &output, &["sending it with its MD5"]);
            let (with, without): (Vec<_>, Vec<_>) = store
                .seen()
                .into_iter()
                .filter(carries_data)
                .partition(|seen| seen.header("content-md5").is_some());
            assert_eq!(without.len(), 1);
            with.iter().for_each(has_right_md5);
        }
    }
}

#[test]
fn a_store_that_refuses_the_md5_as_well_is_not_asked_for_ever() {
    let store = StandIn::always("put", Turn::Reply(error("400 Bad Request", "MissingContentMD5")));
    refused(&store, &put(&store, &[URI], SMALL), 78, &["MissingContentMD5 so it is"]);
    assert_eq!(store.those("put").len(), 2);
}

#[test]
fn what_a_store_ignores_is_named_in_one_warning() {
    for size in [SMALL, LARGE] {
        // It shows the object as if nothing had been asked for.
        let store = StandIn::with(|request, before| {
            if request.asks() == "look" && before > 0 {
                Turn::Reply(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n".to_vec())
            } else {
                Turn::Serve
            }
        });
        let output = put(&store, &WISHES, size);
        stored(&store, &output, &[]);
        let warnings = warnings(&output);
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        for word in [
            URI,
            "--storage-class STANDARD_IA (it is STANDARD)",
            "--sse aws:kms",
            "--sse-kms-key-id 1234",
            "--tag (2 of them)",
            "--metadata cluster",
            "--metadata note",
            "--object-lock-mode GOVERNANCE",
            "--object-lock-days (until ",
            "--legal-hold",
        ] {
            assert!(warnings[0].contains(word), "no {word} in {}", warnings[0]);
        }
    }
}

#[test]
fn an_object_that_cannot_be_looked_at_is_stored_all_the_same() {
    let store = StandIn::with(|request, before| {
        if request.asks() == "look" && before > 0 {
            Turn::Reply(reply("403 Forbidden", "", ""))
        } else {
            Turn::Serve
        }
    });
    let output = put(&store, &["--tag=a=b", URI], SMALL);
    stored(&store, &output, &["warning: ", "cannot be seen", "403"]);
}

#[test]
fn what_a_store_refuses_is_an_error_in_its_words() {
    for (status, code, exit) in [
        ("400 Bad Request", "InvalidStorageClass", 78),
        ("403 Forbidden", "AccessDenied", 77),
        ("501 Not Implemented", "NotImplemented", 78),
        ("503 Slow Down", "SlowDown", 69),
    ] {
        for (size, asked) in [(SMALL, "put"), (LARGE, "begin")] {
            let store = StandIn::always(asked, Turn::Reply(error(status, code)));
            let output = put(&store, &["--storage-class=X", "--part-size=5MiB", URI], size);
            refused(&store, &output, exit, &[code, "so it is", URI]);
            // Whatever it does not know, it was not the condition.
            assert_eq!(warnings(&output), Vec::<String>::new());
        }
    }
}

/// A store may answer before it has taken the body, on a fresh connection as on an old one, and leave it open: what it says is
/// heard at once.
#[test]
fn a_refusal_before_the_body_is_heard_whatever_the_connection() {
    // Nothing is looked at before, so that the connection is a fresh one in the first case.
    for words in [&["--overwrite", "--timeout=4", URI][..], &["--timeout=20", URI]] {
        let store = StandIn::always("put", Turn::EarlyOpen(error("403 Forbidden", "AccessDenied")));
        let start = std::time::Instant::now();
        refused(&store, &put(&store, words, SMALL), 77, &["AccessDenied so it is"]);
        let took = start.elapsed();
        assert!(took < std::time::Duration::from_secs(15), "{took:?}");
    }
}

#[test]
fn an_object_that_is_replaced_is_locked_like_a_new_one() {
    let store = StandIn::new().holding("vault/one.snap", "older");
    let words = [
        "--overwrite",
        "--object-lock-mode=COMPLIANCE",
        "--object-lock-days=1",
        URI,
    ];
    let output = put(&store, &words, SMALL);
    stored(&store, &output, &[]);
    assert_eq!(warnings(&output), Vec::<String>::new());
    let seen = &store.those("put")[0];
    assert_eq!(seen.header("if-none-match"), None);
    assert_eq!(seen.header("x-amz-object-lock-mode"), Some("COMPLIANCE"));
    has_right_md5(seen);
}

const COMPLIANCE: [&str; 3] = ["--object-lock-mode=COMPLIANCE", "--object-lock-days=30", URI];

/// It is there, but the next program hears of no object: nothing is pruned for one that anybody can delete.
#[track_caller]
fn stored_but_not_locked(store: &StandIn, output: &Output, words: &[&str]) {
    expect(
        output,
        69,
        &[&["stored, but not locked", URI, "hint: "], words].concat(),
    );
    assert!(output.stdout.is_empty());
    assert_eq!((store.keys(), store.uploads()), (vec!["vault/one.snap".to_owned()], 0));
}

#[test]
fn compliance_that_a_store_does_not_confirm_is_a_failure() {
    for size in [SMALL, LARGE] {
        // It ignores what it does not know.
        let store = StandIn::with(|request, before| match (request.asks(), before) {
            ("look", 0) | ("put" | "begin" | "part" | "complete", _) => Turn::Serve,
            ("look", _) => Turn::Reply(b"HTTP/1.1 200 OK\r\nETag: \"e\"\r\nContent-Length: 5\r\n\r\n".to_vec()),
            _ => Turn::Reply(error("400 Bad Request", "InvalidRequest")),
        });
        let output = put(&store, &[&["--part-size=5MiB"], &COMPLIANCE[..]].concat(), size);
        stored_but_not_locked(
            &store,
            &output,
            &["does not show --object-lock-mode COMPLIANCE, --object-lock-days"],
        );
        // Nobody can tell.
        let store = StandIn::with(|request, before| match (request.asks(), before) {
            ("look", 0) | ("put" | "begin" | "part" | "complete", _) => Turn::Serve,
            ("look", _) => Turn::Reply(reply("403 Forbidden", "", "")),
            _ => Turn::Reply(error("403 Forbidden", "AccessDenied")),
        });
        let output = put(&store, &[&["--part-size=5MiB"], &COMPLIANCE[..]].concat(), size);
        stored_but_not_locked(&store, &output, &["403", "s3:GetObjectRetention"]);
    }
}

#[test]
fn a_lock_may_be_seen_by_a_right_of_its_own_and_after_an_outage() {
    let retention = |mode: &'static str, year: u32| {
        move |request: &Request, before: usize| match (request.asks(), before) {
            ("look", 1..) => Turn::Reply(reply("403 Forbidden", "", "")),
            ("get", 0) => Turn::Reply(error("503 Slow Down", "SlowDown")),
            ("get", _) => {
                assert!(request.query("retention").is_some());
                let until = format!("<RetainUntilDate>{year}-01-01T00:00:00Z</RetainUntilDate>");
                Turn::Reply(reply(
                    "200 OK",
                    "",
                    &format!("<Retention><Mode>{mode}</Mode>{until}</Retention>"),
                ))
            }
            _ => Turn::Serve,
        }
    };
    let store = StandIn::with(retention("COMPLIANCE", 9000));
    stored(&store, &put(&store, &COMPLIANCE, SMALL), &[]);
    for (mode, year) in [("GOVERNANCE", 9000), ("COMPLIANCE", 2026)] {
        let store = StandIn::with(retention(mode, year));
        stored_but_not_locked(&store, &put(&store, &COMPLIANCE, SMALL), &[]);
    }
    // What nobody depends on to that degree stays a warning.
    let store = StandIn::with(|request, before| match (request.asks(), before) {
        ("look", 1..) => Turn::Reply(b"HTTP/1.1 200 OK\r\nETag: \"e\"\r\nContent-Length: 5\r\n\r\n".to_vec()),
        ("get", _) => Turn::Reply(error("403 Forbidden", "AccessDenied")),
        _ => Turn::Serve,
    });
    let words = [
        "--object-lock-mode=GOVERNANCE",
        "--object-lock-days=30",
        "--legal-hold",
        URI,
    ];
    stored(
        &store,
        &put(&store, &words, SMALL),
        &["warning: ", "--object-lock-mode GOVERNANCE", "--legal-hold"],
    );
}

#[test]
fn the_owner_that_a_bucket_must_have_goes_with_every_request() {
    for size in [SMALL, LARGE] {
        let store = StandIn::with(|request, before| match (request.asks(), before) {
            ("look", 0) => Turn::Reply(reply("405 Method Not Allowed", "", "")),
            ("complete", 0) => Turn::Lost,
            _ => Turn::Serve,
        });
        let words = [
            "--expected-bucket-owner=123456789012",
            "--part-size=5MiB",
            "--tag=a=b",
            URI,
        ];
        stored(&store, &put(&store, &words, size), &[]);
        for seen in store.seen() {
            assert_eq!(
                seen.header("x-amz-expected-bucket-owner"),
                Some("123456789012"),
                "{}",
                seen.asks()
            );
            assert!(
                seen.header("authorization")
                    .unwrap()
                    .contains("x-amz-expected-bucket-owner")
            );
        }
    }
    let store = StandIn::with(|request, _| {
        let body = if request.asks() == "look" {
            ""
        } else {
            "<Error><Code>AccessDenied</Code></Error>"
        };
        Turn::Reply(reply("403 Forbidden", "", body))
    });
    let output = put(&store, &["--expected-bucket-owner", "123456789012", URI], SMALL);
    refused(
        &store,
        &output,
        77,
        &["AccessDenied", "not that of --expected-bucket-owner"],
    );
    refused(
        &store,
        &put(&store, &["--expected-bucket-owner=a b", URI], SMALL),
        64,
        &["--expected-bucket-owner"],
    );
}

#[test]
fn the_version_is_told_where_the_store_gives_one() {
    let named = "HTTP/1.1 200 OK\r\nx-amz-version-id: v/1+=\r\n";
    for (size, maker) in [(SMALL, "put"), (LARGE, "complete")] {
        for turn in [Turn::Edited("HTTP/1.1 200 OK\r\n", named), Turn::Lost] {
            // After a lost reply it is the object that tells.
            let store = StandIn::with(move |request, before| match (request.asks(), before) {
                (asked, 0) if asked == maker => turn.clone(),
                ("look", 1) => Turn::Edited("HTTP/1.1 200 OK\r\n", named),
                _ => Turn::Serve,
            });
            let output = put(&store, &["--part-size=5MiB", URI], size);
            stored(&store, &output, &[" version=v/1+= "]);
        }
        let store = StandIn::once(
            maker,
            Turn::Edited("HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nx-amz-version-id: null\r\n"),
        );
        let output = put(&store, &["--part-size=5MiB", URI], size);
        stored(&store, &output, &[]);
        assert!(!String::from_utf8_lossy(&output.stderr).contains("version="));
    }
}

#[test]
fn a_wrong_call_is_refused_before_the_store_hears_of_it() {
    let store = StandIn::new();
    for (words, said) in [
        (&["--sse=aes256"][..], "none of AES256, aws:kms"),
        (&["--sse-kms-key-id=k"], "--sse-kms-key-id"),
        (&["--object-lock-mode=GOVERNANCE"], "--object-lock-days is missing"),
        (&["--object-lock-days=3"], "--object-lock-mode is missing"),
        (
            &["--object-lock-days=x", "--object-lock-mode=GOVERNANCE"],
            "--object-lock-days",
        ),
        (&["--tag=x"], "not of the form K=V"),
        (&["--metadata=snapline-id=1"], "our own"),
        (&["--metadata=a=ü"], "printable ASCII"),
        (&["--content-type="], "--content-type"),
        (&["--content-type=a\nb"], "--content-type"),
    ] {
        refused(&store, &put(&store, &[words, &[URI]].concat(), SMALL), 64, &[said]);
    }
    assert_eq!(store.connections(), 0);
}
