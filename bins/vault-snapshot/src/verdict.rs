//! What it means that a snapshot which came is not whole.

use snapline_archive::Error;
use snapline_cli::{Failure, Kind};
use snapline_vault::Snapshot;

/// Whether the reply ended properly and the archive in it did not: a server that is sealed or restarted ends it so, and another
/// try may be whole.
pub(crate) fn is_cut(snapshot: &Snapshot, error: &Error) -> bool {
    snapshot.encoding().is_none() && matches!(error, Error::Empty | Error::Truncated { .. } | Error::Incomplete { .. })
}

/// The failure to report.
pub(crate) fn refused(snapshot: &Snapshot, error: &Error) -> Failure {
    let failure = Failure::says(
        Kind::Data,
        format!("check the snapshot from '{}': {error}", snapshot.url()),
    );
    if is_cut(snapshot, error) {
        return failure.hint("the reply ended properly, but too early: the server's log may say why");
    }
    match (error, snapshot.encoding()) {
        (_, Some(encoding)) => failure.hint(format!(
            "the reply says 'Content-Encoding: {encoding}': a proxy in between encodes it, which must be off for this path"
        )),
        (Error::NotGzip { .. }, None) => failure.hint(match snapshot.content_type() {
            Some(kind) => format!("the reply is of type '{kind}': does the address name Vault itself?"),
            None => "does the address name Vault itself?".to_owned(),
        }),
        (_, None) => failure,
    }
}
