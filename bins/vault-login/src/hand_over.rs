//! The token's way out.

use snapline_cli::{Failure, Output};
use snapline_vault::Secret;

/// Writes the token and a newline in one go: a reader that sees the newline has the whole token. If a signal has been delivered
/// by then, nothing is written, and the token is revoked instead.
pub(crate) fn hand_over(mut output: Output, token: &Secret) -> Result<(), Failure> {
    output.write_all(format!("{}\n", token.reveal()).as_bytes())?;
    output.commit()
}
