//! Gauges in Prometheus' text format. Their names are an interface.
//!
//! They are there in every case, so that a check which fails, or cannot be made, does not leave the file of yesterday: what is
//! not known then is missing, and `snapline_check_ok` is 0.

use snapline_cli::Gauges;

use crate::report::{Findings, Report, Status};

pub(crate) fn render(report: &Report) -> String {
    let mut gauges = Gauges::new(&[("series", &report.series)]);
    gauges.add(
        "check_ok",
        "Whether the last check found a fresh backup, and whole whatever it verified.",
        u8::from(report.status() == Status::Ok),
    );
    gauges.add(
        "check_exit_code",
        "Exit code of the last check: 65 broken, 66 missing, too old or too few, others if it could not be made.",
        report.code(),
    );
    gauges.add(
        "check_timestamp_seconds",
        "When the last check was made, in seconds since 1970.",
        report.now.unix_timestamp(),
    );
    gauges.add(
        "check_duration_seconds",
        "How long the last check took.",
        format_args!("{:.3}", report.duration.as_secs_f64()),
    );
    if let Ok(findings) = &report.findings {
        known(&mut gauges, findings);
    }
    gauges.into_text()
}

fn known(gauges: &mut Gauges, findings: &Findings) {
    gauges.add("check_snapshots", "Snapshots of the series that count.", findings.count);
    gauges.add(
        "check_snapshots_future",
        "Objects of the series whose time is ahead of the clock.",
        findings.future,
    );
    gauges.add("check_snapshots_empty", "Empty objects of the series.", findings.empty);
    if let Some(newest) = &findings.newest {
        gauges.add(
            "check_newest_timestamp_seconds",
            "Time in the name of the newest snapshot, in seconds since 1970.",
            newest.time.unix_timestamp(),
        );
        gauges.add(
            "check_newest_age_seconds",
            "Age of the newest snapshot at the time of the check.",
            newest.age.as_secs(),
        );
        gauges.add("check_newest_size_bytes", "Size of the newest snapshot.", newest.size);
        gauges.add_some("check_newest_index", "Raft index of the newest snapshot.", newest.index);
        gauges.add_some("check_newest_term", "Raft term of the newest snapshot.", newest.term);
        gauges.add_some(
            "check_newest_whole",
            "Whether the newest snapshot was proven whole; missing if it was not read.",
            newest.whole.map(u8::from),
        );
    }
    if let Some(verification) = &findings.verification {
        gauges.add(
            "check_verified_snapshots",
            "Snapshots that were proven whole.",
            verification.whole,
        );
        gauges.add(
            "check_broken_snapshots",
            "Snapshots that are broken.",
            verification.broken,
        );
        gauges.add(
            "check_filtered_snapshots",
            "Snapshots that a filter encrypted or compressed, so that they cannot be verified.",
            verification.filtered,
        );
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use prometheus_parse::{Scrape, Value};

    use super::*;
    use crate::report::tests::{bad, good, unknown};

    /// The gauges as Prometheus reads them, without the prefix that all have.
    fn parsed(report: &Report) -> BTreeMap<String, f64> {
        let lines = render(report);
        let scrape = Scrape::parse(lines.lines().map(|line| Ok(line.to_owned()))).unwrap();
        let gauge = |sample: prometheus_parse::Sample| {
            assert_eq!(sample.labels.get("series"), Some("s3://bkt/v/%Y%m%d_%H%M%S"));
            assert!(scrape.docs[&sample.metric].ends_with('.'), "{}", sample.metric);
            let Value::Gauge(value) = sample.value else {
                panic!("{} is no gauge", sample.metric);
            };
            let name = sample.metric.strip_prefix("snapline_check_").unwrap();
            (name.to_owned(), value)
        };
        scrape.samples.iter().cloned().map(gauge).collect()
    }

    #[test]
    fn a_good_report_has_every_gauge() {
        let expected = [
            ("ok", 1.0),
            ("exit_code", 0.0),
            ("timestamp_seconds", 1_795_521_600.0),
            ("duration_seconds", 0.4),
            ("snapshots", 2.0),
            ("snapshots_future", 0.0),
            ("snapshots_empty", 0.0),
            ("newest_timestamp_seconds", 1_795_510_080.0),
            ("newest_age_seconds", 11_520.0),
            ("newest_size_bytes", 21_340.0),
            ("newest_index", 592.0),
            ("newest_term", 3.0),
            ("newest_whole", 1.0),
            ("verified_snapshots", 1.0),
            ("broken_snapshots", 0.0),
            ("filtered_snapshots", 0.0),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value));
        assert_eq!(parsed(&good()), BTreeMap::from(expected));
    }

    #[test]
    fn a_failed_check_and_one_that_cannot_be_made_are_not_ok() {
        let bad = parsed(&bad());
        assert_eq!((bad["ok"], bad["exit_code"]), (0.0, 65.0));
        assert_eq!((bad["newest_whole"], bad["broken_snapshots"]), (0.0, 1.0));
        let unknown = parsed(&unknown());
        assert_eq!((unknown["ok"], unknown["exit_code"]), (0.0, 69.0));
        assert_eq!(unknown.len(), 4, "{unknown:?}");
    }
}
