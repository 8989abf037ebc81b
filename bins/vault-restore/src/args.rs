//! The command line, and the checked values it becomes.

use std::time::Duration;

use snapline_cli::{Failure, Kind, parse_duration};
use snapline_http::Environment;
use snapline_vault::Settings;

use crate::PROGRAM;

const WAIT: Duration = Duration::from_secs(60);
const STALL: Duration = Duration::from_secs(120);

snapline_cli::args! {
    /// Restores a Raft snapshot into Vault or OpenBao: it replaces everything that the cluster holds. Reads the archive whole
    /// from standard input and proves it whole before a byte of it goes to the server. Without --yes it only says what would
    /// happen.
    #[argh(
        example = "s3-get --latest s3://backups/vault/ | VAULT_TOKEN=$(vault-login) {command_name} --yes",
        example = "s3-get --latest s3://backups/vault/ | {command_name} --dry-run",
        example = "{command_name} --input vault.snap --token-file token --force --yes",
        note = "The token is that of --token-file, VAULT_TOKEN, VAULT_TOKEN_FILE or ~/.vault-token; its policy must allow update on sys/storage/raft/snapshot, or sys/storage/raft/snapshot-force. Afterwards the cluster is unsealed with the keys of the one that the snapshot came from. BAO_X is read before VAULT_X."
    )]
    pub struct Args with (snapline_vault) {
        /// file to read the archive from [default: -, standard input, unless it is a terminal]
        #[argh(option, arg_name = "file")]
        pub input: Option<String>,
        /// file that holds the token [env: VAULT_TOKEN_FILE]
        #[argh(option, arg_name = "file")]
        pub token_file: Option<String>,
        /// directory for an unlinked file that holds the archive, readable by this user only [env: TMPDIR; default: /tmp]
        #[argh(option, arg_name = "dir")]
        pub spool: Option<String>,
        /// restore also an archive that was sealed by other keys than the cluster's, such as one of another cluster
        #[argh(switch)]
        pub force: bool,
        /// replace everything that the cluster holds; without it nothing is sent
        #[argh(switch)]
        pub yes: bool,
        /// check the archive and say what would happen, and end with 0
        #[argh(switch)]
        pub dry_run: bool,
        /// how long to wait until every node says what became of it; 0 for not at all [default: 60s]
        #[argh(option, arg_name = "dur", from_str_fn(parse_duration))]
        pub wait: Option<Duration>,
        /// how long nothing may come from the input, or be taken by the server [default: 120s]
        #[argh(option, arg_name = "dur", from_str_fn(parse_duration))]
        pub stall_timeout: Option<Duration>,
    }
}

/// Whether to restore.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Intent {
    /// Restore.
    Restore,
    /// Say what would happen, on request.
    Rehearse,
    /// Say what would happen, since nobody has said `--yes`.
    Ask,
}

/// What to do.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) settings: Settings,
    pub(crate) input: Option<String>,
    pub(crate) token_file: Option<String>,
    pub(crate) spool: String,
    pub(crate) force: bool,
    pub(crate) intent: Intent,
    pub(crate) wait: Duration,
    pub(crate) stall: Duration,
}

impl Config {
    /// Flags, then the environment, then defaults.
    ///
    /// # Errors
    /// 64 for an option, 78 for a variable that cannot be used.
    pub(crate) fn from_args(args: Args, environment: Environment<'_>) -> Result<Self, Failure> {
        if args.stall_timeout.is_some_and(|limit| limit.is_zero()) {
            return Err(Failure::says(
                Kind::Usage,
                "read --stall-timeout: it must be more than 0",
            ));
        }
        if args.token_file.as_deref() == Some("-") {
            let message = "read the token from standard input: that is where the archive comes from";
            return Err(Failure::says(Kind::Usage, message).hint("name a file by --token-file, or set VAULT_TOKEN"));
        }
        let intent = match (args.yes, args.dry_run) {
            (true, true) => {
                let message = "read the command line: --yes and --dry-run exclude each other";
                return Err(Failure::says(Kind::Usage, message));
            }
            (true, false) => Intent::Restore,
            (false, true) => Intent::Rehearse,
            (false, false) => Intent::Ask,
        };
        Ok(Self {
            settings: Settings::new(&args.vault(), environment, &PROGRAM.user_agent())?,
            input: args.input,
            token_file: args.token_file,
            spool: match args.spool {
                Some(folder) => folder,
                None => temporary_folder(environment),
            },
            force: args.force,
            intent,
            wait: args.wait.unwrap_or(WAIT),
            stall: args.stall_timeout.unwrap_or(STALL),
        })
    }
}

fn temporary_folder(environment: Environment<'_>) -> String {
    environment("TMPDIR")
        .and_then(|folder| folder.into_string().ok())
        .filter(|folder| !folder.is_empty())
        .unwrap_or_else(|| "/tmp".to_owned())
}
