//! The command line, and the checked values it becomes.

use snapline_cli::{Failure, Kind, OrExit as _};
use snapline_s3::Settings;
use snapline_series::{Location, ObjectUri, Template};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

snapline_cli::args! {
    /// Fetches a snapshot from S3: the object with this key, or the newest of a series. The archive is verified while it passes,
    /// and its last 64 KiB leave only when the whole is proven. Prints the URIs of a series with --list.
    #[argh(
        usage = "<uri> [options]",
        example = "{command_name} --latest s3://backups/vault/ | VAULT_TOKEN=$(vault-login) vault-restore --yes",
        example = "{command_name} --before 2026-11-24T06:00:00Z --output vault.snap s3://backups/vault/",
        example = "{command_name} --list s3://backups/vault/ | head -n 3",
        example = "{command_name} --raw --latest --name vault_raft_%Y%m%d_%H%M%S.snap.age s3://backups/vault/ | age -d -i key.txt | snap-inspect",
        note = "A URI that ends in / is a prefix, and the names behind it are made from --name; a URI with % is a template. Both name a series, which needs --latest, --before or --list. Any other URI is the key of one object.",
        note = "The time of a snapshot is the one in its name, in UTC, not the one at which the store received it: copied buckets work. Objects whose time is more than 15 minutes ahead are never the newest, nor are empty ones; both are reported.",
        note = "A snapshot that is broken is an error, 65, and the hint names the one before it; another one than asked for is never fetched instead.",
        note = "A connection that breaks is continued where it broke, as long as the object is the same. If it was replaced meanwhile, that is an error.",
        note = "Credentials, the first of these: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN; a role of the profile in ~/.aws/config and ~/.aws/credentials (AWS_CONFIG_FILE, AWS_SHARED_CREDENTIALS_FILE); AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN; keys of the profile; AWS_CONTAINER_CREDENTIALS_FULL_URI or _RELATIVE_URI; the instance's metadata, unless AWS_EC2_METADATA_DISABLED is true. -v says which. AWS's endpoints: AWS_USE_FIPS_ENDPOINT, AWS_USE_DUALSTACK_ENDPOINT, AWS_STS_REGIONAL_ENDPOINTS. Proxies: HTTP_PROXY, HTTPS_PROXY, NO_PROXY."
    )]
    pub struct Args with (snapline_s3) {
        /// what to fetch: s3://bucket/key, or s3://bucket/prefix/ for a series
        #[argh(positional)]
        pub uri: String,
        /// fetch the newest snapshot of the series
        #[argh(switch)]
        pub latest: bool,
        /// fetch the newest snapshot that was taken at this time or before, such as 2026-11-24T06:00:00Z
        #[argh(option, arg_name = "time")]
        pub before: Option<String>,
        /// print the URIs of the series, newest first; with -v also size, age, index and term, behind tabs
        #[argh(switch)]
        pub list: bool,
        /// fetch the object as it is, for example an encrypted one: only its length is checked
        #[argh(switch)]
        pub raw: bool,
        /// file to write, which appears whole or not at all [default: -, standard output, unless it is a terminal]
        #[argh(option, arg_name = "file")]
        pub output: Option<String>,
    }
}

/// What to do.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) wanted: Wanted,
    pub(crate) raw: bool,
    pub(crate) output: Option<String>,
    pub(crate) verbose: bool,
    pub(crate) s3: Settings,
}

/// What was asked for.
#[derive(Debug)]
pub(crate) enum Wanted {
    /// The object with this key.
    Object(ObjectUri),
    /// One of a series, or its list.
    Series(Series, Choice),
}

/// A series of snapshots.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) bucket: String,
    pub(crate) template: Template,
}

/// What of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    /// The newest.
    Latest,
    /// The newest that is not newer than this.
    Before(OffsetDateTime),
    /// The names of all.
    List,
}

impl Config {
    /// Flags, then the environment, then defaults.
    ///
    /// # Errors
    /// 64 for an argument, 78 for a variable that cannot be used.
    pub(crate) fn from_args(args: Args, environment: snapline_s3::Environment<'_>) -> Result<Self, Failure> {
        let choice = choice(&args)?;
        if args.raw && choice == Some(Choice::List) {
            return Err(Failure::says(
                Kind::Usage,
                "use --raw together with --list: a list has no content",
            ));
        }
        let s3 = Settings::resolve(args.s3(), environment)?;
        let reading = format!("read the URI '{}'", args.uri);
        let wanted = match (
            Location::parse(&args.uri, &s3.name).or_exit(Kind::Usage, &reading)?,
            choice,
        ) {
            (Location::Object { bucket, key }, None) => Wanted::Object(ObjectUri { bucket, key }),
            (Location::Series { bucket, template }, Some(choice)) => {
                Wanted::Series(Series { bucket, template }, choice)
            }
            (Location::Series { .. }, None) => {
                return Err(Failure::says(Kind::Usage, format!("{reading}: it names a series"))
                    .hint("say which of its snapshots: --latest, --before TIME, or --list to see them"));
            }
            (Location::Object { .. }, Some(_)) => {
                let cause = "it names one object, and --latest, --before and --list are for a series";
                return Err(Failure::says(Kind::Usage, format!("{reading}: {cause}"))
                    .hint("a series is a prefix that ends in /, or a template with %Y %m %d %H %M %S"));
            }
        };
        Ok(Self {
            wanted,
            raw: args.raw,
            output: args.output,
            verbose: args.verbose > 0,
            s3,
        })
    }
}

fn choice(args: &Args) -> Result<Option<Choice>, Failure> {
    let choices = [
        args.latest.then_some(Choice::Latest),
        args.before.as_deref().map(time).transpose()?.map(Choice::Before),
        args.list.then_some(Choice::List),
    ];
    let mut given = choices.into_iter().flatten();
    match (given.next(), given.next()) {
        (choice, None) => Ok(choice),
        _ => Err(Failure::says(
            Kind::Usage,
            "read the command line: only one of --latest, --before and --list can be used",
        )),
    }
}

fn time(text: &str) -> Result<OffsetDateTime, Failure> {
    OffsetDateTime::parse(text, &Rfc3339)
        .or_exit(Kind::Usage, format!("read --before '{text}'"))
        .map_err(|failure| failure.hint("a time with its zone, such as 2026-11-24T06:00:00Z"))
}
