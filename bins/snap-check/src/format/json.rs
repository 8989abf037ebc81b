//! One JSON object on one line. Its names are an interface: they may become more.

use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::problem::Problem;
use crate::proof::Verification;
use crate::report::{Findings, Newest, Report};

/// What is not known is null.
#[derive(Serialize)]
struct Object<'a> {
    status: &'static str,
    exit_code: u8,
    series: &'a str,
    checked_at: Option<String>,
    duration_seconds: f64,
    max_age_seconds: u64,
    min_count: usize,
    newest: Option<Snapshot>,
    count: Option<usize>,
    future: Option<usize>,
    empty: Option<usize>,
    verification: Option<Verified>,
    problems: Vec<Told>,
    more_problems: usize,
    message: Option<String>,
    hint: Option<&'a str>,
}

#[derive(Serialize)]
struct Snapshot {
    uri: String,
    time: Option<String>,
    age_seconds: u64,
    size_bytes: u64,
    index: Option<u64>,
    term: Option<u64>,
    whole: Option<bool>,
}

#[derive(Serialize)]
struct Verified {
    chosen: usize,
    whole: usize,
    broken: usize,
    filtered: usize,
    bytes: u64,
}

#[derive(Serialize)]
struct Told {
    code: &'static str,
    uri: Option<String>,
    message: String,
}

pub(crate) fn render(report: &Report) -> String {
    let findings = report.findings.as_ref().ok();
    let object = Object {
        status: report.status().word(),
        exit_code: report.code(),
        series: &report.series,
        checked_at: rfc3339(report.now),
        duration_seconds: (report.duration.as_secs_f64() * 1000.0).round() / 1000.0,
        max_age_seconds: report.policy.max_age.as_secs(),
        min_count: report.policy.min_count,
        newest: findings.and_then(|findings| findings.newest.as_ref()).map(snapshot),
        count: findings.map(|findings| findings.count),
        future: findings.map(|findings| findings.future),
        empty: findings.map(|findings| findings.empty),
        verification: findings
            .and_then(|findings| findings.verification.as_ref())
            .map(verified),
        problems: findings.map(problems).unwrap_or_default(),
        more_problems: findings.map_or(0, |findings| findings.more_problems),
        message: report.message(),
        hint: findings.and_then(|findings| findings.hint.as_deref()),
    };
    // Nothing in it can fail to be written: no map with odd keys, no number that JSON has not.
    let mut text = serde_json::to_string(&object).unwrap_or_default();
    text.push('\n');
    text
}

fn snapshot(newest: &Newest) -> Snapshot {
    Snapshot {
        uri: newest.object.to_string(),
        time: rfc3339(newest.time),
        age_seconds: newest.age.as_secs(),
        size_bytes: newest.size,
        index: newest.index,
        term: newest.term,
        whole: newest.whole,
    }
}

fn verified(verification: &Verification) -> Verified {
    Verified {
        chosen: verification.chosen,
        whole: verification.whole,
        broken: verification.broken,
        filtered: verification.filtered,
        bytes: verification.bytes,
    }
}

fn problems(findings: &Findings) -> Vec<Told> {
    let told = |problem: &Problem| Told {
        code: problem.code(),
        uri: problem.object().map(ToString::to_string),
        message: problem.to_string(),
    };
    findings.problems.iter().map(told).collect()
}

fn rfc3339(time: OffsetDateTime) -> Option<String> {
    let seconds = time.replace_nanosecond(0).unwrap_or(time);
    seconds.format(&Rfc3339).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::report::tests::{bad, good, unknown};

    fn parsed(report: &Report) -> Value {
        let text = render(report);
        assert_eq!(text.matches('\n').count(), 1);
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn a_good_report_has_all_names() {
        let expected = json!({
            "status": "ok",
            "exit_code": 0,
            "series": "s3://bkt/v/%Y%m%d_%H%M%S",
            "checked_at": "2026-11-24T12:00:00Z",
            "duration_seconds": 0.4,
            "max_age_seconds": 93_600,
            "min_count": 1,
            "newest": {
                "uri": "s3://bkt/v/20261124_084800",
                "time": "2026-11-24T08:48:00Z",
                "age_seconds": 11_520,
                "size_bytes": 21_340,
                "index": 592,
                "term": 3,
                "whole": true,
            },
            "count": 2,
            "future": 0,
            "empty": 0,
            "verification": {"chosen": 1, "whole": 1, "broken": 0, "filtered": 0, "bytes": 21_340},
            "problems": [],
            "more_problems": 0,
            "message": null,
            "hint": null,
        });
        assert_eq!(parsed(&good()), expected);
    }

    #[test]
    fn each_problem_has_its_code_and_its_object() {
        let object = parsed(&bad());
        assert_eq!(
            (&object["status"], &object["exit_code"]),
            (&json!("failed"), &json!(65))
        );
        let codes: Vec<_> = [0, 1].map(|n| object["problems"][n]["code"].clone()).to_vec();
        assert_eq!(codes, [json!("broken"), json!("too_old")]);
        assert_eq!(object["problems"][0]["uri"], "s3://bkt/v/20261124_084800");
        assert_eq!(object["newest"]["whole"], false);
    }

    #[test]
    fn what_is_not_known_is_null() {
        let object = parsed(&unknown());
        assert_eq!(
            (&object["status"], &object["exit_code"]),
            (&json!("unknown"), &json!(69))
        );
        for name in ["newest", "count", "future", "empty", "verification"] {
            assert!(object[name].is_null(), "{name}");
        }
        assert_eq!(object["message"], "list 's3://bkt/v/': connection refused");
    }
}
