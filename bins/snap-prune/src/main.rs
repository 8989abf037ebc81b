//! Applies a retention policy to the series that a new object belongs to.

fn main() -> std::process::ExitCode {
    snapline_cli::main(snap_prune::PROGRAM, snap_prune::run)
}
