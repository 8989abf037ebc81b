//! The command line, and the checked values it becomes.

use std::time::Duration;

use snapline_cli::{Failure, Kind, parse_duration};
use snapline_http::Environment;
use snapline_vault::Settings;

use crate::PROGRAM;

/// The server scans its whole store before the first byte.
const START: Duration = Duration::from_secs(15 * 60);
const STALL: Duration = Duration::from_secs(120);

snapline_cli::args! {
    /// Streams a Raft snapshot out of Vault or OpenBao and checks it on the way: its last 64 KiB leave only when the whole is
    /// proven. Reads the token as one line from standard input.
    #[argh(
        example = "vault-login | {command_name} --revoke | s3-put s3://backups/vault/ | snap-prune --keep-last 30",
        example = "{command_name} --token-file token --output vault.snap",
        example = "vault-login | {command_name} --revoke --spool /var/tmp | s3-put s3://backups/vault/",
        note = "Only where standard input is a terminal or /dev/null, the token is that of VAULT_TOKEN, VAULT_TOKEN_FILE or ~/.vault-token. BAO_X is read before VAULT_X."
    )]
    pub struct Args with (snapline_vault) {
        /// file that holds the token; standard input is not read then [env: VAULT_TOKEN_FILE]
        #[argh(option, arg_name = "file")]
        pub token_file: Option<String>,
        /// file to write, which appears whole or not at all [default: -, standard output, unless it is a terminal]
        #[argh(option, arg_name = "file")]
        pub output: Option<String>,
        /// folder for a file without a name that takes the snapshot whole before anything goes on, so that the server is done at once, and asked again if it fails on the way [default: off]
        #[argh(option, arg_name = "dir")]
        pub spool: Option<String>,
        /// revoke the token when the snapshot is here, and also on failure
        #[argh(switch)]
        pub revoke: bool,
        /// how long the server may take to begin, tries included [default: 15m]
        #[argh(option, arg_name = "dur", from_str_fn(parse_duration))]
        pub start_timeout: Option<Duration>,
        /// how long nothing may come from the server, or be taken from standard output [default: 120s]
        #[argh(option, arg_name = "dur", from_str_fn(parse_duration))]
        pub stall_timeout: Option<Duration>,
    }
}

/// What to do.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) settings: Settings,
    pub(crate) token_file: Option<String>,
    pub(crate) output: Option<String>,
    pub(crate) spool: Option<String>,
    pub(crate) revoke: bool,
    pub(crate) start: Duration,
    pub(crate) stall: Duration,
}

impl Config {
    /// Flags, then the environment, then defaults.
    ///
    /// # Errors
    /// 64 for an option, 78 for a variable that cannot be used.
    pub(crate) fn from_args(args: Args, environment: Environment<'_>) -> Result<Self, Failure> {
        for (option, value) in [
            ("--start-timeout", args.start_timeout),
            ("--stall-timeout", args.stall_timeout),
        ] {
            if value.is_some_and(|value| value.is_zero()) {
                return Err(Failure::says(
                    Kind::Usage,
                    format!("read {option}: it must be more than 0"),
                ));
            }
        }
        Ok(Self {
            settings: Settings::new(&args.vault(), environment, &PROGRAM.user_agent())?,
            token_file: args.token_file,
            output: args.output,
            spool: args.spool,
            revoke: args.revoke,
            start: args.start_timeout.unwrap_or(START),
            stall: args.stall_timeout.unwrap_or(STALL),
        })
    }
}
