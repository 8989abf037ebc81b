//! What goes over the wire, and what becomes of it when the store misbehaves: the object is there, whole and named on standard
//! output, or the program fails.

#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../../crates/s3/tests/support/program.rs"]
mod program;
#[path = "../../../crates/s3/tests/support/stand_in.rs"]
mod stand_in;

use std::process::Output;

use program::{SECRETS, expect, run_with};
use sha2::{Digest as _, Sha256};
use snapline_archive::synthetic::Synthetic;
use stand_in::{Interlude, Request, StandIn, Turn, completed, error, reply};

const PART: usize = 5 << 20;
const KEY: &str = "vault/one.snap";
const URI: &str = "s3://bkt/vault/one.snap";
const SERIES: &str = "s3://bkt/vault/";
const NO_ETAG: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

fn put(store: &StandIn, words: &[&str], stdin: &[u8]) -> Output {
    run_with(program::program(env!("CARGO_BIN_EXE_s3-put"), &store.url), words, stdin)
}

/// Stores something that fits into one part.
fn put_small(store: &StandIn, words: &[&str]) -> Output {
    put(store, words, &small())
}

/// Stores something of three parts.
fn put_large(store: &StandIn, words: &[&str]) -> Output {
    put(store, &[&["--part-size", "5MiB"], words].concat(), &large())
}

fn small() -> Vec<u8> {
    Synthetic::new(200_000).to_vec()
}

fn large() -> Vec<u8> {
    Synthetic::new(12 << 20).to_vec()
}

/// It failed, nothing is named, the object is not there, no upload is left, and nothing was deleted.
#[track_caller]
fn nothing_is_left(store: &StandIn, output: &Output, code: i32, words: &[&str]) {
    expect(output, code, words);
    assert!(output.stdout.is_empty());
    assert_eq!((store.keys(), store.uploads()), (Vec::new(), 0), "{:?}", store.asked());
    only_what_is_ours(store);
}

/// It succeeded with this object, whole, and no upload is left.
#[track_caller]
fn it_is_stored(store: &StandIn, output: &Output, bytes: &[u8]) {
    expect(output, 0, &["s3-put: stored "]);
    let uri = String::from_utf8(output.stdout.clone()).unwrap();
    let key = uri.strip_prefix("s3://bkt/").unwrap().strip_suffix('\n').unwrap();
    assert!(store.object(key).body == bytes, "{key} is another object");
    assert_eq!(store.uploads(), 0);
    only_what_is_ours(store);
}

/// Whatever happens: no object is deleted, every body is what its signature says, and the session token goes along.
#[track_caller]
fn only_what_is_ours(store: &StandIn) {
    for seen in store.seen() {
        assert!(
            ["look", "list", "uploads", "put", "begin", "part", "complete", "abort"].contains(&seen.asks()),
            "{} {}",
            seen.method,
            seen.path
        );
        assert_eq!(seen.header("x-amz-security-token"), Some(SECRETS[1]));
        let announced: usize = seen.header("content-length").map_or(0, |text| text.parse().unwrap());
        if announced == seen.body.len() {
            assert_eq!(seen.header("x-amz-content-sha256").unwrap(), hash(&seen.body));
        }
        let authorization = seen.header("authorization").unwrap();
        for part in [
            "Credential=AKIDEXAMPLE/",
            "x-amz-content-sha256",
            "x-amz-security-token",
        ] {
            assert!(authorization.contains(part), "{authorization}");
        }
        // A proxy may take it away, and the signature would not fit any more.
        assert!(!authorization.contains("expect"), "{authorization}");
    }
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn what_fits_into_one_part_is_one_request_that_never_overwrites() {
    let store = StandIn::new();
    it_is_stored(&store, &put_small(&store, &[URI]), &small());
    assert_eq!(store.asked(), ["look", "put"]);
    let seen = &store.those("put")[0];
    assert_eq!(seen.path, "/bkt/vault/one.snap");
    assert_eq!(seen.header("if-none-match"), Some("*"));
    assert_eq!(seen.header("content-type"), Some("application/gzip"));
    assert_eq!(seen.header("expect"), Some("100-continue"));
    assert_eq!(seen.header("x-amz-meta-snapline-index"), Some("592"));
    assert_eq!(seen.header("x-amz-meta-snapline-term"), Some("3"));
    assert_eq!(seen.header("x-amz-meta-snapline-id").unwrap().len(), 32);
    assert_eq!(seen.header("transfer-encoding"), None);
}

#[test]
fn more_is_sent_in_equal_parts_and_only_the_completion_has_the_condition() {
    let store = StandIn::new();
    it_is_stored(&store, &put_large(&store, &[URI]), &large());
    let mut parts = store.those("part");
    parts.sort_by_key(|part| part.query("partNumber").unwrap().parse::<u32>().unwrap());
    let numbers: Vec<_> = parts.iter().map(|part| part.query("partNumber").unwrap()).collect();
    assert_eq!(numbers, ["1", "2", "3"]);
    let sizes: Vec<_> = parts.iter().map(|part| part.body.len()).collect();
    assert_eq!(sizes, [PART, PART, large().len() - 2 * PART]);
    for seen in store.seen() {
        let is_completion = seen.asks() == "complete";
        assert_eq!(seen.header("if-none-match").is_some(), is_completion, "{}", seen.asks());
        assert_eq!(seen.header("x-amz-meta-snapline-id").is_some(), seen.asks() == "begin");
        assert_eq!(seen.header("expect").is_some(), seen.asks() == "part");
    }
    let body = String::from_utf8(store.those("complete")[0].body.clone()).unwrap();
    let part = |n| format!("<Part><PartNumber>{n}</PartNumber><ETag>\"part {n}\"</ETag></Part>");
    assert!(body.contains(&[part(1), part(2), part(3)].concat()), "{body}");
    assert_eq!(store.asked().iter().filter(|asked| *asked == "complete").count(), 1);
    assert!(store.those("abort").is_empty());
}

#[test]
fn input_that_fills_its_last_part_has_no_empty_one() {
    let store = StandIn::new();
    let bytes = vec![7; 2 * PART];
    it_is_stored(
        &store,
        &put(&store, &["--raw", "--part-size=5MiB", URI], &bytes),
        &bytes,
    );
    assert_eq!(store.those("part").len(), 2);
    assert_eq!(
        store.those("begin")[0].header("content-type"),
        Some("application/octet-stream")
    );
}

#[test]
fn a_name_is_made_from_the_time_and_moves_on_where_it_is_taken() {
    // Whatever the first name is, it is taken: seen beforehand, or only by the request that stores.
    for what in ["look", "put"] {
        let foreign = Turn::After(Interlude::Foreign(b"foreign".to_vec()));
        let store = StandIn::once(what, foreign);
        let output = put_small(&store, &[SERIES]);
        it_is_stored(&store, &output, &small());
        let keys = store.keys();
        assert_eq!(keys.len(), 2, "{keys:?}");
        assert_eq!(store.object(&keys[0]).body, b"foreign");
        assert_eq!(output.stdout, format!("s3://bkt/{}\n", keys[1]).as_bytes());
        assert!(
            keys.iter()
                .all(|key| key.starts_with("vault/vault_raft_2") && key.ends_with(".snap"))
        );
    }
}

#[test]
fn an_object_that_somebody_else_stores_meanwhile_is_not_replaced() {
    let foreign = Turn::After(Interlude::Foreign(b"foreign".to_vec()));
    let store = StandIn::once("put", foreign.clone());
    expect(&put_small(&store, &[URI]), 77, &["there is an object already"]);
    assert_eq!((store.object(KEY).body, store.uploads()), (b"foreign".to_vec(), 0));
    let store = StandIn::once("complete", foreign.clone());
    expect(&put_large(&store, &[URI]), 77, &["there is an object already"]);
    assert_eq!((store.object(KEY).body, store.uploads()), (b"foreign".to_vec(), 0));
    // Parts cannot move to another name.
    let store = StandIn::once("complete", foreign);
    let output = put_large(&store, &[SERIES]);
    expect(&output, 69, &["somebody else", "hint: run it again"]);
    assert_eq!((output.stdout.len(), store.uploads()), (0, 0));
    only_what_is_ours(&store);
}

/// A 412 without an unclear try before it speaks of somebody else's object, even if that is as long as ours.
#[test]
fn a_foreign_object_of_our_length_is_not_taken_for_ours() {
    let bytes = small();
    for what in ["put", "complete"] {
        let foreign = if what == "put" { bytes.clone() } else { large() };
        let taken = foreign.iter().map(|byte| !byte).collect::<Vec<_>>();
        let store = StandIn::with(move |request, before| match request.asks() {
            "look" => Turn::Reply(reply("403 Forbidden", "", "")),
            asks if asks == what && before == 0 => Turn::After(Interlude::Foreign(taken.clone())),
            _ => Turn::Serve,
        });
        let output = if what == "put" {
            put_small(&store, &[URI])
        } else {
            put_large(&store, &[URI])
        };
        expect(&output, 77, &["there is an object already"]);
        assert_eq!((output.stdout.len(), store.uploads()), (0, 0));
    }
}

#[test]
fn overwriting_has_no_condition_and_no_look() {
    let store = StandIn::new().holding(KEY, "older");
    it_is_stored(&store, &put_small(&store, &["--overwrite", URI]), &small());
    assert_eq!(store.asked(), ["put"]);
    assert_eq!(store.those("put")[0].header("if-none-match"), None);
    it_is_stored(&store, &put_large(&store, &["--overwrite", URI]), &large());
    assert_eq!(store.those("complete")[0].header("if-none-match"), None);
}

/// Without the right to read, a listing shows only lengths, and the object to be replaced may have that of the new one.
#[test]
fn an_older_object_of_our_length_is_not_taken_for_the_one_that_replaces_it() {
    for turn in [
        Turn::Reply(error("500 Oops", "InternalError")),
        Turn::Reply(error("404 Gone", "NoSuchUpload")),
    ] {
        let store = StandIn::with(move |request, _| match request.asks() {
            "look" => Turn::Reply(reply("403 Forbidden", "", "")),
            "put" | "complete" => turn.clone(),
            _ => Turn::Serve,
        })
        .holding(KEY, large());
        let output = put_large(&store, &["--overwrite", URI]);
        expect(&output, 69, &[URI]);
        assert_eq!((output.stdout.len(), store.uploads()), (0, 0));
    }
}

#[test]
fn an_unclear_completion_is_decided_by_the_object() {
    let unclear = || {
        [
            Turn::Lost,
            Turn::Last(Vec::new()),
            Turn::Reply(error("200 OK", "InternalError")),
            Turn::Reply(reply("200 OK", "", "  \n  ")),
            Turn::Reply(reply("200 OK", "", "<CompleteMultipartUploadResult><ETag>\"al")),
            Turn::Last(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n<CompleteMultipartUploadResult>".to_vec()),
            Turn::Reply(reply("200 OK", "", "<html></html>")),
            Turn::Reply(error("500 Internal Server Error", "InternalError")),
            Turn::Reply(error("503 Slow Down", "SlowDown")),
        ]
    };
    for turn in unclear() {
        // It passes, and the next try succeeds or finds the object there.
        let store = StandIn::once("complete", turn.clone());
        it_is_stored(&store, &put_large(&store, &[URI]), &large());
        // It stays, and the upload is aborted.
        if !matches!(turn, Turn::Lost) {
            let store = StandIn::always("complete", turn);
            nothing_is_left(&store, &put_large(&store, &[URI]), 69, &["complete the upload of", URI]);
            assert_eq!(store.those("complete").len(), 2);
            assert!(!store.those("abort").is_empty());
        }
    }
}

#[test]
fn an_unclear_single_request_is_decided_by_the_object() {
    for turn in [
        Turn::Lost,
        Turn::Last(Vec::new()),
        Turn::Reply(error("500 Internal Server Error", "InternalError")),
        // Whoever answers 200 without a tag is no store, or has not stored.
        Turn::Reply(NO_ETAG.to_vec()),
    ] {
        let store = StandIn::once("put", turn.clone());
        it_is_stored(&store, &put_small(&store, &[URI]), &small());
        if !matches!(turn, Turn::Lost) {
            let store = StandIn::always("put", turn);
            nothing_is_left(&store, &put_small(&store, &[URI]), 69, &[URI]);
        }
    }
}

#[test]
fn an_upload_that_is_gone_counts_only_with_our_object_there() {
    let gone = || Turn::Reply(error("404 Not Found", "NoSuchUpload"));
    let store = StandIn::always("complete", gone());
    nothing_is_left(&store, &put_large(&store, &[URI]), 69, &["NoSuchUpload"]);
    // The object that lies there is not ours, or is.
    let foreign = Turn::After(Interlude::Foreign(large()));
    let store = StandIn::with(move |request, before| match (request.asks(), before) {
        ("part", 0) => foreign.clone(),
        ("complete", _) => gone(),
        _ => Turn::Serve,
    });
    let output = put_large(&store, &[URI]);
    expect(&output, 69, &["NoSuchUpload"]);
    assert!(output.stdout.is_empty());
    let store = StandIn::with(|request, before| match (request.asks(), before) {
        ("complete", 0) => Turn::Lost,
        _ => Turn::Serve,
    });
    it_is_stored(&store, &put_large(&store, &[URI]), &large());
}

#[test]
fn what_cannot_be_decided_is_69_and_may_exist() {
    for what in ["put", "complete"] {
        let store = StandIn::with(move |request, before| match request.asks() {
            // Free at first; afterwards nobody says what is there.
            "look" if before > 0 => Turn::Reply(error("503 Slow Down", "SlowDown")),
            asks if asks == what => Turn::Last(Vec::new()),
            _ => Turn::Serve,
        });
        let output = if what == "put" {
            put_small(&store, &[URI])
        } else {
            put_large(&store, &[URI])
        };
        expect(&output, 69, &["may exist", URI, "hint: "]);
        assert_eq!((output.stdout.len(), store.uploads()), (0, 0));
    }
}

/// The store said 503 to the second try, but not what became of the first.
#[test]
fn a_lost_try_stays_unclear_whatever_the_next_one_says() {
    let store = StandIn::with(|request, before| match (request.asks(), before) {
        ("put", 0) => Turn::Last(Vec::new()),
        ("put", _) => Turn::Reply(error("503 Slow Down", "SlowDown")),
        _ => Turn::Serve,
    });
    expect(&put_small(&store, &[URI]), 69, &["may exist", URI]);
}

#[test]
fn a_store_without_conditions_is_asked_without_them_and_said_so() {
    let no_conditions = |request: &Request, _| match request.header("if-none-match") {
        Some(_) => Turn::Reply(error("501 Not Implemented", "NotImplemented")),
        None => Turn::Serve,
    };
    let store = StandIn::with(no_conditions);
    let output = put_small(&store, &[URI]);
    it_is_stored(&store, &output, &small());
    expect(&output, 0, &["warning: ", "conditions"]);
    it_is_stored(&store, &put_large(&store, &[SERIES]), &large());
}

/// Each store has its own words for a header that it does not know; Backblaze B2 and Dell ECS say 400.
#[test]
fn a_condition_that_a_store_refuses_in_other_words_is_left_out_as_well() {
    let refusal = |status: &str, code: &str, message: &str| {
        reply(
            status,
            "",
            &format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>"),
        )
    };
    for refusal in [
        refusal(
            "400 Bad Request",
            "InvalidArgument",
            "Unsupported header 'if-none-match' received for this API call.",
        ),
        refusal(
            "400 Bad Request",
            "NotImplemented",
            "A header you provided implies functionality that is not implemented",
        ),
        refusal(
            "405 Method Not Allowed",
            "MethodNotAllowed",
            "If-None-Match is not supported",
        ),
    ] {
        let store = StandIn::with(move |request, _| match request.header("if-none-match") {
            Some(_) => Turn::Reply(refusal.clone()),
            None => Turn::Serve,
        });
        let output = put_small(&store, &[URI]);
        it_is_stored(&store, &output, &small());
        expect(&output, 0, &["warning: ", "conditions"]);
        it_is_stored(&store, &put_large(&store, &[SERIES]), &large());
    }
    // What is refused for another reason is not sent twice.
    let store = StandIn::always("put", Turn::Reply(error("400 Bad Request", "InvalidStorageClass")));
    nothing_is_left(&store, &put_small(&store, &[URI]), 78, &["InvalidStorageClass"]);
    assert_eq!(store.those("put").len(), 1);
}

/// Some proxies refuse every announcement; RFC 9110, 10.1.1 lets the client repeat the request without it.
#[test]
fn a_body_is_sent_without_announcement_where_that_is_refused() {
    for size in [200_000, 12 << 20] {
        let store = StandIn::with(|request, _| match request.header("expect") {
            Some(_) => Turn::Early(reply("417 Expectation Failed", "Connection: close\r\n", "")),
            None => Turn::Serve,
        });
        let snapshot = Synthetic::new(size).to_vec();
        let words = ["--part-size=5MiB", "--concurrency=1", "--max-attempts=1", URI];
        it_is_stored(&store, &put(&store, &words, &snapshot), &snapshot);
        // It is learnt once a run.
        let announced = store
            .seen()
            .iter()
            .filter(|seen| seen.header("expect").is_some())
            .count();
        assert_eq!(announced, 1);
    }
    // Something that says so to everything is not asked for ever.
    let store = StandIn::always("put", Turn::Early(reply("417 Expectation Failed", "", "")));
    nothing_is_left(&store, &put_small(&store, &[URI]), 78, &["417"]);
    assert_eq!(store.those("put").len(), 2);
}

/// A proxy that compresses marks the tags of parts as weak, and the store knows only those that it gave itself
/// (github.com/minio/minio/issues/6025).
#[test]
fn the_tags_of_parts_are_given_back_without_a_mark_of_weakness() {
    let store = StandIn::with(|request, _| match request.asks() {
        "part" => Turn::Edited("ETag: ", "ETag: W/"),
        _ => Turn::Serve,
    });
    it_is_stored(&store, &put_large(&store, &[URI]), &large());
    let body = String::from_utf8(store.those("complete")[0].body.clone()).unwrap();
    assert!(
        body.contains("<ETag>\"part 1\"</ETag>") && !body.contains("W/"),
        "{body}"
    );
}

/// Keeps the beginning of what is written.
struct Beginning(Vec<u8>);

impl std::io::Write for Beginning {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0.len() > 6 << 20 {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The size in meta.json is a claim until all is read: memory is not taken for it without limit.
#[test]
fn a_meta_json_that_claims_terabytes_takes_no_memory_for_them() {
    for (size, words, part) in [
        (5 << 40, &["--part-size=5MiB"][..], "--part-size 525MiB"),
        (400 << 30, &["--part-size=5MiB"], "--part-size 41MiB"),
        (5 << 40, &["--part-size=5MiB", "--concurrency=1"], "--part-size 525MiB"),
    ] {
        let mut beginning = Beginning(Vec::new());
        Synthetic::new(size).write(&mut beginning).unwrap_err();
        let store = StandIn::new();
        for filter in [&[][..], &["--", "cat"]] {
            let mut command = program::program(env!("CARGO_BIN_EXE_s3-put"), &store.url);
            command.env("PATH", std::env::var_os("PATH").unwrap());
            let words = [words, &[URI], filter].concat();
            let output = run_with(command, &words, beginning.0.clone());
            expect(&output, 64, &["128 MiB of memory", "hint: ", "--concurrency"]);
            let is_plain = filter.is_empty();
            assert!(!is_plain || String::from_utf8_lossy(&output.stderr).contains(part));
            assert_eq!(store.connections(), 0, "nothing is sent");
        }
        // Who asks for such parts gets them; that it is cut is another matter.
        let words = ["--part-size=512MiB", "--concurrency=1", URI];
        let output = put(&store, &words, &beginning.0);
        expect(&output, 65, &["verify the snapshot"]);
    }
    // As far as the memory goes, parts are made larger without a word.
    let mut beginning = Beginning(Vec::new());
    Synthetic::new(200 << 30).write(&mut beginning).unwrap_err();
    let store = StandIn::new();
    let output = put(&store, &["-v", "--part-size=5MiB", URI], &beginning.0);
    expect(
        &output,
        65,
        &["the archive is large: parts of 21 MiB", "verify the snapshot"],
    );
}

/// Neither a look nor a condition would keep an older object from being replaced.
#[test]
fn without_conditions_and_without_a_look_nothing_is_stored() {
    for words in [[URI], [SERIES]] {
        let store = StandIn::with(|request, _| match request.asks() {
            "look" => Turn::Reply(reply("403 Forbidden", "", "")),
            "list" => Turn::Reply(error("403 Forbidden", "AccessDenied")),
            _ if request.header("if-none-match").is_some() => {
                Turn::Reply(error("501 Not Implemented", "NotImplemented"))
            }
            _ => Turn::Serve,
        })
        .holding(KEY, "older");
        for output in [put_small(&store, &words), put_large(&store, &words)] {
            expect(&output, 78, &["501 NotImplemented", "hint: "]);
            assert!(output.stdout.is_empty());
        }
        assert_eq!(
            (store.keys(), store.object(KEY).body),
            (vec![KEY.to_owned()], b"older".to_vec())
        );
        assert_eq!(store.uploads(), 0);
    }
}

#[test]
fn credentials_that_may_only_write_suffice() {
    let store = StandIn::with(|request, _| match request.asks() {
        "look" => Turn::Reply(reply("403 Forbidden", "", "")),
        "list" => Turn::Reply(error("403 Forbidden", "AccessDenied")),
        _ => Turn::Serve,
    });
    it_is_stored(&store, &put_small(&store, &[URI]), &small());
    it_is_stored(&store, &put_large(&store, &[SERIES]), &large());
    // Those that may list see with that what is taken, and what became of a lost reply.
    let listing = |lost: bool| {
        StandIn::with(move |request, before| match request.asks() {
            "look" => Turn::Reply(reply("403 Forbidden", "", "")),
            "complete" if lost && before == 0 => Turn::Lost,
            _ => Turn::Serve,
        })
    };
    let store = listing(false).holding(KEY, "older");
    expect(&put_small(&store, &[URI]), 77, &["there is an object already"]);
    let store = listing(true);
    it_is_stored(&store, &put_large(&store, &[URI]), &large());
}

#[test]
fn a_part_that_failed_on_the_way_is_sent_again_as_it_was() {
    for turn in [
        Turn::Reply(error("500 Internal Server Error", "InternalError")),
        Turn::Reply(error("400 Bad Request", "RequestTimeout")),
        Turn::Reply(error("400 Bad Request", "BadDigest")),
        Turn::Reply(error("400 Bad Request", "XAmzContentSHA256Mismatch")),
        Turn::Last(Vec::new()),
    ] {
        let store = StandIn::once("part", turn);
        it_is_stored(&store, &put_large(&store, &["--concurrency", "1", URI]), &large());
        let parts = store.those("part");
        assert_eq!(parts.len(), 4);
        assert_eq!(parts[0].query("partNumber"), parts[1].query("partNumber"));
        assert!(parts[0].body == parts[1].body);
    }
}

#[test]
fn a_part_that_is_refused_or_not_taken_ends_the_upload() {
    for (turn, code, part) in [
        (Turn::Reply(error("403 Forbidden", "AccessDenied")), 77, "AccessDenied"),
        (
            Turn::Reply(error("400 Bad Request", "ExpiredToken")),
            77,
            "ExpiredToken",
        ),
        // As S3 and MinIO do it: the reply comes before the body was taken, and the connection is cut.
        (Turn::Early(error("403 Forbidden", "AccessDenied")), 77, "AccessDenied"),
        (Turn::Early(error("503 Slow Down", "SlowDown")), 69, "SlowDown"),
        (Turn::Reply(NO_ETAG.to_vec()), 69, "no ETag"),
        (Turn::Reply(error("404 Not Found", "NoSuchUpload")), 69, "NoSuchUpload"),
        (
            Turn::Reply(error("400 Bad Request", "EntityTooSmall")),
            78,
            "EntityTooSmall",
        ),
        (Turn::Last(Vec::new()), 69, "upload part"),
    ] {
        let store = StandIn::always("part", turn);
        nothing_is_left(&store, &put_large(&store, &[URI]), code, &["upload part ", URI, part]);
        assert!(!store.those("abort").is_empty());
        if code != 69 {
            let tried = store.those("part").len();
            assert!(tried <= 3, "a refusal is final, but {tried} parts were sent");
        }
    }
}

#[test]
fn a_completion_that_is_refused_ends_the_upload() {
    for (status, code, exit) in [
        ("403 Forbidden", "AccessDenied", 77),
        ("400 Bad Request", "InvalidPart", 69),
        ("400 Bad Request", "EntityTooSmall", 78),
        ("409 Conflict", "ConditionalRequestConflict", 69),
    ] {
        let store = StandIn::always("complete", Turn::Reply(error(status, code)));
        nothing_is_left(&store, &put_large(&store, &[URI]), exit, &[code]);
    }
}

#[test]
fn a_beginning_without_an_upload_ends_it() {
    for (turn, code) in [
        (Turn::Reply(error("403 Forbidden", "AccessDenied")), 77),
        (Turn::Reply(reply("200 OK", "", "<InitiateMultipartUploadResult>")), 69),
        (Turn::Reply(reply("200 OK", "", "")), 69),
        (Turn::Reply(error("200 OK", "InternalError")), 69),
    ] {
        let store = StandIn::always("begin", turn);
        nothing_is_left(&store, &put_large(&store, &[URI]), code, &["begin the upload of", URI]);
        assert!(store.those("part").is_empty());
    }
}

#[test]
fn an_abort_that_fails_is_a_warning_and_the_first_failure_is_told() {
    let store = StandIn::with(|request, _| match request.asks() {
        "part" => Turn::Reply(error("400 Bad Request", "ExpiredToken")),
        "abort" => Turn::Reply(error("403 Forbidden", "AccessDenied")),
        _ => Turn::Serve,
    });
    expect(
        &put_large(&store, &[URI]),
        77,
        &[
            "warning: abort the upload of",
            "rule for unfinished uploads",
            "ExpiredToken",
        ],
    );
    only_what_is_ours(&store);
    // One that fails on the way is sent again.
    let store = StandIn::with(|request, before| match (request.asks(), before) {
        ("part", _) => Turn::Reply(error("403 Forbidden", "AccessDenied")),
        ("abort", 0) => Turn::Reply(error("503 Slow Down", "SlowDown")),
        _ => Turn::Serve,
    });
    nothing_is_left(&store, &put_large(&store, &[URI]), 77, &["AccessDenied"]);
}

#[test]
fn odd_keys_arrive_as_they_are() {
    for key in ["a b/ü+%25.snap", "x//y", "q?a=b&c#d", "(1)*'!~"] {
        let store = StandIn::new();
        let name = key.replace('%', "%%");
        let exact = !key.contains('%');
        let uri = format!("s3://bkt/{}", if exact { key } else { &name });
        let output = put_small(&store, &["--raw", &uri]);
        if exact {
            it_is_stored(&store, &output, &small());
            assert_eq!(store.keys(), [key]);
        } else {
            // A percent sign makes a template of it.
            expect(&output, 64, &[]);
        }
    }
}

#[test]
fn whitespace_before_the_result_of_a_completion_is_no_matter() {
    let mut bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n \n  \r\n".to_vec();
    let whole = completed();
    let body = &whole[whole.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4..];
    bytes.extend(format!("{:x}\r\n", body.len()).bytes());
    bytes.extend(body);
    bytes.extend(b"\r\n0\r\n\r\n");
    let store = StandIn::always("complete", Turn::Reply(bytes));
    expect(&put_large(&store, &[URI]), 0, &["stored"]);
    assert_eq!(store.those("complete").len(), 1);
}
