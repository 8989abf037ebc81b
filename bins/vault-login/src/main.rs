//! vault-login.

fn main() {}
