//! What s3-get fetches from a real store is one whole object, or nobody takes it for one.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod broken;
mod choice;
mod faults;

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// SHA-256 in hexadecimal, as the summary line has it.
fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}
