//! The report as one JSON object, under names that stay the same.

use serde::Serialize;
use snapline_archive::{Card, Keys, Meta};
use snapline_cli::{Failure, Kind, OrExit as _};

use crate::examination::{Examination, Status};

#[derive(Serialize)]
struct Report<'a> {
    verdict: &'static str,
    error: Option<String>,
    /// The code of the gate that failed.
    failed_gate: Option<&'static str>,
    gates: Vec<GateReport>,
    card: Option<&'a Card>,
    #[serde(flatten)]
    keys: Option<KeysReport<'a>>,
}

#[derive(Serialize)]
struct GateReport {
    gate: &'static str,
    name: &'static str,
    status: &'static str,
    error: Option<String>,
}

/// With `--keys`, all that `vault operator raft snapshot inspect -format=json` prints, so that what reads that reads this.
#[derive(Serialize)]
struct KeysReport<'a> {
    #[serde(rename = "Meta")]
    meta: MetaReport<'a>,
    #[serde(flatten)]
    keys: &'a Keys,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct MetaReport<'a> {
    #[serde(rename = "ID")]
    id: &'a str,
    size: u64,
    index: u64,
    term: u64,
    version: u64,
}

impl<'a> MetaReport<'a> {
    fn of(meta: &'a Meta) -> Self {
        Self {
            id: &meta.id,
            size: meta.size,
            index: meta.index,
            term: meta.term,
            version: meta.version,
        }
    }
}

/// The report on one line.
///
/// # Errors
/// 1, should it not be possible.
pub(crate) fn report(examination: &Examination) -> Result<String, Failure> {
    let inspection = examination.result.as_ref().ok();
    let error = examination.result.as_ref().err();
    let gates = examination.gates.iter().map(|(gate, status)| GateReport {
        gate: gate.code(),
        name: gate.name(),
        status: match status {
            Status::Passed => "passed",
            Status::Failed(_) => "failed",
            Status::Undecided => "undecided",
        },
        error: match status {
            Status::Failed(error) => Some(error.to_string()),
            _ => None,
        },
    });
    let report = Report {
        verdict: if inspection.is_some() { "whole" } else { "broken" },
        error: error.map(ToString::to_string),
        failed_gate: error.map(|error| error.gate().code()),
        gates: gates.collect(),
        card: inspection.map(|inspection| &inspection.card),
        keys: inspection.and_then(|inspection| {
            let keys = inspection.keys.as_ref()?;
            let meta = MetaReport::of(&inspection.summary.meta);
            Some(KeysReport { meta, keys })
        }),
    };
    let text = serde_json::to_string(&report).or_exit(Kind::Unexpected, "write the report")?;
    Ok(text + "\n")
}
