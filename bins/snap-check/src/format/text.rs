//! One line for people: `ok newest='s3://…' age=3h12m size=21340 index=592 count=30 verified=1`.

use std::fmt::Write as _;

use snapline_cli::age;

use crate::problem::Problem;
use crate::report::{Findings, Report};

/// The status, the codes of the problems, and what is known, in this order.
pub(crate) fn render(report: &Report) -> String {
    let mut line = report.status().word().to_owned();
    match &report.findings {
        Ok(findings) => known(&mut line, findings),
        Err(_) => add(&mut line, "series", format_args!("'{}'", report.series)),
    }
    line.push('\n');
    line
}

fn known(line: &mut String, findings: &Findings) {
    let mut problems: Vec<_> = findings.problems.iter().map(Problem::code).collect();
    problems.dedup();
    if !problems.is_empty() {
        add(line, "problems", problems.join(","));
    }
    match &findings.newest {
        None => add(line, "newest", "none"),
        Some(newest) => {
            add(line, "newest", format_args!("'{}'", newest.object));
            add(line, "age", age(newest.age));
            add(line, "size", newest.size);
            if let Some(index) = newest.index {
                add(line, "index", index);
            }
        }
    }
    add(line, "count", findings.count);
    for (name, count) in [("future", findings.future), ("empty", findings.empty)] {
        if count > 0 {
            add(line, name, count);
        }
    }
    let Some(verification) = &findings.verification else {
        return;
    };
    add(line, "verified", verification.whole);
    for (name, count) in [("broken", verification.broken), ("filtered", verification.filtered)] {
        if count > 0 {
            add(line, name, count);
        }
    }
}

fn add(line: &mut String, name: &str, value: impl std::fmt::Display) {
    // Writing to a String cannot fail.
    let _ = write!(line, " {name}={value}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::{bad, good, report, unknown};

    #[test]
    fn a_line_begins_with_the_status_and_has_what_is_known() {
        assert_eq!(
            render(&good()),
            "ok newest='s3://bkt/v/20261124_084800' age=3h12m size=21340 index=592 count=2 verified=1\n"
        );
        assert_eq!(
            render(&bad()),
            "failed problems=broken,too_old newest='s3://bkt/v/20261124_084800' age=3h12m size=21340 index=592 count=2 \
             verified=0 broken=1\n"
        );
        assert_eq!(render(&unknown()), "unknown series='s3://bkt/v/%Y%m%d_%H%M%S'\n");
    }

    #[test]
    fn what_does_not_count_is_counted_apart() {
        let findings = Findings {
            future: 1,
            empty: 2,
            ..Findings::default()
        };
        assert_eq!(
            render(&report(Ok(findings))),
            "ok newest=none count=0 future=1 empty=2\n"
        );
    }
}
