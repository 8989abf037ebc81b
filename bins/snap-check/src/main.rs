//! Says whether a series of snapshots has a fresh, whole backup.

fn main() -> std::process::ExitCode {
    snapline_cli::main_with(snap_check::PROGRAM, snap_check::run, snap_check::on_failure)
}
