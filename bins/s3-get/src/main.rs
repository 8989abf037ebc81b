//! Fetches a snapshot from S3, verified on the way.

fn main() -> std::process::ExitCode {
    snapline_cli::main(s3_get::PROGRAM, s3_get::run)
}
