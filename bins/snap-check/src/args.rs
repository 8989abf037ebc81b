//! The command line, and the checked values it becomes.

use std::time::Duration;

use snapline_cli::{Failure, Kind, OrExit as _, parse_duration};
use snapline_s3::Settings;
use snapline_series::{Location, Template};

use crate::draw::Verify;
use crate::format::Format;
use crate::policy::Policy;

snapline_cli::args! {
    /// Checks that a series of snapshots has a fresh, whole backup: how old the newest is, how many there are and, with --verify,
    /// whether they are whole. For monitoring: needs only the rights to list and to read, and changes nothing.
    #[argh(
        usage = "<uri> --max-age <dur> [options]",
        example = "{command_name} s3://backups/vault/ --max-age 26h --verify latest",
        example = "{command_name} s3://backups/vault/ --max-age 26h --min-count 14 --verify 3 --format nagios",
        example = "{command_name} s3://backups/vault/ --max-age 26h --format prometheus --output /var/lib/node_exporter/vault-check.prom",
        example = "{command_name} s3://backups/vault/ --max-age 26h --format json | jq .newest.uri",
        note = "The age of a snapshot is counted from the time in its name, in UTC, not from when the store received it: copied buckets work. Objects whose time is more than 15 minutes ahead do not count and are never the newest, nor are empty ones; both are reported.",
        note = "--verify fetches snapshots and proves each whole, in constant memory and without a disk; it goes on after one that is broken. What a filter encrypted or compressed cannot be verified, and fails --verify.",
        note = "Ends with 66 if there is no snapshot, the newest is too old, or there are too few; with 65 if a snapshot that was to be verified is broken or filtered, whatever its age. A snapshot that cannot be fetched decides the code only if nothing else is wrong.",
        note = "--format nagios prints one line with performance data, and ends with the codes of a monitoring plugin: 0 OK, 2 CRITICAL instead of 65 and 66, 3 UNKNOWN instead of any other failure, a wrong command line included. WARNING is not used.",
        note = "--format prometheus writes gauges with the label series, even if the check fails: alert on snapline_check_ok == 0, and on an old snapline_check_timestamp_seconds, which means that the check no longer runs.",
        note = "Credentials, the first of these: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN; a role of the profile in ~/.aws/config and ~/.aws/credentials (AWS_CONFIG_FILE, AWS_SHARED_CREDENTIALS_FILE); AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN; keys of the profile; AWS_CONTAINER_CREDENTIALS_FULL_URI or _RELATIVE_URI; the instance's metadata, unless AWS_EC2_METADATA_DISABLED is true. -v says which. AWS's endpoints: AWS_USE_FIPS_ENDPOINT, AWS_USE_DUALSTACK_ENDPOINT, AWS_STS_REGIONAL_ENDPOINTS. Proxies: HTTP_PROXY, HTTPS_PROXY, NO_PROXY."
    )]
    pub struct Args with (snapline_s3) {
        /// the series: s3://bucket/prefix/, or a template of whole keys with % fields
        #[argh(positional)]
        pub uri: String,
        /// how old the newest snapshot may be, such as 26h
        #[argh(option, arg_name = "dur", from_str_fn(parse_duration))]
        pub max_age: Duration,
        /// how many snapshots there must be [default: 1]
        #[argh(option, arg_name = "n", default = "1")]
        pub min_count: usize,
        /// prove whole: latest for the newest, all, or n chosen at random, the newest among them [default: none]
        #[argh(option, arg_name = "which")]
        pub verify: Option<Verify>,
        /// form of the report: text, json, nagios or prometheus [default: text]
        #[argh(option, arg_name = "form", default = "Format::Text")]
        pub format: Format,
        /// file for the report, replaced as a whole, mode 0644 [default: -, standard output]
        #[argh(option, arg_name = "file")]
        pub output: Option<String>,
    }
}

/// What to check.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) bucket: String,
    pub(crate) template: Template,
    pub(crate) policy: Policy,
    pub(crate) verify: Option<Verify>,
    pub(crate) s3: Settings,
}

impl Config {
    /// Flags, then the environment, then defaults.
    ///
    /// # Errors
    /// 64 for an argument, 78 for a variable that cannot be used.
    pub(crate) fn from_args(args: Args, environment: snapline_s3::Environment<'_>) -> Result<Self, Failure> {
        let usage = |message: String| Failure::says(Kind::Usage, message);
        if args.max_age.is_zero() {
            return Err(usage("read --max-age: it must be more than 0".to_owned()));
        }
        if args.min_count == 0 {
            return Err(usage("read --min-count: it must be at least 1".to_owned()));
        }
        let s3 = Settings::resolve(args.s3(), environment)?;
        let uri = args.uri;
        let reading = format!("read the URI '{uri}'");
        let Location::Series { bucket, template } = Location::parse(&uri, &s3.name).or_exit(Kind::Usage, &reading)?
        else {
            return Err(usage(format!("{reading}: it names one object"))
                .hint("a series is a prefix that ends in /, or a template with %Y %m %d %H %M %S"));
        };
        Ok(Self {
            bucket,
            template,
            policy: Policy {
                max_age: args.max_age,
                min_count: args.min_count,
            },
            verify: args.verify,
            s3,
        })
    }

    /// The URI of the series with its whole template, the same for each run.
    pub(crate) fn series(&self) -> String {
        format!("s3://{}/{}", self.bucket, self.template)
    }
}
