//! Tables that `-v` shows: aligned columns for people, a JSON line for each row for programs.

use crate::message::{self, Field};

/// Shows a table with `-v`, unless it has no rows; without, it costs nothing.
///
/// `title` says what the rows have in common, and is the message of each JSON line; `columns` are the headings, and the names of
/// the values in a JSON line. `rows` gives a field for each column. It is called twice, for the widths and for the text, so that
/// no table is ever in memory as a whole.
pub fn table<I>(title: &str, columns: &[&str], rows: impl Fn() -> I)
where
    I: Iterator<Item = Vec<Field>>,
{
    if !log::log_enabled!(target: "snapline", log::Level::Info) {
        return;
    }
    if message::is_json() {
        for row in rows() {
            message::record(title, columns.iter().copied().zip(&row));
        }
        return;
    }
    let mut lines = lines(columns, rows).peekable();
    if lines.peek().is_some() {
        message::say(&format!("{}:", message::one_line(title)));
        lines.for_each(|line| message::say(&line));
    }
}

/// The heading and the rows, the columns as wide as their widest value. Numbers stand to the right. Nothing if there is no row.
fn lines<I>(columns: &[&str], rows: impl Fn() -> I) -> impl Iterator<Item = String>
where
    I: Iterator<Item = Vec<Field>>,
{
    let heading: Vec<Field> = columns.iter().map(|&column| Field::Word(column.to_owned())).collect();
    let mut widths = vec![0; columns.len()];
    let mut right = vec![false; columns.len()];
    let mut is_empty = true;
    for row in rows() {
        is_empty = false;
        for (column, field) in row.iter().enumerate().take(columns.len()) {
            widths[column] = widths[column].max(field.text().chars().count());
            right[column] |= matches!(field, Field::Count(_) | Field::Seconds(_));
        }
    }
    for (width, column) in widths.iter_mut().zip(columns) {
        *width = column.len().max(*width);
    }
    let line = move |row: Vec<Field>| {
        let cells = row.iter().zip(widths.iter().zip(&right));
        let cells = cells.map(|(field, (&width, &right))| {
            let text = field.text();
            if right {
                format!("{text:>width$}")
            } else {
                format!("{text:<width$}")
            }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let rows = (!is_empty).then(|| std::iter::once(heading).chain(rows()));
    rows.into_iter().flatten().map(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(size: u64, reasons: &[&str], name: &str) -> Vec<Field> {
        let reasons = reasons.iter().map(|&reason| reason.to_owned()).collect();
        vec![Field::Count(size), Field::Words(reasons), Field::Word(name.to_owned())]
    }

    #[test]
    fn columns_are_aligned_and_numbers_stand_to_the_right() {
        let rows = || [row(21340, &["daily", "weekly"], "a"), row(7, &[], "b")].into_iter();
        let lines: Vec<_> = lines(&["size", "reasons", "object"], rows).collect();
        assert_eq!(
            lines,
            [
                " size  reasons        object",
                "21340  daily, weekly  a",
                "    7                 b",
            ]
        );
    }

    #[test]
    fn a_table_without_rows_has_no_heading() {
        assert_eq!(lines(&["size"], std::iter::empty).count(), 0);
    }
}
