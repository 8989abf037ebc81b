//! How long a reply is waited for, with limits that are shorter than the real ones.

#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "support/stand_in.rs"]
mod stand_in;

use std::ffi::OsString;
use std::time::{Duration, Instant};

use snapline_failure::Fail as _;
use snapline_http::Kind;
use snapline_s3::{
    Client, Description, Error, Existing, Flags, Guard, Identity, ObjectOptions, Part, PayloadHash, Settings, Upload,
};
use snapline_series::ObjectUri;
use stand_in::{StandIn, Turn, completed, reply};

const IDLE: Duration = Duration::from_millis(400);

/// A client with short limits: for a silence, for all tries of a request, and for the reply to a completion.
fn client(store: &StandIn, idle: Duration, retry: Duration, complete: Duration) -> Client {
    let flags = Flags {
        endpoint_url: Some(store.url.clone()),
        timeout: Some(idle),
        max_attempts: Some(3),
        ..Flags::default()
    };
    let keys = |name: &str| {
        let is_key = matches!(name, "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY");
        is_key.then(|| OsString::from("k"))
    };
    let mut settings = Settings::resolve(flags, &keys).unwrap();
    (settings.retry, settings.complete) = (retry, complete);
    Client::new(settings, "test", 1)
}

fn object() -> ObjectUri {
    ObjectUri {
        bucket: "bkt".to_owned(),
        key: "k".to_owned(),
    }
}

fn identity() -> Identity {
    Identity {
        id: "mine".to_owned(),
        index: None,
        term: None,
    }
}

/// Completes an upload whose reply may take `limit`.
fn complete(store: &StandIn, limit: Duration) -> Result<Existing, Error> {
    let upload = Upload {
        object: object(),
        id: "u".to_owned(),
    };
    let part = Part {
        number: 1,
        etag: "\"e\"".to_owned(),
    };
    let client = client(store, IDLE, Duration::from_secs(10), limit);
    client.complete(&upload, &[part], 1, &identity(), Guard::Seen)
}

/// S3 sends white space while it assembles an object; others say nothing.
#[test]
fn a_completion_is_waited_for_much_longer_than_other_replies() {
    let whole = completed();
    let start = whole.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    let body = &whole[start..];
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len() + 8);
    let mut pieces = vec![head.into_bytes()];
    pieces.extend(std::iter::repeat_n(b" ".to_vec(), 8));
    pieces.push(body.to_vec());
    let silent = StandIn::with(move |request, _| {
        if request.asks() == "complete" {
            std::thread::sleep(IDLE * 4);
        }
        Turn::Reply(completed())
    });
    for store in [StandIn::once("complete", Turn::Pieces(pieces)), silent] {
        let before = Instant::now();
        assert_eq!(
            complete(&store, Duration::from_secs(10)).unwrap(),
            Existing::Stored { version: None }
        );
        assert!(before.elapsed() > IDLE * 3);
        assert_eq!(store.asked(), ["complete"]);
    }
}

#[test]
fn a_completion_is_not_waited_for_for_ever() {
    let blanks = reply("200 OK", "", &" ".repeat(100_000));
    let cut = blanks.len() - 99_000;
    for turn in [Turn::Silence, Turn::Trickle(blanks[..cut].to_vec())] {
        let store = StandIn::with(move |request, _| match request.asks() {
            "complete" => turn.clone(),
            "look" => Turn::Reply(reply("404 Not Found", "", "")),
            _ => Turn::Serve,
        });
        let before = Instant::now();
        let error = complete(&store, Duration::from_secs(1)).unwrap_err();
        assert_eq!(error.kind(), Kind::Unavailable);
        assert!(before.elapsed() < Duration::from_secs(5), "{:?}", before.elapsed());
        // It had its time; then the upload is aborted, and that is the end.
        assert_eq!(store.asked(), ["complete", "look", "abort", "look"]);
    }
}

#[test]
fn an_object_is_not_sent_again_once_the_time_for_all_tries_is_over() {
    let store = StandIn::with(|request, _| match request.asks() {
        "put" => Turn::Silence,
        _ => Turn::Serve,
    });
    // The waits between three tries are below 1.5 s in all, so what ends it is the time that two tries take.
    let client = client(&store, Duration::from_secs(1), Duration::from_millis(1500), IDLE);
    let sent = client.put(
        &object(),
        b"x",
        PayloadHash::of(b"x"),
        &Description {
            identity: identity(),
            content_type: "text/plain".to_owned(),
            options: ObjectOptions::default(),
        },
        Guard::Seen,
    );
    assert_eq!(sent.unwrap_err().kind(), Kind::Unavailable);
    assert!(store.those("put").len() < 3, "{:?}", store.asked());
}

fn put(client: &Client, body: &[u8]) -> Result<Existing, Error> {
    let description = Description {
        identity: identity(),
        content_type: "text/plain".to_owned(),
        options: ObjectOptions::default(),
    };
    client.put(&object(), body, PayloadHash::of(body), &description, Guard::Seen)
}

/// A part of 512 MiB takes longer over a slow line than all waiting may take, and the line may break off twice.
#[test]
fn a_large_body_over_a_slow_line_comes_through_resets_whatever_its_sending_takes() {
    // The waits between three attempts are below 1.5 s in all.
    let patience = Duration::from_millis(1600);
    let slow = Turn::Throttled(Duration::from_millis(1700));
    // More than what the kernel keeps for a connection.
    let body = vec![7; 24 << 20];
    for asked in ["put", "part"] {
        let slow = slow.clone();
        let store = StandIn::with(move |request, before| match request.asks() {
            found if found == asked && before < 2 => slow.clone(),
            "part" => Turn::Reply(reply("200 OK", "ETag: \"p\"\r\n", "")),
            _ => Turn::Serve,
        });
        let client = client(&store, IDLE, patience, IDLE);
        let before = Instant::now();
        if asked == "put" {
            put(&client, &body).unwrap();
        } else {
            let upload = Upload {
                object: object(),
                id: "u".to_owned(),
            };
            client.upload_part(&upload, 1, &body, PayloadHash::of(&body)).unwrap();
        }
        assert_eq!(store.those(asked).len(), 3);
        assert!(before.elapsed() > patience * 2, "{:?}", before.elapsed());
    }
}

#[test]
fn there_is_a_second_attempt_however_long_the_first_was_waited_for() {
    let patience = Duration::from_millis(200);
    for body in [vec![7; 10], vec![7; 100_000]] {
        let store = StandIn::once("put", Turn::Silence);
        let before = Instant::now();
        put(&client(&store, IDLE, patience, IDLE), &body).unwrap();
        assert_eq!(store.those("put").len(), 2);
        assert!(before.elapsed() < Duration::from_secs(5), "{:?}", before.elapsed());
        // A third one only as long as there is patience.
        let store = StandIn::always("put", Turn::Silence);
        assert!(put(&client(&store, IDLE, patience, IDLE), &body).is_err());
        assert_eq!(store.those("put").len(), 2);
    }
}
