//! Fetches a snapshot from S3, verified on the way.
//!
//! What leaves is checked as `vault-snapshot` checks it: its last 64 KiB leave only when the whole is proven, so that nobody
//! downstream ever holds an archive that looks whole and is not.

mod args;
mod fetch;
mod list;
mod refusal;
mod series;

use snapline_cli::{Failure, Output, Program, Trailing, refuse_terminal};
use snapline_s3::Client;
use time::OffsetDateTime;

pub use args::Args;
use args::{Choice, Config, Wanted};
use series::Chosen;

/// Name and version.
pub const PROGRAM: Program = Program {
    name: "s3-get",
    version: env!("CARGO_PKG_VERSION"),
    trailing: Trailing::Mixed,
};

/// Fetches an object, or lists a series.
///
/// # Errors
/// Whatever kept it from that, with its exit code.
pub fn run(args: Args) -> Result<(), Failure> {
    let Config {
        wanted,
        raw,
        output: path,
        verbose,
        s3,
    } = Config::from_args(args, &|name| std::env::var_os(name))?;
    let is_list = matches!(wanted, Wanted::Series(_, Choice::List));
    if !is_list {
        refuse_terminal(path.as_deref(), "a snapshot")?;
    }
    let output = Output::open(path.as_deref())?;
    let client = Client::new(s3, &PROGRAM.user_agent(), 1);
    let now = OffsetDateTime::now_utc();
    let chosen = match wanted {
        Wanted::Object(object) => Chosen::object(object),
        Wanted::Series(series, choice) => {
            let members = series.members(&client, now)?;
            match choice {
                Choice::List => return list::print(&client, &series, &members, verbose, now, output),
                Choice::Latest => series.newest(&members)?,
                Choice::Before(time) => series.newest_at(&members, time)?,
            }
        }
    };
    fetch::fetch(&client, &chosen, raw, path.as_deref(), output)
}
