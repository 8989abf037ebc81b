//! The command line, and the checked values it becomes.

use snapline_cli::{Failure, Kind, OrExit as _};
use snapline_s3::Settings;
use snapline_series::Location;

use crate::policy::Policy;

snapline_cli::args! {
    /// Deletes old snapshots of a series. Reads the URI of a new object, as s3-put prints it, finds that object, and only then
    /// prunes the series it belongs to; it always keeps it. Prints the URI of each object that it deletes.
    #[argh(
        example = "vault-login | vault-snapshot --revoke | s3-put s3://backups/vault/ | {command_name} --keep-last 30",
        example = "{command_name} --series s3://backups/vault/ --keep-last 30 --dry-run",
        note = "Only objects whose whole key is of the series are looked at. Objects with a time more than 15 minutes ahead are kept and reported; empty ones neither count nor go.",
        note = "Credentials, the first of these: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN; AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN; the profile in ~/.aws/config and ~/.aws/credentials (AWS_CONFIG_FILE, AWS_SHARED_CREDENTIALS_FILE); AWS_CONTAINER_CREDENTIALS_FULL_URI or _RELATIVE_URI; the instance's metadata, unless AWS_EC2_METADATA_DISABLED is true. -v says which. Proxies: HTTP_PROXY, HTTPS_PROXY, NO_PROXY."
    )]
    pub struct Args with (snapline_s3) {
        /// series to prune, relative to its newest object; standard input is not read then
        #[argh(option, arg_name = "uri")]
        pub series: Option<String>,
        /// keep the newest n
        #[argh(option, arg_name = "n")]
        pub keep_last: Option<u64>,
        /// how many to delete at most; the rest is left to the next run [default: 100]
        #[argh(option, arg_name = "n")]
        pub max_delete: Option<u64>,
        /// delete nothing, but print what would go
        #[argh(switch)]
        pub dry_run: bool,
    }
}

/// What to do.
#[derive(Debug)]
pub(crate) struct Config {
    /// Given, or told by the object on standard input.
    pub(crate) series: Option<Location>,
    pub(crate) policy: Policy,
    pub(crate) max_delete: usize,
    pub(crate) dry_run: bool,
    pub(crate) s3: Settings,
}

impl Config {
    /// Flags, then the environment, then defaults.
    ///
    /// # Errors
    /// 64 for an argument, 78 for a variable that cannot be used.
    pub(crate) fn from_args(args: Args, environment: snapline_s3::Environment<'_>) -> Result<Self, Failure> {
        let policy = Policy {
            last: count("--keep-last", args.keep_last)?,
        };
        if policy.is_empty() {
            return Err(
                Failure::says(Kind::Usage, "read the command line: there is no rule what to keep")
                    .hint("for example --keep-last 30"),
            );
        }
        let max_delete = count("--max-delete", args.max_delete)?.unwrap_or(100);
        let s3 = Settings::resolve(args.s3(), environment)?;
        let series = args.series.map(|uri| {
            let reading = format!("read --series '{uri}'");
            match Location::parse(&uri, &s3.name).or_exit(Kind::Usage, &reading)? {
                series @ Location::Series { .. } => Ok(series),
                Location::Object { .. } => Err(Failure::says(Kind::Usage, format!("{reading}: it names one object"))
                    .hint("a series is a prefix that ends in /, or a template with %Y %m %d %H %M %S")),
            }
        });
        Ok(Self {
            series: series.transpose()?,
            policy,
            max_delete,
            dry_run: args.dry_run,
            s3,
        })
    }
}

/// A count that must not be 0: that would keep, or delete, nothing.
fn count(option: &str, value: Option<u64>) -> Result<Option<usize>, Failure> {
    match value {
        Some(0) => Err(Failure::says(
            Kind::Usage,
            format!("read {option}: it must be at least 1"),
        )),
        value => Ok(value.map(|value| usize::try_from(value).unwrap_or(usize::MAX))),
    }
}
