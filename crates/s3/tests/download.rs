//! Downloads from a store that breaks off, changes its mind, or does not listen.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "support/stand_in.rs"]
mod stand_in;

use std::ffi::OsString;
use std::time::{Duration, Instant};

use snapline_http::{Fail as _, Kind};
use snapline_s3::{Client, Error, Flags, Settings};
use snapline_series::ObjectUri;
use stand_in::{Interlude, StandIn, Turn, error, reply};

const IDLE: Duration = Duration::from_millis(500);
const ATTEMPTS: u32 = 3;

fn client(store: &StandIn) -> Client {
    Client::new(settings(store), "test", 1)
}

fn settings(store: &StandIn) -> Settings {
    let flags = Flags {
        endpoint_url: Some(store.url.clone()),
        timeout: Some(IDLE),
        max_attempts: Some(ATTEMPTS),
        ..Flags::default()
    };
    let keys = |name: &str| {
        let is_key = matches!(name, "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY");
        is_key.then(|| OsString::from("k"))
    };
    Settings::resolve(flags, &keys).unwrap()
}

fn object() -> ObjectUri {
    ObjectUri {
        bucket: "bkt".to_owned(),
        key: "k".to_owned(),
    }
}

/// Bytes that differ from place to place.
fn content(length: usize) -> Vec<u8> {
    (0..length).map(|place| (place * 7 + place / 251) as u8).collect()
}

/// All that a reader gets, and how it ended.
fn read(store: &StandIn, expected: Option<u64>) -> (Vec<u8>, Result<(), Error>) {
    read_by(&client(store), expected)
}

fn read_by(client: &Client, expected: Option<u64>) -> (Vec<u8>, Result<(), Error>) {
    let mut got = Vec::new();
    let mut download = match client.get(&object(), expected) {
        Ok(download) => download,
        Err(error) => return (got, Err(error)),
    };
    let mut buffer = [0; 4096];
    loop {
        match download.read(&mut buffer) {
            Ok(0) => return (got, Ok(())),
            Ok(count) => got.extend(&buffer[..count]),
            Err(error) => return (got, Err(error)),
        }
    }
}

/// A store with one object, whose first answers are as `turns` say.
fn store(content: &[u8], turns: &[Turn]) -> StandIn {
    let turns = turns.to_vec();
    StandIn::with(move |_, before| turns.get(before).cloned().unwrap_or(Turn::Serve)).holding("k", content)
}

#[track_caller]
fn fails(store: &StandIn, kind: Kind, words: &str) -> Error {
    let error = read(store, None).1.unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    let text = error.to_string();
    assert!(text.starts_with("get 's3://bkt/k'") && text.contains(words), "{text}");
    error
}

#[test]
fn an_object_is_read_to_its_last_byte_and_described() {
    let content = content(300_000);
    let store = store(&content, &[]);
    let (got, end) = read(&store, Some(300_000));
    end.unwrap();
    assert!(got == content);
    let request = &store.those("get")[0];
    assert_eq!((request.header("range"), request.header("if-match")), (None, None));
    assert_eq!(request.header("accept-encoding"), Some("identity"));
    let client = client(&store);
    let download = client.get(&object(), None).unwrap();
    assert_eq!(download.size(), 300_000);
    assert!(download.attributes().etag.is_some());
}

#[test]
fn an_empty_object_is_empty() {
    let (got, end) = read(&store(b"", &[]), Some(0));
    end.unwrap();
    assert!(got.is_empty());
}

#[test]
fn a_broken_body_is_resumed_where_it_broke_and_pinned_to_the_same_object() {
    let content = content(100_000);
    for cut in [0, 1, 50_000, 99_999] {
        let store = store(&content, &[Turn::Cut(cut)]);
        let (got, end) = read(&store, None);
        end.unwrap();
        assert!(got == content, "cut at {cut}");
        let requests = store.those("get");
        assert_eq!(requests.len(), 2);
        let range = (cut > 0).then(|| format!("bytes={cut}-"));
        assert_eq!(requests[1].header("range"), range.as_deref());
        assert!(requests[1].header("if-match").unwrap().starts_with('"'));
        // Both are in the signature.
        let signed = requests[1].header("authorization").unwrap();
        assert!(
            signed.contains("if-match;") && signed.contains("range;") == (cut > 0),
            "{signed}"
        );
    }
}

#[test]
fn whoever_gets_on_may_break_off_more_often_than_a_request_has_attempts() {
    let content = content(70_000);
    let store = store(&content, &[(); 2 * ATTEMPTS as usize].map(|()| Turn::Cut(10_000)));
    let (got, end) = read(&store, None);
    end.unwrap();
    assert!(got == content);
    assert_eq!(store.those("get").len(), 2 * ATTEMPTS as usize + 1);
}

#[test]
fn without_progress_a_download_ends_after_the_attempts() {
    let outage = || Turn::Reply(error("503 Service Unavailable", "SlowDown"));
    for turns in [
        [Turn::Cut(10), Turn::Cut(0), Turn::Cut(0)],
        [Turn::Cut(10), outage(), outage()],
    ] {
        let store = store(&content(100), &turns);
        fails(&store, Kind::Unavailable, "");
        assert_eq!(store.those("get").len(), ATTEMPTS as usize);
    }
}

#[test]
fn silence_ends_an_attempt_and_not_the_download() {
    let content = content(1000);
    let store = store(&content, &[Turn::Stuck(10)]);
    let before = Instant::now();
    let (got, end) = read(&store, None);
    end.unwrap();
    assert!(got == content && before.elapsed() >= IDLE);
}

/// The limit for all tries of a request is one for waiting between them.
#[test]
fn time_in_which_something_came_counts_against_nobody() {
    let content = content(1000);
    let store = store(&content, &[(); 4].map(|()| Turn::Stuck(10)));
    let mut settings = settings(&store);
    settings.retry = 4 * IDLE;
    let (got, end) = read_by(&Client::new(settings, "test", 1), None);
    end.unwrap();
    assert!(got == content);
}

#[test]
fn a_download_may_take_much_longer_than_a_silence() {
    let content = content(100);
    let head = b"HTTP/1.1 200 OK\r\nETag: \"e\"\r\nContent-Length: 100\r\n\r\n".to_vec();
    let mut pieces = vec![head];
    pieces.extend(content.chunks(8).map(<[u8]>::to_vec));
    let store = store(&content, &[Turn::Pieces(pieces)]);
    let before = Instant::now();
    let (got, end) = read(&store, None);
    end.unwrap();
    assert!(got == content && before.elapsed() > 5 * IDLE);
    assert_eq!(store.those("get").len(), 1);
}

#[test]
fn an_object_that_is_replaced_meanwhile_is_never_mixed() {
    let content = content(1000);
    let (foreign, longer) = (vec![b'x'; 1000], vec![b'x'; 2000]);
    let etag = ("ETag: \"", "ETag: \"other");
    for turn in [
        // A store that listens answers 412.
        Turn::After(Interlude::Foreign(foreign)),
        Turn::After(Interlude::Foreign(longer)),
        Turn::Reply(error("416 Range Not Satisfiable", "InvalidRange")),
        Turn::Edited(etag.0, etag.1),
        Turn::Edited("ETag: ", "X-No-Tag: "),
        Turn::Reply(reply("200 OK", "ETag: \"other\"\r\n", "x")),
    ] {
        let store = store(&content, &[Turn::Cut(400), turn]);
        let error = fails(&store, Kind::Unavailable, "replaced while it was downloaded");
        assert!(error.hint().is_some());
        assert_eq!(store.those("get").len(), 2, "it is final");
    }
}

/// A proxy that compresses marks tags as weak, and the store that is asked for the rest knows the strong one only.
#[test]
fn the_rest_is_the_same_object_whatever_a_proxy_makes_of_its_tag() {
    let content = content(1000);
    let weak = b"HTTP/1.1 200 OK\r\nETag: W/\"e\"\r\nContent-Length: 1000\r\n\r\n";
    let rest = b"HTTP/1.1 206 Partial Content\r\nETag: \"e\"\r\nContent-Range: bytes 400-999/1000\r\nContent-Length: 600\r\n\r\n";
    let turns = [
        Turn::Last([&weak[..], &content[..400]].concat()),
        Turn::Last([&rest[..], &content[400..]].concat()),
    ];
    let store = store(b"", &turns);
    let (got, end) = read(&store, None);
    end.unwrap();
    assert!(got == content);
    assert_eq!(store.those("get")[1].header("if-match"), Some("\"e\""));
}

#[test]
fn a_store_without_conditions_is_asked_for_the_rest_without_one() {
    let content = content(1000);
    let without = |request: &stand_in::Request, before| match (request.header("if-match"), before) {
        (Some(_), _) => Turn::Reply(error("400 Bad Request", "InvalidArgument")),
        (None, 0) => Turn::Cut(400),
        _ => Turn::Serve,
    };
    let store = StandIn::with(without).holding("k", content.clone());
    let (got, end) = read(&store, None);
    end.unwrap();
    assert!(got == content);
    assert_eq!(store.those("get").len(), 3);
    // The tag of the response still counts.
    let store = StandIn::with(move |request, before| match without(request, before) {
        Turn::Serve => Turn::Edited("ETag: \"", "ETag: \"other"),
        turn => turn,
    });
    let store = store.holding("k", content);
    fails(&store, Kind::Unavailable, "replaced while it was downloaded");
}

#[test]
fn a_store_that_knows_no_ranges_sends_it_all_again() {
    let content = content(200_000);
    let whole = {
        let store = store(&content, &[]);
        let client = client(&store);
        let etag = client.get(&object(), None).unwrap().attributes().etag.clone().unwrap();
        let head = format!("HTTP/1.1 200 OK\r\nETag: {etag}\r\nContent-Length: 200000\r\n\r\n");
        [head.as_bytes(), &content].concat()
    };
    let store = store(&content, &[Turn::Cut(150_000), Turn::Reply(whole.clone())]);
    let (got, end) = read(&store, None);
    end.unwrap();
    assert!(got == content);
    // What was skipped is no progress.
    let short = Turn::Last(whole[..whole.len() - 100_000].to_vec());
    let store = self::store(&content, &[Turn::Cut(150_000), short.clone(), short]);
    fails(&store, Kind::Unavailable, "the connection ended too early");
    assert_eq!(store.those("get").len(), ATTEMPTS as usize);
}

#[test]
fn a_range_that_was_not_asked_for_is_refused() {
    for (old, new) in [
        ("bytes 400-", "bytes 399-"),
        ("bytes 400-", "bytes 0-"),
        ("/1000", "/1001"),
        ("/1000", "/*"),
        ("-999/", "-998/"),
        ("Content-Range", "X-Range"),
        ("Content-Length: 600", "Content-Length: 599"),
        ("Content-Length: 600", "Transfer-Encoding: chunked"),
        ("206 Partial Content", "200 OK"),
        ("206 Partial Content", "203 Non-Authoritative"),
    ] {
        let store = store(&content(1000), &[Turn::Cut(400), Turn::Edited(old, new)]);
        fails(&store, Kind::Unavailable, "asked for the bytes from 400 on");
        assert_eq!(store.those("get").len(), 2, "{new}");
    }
    // A range of the right length and of the same object, but of another place.
    let other = b"HTTP/1.1 206 Partial Content\r\nETag: \"e\"\r\nContent-Range: bytes 0-5/10\r\nContent-Length: 6\r\n\r\nabcdef";
    let first = b"HTTP/1.1 200 OK\r\nETag: \"e\"\r\nContent-Length: 10\r\n\r\nabcd";
    let store = store(b"", &[Turn::Last(first.to_vec()), Turn::Last(other.to_vec())]);
    fails(&store, Kind::Unavailable, "asked for the bytes from 4 on");
}

#[test]
fn a_version_is_named_as_long_as_that_is_allowed() {
    let begun = |id: &str| {
        let head = format!("HTTP/1.1 200 OK\r\nETag: \"e\"\r\nx-amz-version-id: {id}\r\nContent-Length: 100\r\n\r\n");
        Turn::Last([head.as_bytes(), &content(40)].concat())
    };
    let rest = Turn::Reply(
        [
            b"HTTP/1.1 206 Partial Content\r\nETag: \"e\"\r\nContent-Range: bytes 40-99/100\r\nContent-Length: 60\r\n\r\n",
            &content(100)[40..],
        ]
        .concat(),
    );
    for (id, asked) in [("null", None), ("v/1", Some("v/1"))] {
        let store = store(b"", &[begun(id), rest.clone()]);
        let (got, end) = read(&store, None);
        end.unwrap();
        assert!(got == content(100));
        assert_eq!(store.those("get")[1].query("versionId"), asked);
    }
    let denied = Turn::Reply(error("403 Forbidden", "AccessDenied"));
    let store = store(b"", &[begun("v/1"), denied, rest]);
    let (got, end) = read(&store, None);
    end.unwrap();
    assert!(got == content(100));
    let requests = store.those("get");
    assert_eq!((requests.len(), requests[2].query("versionId")), (3, None));
    assert_eq!(requests[2].header("if-match"), Some("\"e\""));
}

#[test]
fn a_response_whose_end_would_not_show_is_refused() {
    let tagged = "HTTP/1.1 200 OK\r\nETag: \"e\"\r\n";
    let chunked = format!("{tagged}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    let both = format!("{tagged}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    for bytes in [format!("{tagged}\r\nabc"), chunked, both] {
        let store = store(b"abc", &[Turn::Last(bytes.into_bytes())]);
        fails(&store, Kind::Unavailable, "no Content-Length");
    }
    let store = store(b"abc", &[Turn::Reply(reply("200 OK", "", "<html>"))]);
    fails(&store, Kind::Unavailable, "no ETag");
    let store = self::store(b"abc", &[Turn::Reply(reply("203 Other", "ETag: \"e\"\r\n", "abc"))]);
    fails(&store, Kind::Unavailable, "203 instead of 200");
}

#[test]
fn a_store_that_sends_another_length_than_it_listed_is_refused_before_a_byte() {
    for listed in [0, 999, 1001] {
        let (got, end) = read(&store(&content(1000), &[]), Some(listed));
        let error = end.unwrap_err();
        assert_eq!(error.kind(), Kind::Unavailable);
        let words = format!("sends 1000 bytes, but its listing says {listed}");
        assert!(error.to_string().contains(&words), "{error}");
        assert!(got.is_empty());
    }
}

#[test]
fn no_byte_beyond_the_length_is_handed_out() {
    let more = [&reply("200 OK", "ETag: \"e\"\r\n", "abc")[..], b"and more"].concat();
    let store = store(b"", &[Turn::Last(more)]);
    let (got, end) = read(&store, None);
    end.unwrap();
    assert_eq!(got, b"abc");
}

#[test]
fn nothing_is_decoded_whatever_the_store_calls_it() {
    let packed = reply("200 OK", "ETag: \"e\"\r\nContent-Encoding: gzip\r\n", "\u{1}\u{2}\u{3}");
    let (got, end) = read(&store(b"", &[Turn::Reply(packed)]), Some(3));
    end.unwrap();
    assert_eq!(got, [1, 2, 3]);
}

#[test]
fn what_is_missing_or_refused_has_its_kind() {
    let error_of = |status: &str, code: &str| store(b"", &[Turn::Reply(error(status, code))]);
    fails(&error_of("404 Not Found", "NoSuchKey"), Kind::NoInput, "NoSuchKey");
    fails(&error_of("404 Not Found", "NoSuchBucket"), Kind::Config, "NoSuchBucket");
    let denied = fails(
        &error_of("403 Forbidden", "AccessDenied"),
        Kind::Refused,
        "AccessDenied",
    );
    assert!(denied.hint().unwrap().contains("s3:ListBucket"));
    let archived = fails(
        &error_of("403 Forbidden", "InvalidObjectState"),
        Kind::Refused,
        "InvalidObjectState",
    );
    assert!(archived.hint().unwrap().contains("restore-object"));
}
