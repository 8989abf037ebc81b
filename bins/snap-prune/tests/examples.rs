//! The worked examples of `docs/retention.md`: each block is what the program prints for the snapshots in it.

#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../../crates/s3/tests/support/program.rs"]
mod program;
#[path = "../../../crates/s3/tests/support/stand_in.rs"]
mod stand_in;

use program::{expect, run_with};
use stand_in::StandIn;

#[test]
fn the_examples_are_what_the_program_prints() {
    let page = include_str!("../../../docs/retention.md");
    let blocks: Vec<_> = page.split("```\n$ snap-prune ").skip(1).collect();
    assert!(blocks.len() >= 4, "{}", blocks.len());
    for block in blocks {
        let (command, rest) = block.split_once('\n').unwrap();
        let shown: Vec<_> = rest.lines().take_while(|line| *line != "```").collect();
        let keys = shown.iter().filter_map(|line| line.split_once("s3://backups/"));
        // Stored in the second that the name says, so that none is late.
        let store = keys.fold(StandIn::new().receiving("2025-01-01T00:00:00Z"), |store, (_, key)| {
            store.holding(key, "archive")
        });
        let words: Vec<_> = command.split(' ').collect();
        let output = run_with(
            program::program(env!("CARGO_BIN_EXE_snap-prune"), &store.url),
            &words,
            "",
        );
        expect(&output, 0, &[]);
        let printed = String::from_utf8(output.stderr).unwrap();
        let is_table = |line: &&str| {
            shown.contains(line)
                || ["keep", "delete", "decision"]
                    .iter()
                    .any(|word| line.starts_with(&format!("snap-prune: {word} ")))
        };
        let table: Vec<_> = printed.lines().filter(is_table).collect();
        assert_eq!(table, shown, "{command}");
        let deleted: String = shown
            .iter()
            .filter(|line| line.starts_with("snap-prune: delete    2"))
            .map(|line| format!("s3://{}\n", line.split_once("s3://").unwrap().1))
            .collect();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), deleted, "{command}");
    }
}
