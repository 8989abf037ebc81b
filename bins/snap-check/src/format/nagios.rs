//! The line of a monitoring plugin (monitoring-plugins.org/doc/guidelines.html): `SNAPLINE OK - …|'age'=11520s;;93600;0 …`.

use std::fmt::Write as _;

use snapline_cli::{Failure, Kind, age};

use crate::report::{Findings, Report, Status};

/// What a plugin's text may be long; performance data follow it.
const LONGEST: usize = 1000;

/// The plugin's codes.
const CRITICAL: Kind = Kind::Passed(2);
const UNKNOWN: Kind = Kind::Passed(3);

pub(crate) fn render(report: &Report) -> String {
    let text = report.message().unwrap_or_else(|| all_is_well(report));
    let mut line = begin(word(report.status()), &text);
    if let Ok(findings) = &report.findings {
        line.push('|');
        line.push_str(&performance(report, findings));
    }
    line.push('\n');
    line
}

/// What a check ends with that failed in this way.
pub(crate) fn failure(status: Status, failure: Failure) -> Failure {
    failure.with_kind(match status {
        Status::Unknown => UNKNOWN,
        Status::Ok | Status::Failed => CRITICAL,
    })
}

/// The line of a check that could not even begin.
pub(crate) fn unknown(failure: &Failure) -> String {
    begin(word(Status::Unknown), &failure.to_string()) + "\n"
}

const fn word(status: Status) -> &'static str {
    match status {
        Status::Ok => "OK",
        Status::Failed => "CRITICAL",
        Status::Unknown => "UNKNOWN",
    }
}

fn begin(word: &str, text: &str) -> String {
    // What follows a bar is taken for performance data.
    let text = snapline_cli::one_line(text, LONGEST).replace('|', "%7C");
    format!("SNAPLINE {word} - {text}")
}

fn all_is_well(report: &Report) -> String {
    let Ok(Findings {
        newest: Some(newest),
        count,
        verification,
        ..
    }) = &report.findings
    else {
        return format!("'{}'", report.series);
    };
    let mut text = format!("'{}' is {} old, one of {count}", newest.object, age(newest.age));
    if let Some(verification) = verification {
        // Writing to a String cannot fail.
        let _ = write!(text, ", {} proven whole", verification.whole);
    }
    text
}

/// `'label'=value[unit];[warn];[crit];[min];[max]`, in one order in every case; `U` for what is not known.
fn performance(report: &Report, findings: &Findings) -> String {
    let newest = findings.newest.as_ref();
    let known = |value: Option<u64>, unit: &str| value.map_or_else(|| "U".to_owned(), |value| format!("{value}{unit}"));
    let age = known(newest.map(|newest| newest.age.as_secs()), "s");
    let size = known(newest.map(|newest| newest.size), "B");
    let mut data = format!(
        "'age'={age};;{};0 'size'={size};;;0 'count'={};;{}:;0 'future'={};;;0 'empty'={};;;0",
        report.policy.max_age.as_secs(),
        findings.count,
        report.policy.min_count,
        findings.future,
        findings.empty,
    );
    if let Some(verification) = &findings.verification {
        let _ = write!(
            data,
            " 'verified'={};;;0;{} 'broken'={};;0;0;{}",
            verification.whole,
            verification.chosen,
            verification.broken + verification.filtered,
            verification.chosen
        );
    }
    if let Some(index) = newest.and_then(|newest| newest.index) {
        let _ = write!(data, " 'index'={index}");
    }
    data
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Problem;
    use crate::report::tests::{bad, good, report, unknown as unknown_report};

    #[test]
    fn a_line_has_the_status_a_sentence_and_performance_data() {
        assert_eq!(
            render(&good()),
            "SNAPLINE OK - 's3://bkt/v/20261124_084800' is 3h12m old, one of 2, 1 proven whole|'age'=11520s;;93600;0 \
             'size'=21340B;;;0 'count'=2;;1:;0 'future'=0;;;0 'empty'=0;;;0 'verified'=1;;;0;1 'broken'=0;;0;0;1 \
             'index'=592\n"
        );
        let line = render(&bad());
        assert!(line.starts_with("SNAPLINE CRITICAL - check 's3://bkt/v/%Y"), "{line}");
        assert!(line.contains("'broken'=1;;0;0;1"), "{line}");
    }

    #[test]
    fn what_cannot_be_known_is_unknown_and_has_no_data() {
        let expected = "SNAPLINE UNKNOWN - list 's3://bkt/v/': connection refused\n";
        let report = unknown_report();
        assert_eq!(render(&report), expected);
        let status = report.status();
        assert_eq!(unknown(report.findings.as_ref().unwrap_err()), expected);
        assert_eq!(failure(status, report.into_failure().unwrap()).kind().code(), 3);
        let bad = bad();
        assert_eq!(failure(bad.status(), bad.into_failure().unwrap()).kind().code(), 2);
    }

    #[test]
    fn what_is_missing_keeps_its_place() {
        let mut findings = Findings::default();
        findings.add([Problem::Missing { future: 0, empty: 0 }]);
        let line = render(&report(Ok(findings)));
        assert!(
            line.contains("|'age'=U;;93600;0 'size'=U;;;0 'count'=0;;1:;0"),
            "{line}"
        );
    }

    #[test]
    fn a_bar_in_the_text_does_not_begin_the_data() {
        let failure = Failure::says(Kind::Usage, "read 'a|b\nc'");
        assert_eq!(unknown(&failure), "SNAPLINE UNKNOWN - read 'a%7Cb c'\n");
    }
}
