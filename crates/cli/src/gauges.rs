//! Metrics in Prometheus' text format.
//!
//! Format: prometheus.io/docs/instrumenting/exposition_formats/; names and units: prometheus.io/docs/practices/naming/.

use std::fmt::{Display, Write as _};

/// Gauges that all have the same labels, as text for a scrape or for the textfile collector of the node exporter.
#[derive(Debug)]
pub struct Gauges {
    labels: String,
    text: String,
}

impl Gauges {
    /// No gauges yet. `labels` are names with their values, which may be any text.
    pub fn new(labels: &[(&str, &str)]) -> Self {
        let labels: Vec<_> = labels
            .iter()
            .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
            .collect();
        Self {
            labels: labels.join(","),
            text: String::new(),
        }
    }

    /// Adds `snapline_<name>`, which must not be there yet. `help` is one line.
    pub fn add(&mut self, name: &str, help: &str, value: impl Display) {
        let labels = &self.labels;
        // Writing to a String cannot fail.
        let _ = write!(
            self.text,
            "# HELP snapline_{name} {help}\n# TYPE snapline_{name} gauge\nsnapline_{name}{{{labels}}} {value}\n"
        );
    }

    /// Adds the gauge if there is a value.
    pub fn add_some(&mut self, name: &str, help: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.add(name, help, value);
        }
    }

    /// Adds `snapline_<name>`, which is always 1 and tells a text: as one more label, which must not be there yet.
    pub fn add_info(&mut self, name: &str, help: &str, (label, text): (&str, &str)) {
        let more = format!("{label}=\"{}\"", escaped(text));
        let labels = [&*self.labels, &*more].into_iter().filter(|label| !label.is_empty());
        let labels = labels.collect::<Vec<_>>().join(",");
        let _ = write!(
            self.text,
            "# HELP snapline_{name} {help}\n# TYPE snapline_{name} gauge\nsnapline_{name}{{{labels}}} 1\n"
        );
    }

    /// All of them as text.
    pub fn into_text(self) -> String {
        self.text
    }
}

/// A label's value between its quotes.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_gauge_has_its_help_its_type_and_one_line() {
        let mut gauges = Gauges::new(&[("series", "s3://bkt/v/"), ("job", "x")]);
        gauges.add("size_bytes", "Size.", 21_340);
        gauges.add_some("index", "Index.", None::<u64>);
        gauges.add_some("term", "Term.", Some(3));
        let labels = r#"{series="s3://bkt/v/",job="x"}"#;
        let expected = format!(
            "# HELP snapline_size_bytes Size.\n# TYPE snapline_size_bytes gauge\nsnapline_size_bytes{labels} 21340\n\
             # HELP snapline_term Term.\n# TYPE snapline_term gauge\nsnapline_term{labels} 3\n"
        );
        assert_eq!(gauges.into_text(), expected);
    }

    #[test]
    fn a_text_is_a_label_of_a_gauge_of_its_own() {
        for (labels, expected) in [
            (
                &[("series", "s")][..],
                "snapline_info{series=\"s\",version_id=\"a\\\"b\"} 1\n",
            ),
            (&[], "snapline_info{version_id=\"a\\\"b\"} 1\n"),
        ] {
            let mut gauges = Gauges::new(labels);
            gauges.add_info("info", "Info.", ("version_id", "a\"b"));
            gauges.add("other", "Other.", 2);
            let text = gauges.into_text();
            assert!(text.contains(expected) && !text.contains("other{version_id"), "{text}");
        }
    }

    #[test]
    fn odd_labels_are_escaped() {
        let mut gauges = Gauges::new(&[("series", "a\"b\\c\nd")]);
        gauges.add("x", "X.", 1);
        assert!(gauges.into_text().contains(r#"{series="a\"b\\c\nd"} 1"#));
    }
}
