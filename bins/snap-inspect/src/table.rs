//! The list of the entries by prefix, as `vault operator raft snapshot inspect` prints it.

use std::fmt::Write as _;

use snapline_archive::Keys;
use snapline_failure::one_line;

/// The most characters of a prefix that are shown.
const LONGEST: usize = 512;

/// What Go's tabwriter, as Vault uses it, leaves between two columns.
const PADDING: usize = 6;

/// The table, with its header and the total size.
pub(crate) fn of(keys: &Keys) -> String {
    let prefixes = keys.by_count();
    let rows: Vec<[String; 3]> = prefixes
        .iter()
        .map(|prefix| {
            [
                one_line(prefix.name, LONGEST),
                prefix.count.to_string(),
                size(prefix.size),
            ]
        })
        .collect();
    let width = |column: usize, header: &str| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([header.len()]).max().unwrap_or_default() + PADDING
    };
    let (name, count) = (width(0, "Total Size"), width(1, "Count"));
    let mut table = String::new();
    let mut line = |row: [&str; 3]| {
        let line = format!(" {:name$}{:count$}{}", row[0], row[1], row[2]);
        // Writing to a String cannot fail.
        let _ = writeln!(table, "{}", line.trim_end());
    };
    line(["Key Name", "Count", "Size"]);
    line(["----", "----", "----"]);
    for [name, count, size] in &rows {
        line([name, count, size]);
    }
    line(["----", "----", ""]);
    line(["Total Size", "", &size(keys.total_size())]);
    table
}

/// A size as Vault prints it: powers of 1024 under the names of those of 1000, one decimal place unless it is 0.
fn size(bytes: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(1 << 40, "TB"), (1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "KB")];
    match UNITS.into_iter().find(|(unit, _)| bytes >= *unit) {
        None if bytes == 0 => "0".to_owned(),
        None => format!("{bytes}B"),
        Some((unit, name)) => {
            #[allow(clippy::cast_precision_loss, reason = "as Vault does it, for a person")]
            let text = format!("{:.1}", bytes as f64 / unit as f64);
            format!("{}{name}", text.strip_suffix(".0").unwrap_or(&text))
        }
    }
}

#[cfg(test)]
mod tests {
    use snapline_archive::Entry;

    use super::*;

    #[test]
    fn sizes_are_written_as_vault_writes_them() {
        let sizes = [0, 1, 1023, 1024, 1535, 1536, (5 << 20) + 1, 3 << 30, 7 << 40];
        let expected = ["0", "1B", "1023B", "1KB", "1.5KB", "1.5KB", "5MB", "3GB", "7TB"];
        assert_eq!(sizes.map(size), expected);
    }

    #[test]
    fn the_table_has_the_columns_of_vaults_and_no_escape_of_its_own() {
        let mut keys = Keys::new(2);
        for (key, bytes) in [
            ("core/\x1b[31mred/x", 10),
            ("sys/policy/a", 1000),
            ("sys/policy/b", 1048),
        ] {
            keys.add(&Entry {
                key,
                value: b"",
                value_bytes: 0,
                bytes,
            });
        }
        let expected = "
 Key Name                Count      Size
 ----                    ----       ----
 sys/policy              2          2KB
 core/\\u{1b}[31mred      1          10B
 ----                    ----
 Total Size                         2KB
";
        assert_eq!(of(&keys), expected[1..]);
    }
}
