//! Several runs that come to the same name in the same second.

#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../../crates/s3/tests/support/program.rs"]
mod program;
#[path = "../../../crates/s3/tests/support/stand_in.rs"]
mod stand_in;

use std::process::Output;

use program::{expect, run_with};
use snapline_archive::synthetic::Synthetic;
use stand_in::{StandIn, Turn, error, reply};

const SERIES: &str = "s3://bkt/vault/";
/// After the look and the beginning, by the stand-in's count.
const OURS: &str = "up+2/=";

fn put(store: &StandIn, uri: &str, state_bytes: u64) -> Output {
    let words = ["-v", "--part-size=5MiB", uri];
    let stdin = Synthetic::new(state_bytes).to_vec();
    run_with(
        program::program(env!("CARGO_BIN_EXE_s3-put"), &store.url),
        &words,
        stdin,
    )
}

fn put_large(store: &StandIn, uri: &str) -> Output {
    put(store, uri, 12 << 20)
}

/// A listing of uploads to `key`: id, and second of its beginning.
fn uploads(key: &str, uploads: &[(&str, u8)]) -> Turn {
    let entries = uploads.iter().map(|(id, second)| {
        format!(
            "<Upload><Key>{key}</Key><UploadId>{id}</UploadId><Initiated>2026-11-24T10:00:{second:02}.000Z</Initiated></Upload>"
        )
    });
    let entries: String = entries.collect();
    Turn::Reply(reply(
        "200 OK",
        "",
        &format!("<ListMultipartUploadsResult>{entries}</ListMultipartUploadsResult>"),
    ))
}

/// A store that shows these uploads, one listing after the other, and afterwards what there is.
fn showing(listings: &'static [&'static [(&'static str, u8)]]) -> StandIn {
    StandIn::with(move |request, before| match listings.get(before) {
        Some(listing) if request.asks() == "uploads" => uploads(request.query("prefix").unwrap(), listing),
        _ => Turn::Serve,
    })
}

/// The keys that were asked for, in order.
fn keys(store: &StandIn, what: &str) -> Vec<String> {
    let seen = store.those(what).into_iter();
    seen.map(|seen| seen.path.strip_prefix("/bkt/").unwrap().to_owned())
        .collect()
}

#[track_caller]
fn stored_under(store: &StandIn, output: &Output, key: &str) {
    expect(output, 0, &["s3-put: stored "]);
    assert_eq!(output.stdout, format!("s3://bkt/{key}\n").as_bytes());
    assert_eq!((store.keys(), store.uploads()), (vec![key.to_owned()], 0));
}

#[test]
fn the_one_that_began_later_moves_on_before_it_has_sent_anything() {
    const EARLIER: &[&[(&str, u8)]] = &[&[(OURS, 5), ("x", 4)]];
    const EQUAL: &[&[(&str, u8)]] = &[&[(OURS, 5), ("a", 5)]];
    for rivals in [EARLIER, EQUAL] {
        let store = showing(rivals);
        let output = put_large(&store, SERIES);
        let begun = keys(&store, "begin");
        assert_eq!(begun.len(), 2);
        assert!(begun[0] < begun[1]);
        stored_under(&store, &output, &begun[1]);
        assert_eq!(keys(&store, "abort"), begun[..1]);
        assert!(keys(&store, "part").iter().all(|key| *key == begun[1]));
    }
}

#[test]
fn the_one_that_began_first_stays() {
    let store = showing(&[&[("a", 6), (OURS, 5)]]);
    let output = put_large(&store, SERIES);
    stored_under(&store, &output, &keys(&store, "begin")[0]);
    assert_eq!(store.those("begin").len(), 1);
}

#[test]
fn of_equals_the_first_id_stays_once_the_other_is_gone() {
    let store = showing(&[&[(OURS, 5), ("x", 5)], &[(OURS, 5), ("x", 5)], &[(OURS, 5)]]);
    let output = put_large(&store, SERIES);
    stored_under(&store, &output, &keys(&store, "begin")[0]);
    assert_eq!(store.those("uploads").len(), 3);
}

#[test]
fn an_equal_that_does_not_go_keeps_the_name() {
    let store = StandIn::with(|request, _| match request.query("prefix") {
        Some(key) if request.asks() == "uploads" => uploads(key, &[(OURS, 5), ("x", 5)]),
        _ => Turn::Serve,
    });
    let output = put_large(&store, SERIES);
    let begun = keys(&store, "begin");
    // Under the second name our upload is not among those shown.
    stored_under(&store, &output, &begun[1]);
}

#[test]
fn what_was_completed_between_two_looks_is_seen() {
    let store = StandIn::with(|request, before| {
        if request.asks() == "look" && before == 1 {
            Turn::Reply(b"HTTP/1.1 200 OK\r\nETag: \"e\"\r\nContent-Length: 5\r\n\r\n".to_vec())
        } else {
            Turn::Serve
        }
    });
    let output = put_large(&store, SERIES);
    stored_under(&store, &output, &keys(&store, "begin")[1]);
    assert_eq!(store.those("abort").len(), 1);
}

#[test]
fn a_store_that_does_not_tell_is_no_hindrance() {
    for turn in [
        Turn::Reply(error("403 Forbidden", "AccessDenied")),
        Turn::Reply(error("501 Not Implemented", "NotImplemented")),
        Turn::Reply(error("503 Slow Down", "SlowDown")),
        Turn::Reply(reply("200 OK", "", "")),
        Turn::Reply(reply("200 OK", "", "<ListMultipartUploadsResult><Upload>")),
        Turn::Last(Vec::new()),
    ] {
        for size in [200_000, 12 << 20] {
            let store = StandIn::always("uploads", turn.clone());
            let output = put(&store, SERIES, size);
            let key = store.keys().concat();
            stored_under(&store, &output, &key);
            assert!(store.those("abort").is_empty());
            assert_eq!(store.those("uploads").len(), 1);
        }
    }
}

#[test]
fn what_fits_into_one_part_leaves_the_name_to_an_upload_under_way() {
    let store = showing(&[&[("x", 5)]]);
    let output = put(&store, SERIES, 200_000);
    let looked = keys(&store, "look");
    assert_eq!(looked.len(), 2);
    stored_under(&store, &output, &looked[1]);
}

#[test]
fn an_upload_to_a_longer_key_is_none_to_this_one() {
    let store = StandIn::with(|request, _| match request.query("prefix") {
        Some(key) if request.asks() == "uploads" => uploads(&format!("{key}.old"), &[("x", 1)]),
        _ => Turn::Serve,
    });
    for size in [200_000, 12 << 20] {
        expect(&put(&store, SERIES, size), 0, &[]);
    }
    assert!(store.those("abort").is_empty());
}

/// The reply to the beginning is lost, so it is sent again, and there are two uploads of this run: of the first it knows nothing.
#[test]
fn an_upload_of_its_own_that_it_never_heard_of_is_anybodys() {
    let store = StandIn::once("begin", Turn::Lost);
    let output = put_large(&store, SERIES);
    expect(&output, 0, &["s3-put: stored "]);
    let begun = keys(&store, "begin");
    assert_eq!((begun.len(), &begun[0]), (3, &begun[1]));
    assert!(begun[1] < begun[2]);
    assert_eq!((store.keys(), store.uploads()), (begun[2..].to_vec(), 1));
}

#[test]
fn an_exact_key_has_no_other_name_and_nobody_is_asked() {
    let store = StandIn::new().uploading("x", "vault/one.snap", 0);
    expect(&put_large(&store, "s3://bkt/vault/one.snap"), 0, &[]);
    assert!(store.those("uploads").is_empty());
}
