//! What it means that an object is no whole archive, and how it can be read all the same.

use snapline_archive::Error;
use snapline_cli::{Fail as _, Failure, Kind};
use snapline_s3::Attributes;

use crate::series::Chosen;

/// The failure to report for an object that is no whole archive because of `error`.
pub(crate) fn refused(error: &Error, attributes: &Attributes, chosen: &Chosen) -> Failure {
    let object = &chosen.object;
    let failure = Failure::says(Kind::Data, format!("check '{object}': {error}"));
    let raw = format!("s3-get --raw '{object}' fetches it as it is");
    if let Some(hint) = error.hint() {
        return failure.hint(format!("{raw}; {hint}"));
    }
    match (error, &chosen.before) {
        (Error::NotGzip { .. }, _) if attributes.is_filtered() => {
            failure.hint(format!("s3-put stored it through a filter or with --raw: {raw}"))
        }
        (_, Some(before)) => failure.hint(format!("the snapshot before it: s3-get '{before}'")),
        (_, None) => failure,
    }
}
