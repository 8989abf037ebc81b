//! Runs a MinIO with the bucket `bench` for as long as standard input stays open; prints its endpoint.
#![allow(clippy::print_stdout, clippy::expect_used, reason = "a tool of the benchmarks")]

use std::io::{Read, stdin};

use snapline_integration::minio::Minio;

fn main() {
    let minio = Minio::start();
    minio.bucket_named("bench");
    println!("{}", minio.endpoint());
    stdin()
        .read_to_end(&mut Vec::new())
        .expect("wait for the end of standard input");
}
