//! s3-put.

fn main() {}
