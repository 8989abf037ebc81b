//! The command line, and the checked values it becomes.

use snapline_cli::{Exit, Failure, OrExit as _, parse_size};
use snapline_s3::Settings;
use snapline_series::Location;

use crate::failed;
use crate::parts::{LARGEST_PART, SMALLEST_PART};

snapline_cli::args! {
    /// Stores a Raft snapshot in S3. The object appears only once the archive is proven whole: whatever is cut, corrupt, empty
    /// or no snapshot fails and leaves nothing behind. Prints the URI of the object.
    #[argh(
        example = "vault-login | vault-snapshot --revoke | {command_name} s3://backups/vault/ | snap-prune --keep-last 30",
        example = "{command_name} --input vault.snap s3://backups/before-upgrade.snap",
        note = "A URI that ends in / is a prefix: the name is made from --name and the time, in UTC. Any other URI is the key itself, or a template where it contains %.",
        note = "Credentials: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, where there is one, AWS_SESSION_TOKEN. Proxies: HTTP_PROXY, HTTPS_PROXY, NO_PROXY."
    )]
    pub struct Args with (s3) {
        /// where to store: s3://bucket/prefix/ or s3://bucket/key
        #[argh(positional)]
        pub uri: String,
        /// file to read [default: -, standard input]
        #[argh(option, arg_name = "file")]
        pub input: Option<String>,
        /// store what is no snapshot as well; nothing is verified then but that it is not empty
        #[argh(switch)]
        pub raw: bool,
        /// size of a part, 5MiB to 5GiB; raised where 10,000 parts would not do [default: 8MiB]
        #[argh(option, arg_name = "size", from_str_fn(parse_size))]
        pub part_size: Option<u64>,
        /// how many parts are sent at once, 1 to 64 [default: 3]
        #[argh(option, arg_name = "n")]
        pub concurrency: Option<u32>,
        /// replace the object if there is one; for exact keys only
        #[argh(switch)]
        pub overwrite: bool,
    }
}

/// What to do.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) location: Location,
    pub(crate) input: Option<String>,
    pub(crate) raw: bool,
    /// Bytes.
    pub(crate) part_size: u64,
    pub(crate) concurrency: usize,
    pub(crate) overwrite: bool,
    pub(crate) s3: Settings,
}

impl Config {
    /// Flags, then the environment, then defaults.
    ///
    /// # Errors
    /// 64 for an argument, 78 for a variable that cannot be used.
    pub(crate) fn from_args(args: Args, environment: snapline_s3::Environment<'_>) -> Result<Self, Failure> {
        let s3 = Settings::resolve(args.s3(), environment).map_err(failed)?;
        let location =
            Location::parse(&args.uri, &s3.name).or_exit(Exit::Usage, format!("read the URI '{}'", args.uri))?;
        if args.overwrite && matches!(location, Location::Series { .. }) {
            return Err(Failure::says(
                Exit::Usage,
                "use --overwrite: it is for exact keys, and a series never overwrites",
            ));
        }
        let part_size = args.part_size.unwrap_or(8 << 20);
        if !(SMALLEST_PART..=LARGEST_PART).contains(&part_size) {
            return Err(Failure::says(
                Exit::Usage,
                "read --part-size: S3 takes parts of 5MiB to 5GiB",
            ));
        }
        let concurrency = args.concurrency.unwrap_or(3);
        if !(1..=64).contains(&concurrency) {
            return Err(Failure::says(Exit::Usage, "read --concurrency: it is not from 1 to 64"));
        }
        Ok(Self {
            location,
            input: args.input,
            raw: args.raw,
            part_size,
            concurrency: usize::try_from(concurrency).unwrap_or(1),
            overwrite: args.overwrite,
            s3,
        })
    }
}
