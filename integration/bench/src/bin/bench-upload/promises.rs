//! What is promised of s3-put beside the limit and its neighbours, and whether it holds.

use snapline_bench::promise::{Lines, cpu, ratio, rss, wall};
use snapline_bench::{Input, Kind, Results};

use crate::contender::{AWS, Contender, LIMIT, RAW, VERIFYING};

/// From this size on, in MiB, processor and wall time are promised: below, starting the programs counts too much.
const LARGE: u64 = 1024;

/// One line for each promise, and whether all are kept.
pub(crate) fn judge(results: &Results, inputs: &[Input], contenders: &[Contender]) -> (String, bool) {
    let mut lines = Lines::default();
    for input in inputs {
        let of = |name: &str| results.median(input, name);
        let at = &input.name;
        match input.kind {
            Kind::Tiny => {
                lines.at_most(&format!("{at}: RSS of s3-put"), of(VERIFYING).map(rss), 12.0, "MiB");
                let wall = ratio(of(VERIFYING), of(AWS), wall);
                lines.at_most(&format!("{at}: wall of s3-put ÷ {AWS}"), wall, 0.05, "");
            }
            Kind::Stored(mebibytes) => {
                for name in [RAW, VERIFYING] {
                    lines.at_most(&format!("{at}: RSS of {name}"), of(name).map(rss), 40.0, "MiB");
                }
                if mebibytes < LARGE {
                    continue;
                }
                let against = |name, other| ratio(of(name), of(other), cpu);
                lines.at_most(&format!("{at}: CPU of {RAW} ÷ {AWS}"), against(RAW, AWS), 0.5, "");
                lines.at_most(&format!("{at}: CPU of {RAW} ÷ {LIMIT}"), against(RAW, LIMIT), 1.25, "");
                let verifying = against(VERIFYING, LIMIT);
                lines.at_most(&format!("{at}: CPU of {VERIFYING} ÷ {LIMIT}"), verifying, 2.6, "");
                for other in contenders.iter().filter(|contender| contender.is_neighbour()) {
                    let wall = ratio(of(RAW), of(other.name), wall);
                    lines.at_most(&format!("{at}: wall of {RAW} ÷ {}", other.name), wall, 1.0, "");
                }
            }
            Kind::Mixed(_) => lines.at_most(&format!("{at}: RSS of s3-put"), of(VERIFYING).map(rss), 40.0, "MiB"),
        }
    }
    (lines.text, !lines.broken)
}
