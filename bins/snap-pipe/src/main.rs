//! snap-pipe.

fn main() {}
