//! The report as lines of text.

use std::fmt::Write as _;

use crate::examination::{Examination, Status};
use crate::table;

/// The width of the labels: that of the card's.
const WIDTH: usize = 14;

/// The verdict, every gate, and for a whole archive the card and what was asked for.
pub(crate) fn report(examination: &Examination) -> String {
    let mut text = String::new();
    let mut line = |label: &str, value: &str| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{label:WIDTH$} {value}");
    };
    match &examination.result {
        Ok(_) => line("verdict", "whole"),
        Err(error) => line("verdict", &format!("BROKEN: {error}")),
    }
    for (gate, status) in &examination.gates {
        let name = gate.name();
        match status {
            Status::Passed => line(gate.code(), &format!("passed     {name}")),
            Status::Failed(error) => line(gate.code(), &format!("FAILED     {name}: {error}")),
            Status::Undecided => line(gate.code(), &format!("undecided  {name}")),
        }
    }
    match &examination.result {
        Ok(inspection) => {
            let _ = write!(text, "\n{}\n", inspection.card);
            if let Some(keys) = &inspection.keys {
                let _ = write!(text, "\n{}", table::of(keys));
            }
        }
        Err(_) => line("card", "none: nothing in an archive that is not whole can be relied on"),
    }
    text
}
