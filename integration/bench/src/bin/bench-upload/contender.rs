//! Who uploads: ours, the least that is possible, and the neighbours that are on this machine.

use std::process::Command;

use snapline_bench::{Input, Kind, version};

/// The limit's name.
pub(crate) const LIMIT: &str = "the limit";
pub(crate) const RAW: &str = "s3-put --raw";
pub(crate) const VERIFYING: &str = "s3-put";
pub(crate) const AWS: &str = "aws s3 cp -";

/// A client.
#[derive(Debug)]
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    pub(crate) version: String,
    /// The command line; `{key}` and `{size}` are filled in.
    words: Vec<String>,
    variables: Vec<(&'static str, String)>,
}

impl Contender {
    /// All that can be had.
    pub(crate) fn all(put: &str, limit: &str, endpoint: &str) -> Vec<Self> {
        let variables = || {
            vec![
                ("AWS_ACCESS_KEY_ID", "bench".to_owned()),
                ("AWS_SECRET_ACCESS_KEY", "bench-secret".to_owned()),
                ("AWS_REGION", "us-east-1".to_owned()),
                ("AWS_DEFAULT_REGION", "us-east-1".to_owned()),
                ("AWS_ENDPOINT_URL", endpoint.to_owned()),
                ("AWS_CONFIG_FILE", "/dev/null".to_owned()),
                ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null".to_owned()),
                ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
                ("PATH", std::env::var("PATH").unwrap_or_default()),
                ("HOME", "/nonexistent".to_owned()),
                ("RCLONE_CONFIG", String::new()),
                ("RCLONE_CONFIG_BENCH_TYPE", "s3".to_owned()),
                ("RCLONE_CONFIG_BENCH_PROVIDER", "Other".to_owned()),
                ("RCLONE_CONFIG_BENCH_ENV_AUTH", "true".to_owned()),
                ("RCLONE_CONFIG_BENCH_ENDPOINT", endpoint.to_owned()),
                ("RCLONE_S3_NO_CHECK_BUCKET", "true".to_owned()),
                (
                    "MC_HOST_bench",
                    endpoint.replacen("http://", "http://bench:bench-secret@", 1),
                ),
                ("S3_ENDPOINT_URL", endpoint.to_owned()),
            ]
        };
        let lines = [
            (LIMIT, format!("{limit} {endpoint}/bench/{{key}}"), vec![]),
            (RAW, format!("{put} --raw s3://bench/{{key}}"), vec![put, "--version"]),
            (VERIFYING, format!("{put} s3://bench/{{key}}"), vec![put, "--version"]),
            (
                AWS,
                "aws s3 cp --only-show-errors --expected-size {size} - s3://bench/{key}".to_owned(),
                vec!["aws", "--version"],
            ),
            (
                "s5cmd pipe",
                "s5cmd --log error pipe s3://bench/{key}".to_owned(),
                vec!["s5cmd", "version"],
            ),
            (
                "rclone rcat",
                "rclone rcat bench:bench/{key}".to_owned(),
                vec!["rclone", "version"],
            ),
            (
                "mc pipe",
                "mc --quiet pipe bench/bench/{key}".to_owned(),
                vec!["mc", "--version"],
            ),
        ];
        lines
            .into_iter()
            .filter_map(|(name, line, asks)| {
                Some(Self {
                    name,
                    version: if asks.is_empty() {
                        "reads, hashes, sends".to_owned()
                    } else {
                        version(&asks)?
                    },
                    words: line.split(' ').map(str::to_owned).collect(),
                    variables: variables(),
                })
            })
            .collect()
    }

    pub(crate) fn is_neighbour(&self) -> bool {
        ![LIMIT, RAW, VERIFYING].contains(&self.name)
    }

    /// Whether it is measured with `input`: the limit has parts only, and what is not verified does not care what it is.
    pub(crate) fn takes(&self, input: &Input) -> bool {
        match input.kind {
            Kind::Tiny => self.name != LIMIT,
            Kind::Stored(_) => true,
            Kind::Mixed(_) => [LIMIT, VERIFYING, AWS].contains(&self.name),
        }
    }

    /// The command that uploads its standard input, of `size` bytes, to `key`; run below `wrapper`.
    pub(crate) fn command(&self, wrapper: &[&str], key: &str, size: u64) -> Command {
        let mut command = Command::new(wrapper[0]);
        let words = self.words.iter();
        command
            .args(&wrapper[1..])
            .args(words.map(|word| word.replace("{key}", key).replace("{size}", &size.to_string())))
            .env_clear()
            .envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }
}
