//! Listings of a real store that come in several pages.

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

fn keys(client: &Client, bucket: &Bucket, prefix: &str) -> Vec<String> {
    let uri = bucket.uri("");
    let name = uri.trim_start_matches("s3://").trim_end_matches('/');
    let mut keys = Vec::new();
    let each = |entry: snapline_s3::Entry| {
        keys.push(entry.key);
        ControlFlow::Continue(())
    };
    client.list(name, prefix, each).unwrap();
    keys
}

#[test]
fn a_listing_of_several_pages_is_complete_whatever_the_keys_are() {
    let minio = Minio::shared();
    let bucket = minio.bucket("pages");
    // A page of MinIO, as of S3, has 1,000 keys at most. The odd ones come first, last and at the end of a page.
    let odd = ["vault/a b", "vault/a+b", "vault/50%", "vault/ü&<>\"'", "vault/sub/x"];
    let mut wanted: Vec<String> = (0..2000).map(|number| format!("vault/{number:04}")).collect();
    wanted.extend(["vault/0998 b", "vault/0998+", "vault/!"].map(str::to_owned));
    wanted.extend(odd.map(str::to_owned));
    let others = ["vault-staging/00", "vaul"];
    bucket.put_many(wanted.iter().map(String::as_str).chain(others));
    wanted.sort();
    assert_eq!(keys(&client(&minio), &bucket, "vault/"), wanted);
}
