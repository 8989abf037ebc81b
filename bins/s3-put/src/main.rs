//! Stores what comes on standard input as an object that appears whole or not at all.

use snapline_cli::{Program, Trailing};

fn main() -> std::process::ExitCode {
    let program = Program {
        name: "s3-put",
        version: env!("CARGO_PKG_VERSION"),
        trailing: Trailing::Child,
    };
    snapline_cli::main(program, s3_put::run)
}
