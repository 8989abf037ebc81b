//! The line of a monitoring plugin, read by the grammar of monitoring-plugins.org/doc/guidelines.html ("Plugin Output for
//! Nagios", "Performance data").

#![allow(dead_code, reason = "each test program uses its own part")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::BTreeMap;

/// `SERVICE STATUS - text|performance data`.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) status: String,
    pub(crate) text: String,
    pub(crate) data: BTreeMap<String, Datum>,
}

/// `'label'=value[unit];[warn];[crit];[min];[max]`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Datum {
    /// Nothing for `U`.
    pub(crate) value: Option<f64>,
    pub(crate) unit: String,
    pub(crate) warn: Option<Range>,
    pub(crate) crit: Option<Range>,
    pub(crate) min: Option<f64>,
    pub(crate) max: Option<f64>,
}

/// `[@][start:][end]`: an alert outside of it, or inside with `@`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Range {
    inside: bool,
    start: f64,
    end: f64,
}

impl Range {
    pub(crate) fn alerts(&self, value: f64) -> bool {
        (self.start <= value && value <= self.end) == self.inside
    }
}

impl Datum {
    /// Whether the value is critical by its own limits.
    pub(crate) fn is_critical(&self) -> bool {
        self.crit.is_some_and(|range| range.alerts(self.value.unwrap()))
    }
}

/// Reads what a plugin printed.
pub(crate) fn parse(output: &str) -> Line {
    let line = output.strip_suffix('\n').unwrap();
    assert!(!line.contains('\n'), "more than one line: {output}");
    let (told, data) = line.split_once('|').unwrap_or((line, ""));
    let (head, text) = told.split_once(" - ").unwrap();
    let (service, status) = head.split_once(' ').unwrap();
    assert_eq!(service, "SNAPLINE");
    assert!(["OK", "WARNING", "CRITICAL", "UNKNOWN"].contains(&status), "{status}");
    assert!(!text.is_empty());
    let mut rest = data;
    let mut parsed = BTreeMap::new();
    while !rest.is_empty() {
        let (label, after) = label(rest);
        let (fields, after) = after.split_once(' ').unwrap_or((after, ""));
        assert!(parsed.insert(label.clone(), datum(fields)).is_none(), "{label} twice");
        rest = after;
    }
    Line {
        status: status.to_owned(),
        text: text.to_owned(),
        data: parsed,
    }
}

/// A label in quotes, in which a quote is doubled, or without them; and what follows the equals sign.
fn label(rest: &str) -> (String, &str) {
    let Some(quoted) = rest.strip_prefix('\'') else {
        let (label, after) = rest.split_once('=').unwrap();
        assert!(!label.contains([' ', '\'']), "{label}");
        return (label.to_owned(), after);
    };
    let mut label = String::new();
    let mut characters = quoted.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        assert_ne!(character, '=');
        if character != '\'' {
            label.push(character);
        } else if characters.next_if(|(_, next)| *next == '\'').is_some() {
            label.push('\'');
        } else {
            return (label, quoted[at + 1..].strip_prefix('=').unwrap());
        }
    }
    panic!("no end of the label in {rest}");
}

fn datum(fields: &str) -> Datum {
    let fields: Vec<_> = fields.split(';').collect();
    assert!(fields.len() <= 5, "{fields:?}");
    let field = |number: usize| fields.get(number).copied().filter(|field| !field.is_empty());
    let end = fields[0].find(|c: char| !(c.is_ascii_digit() || "-.".contains(c)));
    let (value, unit) = fields[0].split_at(end.unwrap_or(fields[0].len()));
    let (value, unit) = if fields[0] == "U" {
        (None, "")
    } else {
        (Some(number(value)), unit)
    };
    assert!(
        ["", "s", "us", "ms", "%", "B", "KB", "MB", "TB", "c"].contains(&unit),
        "unit '{unit}'"
    );
    Datum {
        value,
        unit: unit.to_owned(),
        warn: field(1).map(range),
        crit: field(2).map(range),
        min: field(3).map(number),
        max: field(4).map(number),
    }
}

fn range(text: &str) -> Range {
    let (inside, text) = text.strip_prefix('@').map_or((false, text), |rest| (true, rest));
    let (start, end) = text.split_once(':').unwrap_or(("0", text));
    let range = Range {
        inside,
        start: if start == "~" { f64::NEG_INFINITY } else { number(start) },
        end: if end.is_empty() { f64::INFINITY } else { number(end) },
    };
    assert!(range.start <= range.end, "{text}");
    range
}

fn number(text: &str) -> f64 {
    assert!(text.chars().all(|c| c.is_ascii_digit() || "-.".contains(c)), "'{text}'");
    text.parse().unwrap()
}
