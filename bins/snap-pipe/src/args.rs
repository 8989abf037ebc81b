//! The command line of snap-pipe.

use snapline_cli::Failure;

use crate::stage::{self, Stage};

snapline_cli::args! {
    /// Runs programs as one pipe, without a shell, waits for all of them, and ends with the code of the first one that failed.
    ///
    /// A word that is just | ends a stage; quote it in a shell. Each program is found on PATH, or is a path if its name has a slash; all
    /// are found before any is started. The first reads standard input, the last writes standard output.
    #[argh(
        usage = "[options] prog [arg...] ['|' prog [arg...]]...",
        example = "Make a snapshot, store it, drop the oldest:\n$ {command_name} vault-login '|' vault-snapshot --revoke '|' s3-put s3://backups/vault/ '|' snap-prune --keep-last 30",
        example = "The same as the args of a CronJob, where this is the image's entry point:\nargs: [\"vault-login\", \"|\", \"vault-snapshot\", \"--revoke\", \"|\", \"s3-put\", \"s3://backups/vault/\", \"|\", \"snap-prune\", \"--keep-last\", \"30\"]",
        note = "The exit code is that of the leftmost stage that ended with neither 0 nor 141; without one, that of the last stage. A stage that signal n ended counts as 128+n. The last line on standard error names that stage; -v names the others that failed.",
        note = "TERM, INT, HUP, QUIT, USR1 and USR2 are passed on to all stages, and their ends are waited for, however long that takes.",
        note = "Stages named s3-put, s3-get, snap-prune and snap-check see no variable that begins with VAULT_ or BAO_; vault-snapshot and vault-restore see none that begins with AWS_.",
        note = "A program cannot be given an argument that is just |. Options of {command_name} stand before the first program."
    )]
    pub struct Args with () {
        /// a program and its arguments, a |, the next program and its arguments, and so on
        #[argh(positional, arg_name = "prog")]
        pub words: Vec<String>,
    }
}

/// What to do.
#[derive(Debug)]
pub(crate) struct Config {
    /// From left to right, each with the file of its program.
    pub(crate) stages: Vec<Stage>,
}

impl Config {
    /// Splits the words into stages and finds their programs.
    ///
    /// # Errors
    /// 64 if there is no stage, or no such program.
    pub(crate) fn from_args(args: &Args) -> Result<Self, Failure> {
        let stages = stage::find_all(&args.words)?;
        Ok(Self { stages })
    }
}
