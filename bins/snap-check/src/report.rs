//! What a check found.

use std::time::Duration;

use snapline_cli::Failure;
use snapline_series::ObjectUri;
use time::OffsetDateTime;

use crate::policy::Policy;
use crate::problem::Problem;
use crate::proof::Verification;

/// How many problems an error names; all of them are in the JSON form and in the warnings.
const NAMED: usize = 3;

/// A check, whether it could be made or not.
#[derive(Debug)]
pub(crate) struct Report {
    /// The URI of the series with its template; as it was typed where it cannot be read.
    pub(crate) series: String,
    /// When the check began.
    pub(crate) now: OffsetDateTime,
    pub(crate) duration: Duration,
    pub(crate) policy: Policy,
    /// Why nothing is known, where that is so.
    pub(crate) findings: Result<Findings, Failure>,
}

/// What is known of a series.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) newest: Option<Newest>,
    /// How many snapshots count.
    pub(crate) count: usize,
    /// How many are from the future.
    pub(crate) future: usize,
    /// How many objects of the series are empty.
    pub(crate) empty: usize,
    /// If it was asked for.
    pub(crate) verification: Option<Verification>,
    /// The most serious first.
    pub(crate) problems: Vec<Problem>,
    /// How many problems more there are.
    pub(crate) more_problems: usize,
    /// What to do about the first problem.
    pub(crate) hint: Option<String>,
}

/// The newest snapshot.
#[derive(Debug)]
pub(crate) struct Newest {
    pub(crate) object: ObjectUri,
    /// The time in its name.
    pub(crate) time: OffsetDateTime,
    pub(crate) age: Duration,
    /// Bytes of the object.
    pub(crate) size: u64,
    /// Raft index and term: of the archive where it is whole, else what s3-put noted beside it.
    pub(crate) index: Option<u64>,
    pub(crate) term: Option<u64>,
    /// Whether it is whole, if it was read.
    pub(crate) whole: Option<bool>,
}

/// What a check comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// There is a fresh backup, and whatever was verified is whole.
    Ok,
    /// There is not.
    Failed,
    /// It cannot be told.
    Unknown,
}

impl Status {
    /// Its name in reports: an interface.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }
}

impl Report {
    /// What it comes to.
    pub(crate) fn status(&self) -> Status {
        match &self.findings {
            Err(_) => Status::Unknown,
            Ok(findings) if findings.problems.iter().any(Problem::is_certain) => Status::Failed,
            Ok(findings) if findings.problems.is_empty() => Status::Ok,
            Ok(_) => Status::Unknown,
        }
    }

    /// The exit code, but for a plugin's.
    pub(crate) fn code(&self) -> u8 {
        match &self.findings {
            Err(failure) => failure.kind().code(),
            Ok(findings) => findings.problems.first().map_or(0, |problem| problem.kind().code()),
        }
    }

    /// What is wrong, in one line; nothing if all is well.
    pub(crate) fn message(&self) -> Option<String> {
        match &self.findings {
            Err(failure) => Some(failure.to_string()),
            Ok(findings) if findings.problems.is_empty() => None,
            Ok(findings) => Some(findings.message(&self.series)),
        }
    }

    /// The failure that the check ends with, if it does.
    pub(crate) fn into_failure(self) -> Option<Failure> {
        let findings = match self.findings {
            Err(failure) => return Some(failure),
            Ok(findings) => findings,
        };
        let kind = findings.problems.first().map(Problem::kind)?;
        let failure = Failure::says(kind, findings.message(&self.series));
        Some(match findings.hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        })
    }
}

impl Findings {
    /// Adds problems, the most serious first.
    pub(crate) fn add(&mut self, problems: impl IntoIterator<Item = Problem>) {
        self.problems.extend(problems);
        self.problems.sort_by_key(Problem::rank);
    }

    fn message(&self, series: &str) -> String {
        let named: Vec<_> = self.problems.iter().take(NAMED).map(ToString::to_string).collect();
        let mut message = format!("check '{series}': {}", named.join("; "));
        let more = self.problems.len() - named.len() + self.more_problems;
        if more > 0 {
            message.push_str(&format!("; and {more} more"));
        }
        message
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use snapline_cli::Kind;
    use time::macros::datetime;

    use super::*;

    /// A good report: one of two snapshots is 3 h 12 m old and was verified.
    pub(crate) fn good() -> Report {
        let object = ObjectUri::parse("s3://bkt/v/20261124_084800").unwrap();
        let newest = Newest {
            object,
            time: datetime!(2026-11-24 08:48:00 UTC),
            age: Duration::from_secs(11_520),
            size: 21_340,
            index: Some(592),
            term: Some(3),
            whole: Some(true),
        };
        let verification = Verification {
            chosen: 1,
            whole: 1,
            bytes: 21_340,
            ..Verification::default()
        };
        let findings = Findings {
            newest: Some(newest),
            count: 2,
            verification: Some(verification),
            ..Findings::default()
        };
        report(Ok(findings))
    }

    /// With two problems: the newest is broken, and it is too old.
    pub(crate) fn bad() -> Report {
        let mut report = good();
        let findings = report.findings.as_mut().unwrap();
        let newest = findings.newest.as_mut().unwrap();
        newest.whole = Some(false);
        let object = newest.object.clone();
        findings.verification = Some(Verification {
            chosen: 1,
            broken: 1,
            bytes: 9000,
            ..Verification::default()
        });
        findings.add([
            Problem::TooOld {
                newest: object.clone(),
                age: Duration::from_secs(11_520),
                limit: Duration::from_secs(3600),
            },
            Problem::Broken {
                object,
                is_newest: true,
                cause: "the archive is truncated".to_owned(),
            },
        ]);
        report
    }

    /// The store cannot be asked.
    pub(crate) fn unknown() -> Report {
        report(Err(Failure::says(
            Kind::Unavailable,
            "list 's3://bkt/v/': connection refused",
        )))
    }

    pub(crate) fn report(findings: Result<Findings, Failure>) -> Report {
        Report {
            series: "s3://bkt/v/%Y%m%d_%H%M%S".to_owned(),
            now: datetime!(2026-11-24 12:00:00 UTC),
            duration: Duration::from_millis(400),
            policy: Policy {
                max_age: Duration::from_secs(93_600),
                min_count: 1,
            },
            findings,
        }
    }

    fn unread(kind: Kind) -> Problem {
        Problem::Unread {
            object: ObjectUri::parse("s3://bkt/v/x").unwrap(),
            kind,
            cause: "get 's3://bkt/v/x': no".to_owned(),
        }
    }

    fn with(problems: impl IntoIterator<Item = Problem>) -> Report {
        let mut findings = Findings::default();
        findings.add(problems);
        report(Ok(findings))
    }

    #[test]
    fn a_broken_snapshot_decides_before_its_age() {
        let report = bad();
        assert_eq!((report.status(), report.code()), (Status::Failed, 65));
        let message = report.message().unwrap();
        let (broken, old) = (message.find("is broken").unwrap(), message.find("3h12m old").unwrap());
        assert!(broken < old, "{message}");
        assert_eq!(report.into_failure().unwrap().kind(), Kind::Data);
    }

    #[test]
    fn what_is_certain_decides_before_what_could_not_be_read() {
        let few = Problem::TooFew { count: 1, limit: 2 };
        let report = with([unread(Kind::Unavailable), few]);
        assert_eq!((report.status(), report.code()), (Status::Failed, 66));
        let report = with([unread(Kind::Refused)]);
        assert_eq!((report.status(), report.code()), (Status::Unknown, 77));
        let report = unknown();
        assert_eq!((report.status(), report.code()), (Status::Unknown, 69));
        assert_eq!(with([]).status(), Status::Ok);
        assert_eq!(with([]).code(), 0);
    }

    #[test]
    fn a_message_names_the_first_problems_and_counts_the_rest() {
        let mut report = with((0..9).map(|_| unread(Kind::Unavailable)));
        let findings = report.findings.as_mut().unwrap();
        findings.more_problems = 5;
        let message = report.message().unwrap();
        assert_eq!(message.matches("get 's3://").count(), NAMED);
        assert!(message.ends_with("; and 11 more"), "{message}");
    }
}
