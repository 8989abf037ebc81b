//! The options of programs that speak to an S3 store.

/// Adds this library's options to those of a program, as `snapline_cli::args!` describes, and a method `s3` that returns them as
/// [`Flags`](crate::Flags).
#[macro_export]
macro_rules! options {
    (($($group:ident)*) [$($meta:tt)*] $name:ident { $($fields:tt)* } { $($methods:tt)* }) => {
        ::snapline_cli::args!(@groups ($($group)*) [$($meta)*] $name {
            $($fields)*
            /// address of the S3 store [env: AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL; default: https://s3.REGION.amazonaws.com]
            #[argh(option, arg_name = "url")]
            pub endpoint_url: Option<String>,
            /// region of the bucket [env: AWS_REGION, AWS_DEFAULT_REGION; default: us-east-1]
            #[argh(option, arg_name = "name")]
            pub region: Option<String>,
            /// profile in AWS's shared files, which then comes before keys in the environment [env: AWS_PROFILE; default: default]
            #[argh(option, arg_name = "name")]
            pub profile: Option<String>,
            /// where the bucket's name goes: path, virtual, or auto for path with --endpoint-url or a dotted bucket [default: auto]
            #[argh(option, arg_name = "style")]
            pub addressing_style: Option<String>,
            /// PEM file of the certificate authorities to trust, instead of the system's [env: AWS_CA_BUNDLE]
            #[argh(option, arg_name = "file")]
            pub ca_bundle: Option<String>,
            /// trust any server; then anyone on the way can read and change everything
            #[argh(switch)]
            pub no_verify_ssl: bool,
            /// limit for a connection on which nothing moves [default: 60s]
            #[argh(option, arg_name = "dur", from_str_fn(::snapline_cli::parse_duration))]
            pub timeout: Option<::std::time::Duration>,
            /// how often a request is sent at most [env: AWS_MAX_ATTEMPTS; default: 5]
            #[argh(option, arg_name = "n")]
            pub max_attempts: Option<u32>,
            /// account that must own the bucket, or every request is refused; AWS checks it
            #[argh(option, arg_name = "id")]
            pub expected_bucket_owner: Option<String>,
            /// names of a series' objects, behind a URI that ends in / [env: SNAPLINE_NAME; default: vault_raft_%Y%m%d_%H%M%S.snap]
            #[argh(option, arg_name = "template")]
            pub name: Option<String>,
        } {
            $($methods)*
            /// The options about where the S3 store is, as typed.
            pub fn s3(&self) -> $crate::Flags {
                $crate::Flags {
                    endpoint_url: self.endpoint_url.clone(),
                    region: self.region.clone(),
                    profile: self.profile.clone(),
                    addressing_style: self.addressing_style.clone(),
                    ca_bundle: self.ca_bundle.clone(),
                    no_verify_ssl: self.no_verify_ssl,
                    timeout: self.timeout,
                    max_attempts: self.max_attempts,
                    expected_bucket_owner: self.expected_bucket_owner.clone(),
                    name: self.name.clone(),
                }
            }
        });
    };
}

#[cfg(test)]
#[allow(unreachable_pub, reason = "the macro declares what programs export")]
mod tests {
    use argh::FromArgs as _;

    snapline_cli::args! {
        /// Does this and that.
        pub struct Args with (snapline_s3) {}
    }

    #[test]
    fn every_option_is_passed_on() {
        let words = [
            "--endpoint-url",
            "a",
            "--region",
            "b",
            "--profile",
            "c",
            "--addressing-style",
            "d",
            "--ca-bundle",
            "e",
            "--no-verify-ssl",
            "--timeout",
            "2m",
            "--max-attempts",
            "7",
            "--expected-bucket-owner",
            "123456789012",
            "--name",
            "f",
        ];
        let expected = crate::Flags {
            endpoint_url: Some("a".to_owned()),
            region: Some("b".to_owned()),
            profile: Some("c".to_owned()),
            addressing_style: Some("d".to_owned()),
            ca_bundle: Some("e".to_owned()),
            no_verify_ssl: true,
            timeout: Some(std::time::Duration::from_secs(120)),
            max_attempts: Some(7),
            expected_bucket_owner: Some("123456789012".to_owned()),
            name: Some("f".to_owned()),
        };
        assert_eq!(Args::from_args(&["x"], &words).unwrap().s3(), expected);
    }
}
