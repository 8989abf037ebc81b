//! snap-prune.

fn main() {}
