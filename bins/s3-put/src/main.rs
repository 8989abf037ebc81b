//! Stores what comes on standard input as an object that appears whole or not at all.

fn main() -> std::process::ExitCode {
    snapline_cli::main(s3_put::PROGRAM, s3_put::run)
}
