//! Applies a retention policy to the series that a new object belongs to.

use snapline_cli::{Program, Trailing};

fn main() -> std::process::ExitCode {
    let program = Program {
        name: "snap-prune",
        version: env!("CARGO_PKG_VERSION"),
        trailing: Trailing::Mixed,
    };
    snapline_cli::main(program, snap_prune::run)
}
