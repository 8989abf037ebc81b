//! The command line, and the checked values it becomes.

use std::time::Duration;

use snapline_cli::{Failure, Kind, OrExit as _, parse_duration, parse_size};
use snapline_s3::{ObjectFlags, ObjectOptions, Settings};
use snapline_series::Location;
use time::OffsetDateTime;

use crate::filter::Filter;
use crate::parts::{LARGEST_PART, SMALLEST_PART};

snapline_cli::args! {
    /// Stores a Raft snapshot in S3. The object appears only once the archive is proven whole: whatever is cut, corrupt, empty
    /// or no snapshot fails and leaves nothing behind. Prints the URI of the object.
    #[argh(
        usage = "<uri> [options] [-- filter [arg...]]",
        example = "vault-login | vault-snapshot --revoke | {command_name} s3://backups/vault/ | snap-prune --keep-last 30",
        example = "{command_name} --storage-class STANDARD_IA --object-lock-mode GOVERNANCE --object-lock-days 30 s3://backups/vault/",
        example = "{command_name} --input vault.snap s3://backups/before-upgrade.snap",
        example = "vault-login | vault-snapshot --revoke | {command_name} s3://backups/vault/ --name vault_raft_%Y%m%d_%H%M%S.snap.age -- age -r age1... | snap-prune --name vault_raft_%Y%m%d_%H%M%S.snap.age --keep-last 30",
        note = "A URI that ends in / is a prefix: the name is made from --name and the time, in UTC. Any other URI is the key itself, or a template where it contains %.",
        note = "What --storage-class and the options after it ask for goes to the store as it is. After storing, the object is looked at once: what the store does not show to have kept is a warning. What it refuses is an error, and nothing is stored.",
        note = "A filter stands behind --, for example to encrypt: the snapshot is verified on its way into it, what it writes is stored. Its input ends only once the snapshot is proven whole; otherwise it is killed. It has to read everything, write something and end with 0, else nothing is stored and the code is 74. The part size is chosen so that the object may be half as large again as the snapshot; more than 10,000 parts are a failure, and --part-size helps.",
        note = "A filter runs in a process group of its own, with the environment but for the secrets of Vault and S3 (AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, VAULT_TOKEN, VAULT_APPROLE_SECRET_ID and the like), and is no part of the image: put it there.",
        note = "The metrics are for the textfile collector of the Prometheus node exporter; each has a label series. They are written last: where that fails the object is stored and its URI printed, and the code is 74.",
        note = "Credentials, the first of these: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN; a role of the profile in ~/.aws/config and ~/.aws/credentials (AWS_CONFIG_FILE, AWS_SHARED_CREDENTIALS_FILE); AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN; keys of the profile; AWS_CONTAINER_CREDENTIALS_FULL_URI or _RELATIVE_URI; the instance's metadata, unless AWS_EC2_METADATA_DISABLED is true. -v says which. AWS's endpoints: AWS_USE_FIPS_ENDPOINT, AWS_USE_DUALSTACK_ENDPOINT, AWS_STS_REGIONAL_ENDPOINTS. Proxies: HTTP_PROXY, HTTPS_PROXY, NO_PROXY."
    )]
    pub struct Args with (snapline_s3) {
        /// where to store: s3://bucket/prefix/ or s3://bucket/key
        #[argh(positional)]
        pub uri: String,
        /// program that the verified snapshot passes through, and its arguments
        #[argh(positional)]
        pub filter: Vec<String>,
        /// file to read [default: -, standard input]
        #[argh(option, arg_name = "file")]
        pub input: Option<String>,
        /// store what is no snapshot as well; nothing is verified then but that it is not empty
        #[argh(switch)]
        pub raw: bool,
        /// how long a filter may neither read nor write [default: 120s]
        #[argh(option, arg_name = "dur", from_str_fn(parse_duration))]
        pub stall_timeout: Option<Duration>,
        /// size of a part, 5MiB to 5GiB; raised where 10,000 parts would not do and 128 MiB of memory allow it [default: 8MiB]
        #[argh(option, arg_name = "size", from_str_fn(parse_size))]
        pub part_size: Option<u64>,
        /// how many parts are sent at once, 1 to 64 [default: 3]
        #[argh(option, arg_name = "n")]
        pub concurrency: Option<u32>,
        /// replace the object if there is one; for exact keys only
        #[argh(switch)]
        pub overwrite: bool,
        /// storage class of the object, such as STANDARD_IA
        #[argh(option, arg_name = "class")]
        pub storage_class: Option<String>,
        /// how the store encrypts the object: AES256 or aws:kms
        #[argh(option, arg_name = "how")]
        pub sse: Option<String>,
        /// key for --sse aws:kms
        #[argh(option, arg_name = "id")]
        pub sse_kms_key_id: Option<String>,
        /// tag of the object, k=v; repeat it for up to 10
        #[argh(option, arg_name = "k=v")]
        pub tag: Vec<String>,
        /// metadata of the object, k=v in ASCII; repeat it for more
        #[argh(option, arg_name = "k=v")]
        pub metadata: Vec<String>,
        /// keep the object from being deleted: GOVERNANCE or COMPLIANCE; needs --object-lock-days and a bucket with object lock
        #[argh(option, arg_name = "mode")]
        pub object_lock_mode: Option<String>,
        /// for how many days, from now on
        #[argh(option, arg_name = "n")]
        pub object_lock_days: Option<u32>,
        /// keep the object from being deleted until the hold is lifted
        #[argh(switch)]
        pub legal_hold: bool,
        /// media type of the object [default: application/gzip; application/octet-stream with --raw]
        #[argh(option, arg_name = "type")]
        pub content_type: Option<String>,
        /// file for metrics of a success in Prometheus' text format, such as /metrics/vault.prom; replaced as a whole
        #[argh(option, arg_name = "file")]
        pub metrics_file: Option<String>,
    }
}

/// What to do.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) location: Location,
    pub(crate) input: Option<String>,
    pub(crate) raw: bool,
    pub(crate) filter: Option<Filter>,
    pub(crate) metrics: Option<String>,
    /// Bytes.
    pub(crate) part_size: u64,
    pub(crate) concurrency: usize,
    pub(crate) overwrite: bool,
    pub(crate) content_type: String,
    pub(crate) options: ObjectOptions,
    pub(crate) s3: Settings,
}

impl Config {
    /// Flags, then the environment, then defaults.
    ///
    /// # Errors
    /// 64 for an argument, 78 for a variable that cannot be used.
    pub(crate) fn from_args(args: Args, environment: snapline_s3::Environment<'_>) -> Result<Self, Failure> {
        let filter = filter(&args, environment)?;
        let s3 = Settings::resolve(args.s3(), environment)?;
        let location =
            Location::parse(&args.uri, &s3.name).or_exit(Kind::Usage, format!("read the URI '{}'", args.uri))?;
        if args.overwrite && matches!(location, Location::Series { .. }) {
            return Err(Failure::says(
                Kind::Usage,
                "use --overwrite: it is for exact keys, and a series never overwrites",
            ));
        }
        let part_size = args.part_size.unwrap_or(8 << 20);
        if !(SMALLEST_PART..=LARGEST_PART).contains(&part_size) {
            return Err(Failure::says(
                Kind::Usage,
                "read --part-size: S3 takes parts of 5MiB to 5GiB",
            ));
        }
        let concurrency = args.concurrency.unwrap_or(3);
        if !(1..=64).contains(&concurrency) {
            return Err(Failure::says(Kind::Usage, "read --concurrency: it is not from 1 to 64"));
        }
        let options = ObjectOptions::check(object_flags(&args), OffsetDateTime::now_utc())?;
        Ok(Self {
            location,
            input: args.input,
            raw: args.raw,
            part_size,
            concurrency: usize::try_from(concurrency).unwrap_or(1),
            overwrite: args.overwrite,
            content_type: content_type(args.content_type, args.raw || filter.is_some())?,
            filter,
            metrics: args.metrics_file,
            options,
            s3,
        })
    }
}

fn object_flags(args: &Args) -> ObjectFlags {
    ObjectFlags {
        storage_class: args.storage_class.clone(),
        sse: args.sse.clone(),
        sse_kms_key_id: args.sse_kms_key_id.clone(),
        tags: args.tag.clone(),
        metadata: args.metadata.clone(),
        object_lock_mode: args.object_lock_mode.clone(),
        object_lock_days: args.object_lock_days,
        legal_hold: args.legal_hold,
    }
}

fn content_type(given: Option<String>, foreign: bool) -> Result<String, Failure> {
    let default = if foreign {
        "application/octet-stream"
    } else {
        "application/gzip"
    };
    let content_type = given.unwrap_or_else(|| default.to_owned());
    // It goes into a header, and an empty one means none.
    if content_type.is_empty() || !content_type.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        let message = format!("read --content-type: '{content_type}' is no media type");
        return Err(Failure::says(Kind::Usage, message));
    }
    Ok(content_type)
}

/// The words behind `--`, which come with that word in front.
fn filter(args: &Args, environment: snapline_s3::Environment<'_>) -> Result<Option<Filter>, Failure> {
    let wrong = |message: String| Err(Failure::says(Kind::Usage, message));
    let words = match args.filter.as_slice() {
        _ if args.uri == "--" => return wrong("read the command line: the URI stands before '--'".to_owned()),
        [] if args.stall_timeout.is_some() => return wrong("use --stall-timeout: it is for a filter".to_owned()),
        [] => return Ok(None),
        [dashes, words @ ..] if dashes == "--" => words,
        [word, ..] => return wrong(format!("read the command line: '{word}' is one word too many")),
    };
    if args.raw {
        let message = "use --raw together with a filter: what passes through a filter is verified before";
        return wrong(message.to_owned());
    }
    let stall = args.stall_timeout.unwrap_or(Duration::from_secs(120));
    if stall.is_zero() {
        return wrong("read --stall-timeout: it is 0".to_owned());
    }
    Filter::find(words, environment("PATH").as_deref(), stall).map(Some)
}
