//! Replies that say less than the truth, or another one: what is there decides.

#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../../crates/s3/tests/support/program.rs"]
mod program;
#[path = "../../../crates/s3/tests/support/stand_in.rs"]
mod stand_in;

use std::process::Output;
use std::time::Duration;

use program::{expect, run_with};
use snapline_archive::synthetic::Synthetic;
use stand_in::{Request, StandIn, Turn, error, reply};

const KEY: &str = "vault/one.snap";
const URI: &str = "s3://bkt/vault/one.snap";
const SERIES: &str = "s3://bkt/vault/";
/// The two requests that make an object appear.
const BOTH: [&str; 2] = ["put", "complete"];

fn archive(is_large: bool) -> Vec<u8> {
    Synthetic::new(if is_large { 6 << 20 } else { 200_000 }).to_vec()
}

/// Stores one part, or two.
fn run(store: &StandIn, is_large: bool, words: &[&str]) -> Output {
    let command = program::program(env!("CARGO_BIN_EXE_s3-put"), &store.url);
    run_with(command, &[&["--part-size", "5MiB"], words].concat(), archive(is_large))
}

/// The only object is the one that was sent, and it is named.
#[track_caller]
fn stored(store: &StandIn, output: &Output, is_large: bool) {
    expect(output, 0, &["s3-put: stored "]);
    let keys = store.keys();
    assert_eq!(keys.len(), 1, "{keys:?} {:?}", store.asked());
    assert_eq!(output.stdout, format!("s3://bkt/{}\n", keys[0]).as_bytes());
    assert!(store.object(&keys[0]).body == archive(is_large));
    assert_eq!(store.uploads(), 0);
}

/// It failed, and nothing is there or named.
#[track_caller]
fn nothing(store: &StandIn, output: &Output, code: i32, words: &[&str]) {
    expect(output, code, words);
    assert_eq!((output.stdout.len(), store.keys(), store.uploads()), (0, vec![], 0));
}

#[test]
fn a_completion_that_names_no_tag_counts_only_with_the_object_there() {
    for body in [
        "<CompleteMultipartUploadResult/>",
        "<CompleteMultipartUploadResult><Key>k</Key></CompleteMultipartUploadResult>",
        "<CompleteMultipartUploadResult><ETag></ETag></CompleteMultipartUploadResult>",
    ] {
        let turn = || reply("200 OK", "", body);
        let store = StandIn::always("complete", Turn::Reply(turn()));
        nothing(&store, &run(&store, true, &[URI]), 69, &["no ETag"]);
        let store = StandIn::once("complete", Turn::Reply(turn()));
        stored(&store, &run(&store, true, &[URI]), true);
        let store = StandIn::always("complete", Turn::Done(turn()));
        stored(&store, &run(&store, true, &[URI]), true);
    }
}

/// A gateway between us and the store sends a request again when the store's reply is lost, and hears of our own object.
#[test]
fn a_taken_key_may_be_taken_by_our_own_object() {
    for what in BOTH {
        let is_large = what == "complete";
        for taken in [
            error("412 Precondition Failed", "PreconditionFailed"),
            error("200 OK", "PreconditionFailed"),
            reply("304 Not Modified", "", ""),
            error("409 Conflict", "ConditionalRequestConflict"),
        ] {
            for words in [URI, SERIES] {
                let store = StandIn::once(what, Turn::Done(taken.clone()));
                stored(&store, &run(&store, is_large, &[words]), is_large);
            }
        }
    }
}

#[test]
fn a_taken_key_is_understood_in_all_its_forms() {
    for what in BOTH {
        for taken in [error("200 OK", "PreconditionFailed"), reply("304 Not Modified", "", "")] {
            let store = StandIn::always(what, Turn::Reply(taken));
            let output = run(&store, what == "complete", &[URI]);
            nothing(&store, &output, 77, &["there is an object already"]);
            assert_eq!(store.those(what).len(), 1, "it is no use to try again");
        }
    }
}

#[test]
fn a_success_that_is_none_is_tried_again() {
    for what in ["list", "begin", "part"] {
        for turn in [
            reply("200 OK", "", ""),
            error("200 OK", "InternalError"),
            reply("200 OK", "", "<InitiateMultipartUploadResult><UploadId>a"),
            error("409 Conflict", "OperationAborted"),
        ] {
            let store = StandIn::with(move |request, before| match request.asks() {
                "look" => Turn::Reply(reply("403 Forbidden", "", "")),
                // The first part is the first request for one, whatever its number.
                asks if asks == what && before == 0 => Turn::Reply(turn.clone()),
                _ => Turn::Serve,
            });
            stored(&store, &run(&store, true, &["--concurrency", "1", URI]), true);
        }
    }
    let store = StandIn::always("part", Turn::Reply(error("200 OK", "InternalError")));
    nothing(&store, &run(&store, true, &[URI]), 69, &["InternalError so it is"]);
}

#[test]
fn an_upload_that_may_have_begun_unheard_is_said() {
    let said = "may have begun without its id being told";
    for turn in [Turn::Lost, Turn::Done(reply("200 OK", "", ""))] {
        let store = StandIn::once("begin", turn);
        let output = run(&store, true, &[URI]);
        expect(&output, 0, &["warning: ", said]);
        assert_eq!(store.uploads(), 1, "nobody could abort it");
    }
    // A refusal begins nothing; and what is cut behind the id is known.
    let store = StandIn::always("begin", Turn::Reply(error("403 Forbidden", "AccessDenied")));
    let output = run(&store, true, &[URI]);
    assert!(!String::from_utf8(output.stderr).unwrap().contains(said));
}

/// A gateway that has lost patience, or its connection, does not know what the store will still do.
#[test]
fn what_a_gateway_gives_up_may_still_happen() {
    for status in ["504 Gateway Timeout", "502 Bad Gateway"] {
        let store = StandIn::always("put", Turn::Reply(reply(status, "", "")));
        expect(&run(&store, false, &[URI]), 69, &["may exist", URI]);
        // Nothing can come of an upload that is aborted.
        let store = StandIn::always("complete", Turn::Reply(reply(status, "", "")));
        let output = run(&store, true, &[URI]);
        nothing(&store, &output, 69, &["complete the upload"]);
        assert!(!String::from_utf8(output.stderr).unwrap().contains("may exist"));
    }
}

/// An upload that we held was completed or aborted; if nobody says what is there, neither may be told.
#[test]
fn an_upload_that_is_gone_may_have_been_completed() {
    let store = StandIn::with(|request, before| match (request.asks(), before) {
        ("look", 1..) => Turn::Reply(error("503 Slow Down", "SlowDown")),
        ("complete", 0) => Turn::Done(error("404 Not Found", "NoSuchUpload")),
        _ => Turn::Serve,
    });
    let output = run(&store, true, &[URI]);
    expect(&output, 69, &["NoSuchUpload", "may exist", URI]);
    assert_eq!((output.stdout.len(), store.keys()), (0, vec![KEY.to_owned()]));
}

/// Nor is it taken for stored.
#[test]
fn a_store_that_drops_metadata_makes_no_stranger_of_our_object() {
    let dropped = |request: &Request, before: usize| match (request.asks(), before) {
        ("look", 0) => Turn::Serve,
        ("look", _) => Turn::Reply(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", length()).into_bytes()),
        ("put", _) => Turn::Done(error("500 Oops", "InternalError")),
        _ => Turn::Serve,
    };
    fn length() -> usize {
        archive(false).len()
    }
    let store = StandIn::with(dropped);
    let output = run(&store, false, &[URI]);
    expect(&output, 69, &["may exist", URI]);
    assert_eq!((output.stdout.len(), store.keys()), (0, vec![KEY.to_owned()]));
}

#[test]
fn a_reply_whose_body_trickles_does_not_hold_a_part_or_an_object_for_ever() {
    let trickle = || b"HTTP/1.1 200 OK\r\nETag: \"a\"\r\nContent-Length: 100000\r\n\r\n".to_vec();
    for (what, is_large) in [("part", true), ("put", false)] {
        let store = StandIn::always(what, Turn::Trickle(trickle()));
        let output = run(&store, is_large, &["--timeout", "1", URI]);
        expect(&output, 69, &["too long"]);
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn a_clock_that_is_wrong_is_told_with_both_times() {
    let skewed = || {
        let text = String::from_utf8(error("403 Forbidden", "RequestTimeTooSkewed")).unwrap();
        text.replacen("\r\n", "\r\nDate: Sat, 24 Nov 2040 10:00:00 GMT\r\n", 1)
            .into_bytes()
    };
    for (what, is_large) in [
        ("put", false),
        ("list", false),
        ("begin", true),
        ("part", true),
        ("complete", true),
    ] {
        let store = StandIn::with(move |request, _| match request.asks() {
            "look" => Turn::Reply(reply("403 Forbidden", "", "")),
            asks if asks == what => Turn::Reply(skewed()),
            _ => Turn::Serve,
        });
        let output = run(&store, is_large, &[URI]);
        nothing(
            &store,
            &output,
            69,
            &[
                "RequestTimeTooSkewed so it is; it is 20",
                "Z here and 2040-11-24T10:00:00Z at the store",
                "hint: set",
            ],
        );
    }
}

/// What cannot be refreshed is refused, and given up.
#[test]
fn credentials_that_expire_in_mid_upload_end_it() {
    for what in ["part", "complete"] {
        for status in ["400 Bad Request", "403 Forbidden"] {
            let store = StandIn::with(move |request, _| match request.asks() {
                "part" if request.query("partNumber") == Some("1") => Turn::Serve,
                asks if asks == what => Turn::Reply(error(status, "ExpiredToken")),
                _ => Turn::Serve,
            });
            let before = std::time::Instant::now();
            nothing(&store, &run(&store, true, &[URI]), 77, &["ExpiredToken", "hint: "]);
            assert!(before.elapsed() < Duration::from_secs(10), "nothing is tried again");
            assert!(!store.those("abort").is_empty());
        }
    }
}
