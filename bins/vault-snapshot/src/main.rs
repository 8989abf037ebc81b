//! vault-snapshot.

fn main() {}
