//! Listings of a real store, in pages smaller than its own.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::ffi::OsString;
use std::ops::ControlFlow;

use snapline_integration::bucket::Bucket;
use snapline_integration::minio::{ACCESS_KEY, Minio, SECRET_KEY};
use snapline_s3::{Client, Flags, Settings};

fn client(minio: &Minio) -> Client {
    let variables = [
        ("AWS_ENDPOINT_URL", minio.endpoint()),
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", SECRET_KEY.to_owned()),
    ];
    let environment = |name: &str| {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| OsString::from(value))
    };
    let settings = Settings::resolve(Flags::default(), &environment).unwrap();
    Client::new(settings, "listing", 1)
}

fn keys(client: &Client, bucket: &Bucket, prefix: &str, page: u32) -> Vec<String> {
    let uri = bucket.uri("");
    let name = uri.trim_start_matches("s3://").trim_end_matches('/');
    let mut keys = Vec::new();
    let each = |entry: snapline_s3::Entry| {
        keys.push(entry.key);
        ControlFlow::Continue(())
    };
    client.list(name, prefix, Some(page), each).unwrap();
    keys
}

#[test]
fn a_listing_in_small_pages_is_complete_whatever_the_keys_are() {
    let minio = Minio::shared();
    let bucket = minio.bucket("small-pages");
    let mut wanted: Vec<String> = (0..23).map(|number| format!("vault/{number:02}")).collect();
    wanted.extend(["vault/a b", "vault/a+b", "vault/50%", "vault/ü&<>\"'", "vault/sub/x"].map(str::to_owned));
    for key in wanted.iter().map(String::as_str).chain(["vault-staging/00", "vaul"]) {
        bucket.put(key, b"x");
    }
    wanted.sort();
    let client = client(&minio);
    for page in [1, 7, 28, 1000] {
        assert_eq!(keys(&client, &bucket, "vault/", page), wanted, "pages of {page}");
    }
}
