//! The table, in the form that docs/performance.md has it.

use std::fmt::Write as _;

use snapline_bench::{Input, Results};

use crate::contender::{AWS, Contender, LIMIT};

/// One row for each client and snapshot.
pub(crate) fn table(results: &Results, inputs: &[Input], contenders: &[Contender], rounds: usize) -> String {
    let mut text = format!("Medians of {rounds} rounds; the memory is the largest of them.\n\n");
    let mut line = |words: std::fmt::Arguments<'_>| writeln!(text, "{words}").expect("room");
    line(format_args!(
        "| snapshot | client | wall s | CPU s | RSS MiB | CPU ÷ limit | wall ÷ limit | CPU ÷ aws | wall ÷ aws |"
    ));
    line(format_args!("|---|---|--:|--:|--:|--:|--:|--:|--:|"));
    for input in inputs {
        let (limit, aws) = (results.median(input, LIMIT), results.median(input, AWS));
        for contender in contenders {
            let Some(it) = results.median(input, contender.name) else {
                continue;
            };
            let by = |mine: f64, other: Option<f64>| match other {
                Some(other) if other > 0.0 => format!("{:.2}", mine / other),
                _ => "-".to_owned(),
            };
            line(format_args!(
                "| {} | {} | {:.3} | {:.2} | {:.1} | {} | {} | {} | {} |",
                input.name,
                contender.name,
                it.wall,
                it.cpu,
                it.rss,
                by(it.cpu, limit.map(|limit| limit.cpu)),
                by(it.wall, limit.map(|limit| limit.wall)),
                by(it.cpu, aws.map(|aws| aws.cpu)),
                by(it.wall, aws.map(|aws| aws.wall)),
            ));
        }
    }
    line(format_args!(""));
    for contender in contenders {
        line(format_args!("- {}: {}", contender.name, contender.version));
    }
    text
}
