//! The exit codes as every `--help` shows them.

use std::fmt::Write as _;

/// What each code means ([`Kind`](snapline_failure::Kind)).
const TABLE: [(&str, &str); 11] = [
    ("0", "done"),
    ("1", "unexpected: a bug"),
    ("64", "called wrongly"),
    ("65", "bad data: cut, corrupt or foreign"),
    ("66", "no input: empty standard input, no such object, empty series"),
    ("69", "unavailable after retries"),
    ("74", "local read or write failed"),
    ("77", "refused by the server"),
    ("78", "configuration missing or contradictory"),
    ("141", "the reader closed standard output"),
    ("128+n", "ended by signal n"),
];

/// The last part of a help text.
pub(crate) fn table() -> String {
    let mut text = String::from("Exit codes:\n");
    for (code, meaning) in TABLE {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {code:<7} {meaning}");
    }
    text
}

#[cfg(test)]
mod tests {
    use snapline_failure::Kind;

    use super::*;

    #[test]
    fn every_kind_is_in_the_table() {
        for kind in [
            Kind::Unexpected,
            Kind::Usage,
            Kind::Data,
            Kind::NoInput,
            Kind::Unavailable,
            Kind::Io,
            Kind::Refused,
            Kind::Config,
            Kind::BrokenPipe,
        ] {
            let code = kind.code().to_string();
            assert!(TABLE.iter().any(|(number, _)| *number == code), "{code}");
        }
    }
}
