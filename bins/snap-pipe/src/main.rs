//! Run a pipeline without a shell, with a true exit code.

fn main() -> std::process::ExitCode {
    snapline_cli::main(snap_pipe::PROGRAM, snap_pipe::run)
}
