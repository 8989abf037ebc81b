//! The command line, and the checked values it becomes.

use snapline_archive::Keys;
use snapline_cli::{Failure, Kind};

snapline_cli::args! {
    /// Verifies a snapshot archive and says what is in it: gate by gate whether it is whole, then a card of the cluster that it is
    /// from and of what a restore needs. Needs no key and no server, and reads the archive once, in constant memory.
    #[argh(
        example = "{command_name} vault_raft_20261126_020000.snap",
        example = "s3-get --latest s3://backups/vault/ | {command_name} --format json | jq .card.seal",
        example = "{command_name} --keys --depth 3 vault.snap",
        note = "Only a whole archive gets a card. The exit code is the verdict: 65 names the gate that the archive did not pass.",
        note = "No value is decrypted: that the keys fit and that every entry can be decrypted is what a restore, or a prover that has the keys, must show."
    )]
    pub struct Args with () {
        /// archive to inspect; - or none is standard input
        #[argh(positional, arg_name = "file")]
        pub file: Option<String>,
        /// form of the report: text or json [default: text]
        #[argh(option, arg_name = "form")]
        pub format: Option<Format>,
        /// also list the entries by prefix, with count and size; discloses paths
        #[argh(switch)]
        pub keys: bool,
        /// how many parts of a path make a prefix, 0 for all; with --keys [default: 2]
        #[argh(option, arg_name = "n")]
        pub depth: Option<usize>,
    }
}

/// The form of the report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Format {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object on one line.
    Json,
}

impl std::str::FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(format!("'{text}' is neither text nor json")),
        }
    }
}

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Config {
    pub(crate) file: Option<String>,
    pub(crate) format: Format,
    /// The depth of the list of keys, if there is to be one.
    pub(crate) depth: Option<usize>,
}

impl Config {
    /// Flags, then defaults.
    ///
    /// # Errors
    /// 64 for a depth without a list.
    pub(crate) fn from_args(args: Args) -> Result<Self, Failure> {
        if args.depth.is_some() && !args.keys {
            return Err(
                Failure::says(Kind::Usage, "read --depth: there is no list without --keys")
                    .hint("--keys discloses paths, so it must be asked for"),
            );
        }
        Ok(Self {
            file: args.file,
            format: args.format.unwrap_or_default(),
            depth: args.keys.then(|| args.depth.unwrap_or(Keys::DEPTH)),
        })
    }
}
