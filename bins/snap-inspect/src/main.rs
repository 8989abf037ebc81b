//! Verifies a snapshot archive offline and says what is in it.

fn main() -> std::process::ExitCode {
    snapline_cli::main(snap_inspect::PROGRAM, snap_inspect::run)
}
