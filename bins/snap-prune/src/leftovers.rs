//! Unfinished uploads of the series: invisible, but billed until somebody aborts them.

use std::time::Duration;

use snapline_cli::{Failure, yield_to_ending};
use snapline_s3::{Client, InProgress, Upload};
use snapline_series::{ObjectUri, Template};
use time::OffsetDateTime;

/// How long one abortion may take.
const LIMIT: Duration = Duration::from_secs(30);

/// Aborts the uploads to keys of the series that were begun before `before`, and says how many. One that cannot be aborted does
/// not stop the rest. With `dry_run` they are only named.
pub(crate) fn abort(
    client: &Client,
    (bucket, template): (&str, &Template),
    before: OffsetDateTime,
    dry_run: bool,
) -> Result<usize, Failure> {
    let is_leftover = |upload: &InProgress| {
        template.parse_key(&upload.key).is_some() && upload.initiated.is_some_and(|initiated| initiated < before)
    };
    let mut aborted = 0;
    let mut first_failure = None;
    for upload in client
        .uploads(bucket, template.literal_prefix())?
        .into_iter()
        .filter(is_leftover)
    {
        let object = ObjectUri {
            bucket: bucket.to_owned(),
            key: upload.key,
        };
        log::info!("abort the unfinished upload of '{object}'");
        if !dry_run {
            yield_to_ending();
            let upload = Upload { object, id: upload.id };
            if let Err(error) = client.abort(&upload, LIMIT) {
                log::warn!("{error}");
                first_failure.get_or_insert(error);
                continue;
            }
        }
        aborted += 1;
    }
    first_failure.map_or(Ok(aborted), |error| Err(error.into()))
}
