//! The command line, and the checked values it becomes.

use std::str::FromStr;
use std::time::Duration;

use snapline_cli::{Failure, Kind, OrExit as _, parse_duration};
use snapline_s3::Settings;
use snapline_series::Location;

use crate::guard::Guard;
use crate::policy::Policy;
use crate::rule::{Count, Rule};
use crate::span::Span;

snapline_cli::args! {
    /// Deletes old snapshots of a series. Reads the URI of a new object, as s3-put prints it, finds that object, and only then
    /// prunes the series it belongs to; it always keeps it. Prints the URI of each object that it deletes.
    #[argh(
        example = "vault-login | vault-snapshot --revoke | s3-put s3://backups/vault/ | {command_name} --keep-last 30",
        example = "{command_name} --series s3://backups/vault/ --keep-daily 7 --keep-weekly 5 --keep-monthly 12 --dry-run -v",
        note = "A snapshot stays if any rule keeps it, each rule by itself, in UTC, and only periods that have a snapshot count. While a rule has periods left, it keeps the oldest snapshot too. A rule with 0 is no rule.",
        note = "Only objects whose whole key is of the series are looked at. Objects whose time is more than 15 minutes ahead, empty ones, and those that the store received more than a day after the time in their name neither count nor go.",
        note = "Credentials, the first of these: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN; a role of the profile in ~/.aws/config and ~/.aws/credentials (AWS_CONFIG_FILE, AWS_SHARED_CREDENTIALS_FILE); AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN; keys of the profile; AWS_CONTAINER_CREDENTIALS_FULL_URI or _RELATIVE_URI; the instance's metadata, unless AWS_EC2_METADATA_DISABLED is true. -v says which. AWS's endpoints: AWS_USE_FIPS_ENDPOINT, AWS_USE_DUALSTACK_ENDPOINT, AWS_STS_REGIONAL_ENDPOINTS. Proxies: HTTP_PROXY, HTTPS_PROXY, NO_PROXY."
    )]
    pub struct Args with (snapline_s3) {
        /// series to prune, relative to its newest object; standard input is not read then
        #[argh(option, arg_name = "uri")]
        pub series: Option<String>,
        /// keep the newest n; n is a number or 'unlimited' here and below
        #[argh(option, arg_name = "n")]
        pub keep_last: Option<String>,
        /// keep the newest of each of the last n hours that have one
        #[argh(option, arg_name = "n")]
        pub keep_hourly: Option<String>,
        /// keep the newest of each of the last n days that have one
        #[argh(option, arg_name = "n")]
        pub keep_daily: Option<String>,
        /// keep the newest of each of the last n ISO weeks that have one
        #[argh(option, arg_name = "n")]
        pub keep_weekly: Option<String>,
        /// keep the newest of each of the last n months that have one
        #[argh(option, arg_name = "n")]
        pub keep_monthly: Option<String>,
        /// keep the newest of each of the last n years that have one
        #[argh(option, arg_name = "n")]
        pub keep_yearly: Option<String>,
        /// keep all that are newer than this before the newest, for example 1y6m14d12h (m: months)
        #[argh(option, arg_name = "duration")]
        pub keep_within: Option<String>,
        /// agree to n deletions; if more are due, nothing is deleted [default: a third of the series, at least 5]
        #[argh(option, arg_name = "n")]
        pub max_delete: Option<u64>,
        /// delete nothing if the newest is smaller than the largest kept by more than this [default: off]
        #[argh(option, arg_name = "percent")]
        pub max_shrink: Option<u64>,
        /// abort unfinished uploads of this series that were begun longer ago, for example 48h [default: off]
        #[argh(option, arg_name = "dur", from_str_fn(parse_duration))]
        pub abort_uploads_older_than: Option<Duration>,
        /// count objects that were stored more than a day after the time in their name, as in a bucket that was copied
        #[argh(switch)]
        pub trust_names: bool,
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
    pub(crate) guard: Guard,
    pub(crate) abort_older_than: Option<Duration>,
    pub(crate) dry_run: bool,
    pub(crate) s3: Settings,
}

impl Config {
    /// Flags, then the environment, then defaults.
    ///
    /// # Errors
    /// 64 for an argument, 78 for a variable that cannot be used.
    pub(crate) fn from_args(args: Args, environment: snapline_s3::Environment<'_>) -> Result<Self, Failure> {
        let policy = policy(&args)?;
        if policy.is_empty() {
            return Err(
                Failure::says(Kind::Usage, "read the command line: there is no rule what to keep")
                    .hint("for example --keep-last 30, or --keep-daily 7 --keep-weekly 5 --keep-monthly 12"),
            );
        }
        let guard = Guard {
            max_delete: consent(args.max_delete)?,
            max_shrink: percentage(args.max_shrink)?,
        };
        if args.abort_uploads_older_than == Some(Duration::ZERO) {
            return Err(Failure::says(
                Kind::Usage,
                "read --abort-uploads-older-than: it must be longer than any upload takes",
            ));
        }
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
            guard,
            abort_older_than: args.abort_uploads_older_than,
            dry_run: args.dry_run,
            s3,
        })
    }
}

/// The rules on the command line. One with 0 is none, as in restic.
fn policy(args: &Args) -> Result<Policy, Failure> {
    let typed = |rule: Rule| match rule {
        Rule::Last => &args.keep_last,
        Rule::Hourly => &args.keep_hourly,
        Rule::Daily => &args.keep_daily,
        Rule::Weekly => &args.keep_weekly,
        Rule::Monthly => &args.keep_monthly,
        Rule::Yearly => &args.keep_yearly,
    };
    let mut counts = Vec::new();
    for rule in Rule::ALL {
        let count: Option<Count> = value(&format!("--keep-{}", rule.name()), typed(rule).as_deref())?;
        counts.extend(count.filter(|count| count.is_left()).map(|count| (rule, count)));
    }
    let within: Option<Span> = value("--keep-within", args.keep_within.as_deref())?;
    Ok(Policy {
        counts,
        within: within.filter(|span| !span.is_zero()),
        trust_names: args.trust_names,
    })
}

fn value<T: FromStr<Err = String>>(option: &str, text: Option<&str>) -> Result<Option<T>, Failure> {
    let parsed = text.map(str::parse).transpose();
    parsed.map_err(|error| Failure::says(Kind::Usage, format!("read {option}: {error}")))
}

/// Consent to no deletion is a dry run.
fn consent(number: Option<u64>) -> Result<Option<usize>, Failure> {
    match number {
        Some(0) => {
            Err(Failure::says(Kind::Usage, "read --max-delete: it must be at least 1")
                .hint("--dry-run deletes nothing"))
        }
        number => Ok(number.map(|number| usize::try_from(number).unwrap_or(usize::MAX))),
    }
}

fn percentage(percent: Option<u64>) -> Result<Option<u64>, Failure> {
    match percent {
        Some(percent) if percent > 100 => Err(Failure::says(
            Kind::Usage,
            format!("read --max-shrink: {percent} percent is more than all of it"),
        )),
        percent => Ok(percent),
    }
}
