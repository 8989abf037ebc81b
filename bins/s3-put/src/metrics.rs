//! Metrics of a success as a file, for the textfile collector of the Prometheus node exporter.

use std::time::Duration;

use snapline_cli::{Failure, Gauges, Kind, Output};
use snapline_series::Location;
use time::OffsetDateTime;

/// A place for metrics, known to be writable.
#[derive(Debug)]
pub(crate) struct MetricsFile {
    output: Output,
}

/// What there is to tell.
#[derive(Debug)]
pub(crate) struct Metrics<'a> {
    /// Where the object belongs: with that, files of several series may lie in one folder.
    pub(crate) location: &'a Location,
    pub(crate) now: OffsetDateTime,
    /// Bytes of the object.
    pub(crate) size: u64,
    /// Raft index and term, where the content was verified.
    pub(crate) index: Option<u64>,
    pub(crate) term: Option<u64>,
    /// The store's name for the object's version, in a bucket with versions.
    pub(crate) version: Option<&'a str>,
    /// From the program's start until the object was there.
    pub(crate) duration: Duration,
}

impl MetricsFile {
    /// Makes sure that `path` can be written to, before anything is uploaded. An older file stays until there is a new one.
    ///
    /// # Errors
    /// 64 for standard output, which has the URI; 74 if there is no such folder, or it is read-only.
    pub(crate) fn open(path: &str) -> Result<Self, Failure> {
        if path == "-" {
            let message = "use --metrics-file: it names a file; standard output has the object's URI";
            return Err(Failure::says(Kind::Usage, message));
        }
        let output = Output::open(Some(path))?;
        // The node exporter is somebody else.
        output.readable_by_all()?;
        Ok(Self { output })
    }

    /// Puts the metrics in place.
    ///
    /// # Errors
    /// 74 if that fails: the object is there all the same, and the message says so.
    pub(crate) fn write(mut self, metrics: &Metrics<'_>, object: &str) -> Result<(), Failure> {
        let text = metrics.text();
        let written = self.output.write_all(text.as_bytes());
        written
            .and_then(|()| self.output.commit())
            .map_err(|failure| failure.context(format!("tell the metrics of '{object}', which is stored")))
    }
}

impl Metrics<'_> {
    fn text(&self) -> String {
        // The same label for each run: that of a series has no time in it.
        let mut gauges = Gauges::new(&[("series", &self.location.to_string())]);
        gauges.add(
            "last_success_timestamp_seconds",
            "When the newest snapshot was stored, in seconds since 1970.",
            self.now.unix_timestamp(),
        );
        gauges.add(
            "snapshot_size_bytes",
            "Size of the newest snapshot's object.",
            self.size,
        );
        gauges.add_some("snapshot_index", "Raft index of the newest snapshot.", self.index);
        gauges.add_some("snapshot_term", "Raft term of the newest snapshot.", self.term);
        if let Some(version) = self.version {
            gauges.add_info(
                "snapshot_version_info",
                "The version of the newest snapshot's object, in a bucket with versions.",
                ("version_id", version),
            );
        }
        gauges.add(
            "upload_duration_seconds",
            "How long storing the newest snapshot took, waiting for it included.",
            format_args!("{:.3}", self.duration.as_secs_f64()),
        );
        gauges.into_text()
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn metrics(location: &Location, verified: bool) -> String {
        let metrics = Metrics {
            location,
            now: datetime!(2026-11-24 10:00:00 UTC),
            size: 21_340,
            index: verified.then_some(592),
            term: verified.then_some(3),
            version: (!verified).then_some("v1"),
            duration: Duration::from_millis(1234),
        };
        metrics.text()
    }

    #[test]
    fn each_metric_has_its_help_and_type_and_one_line() {
        let location = Location::parse("s3://bkt/vault/", "v_%Y%m%d_%H%M%S").unwrap();
        let text = metrics(&location, true);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 15);
        for three in lines.chunks(3) {
            let name = three[0].split(' ').nth(2).unwrap();
            assert!(three[0].starts_with("# HELP snapline_") && three[0].ends_with('.'));
            assert_eq!(three[1], format!("# TYPE {name} gauge"));
            assert!(three[2].starts_with(&format!("{name}{{series=\"s3://bkt/vault/v_%Y%m%d_%H%M%S\"}} ")));
        }
        assert!(text.contains("} 1795514400\n") && text.contains("} 21340\n") && text.contains("} 1.234\n"));
        assert!(text.contains("} 592\n") && text.contains("} 3\n"));
    }

    #[test]
    fn what_was_not_verified_has_neither_index_nor_term() {
        let location = Location::parse("s3://bkt/one", "unused").unwrap();
        let text = metrics(&location, false);
        assert_eq!(text.lines().count(), 12);
        assert!(text.contains("\nsnapline_snapshot_version_info{series=\"s3://bkt/one\",version_id=\"v1\"} 1\n"));
        assert!(!text.contains("index") && !text.contains("term"));
    }
}
