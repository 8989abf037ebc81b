//! Tables that `-v` shows: aligned columns for people, a JSON line for each row for programs.

use crate::message::{self, Field};

/// A table under construction. It is shown with `-v` alone, and costs nothing without.
#[derive(Debug)]
pub struct Table {
    title: String,
    columns: &'static [&'static str],
    /// Nothing where the table would not be seen.
    rows: Option<Vec<Vec<Field>>>,
}

impl Table {
    /// An empty table. `title` says what its rows have in common, and is the message of each JSON line; `columns` are the
    /// headings, and the names of the values in a JSON line.
    pub fn new(title: impl Into<String>, columns: &'static [&'static str]) -> Self {
        Self {
            title: title.into(),
            columns,
            rows: log::log_enabled!(target: "snapline", log::Level::Info).then(Vec::new),
        }
    }

    /// Adds the row that `row` makes: a field for each column.
    pub fn add(&mut self, row: impl FnOnce() -> Vec<Field>) {
        if let Some(rows) = &mut self.rows {
            rows.push(row());
        }
    }

    /// Shows it, unless it has no rows.
    pub fn show(self) {
        let rows = self.rows.unwrap_or_default();
        if rows.is_empty() {
            return;
        }
        if message::is_json() {
            for row in &rows {
                message::record(&self.title, self.columns.iter().copied().zip(row));
            }
            return;
        }
        message::say(&format!("{}:", message::one_line(&self.title)));
        for line in lines(self.columns, &rows) {
            message::say(&line);
        }
    }
}

/// The heading and the rows, the columns as wide as their widest value. Numbers stand to the right.
fn lines(columns: &[&str], rows: &[Vec<Field>]) -> Vec<String> {
    let heading: Vec<String> = columns.iter().map(|&column| column.to_owned()).collect();
    let texts = rows.iter().map(|row| row.iter().map(Field::text).collect());
    let texts: Vec<Vec<String>> = std::iter::once(heading).chain(texts).collect();
    let width = |column: usize| {
        let cells = texts.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let is_number = |column: usize| matches!(rows.first().and_then(|row| row.get(column)), Some(Field::Count(_)));
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).enumerate();
        let cells = cells.map(|(column, (cell, &width))| {
            if is_number(column) {
                format!("{cell:>width$}")
            } else {
                format!("{cell:<width$}")
            }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    texts.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_numbers_stand_to_the_right() {
        let row = |size, reasons: &[&str], name: &str| {
            let reasons = reasons.iter().map(|&reason| reason.to_owned()).collect();
            vec![Field::Count(size), Field::Words(reasons), Field::Word(name.to_owned())]
        };
        let rows = [row(21340, &["daily", "weekly"], "a"), row(7, &[], "b")];
        assert_eq!(
            lines(&["size", "reasons", "object"], &rows),
            [
                " size  reasons        object",
                "21340  daily, weekly  a",
                "    7                 b",
            ]
        );
    }
}
