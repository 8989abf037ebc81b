//! From the store through the check to the output.

use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};
use snapline_archive::{Guard, Summary};
use snapline_cli::{Failure, Field, Kind, Output, summary};
use snapline_relay::{Stalls, Stop, Target, Waiting, copy, copy_raw};
use snapline_s3::{Client, Download};

use crate::refusal::refused;
use crate::series::Chosen;

/// How long our reader may take nothing.
const STALL: Duration = Duration::from_secs(120);

/// Fetches an object, and says what was fetched.
///
/// # Errors
/// 65 if it is no whole archive, unless it is wanted `raw`; and those of the store and of the output, whose name is `path`.
pub(crate) fn fetch(
    client: &Client,
    chosen: &Chosen,
    raw: bool,
    path: Option<&str>,
    mut output: Output,
) -> Result<(), Failure> {
    let start = Instant::now();
    output.enlarge_pipe();
    log::info!("fetching '{}'", chosen.object);
    let mut source = Source::new(client.get(&chosen.object, chosen.size)?);
    let stalls = Stalls {
        limit: STALL,
        // The client has its own limits, and tries again within them.
        reading: None,
        output: path,
        spool: None,
    };
    let watch = stalls.watch()?;
    let target = Target::Output(&mut output);
    let archive = if raw {
        let bytes =
            copy_raw(|buffer| source.read(buffer), target, &watch).map_err(|stop| source.failure(stop, chosen))?;
        if bytes == 0 {
            return Err(Failure::says(
                Kind::Data,
                format!("get '{}': it is empty", chosen.object),
            ));
        }
        None
    } else {
        let mut left = 0;
        let copied = copy(|buffer| source.read(buffer), Guard::new(), target, &watch, &mut left);
        let (archive, held) = copied.map_err(|stop| source.failure(stop, chosen))?;
        watch.waits_for(Waiting::Output);
        output.write_all(held.as_ref())?;
        Some(archive)
    };
    drop(watch);
    output.commit()?;
    let mut fields = vec![("bytes", Field::Count(source.download.size()))];
    if let Some(Summary { meta, .. }) = archive {
        fields.extend([("index", Field::Count(meta.index)), ("term", Field::Count(meta.term))]);
    }
    fields.push(("sha256", Field::Word(source.sha256())));
    fields.push(("seconds", Field::Seconds(start.elapsed().as_secs_f64())));
    summary(&format!("got '{}'", chosen.object), &fields);
    Ok(())
}

/// An object that is hashed while it is read.
struct Source<'a> {
    download: Download<'a>,
    digest: Sha256,
}

impl<'a> Source<'a> {
    fn new(download: Download<'a>) -> Self {
        Self {
            download,
            digest: Sha256::new(),
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, snapline_s3::Error> {
        let count = self.download.read(buffer)?;
        self.digest.update(&buffer[..count]);
        Ok(count)
    }

    fn failure(&self, stop: Stop<snapline_s3::Error>, chosen: &Chosen) -> Failure {
        match stop {
            Stop::Source(error) => error.into(),
            Stop::Archive(error) => refused(&error, self.download.attributes(), chosen),
            Stop::Target(failure) => failure,
        }
    }

    /// In lower-case hexadecimal, as `sha256sum` prints it.
    fn sha256(self) -> String {
        format!("{:x}", self.digest.finalize())
    }
}
