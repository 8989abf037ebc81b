//! What a listing must be before anything is deleted.

#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../../crates/s3/tests/support/program.rs"]
mod program;
#[path = "../../../crates/s3/tests/support/stand_in.rs"]
mod stand_in;
#[path = "support/series.rs"]
mod support;

use program::expect;
use stand_in::{StandIn, Turn, error, reply};
use support::{SERIES, key, keys, line, nothing_goes, run, series};

#[test]
fn a_reply_that_trickles_does_not_hold_it_for_ever() {
    let begun = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n".to_vec();
    let store = series(StandIn::always("list", Turn::Trickle(begun)), 4);
    let words = [SERIES, &["--timeout", "1", "--max-attempts", "1"]].concat();
    nothing_goes(
        &store,
        &run(&store.url, &words, ""),
        69,
        &["list 's3://bkt/v/vault_raft_'", "in time"],
    );
}

/// The elements of a listing for these objects.
fn entries(numbers: &[usize]) -> String {
    let entry = |n: &usize| {
        let key = key(*n);
        format!("<Contents><Key>{key}</Key><LastModified>x</LastModified><Size>7</Size></Contents>")
    };
    numbers.iter().map(entry).collect()
}

/// Half a listing must not look like a whole one: the objects to keep may be in the other half.
#[test]
fn a_listing_that_is_not_whole_deletes_nothing() {
    let page = |middle: &str| {
        let contents = entries(&[0, 1, 2, 3]);
        format!("<ListBucketResult><Name>bkt</Name>{middle}{contents}</ListBucketResult>")
    };
    let whole = page("<IsTruncated>false</IsTruncated>");
    // The page is good as it stands: what follows is refused for its oddity alone.
    let store = StandIn::always("list", Turn::Reply(reply("200 OK", "", &whole)));
    expect(
        &run(&store.url, &[SERIES, &["--dry-run"]].concat(), ""),
        0,
        &["would_delete=2"],
    );
    for body in [
        page("<IsTruncated>true</IsTruncated>"),
        page("<IsTruncated>true</IsTruncated><NextContinuationToken></NextContinuationToken>"),
        // The same token again: the store does not know tokens.
        page("<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>"),
        // Whether there is more is not said.
        page(""),
        whole[..whole.len() - 5].to_owned(),
        whole[..whole.len() / 2].to_owned(),
        whole.replace("ListBucketResult", "Other"),
        whole.replace("<Size>7</Size>", ""),
        String::new(),
        "<html>welcome</html>".to_owned(),
    ] {
        let store = StandIn::always("list", Turn::Reply(reply("200 OK", "", &body)));
        nothing_goes(
            &store,
            &run(&store.url, SERIES, ""),
            69,
            &["list 's3://bkt/v/vault_raft_'"],
        );
    }
    let mut cut = reply("200 OK", "", &whole);
    cut.truncate(cut.len() - 30);
    let store = StandIn::always("list", Turn::Last(cut));
    nothing_goes(
        &store,
        &run(&store.url, SERIES, ""),
        69,
        &["list 's3://bkt/v/vault_raft_'"],
    );
    // Tokens that go round in a circle.
    let whole = page("<IsTruncated>true</IsTruncated><NextContinuationToken>TOKEN</NextContinuationToken>");
    let store = StandIn::with(move |_, before| {
        let token = if before % 2 == 0 { "even" } else { "odd" };
        Turn::Reply(reply("200 OK", "", &whole.replace("TOKEN", token)))
    });
    nothing_goes(&store, &run(&store.url, SERIES, ""), 69, &["names no next page"]);
    // The second page fails.
    let store = StandIn::with(|request, _| match request.query("continuation-token") {
        Some(_) => Turn::Reply(error("500 Oops", "InternalError")),
        None => Turn::Serve,
    });
    let store = series(store, 5).paged(2);
    nothing_goes(&store, &run(&store.url, SERIES, ""), 69, &["500 InternalError"]);
}

/// A store that makes up pages for ever does not hold the run for ever, and deletes nothing.
#[test]
fn a_listing_that_brings_nothing_new_is_given_up() {
    for contents in [String::new(), entries(&[1])] {
        let store = StandIn::with(move |request, before| match request.asks() {
            "list" => {
                let body = format!(
                    "<ListBucketResult><Name>bkt</Name><IsTruncated>true</IsTruncated><NextContinuationToken>{before}</NextContinuationToken>\
                     {contents}</ListBucketResult>"
                );
                Turn::Reply(reply("200 OK", "", &body))
            }
            _ => Turn::Serve,
        });
        nothing_goes(
            &store,
            &run(&store.url, SERIES, ""),
            69,
            &["1001 pages in a row brought nothing new"],
        );
    }
}

/// Some stores list an object only seconds after they stored it.
#[test]
fn a_new_object_that_is_listed_late_is_waited_for() {
    let without = format!(
        "<ListBucketResult><Name>bkt</Name><IsTruncated>false</IsTruncated>{}</ListBucketResult>",
        entries(&[0, 1, 2])
    );
    let store = StandIn::with(move |request, before| match request.asks() {
        "list" if before < 2 => Turn::Reply(reply("200 OK", "", &without)),
        _ => Turn::Serve,
    });
    let store = series(store, 4);
    let output = run(&store.url, &["--keep-last", "2", "-v"], &line(3));
    expect(
        &output,
        0,
        &[
            "it is not there yet; asking again in 500 ms",
            "in 1000 ms",
            "kept=2 deleted=2",
        ],
    );
    assert_eq!(store.those("list").len(), 3);
    assert_eq!(store.keys(), keys(2..4));
}

/// Where pages overlap, an object must not count twice: the second would be surplus, and so the newest could go.
#[test]
fn an_object_that_is_listed_twice_counts_once() {
    let page = |numbers: &[usize], more: bool| {
        let contents = entries(numbers);
        let token = if more {
            "<NextContinuationToken>t</NextContinuationToken>"
        } else {
            ""
        };
        let body = format!(
            "<ListBucketResult><Name>bkt</Name><IsTruncated>{more}</IsTruncated>{token}{contents}</ListBucketResult>"
        );
        Turn::Reply(reply("200 OK", "", &body))
    };
    let store = StandIn::with(move |request, _| match request.asks() {
        "list" if request.query("continuation-token").is_some() => page(&[2, 2, 3, 3], false),
        "list" => page(&[0, 1, 2], true),
        _ => Turn::Serve,
    });
    let output = run(&store.url, SERIES, "");
    expect(&output, 0, &["kept=2 deleted=2"]);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), [line(0), line(1)].concat());
}

#[test]
fn what_is_not_of_the_series_is_not_touched() {
    let foreign = [
        "v/vault_raft_20260101_000000.snap.sha256",
        "v/vault_raft_20260101_000000.snap.1",
        "v/vault_raft_20261301_000000.snap",
        "v/vault_raft_latest.snap",
        "v/sub/vault_raft_20260101_000000.snap",
        "v-staging/vault_raft_20260101_000000.snap",
        "vault_raft_20260101_000000.snap",
        "v/readme",
    ];
    let future = "v/vault_raft_20991231_000000.snap";
    let empty = "v/vault_raft_20260101_000059.snap";
    let store = foreign
        .iter()
        .fold(series(StandIn::new(), 5), |store, key| store.holding(key, "x"));
    let store = store.holding(future, "x").holding(empty, "").paged(3);
    expect(
        &run(&store.url, SERIES, ""),
        0,
        &["is from the future", "is empty", "kept=3 deleted=3"],
    );
    let mut left: Vec<String> = foreign.iter().map(|key| (*key).to_owned()).chain(keys(3..5)).collect();
    left.extend([future.to_owned(), empty.to_owned()]);
    left.sort();
    assert_eq!(store.keys(), left);
}

#[test]
fn listings_are_followed_to_their_end_and_keys_are_decoded() {
    let name = |n: usize| format!("a b+c/100%/vault_raft_20260101_0000{n:02}.snap");
    let store = (0..9)
        .fold(StandIn::new(), |store, n| store.holding(&name(n), "x"))
        .paged(2);
    let new = format!("s3://bkt/{}\n", name(8));
    let output = run(&store.url, &["--keep-last", "4"], &new);
    expect(&output, 0, &["deleted=5"]);
    assert_eq!(store.keys(), (5..9).map(name).collect::<Vec<_>>());
    let lists = store.those("list");
    assert_eq!(lists.len(), 5);
    assert_eq!(lists[0].query("prefix"), Some("a b+c/100%/vault_raft_"));
    assert!(lists[0].query("continuation-token").is_none());
    assert!(lists[1..].iter().all(|seen| seen.query("continuation-token").is_some()));
}
