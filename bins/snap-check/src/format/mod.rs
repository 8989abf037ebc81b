//! The forms of a report.

mod json;
pub(crate) mod nagios;
mod prometheus;
mod text;

use std::str::FromStr;

use crate::report::Report;

/// What `--format` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One line for people.
    Text,
    /// One JSON object.
    Json,
    /// The line of a monitoring plugin, with performance data.
    Nagios,
    /// Prometheus' text format.
    Prometheus,
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            "nagios" => Ok(Self::Nagios),
            "prometheus" => Ok(Self::Prometheus),
            _ => Err(format!("'{text}' is not text, json, nagios or prometheus")),
        }
    }
}

impl Format {
    /// The report in this form, with its last newline.
    pub(crate) fn render(self, report: &Report) -> String {
        match self {
            Self::Text => text::render(report),
            Self::Json => json::render(report),
            Self::Nagios => nagios::render(report),
            Self::Prometheus => prometheus::render(report),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_forms_are_refused() {
        assert_eq!("nagios".parse(), Ok(Format::Nagios));
        for text in ["", "Text", "yaml"] {
            assert!(text.parse::<Format>().is_err(), "{text}");
        }
    }
}
