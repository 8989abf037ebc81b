//! The names of snapshots, made without the code under test.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The name that `s3-put` gives an object by default, at this time in UTC.
pub fn snapshot_name(time: OffsetDateTime) -> String {
    let text: String = time
        .format(&Rfc3339)
        .expect("a time of these days")
        .chars()
        .filter(char::is_ascii_digit)
        .collect();
    format!("vault_raft_{}_{}.snap", &text[..8], &text[8..14])
}
