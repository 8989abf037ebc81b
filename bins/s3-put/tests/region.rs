//! A store that names another region than it was asked in is asked there, once.

#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../../crates/s3/tests/support/program.rs"]
mod program;
#[path = "../../../crates/s3/tests/support/stand_in.rs"]
mod stand_in;

use std::process::Output;

use program::{expect, run_with};
use snapline_archive::synthetic::Synthetic;
use stand_in::{Request, StandIn, Turn, error, reply};

const URI: &str = "s3://bkt/vault/one.snap";

fn put(store: &StandIn, words: &[&str], size: u64) -> Output {
    let stdin = Synthetic::new(size).to_vec();
    let words = [&["-v", "--part-size", "5MiB"], words].concat();
    run_with(
        program::program(env!("CARGO_BIN_EXE_s3-put"), &store.url),
        &words,
        stdin,
    )
}

/// Whether the signature names the region.
fn is_signed_for(request: &Request, region: &str) -> bool {
    let scope = format!("/{region}/s3/aws4_request");
    request.header("authorization").unwrap().contains(&scope)
}

/// A store in `eu-west-1` that says so in this reply to whatever is signed for elsewhere.
fn in_ireland(refusal: Vec<u8>) -> StandIn {
    StandIn::with(move |request, _| {
        if is_signed_for(request, "eu-west-1") {
            Turn::Serve
        } else {
            Turn::Reply(refusal.clone())
        }
    })
}

#[test]
fn the_region_that_the_store_names_is_used_from_then_on() {
    let header = "x-amz-bucket-region: eu-west-1\r\n";
    let moved = "<Error><Code>PermanentRedirect</Code><Message>elsewhere</Message></Error>";
    for refusal in [
        reply("400 Bad Request", header, ""),
        reply("301 Moved Permanently", header, moved),
        reply(
            "307 Temporary Redirect",
            "Location: https://bkt.s3.eu-west-1.amazonaws.com/\r\n",
            "",
        ),
    ] {
        for (size, asked) in [(200_000, "put"), (12 << 20, "complete")] {
            let store = in_ireland(refusal.clone());
            let output = put(&store, &[URI], size);
            expect(&output, 0, &["asking in region 'eu-west-1'", "s3-put: stored "]);
            assert_eq!(store.keys(), ["vault/one.snap"]);
            let refused = store
                .seen()
                .into_iter()
                .filter(|seen| !is_signed_for(seen, "eu-west-1"));
            assert_eq!(refused.map(|seen| seen.asks().to_owned()).collect::<Vec<_>>(), ["look"]);
            assert_eq!(store.those(asked).len(), 1);
        }
    }
}

#[test]
fn a_store_that_names_one_region_after_the_other_is_believed_once() {
    let store = StandIn::with(|request, _| {
        let other = if is_signed_for(request, "eu-west-1") {
            "eu-west-2"
        } else {
            "eu-west-1"
        };
        Turn::Reply(reply(
            "301 Moved Permanently",
            &format!("x-amz-bucket-region: {other}\r\n"),
            "",
        ))
    });
    let output = put(&store, &[URI], 200_000);
    expect(&output, 78, &["301", "hint: the bucket is in region 'eu-west-2'"]);
    assert_eq!(store.asked(), ["look", "look"]);
}

#[test]
fn what_is_no_region_is_not_followed() {
    let head = "x-amz-bucket-region: evil.example.com/\r\nLocation: https://evil.example.com/\r\n";
    let store = StandIn::with(move |_, _| Turn::Reply(reply("301 Moved Permanently", head, "")));
    let output = put(&store, &[URI], 200_000);
    expect(&output, 78, &["301 it redirects to 'https://evil.example.com/'"]);
    assert_eq!(store.asked(), ["look", "list"]);
}

/// With an address of one's own a region is a word in the signature, and stores choose theirs freely.
#[test]
fn a_region_that_no_host_can_be_called_by_is_signed_for_wherever_it_comes_from() {
    for region in ["dc1_prod", "eu.central.1", "zone:a"] {
        let document = format!("<Error><Code>AuthorizationHeaderMalformed</Code><Region>{region}</Region></Error>");
        let store = StandIn::with(move |request, _| {
            let body = if request.asks() == "look" { "" } else { &document };
            if is_signed_for(request, region) {
                Turn::Serve
            } else {
                Turn::Reply(reply("400 Bad Request", "", body))
            }
        });
        expect(&put(&store, &[URI], 200_000), 0, &["s3-put: stored "]);
        let asked = store.asked().len();
        expect(
            &put(&store, &["--region", region, "--overwrite", URI], 200_000),
            0,
            &["s3-put: stored "],
        );
        assert!(store.seen()[asked..].iter().all(|seen| is_signed_for(seen, region)));
    }
}

#[test]
fn a_bucket_of_another_tenant_is_taken() {
    let store = StandIn::new();
    let output = put(&store, &["s3://acme:bkt/vault/one.snap"], 200_000);
    expect(&output, 0, &["s3-put: stored "]);
    assert_eq!(output.stdout, b"s3://acme:bkt/vault/one.snap\n");
    assert!(store.seen().iter().all(|seen| seen.path.starts_with("/acme:bkt/")));
}

/// Alibaba Cloud OSS and Tencent COS take no bucket's name in a path.
#[test]
fn a_store_that_wants_the_bucket_in_the_hosts_name_is_explained() {
    for code in ["SecondLevelDomainForbidden", "PathStyleDomainForbidden"] {
        let store = StandIn::with(move |request, _| {
            let refusal = reply("403 Forbidden", "", "");
            Turn::Reply(if request.asks() == "look" {
                refusal
            } else {
                error("403 Forbidden", code)
            })
        });
        let hint = "hint: the store wants the bucket's name in the host's: --addressing-style virtual";
        expect(&put(&store, &[URI], 200_000), 77, &[code, hint]);
    }
}
