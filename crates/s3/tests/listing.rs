//! Listings of stores that speak another dialect, or that are no stores.

#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "support/stand_in.rs"]
mod stand_in;

use std::ffi::OsString;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use snapline_http::{Fail as _, Kind};
use snapline_s3::{Client, Error, Flags, Settings};
use snapline_series::ObjectUri;
use stand_in::{Request, StandIn, Turn, error, reply};

fn client(store: &StandIn) -> Client {
    let flags = Flags {
        endpoint_url: Some(store.url.clone()),
        max_attempts: Some(2),
        ..Flags::default()
    };
    let keys = |name: &str| {
        let is_key = matches!(name, "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY");
        is_key.then(|| OsString::from("k"))
    };
    Client::new(Settings::resolve(flags, &keys).unwrap(), "test", 1)
}

fn list(store: &StandIn) -> Result<Vec<String>, Error> {
    let mut keys = Vec::new();
    let listed = client(store).list("bkt", "v/", |entry| {
        keys.push(entry.key);
        ControlFlow::Continue(())
    });
    listed.map(|()| keys)
}

fn object(key: &str) -> ObjectUri {
    ObjectUri {
        bucket: "bkt".to_owned(),
        key: key.to_owned(),
    }
}

const KEYS: [&str; 5] = ["v/a b", "v/b+c", "v/c%20", "v/d", "v/e"];

/// A store that knows version 1 only: it answers by `marker`, and as `form` says to the keys and whether more follow.
fn version_one(form: fn(&[&str], bool) -> String) -> StandIn {
    StandIn::with(move |request, _| Turn::Reply(reply("200 OK", "", &page_of_version_one(request, form))))
}

fn page_of_version_one(request: &Request, form: fn(&[&str], bool) -> String) -> String {
    let behind = request.query("marker").unwrap_or_default();
    let left: Vec<_> = KEYS.into_iter().filter(|key| *key > behind).collect();
    let page = &left[..left.len().min(2)];
    form(page, left.len() > 2)
}

fn plain(keys: &[&str], more: bool) -> String {
    let objects: String = keys
        .iter()
        .map(|key| format!("<Contents><Key>{key}</Key><Size>1</Size></Contents>"))
        .collect();
    format!("<ListBucketResult><Marker/><IsTruncated>{more}</IsTruncated>{objects}</ListBucketResult>")
}

/// Older Ceph, Riak CS and some gateways do not notice `list-type=2` (github.com/boto/boto3/issues/2941).
#[test]
fn a_store_of_version_one_is_listed_to_the_end_by_marker() {
    let encoded = |keys: &[&str], more: bool| {
        let keys: Vec<_> = keys
            .iter()
            .map(|key| key.replace('%', "%25").replace('+', "%2B").replace(' ', "+"))
            .collect();
        let keys: Vec<_> = keys.iter().map(String::as_str).collect();
        let last = keys.last().copied().unwrap_or_default();
        let more = format!("<EncodingType>url</EncodingType><NextMarker>{last}</NextMarker><IsTruncated>{more}<");
        plain(&keys, true).replace("<IsTruncated>true<", &more)
    };
    for store in [version_one(plain), version_one(encoded)] {
        assert_eq!(list(&store).unwrap(), KEYS);
        let asked: Vec<_> = store
            .seen()
            .iter()
            .map(|seen| {
                (
                    seen.query("list-type").map(str::to_owned),
                    seen.query("marker").map(str::to_owned),
                )
            })
            .collect();
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(asked, [(text("2"), None), (None, text("v/b+c")), (None, text("v/d"))]);
    }
}

#[test]
fn a_store_that_refuses_version_two_is_asked_by_version_one() {
    for (status, code) in [
        ("501 Not Implemented", "NotImplemented"),
        ("400 Bad Request", "InvalidArgument"),
    ] {
        let store = StandIn::with(move |request, _| {
            if request.query("list-type").is_some() {
                Turn::Reply(error(status, code))
            } else {
                Turn::Reply(reply("200 OK", "", &page_of_version_one(request, plain)))
            }
        });
        assert_eq!(list(&store).unwrap(), KEYS, "{code}");
        // One that refuses both says so itself.
        let store = StandIn::always("list", Turn::Reply(error(status, code)));
        let error = list(&store).unwrap_err();
        assert!(error.to_string().contains(code), "{error}");
        assert_eq!(store.asked().len(), 2);
    }
}

#[test]
fn a_store_that_does_not_get_on_is_an_error_and_no_end() {
    let same = |_: &Request| plain(&KEYS[..2], true);
    let empty = |_: &Request| plain(&[], true);
    let token_lost = |request: &Request| match request.query("continuation-token") {
        None => plain(&KEYS[..2], true).replace("<Marker/>", "<NextContinuationToken>t</NextContinuationToken>"),
        Some(_) => plain(&KEYS[2..4], true),
    };
    let token_again =
        |_: &Request| plain(&KEYS[..2], true).replace("<Marker/>", "<NextContinuationToken>t</NextContinuationToken>");
    let bodies: [fn(&Request) -> String; 4] = [same, empty, token_lost, token_again];
    for body in bodies {
        let store = StandIn::with(move |request, _| Turn::Reply(reply("200 OK", "", &body(request))));
        let error = list(&store).unwrap_err();
        assert_eq!(error.kind(), Kind::Unavailable);
        assert!(error.to_string().contains("names no next page"), "{error}");
        assert!(store.asked().len() <= 3, "{}", store.asked().len());
    }
}

#[test]
fn what_is_no_store_is_named_at_once() {
    let page = "<!DOCTYPE html><html><head><title>Console</title></head></html>";
    let everything = StandIn::with(move |_, _| Turn::Reply(reply("200 OK", "Content-Type: text/html\r\n", page)));
    let error = list(&everything).unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    assert!(
        error.to_string().contains("this is no S3 store") && error.to_string().contains("'Console'"),
        "{error}"
    );
    assert_eq!(everything.asked().len(), 1);

    let untagged = StandIn::with(|_, _| Turn::Reply(b"HTTP/1.1 200 OK\r\nContent-Length: 61\r\n\r\n".to_vec()));
    let error = client(&untagged).head(&object("k")).unwrap_err();
    assert!(error.to_string().contains("this is no S3 store"), "{error}");
    assert_eq!((error.kind(), untagged.asked().len()), (Kind::Unavailable, 1));

    // A missing page is no object that is gone.
    let missing = StandIn::with(move |_, _| Turn::Reply(reply("404 Not Found", "", page)));
    assert!(client(&missing).delete(&object("k")).is_err());
}

#[test]
fn what_a_server_sends_is_bounded() {
    let page =
        |bytes: usize| plain(&KEYS, false).replace("<Marker/>", &format!("<Marker>{}</Marker>", "x".repeat(bytes)));
    let store = StandIn::always("list", Turn::Reply(reply("200 OK", "", &page((4 << 20) - 1000))));
    assert_eq!(list(&store).unwrap(), KEYS);
    let store = StandIn::always("list", Turn::Reply(reply("200 OK", "", &page(4 << 20))));
    let error = list(&store).unwrap_err();
    assert!(error.to_string().contains("longer than 4 MiB"), "{error}");
    assert_eq!((error.kind(), store.asked().len()), (Kind::Unavailable, 1));

    // An error that never ends is heard as soon as enough of it is there.
    let endless = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 100000000\r\n\r\n<Error><Code>AccessDenied</Code><Message>m</Message>";
    let endless = [&endless[..], &vec![b' '; 100_000]].concat();
    let store = StandIn::always("list", Turn::Trickle(endless));
    let start = Instant::now();
    let error = list(&store).unwrap_err();
    assert_eq!((error.kind(), error.code()), (Kind::Refused, "AccessDenied"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(20));
}

#[test]
fn an_error_has_its_code_whatever_the_document_is() {
    for body in [
        "<n:Error xmlns:n=\"x\"><n:Code>AccessDenied</n:Code></n:Error>",
        "<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>",
        "{\"error\":{\"code\":\"AccessDenied\"}}",
    ] {
        let store = StandIn::always("list", Turn::Reply(reply("403 Forbidden", "", body)));
        assert_eq!(list(&store).unwrap_err().code(), "AccessDenied", "{body}");
        // Within a success too.
        let store = StandIn::always(
            "list",
            Turn::Reply(reply("200 OK", "", &body.replace("AccessDenied", "SlowDown"))),
        );
        assert_eq!(list(&store).unwrap_err().code(), "SlowDown", "{body}");
    }
}

/// What stands before some stores knows no HEAD (github.com/filebrowser/filebrowser/issues/2593), or redirects without a word.
#[test]
fn what_head_does_not_tell_the_listing_of_the_exact_key_does() {
    for status in [
        "405 Method Not Allowed",
        "501 Not Implemented",
        "301 Moved Permanently",
        "307 Temporary Redirect",
        "403 Forbidden",
    ] {
        let store = StandIn::always("look", Turn::Reply(reply(status, "", ""))).holding("k", "x");
        assert_eq!(client(&store).exists(&object("k")).unwrap(), Some(true), "{status}");
        assert_eq!(
            client(&store).exists(&object("other")).unwrap(),
            Some(false),
            "{status}"
        );
    }
    // The document of the listing's own redirect says where to.
    let document = "<Error><Code>PermanentRedirect</Code><Endpoint>elsewhere.test</Endpoint></Error>";
    let store = StandIn::with(move |request, _| {
        let body = if request.asks() == "look" { "" } else { document };
        Turn::Reply(reply("301 Moved Permanently", "", body))
    });
    let error = client(&store).exists(&object("k")).unwrap_err();
    assert_eq!(error.code(), "PermanentRedirect");
    assert!(
        error.hint().is_some_and(|hint| hint.contains("elsewhere.test")),
        "{error}"
    );
}

#[test]
fn uploads_are_listed_whatever_the_dialect() {
    let upload = "<n:Upload><n:Initiator/><n:Key>a+b%2Bc</n:Key><n:UploadId>u&amp;1</n:UploadId><n:Initiated>2026-11-24T10:00:00Z</n:Initiated></n:Upload>";
    let body = format!(
        "<n:ListMultipartUploadsResult xmlns:n=\"x\"><n:KeyMarker/><n:KeyMarker/>{upload}<n:Upload/><n:EncodingType>url</n:EncodingType>\
         </n:ListMultipartUploadsResult>"
    );
    let store = StandIn::always("uploads", Turn::Reply(reply("200 OK", "", &body)));
    let uploads = client(&store).uploads("bkt", "").unwrap();
    assert_eq!(uploads.len(), 1);
    assert_eq!((uploads[0].key.as_str(), uploads[0].id.as_str()), ("a b+c", "u&1"));
    assert!(uploads[0].initiated.is_some());
}
