//! Writes a valid archive with as many MiB of data as its only argument says to standard output.
#![allow(clippy::expect_used, reason = "a tool of the benchmarks")]

use std::io::{BufWriter, Write, stdout};

use snapline_archive::synthetic::Synthetic;

fn main() {
    let mebibytes: u64 = std::env::args()
        .nth(1)
        .expect("the size in MiB")
        .parse()
        .expect("a number");
    let mut out = BufWriter::with_capacity(1 << 20, stdout().lock());
    Synthetic::new(mebibytes << 20)
        .write(&mut out)
        .expect("write the archive");
    out.flush().expect("write the archive");
}
