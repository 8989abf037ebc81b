//! The options that several programs share, each spelled in one place.

/// Declares a program's argument struct and adds the options that it shares with others.
///
/// ```text
/// snapline_cli::args! {
///     /// Does this and that.
///     #[argh(example = "{command_name} --own x")]
///     pub struct Args with (vault) {
///         /// what it is [default: y]
///         #[argh(option)]
///         pub own: Option<String>,
///     }
/// }
/// ```
///
/// Groups: `vault` and `s3`. Each adds a method of that name, which returns the options as typed in the form that
/// `snapline-vault` or `snapline-s3` takes; a program that names a group depends on that crate, this one does not. Every struct
/// gets `--quiet`, `--verbose`, `--log-format`, `--version` and `-h`. argh cannot flatten one struct into another, hence a macro.
#[macro_export]
macro_rules! args {
    ($(#[$meta:meta])* pub struct $name:ident with ($($group:ident)*) { $($fields:tt)* }) => {
        $crate::args!(@groups ($($group)*) [$(#[$meta])*] $name { $($fields)* } {});
    };

    (@groups (vault $($group:ident)*) [$($meta:tt)*] $name:ident { $($fields:tt)* } { $($methods:tt)* }) => {
        $crate::args!(@groups ($($group)*) [$($meta)*] $name {
            $($fields)*
            /// address of Vault or OpenBao; repeat it to name further nodes, tried in turn [env: VAULT_AGENT_ADDR, VAULT_ADDR; default: https://127.0.0.1:8200]
            #[argh(option, arg_name = "url")]
            pub address: Vec<String>,
            /// PEM file of the certificate authorities to trust, instead of the system's [env: VAULT_CACERT, VAULT_CACERT_BYTES]
            #[argh(option, arg_name = "file")]
            pub ca_cert: Option<String>,
            /// folder of such files; not used beside --ca-cert [env: VAULT_CAPATH]
            #[argh(option, arg_name = "dir")]
            pub ca_path: Option<String>,
            /// PEM file of the client certificate, for servers that ask for one [env: VAULT_CLIENT_CERT]
            #[argh(option, arg_name = "file")]
            pub client_cert: Option<String>,
            /// PEM file of its key, not encrypted [env: VAULT_CLIENT_KEY]
            #[argh(option, arg_name = "file")]
            pub client_key: Option<String>,
            /// name that the server's certificate must have [env: VAULT_TLS_SERVER_NAME; default: the address's host]
            #[argh(option, arg_name = "name")]
            pub tls_server_name: Option<String>,
            /// trust whoever answers; then anybody on the way can read and change everything [env: VAULT_SKIP_VERIFY]
            #[argh(switch)]
            pub tls_skip_verify: bool,
            /// fail where a standby redirects to the leader [env: VAULT_DISABLE_REDIRECTS]
            #[argh(switch)]
            pub disable_redirects: bool,
            /// limit for small requests, such as 60s or 2m [env: VAULT_CLIENT_TIMEOUT; default: 60s]
            #[argh(option, arg_name = "dur", from_str_fn($crate::parse_duration))]
            pub timeout: Option<::std::time::Duration>,
            /// how often a request that failed on the way is sent again; while no node leads it is sent again for up to a minute, unless this is 0 [env: VAULT_MAX_RETRIES; default: 2]
            #[argh(option, arg_name = "n")]
            pub max_retries: Option<u32>,
        } {
            $($methods)*
            /// The options about where Vault is, as typed.
            pub fn vault(&self) -> ::snapline_vault::Options {
                ::snapline_vault::Options {
                    addresses: self.address.clone(),
                    timeout: self.timeout,
                    max_retries: self.max_retries,
                    ca_cert: self.ca_cert.clone(),
                    ca_path: self.ca_path.clone(),
                    client_cert: self.client_cert.clone(),
                    client_key: self.client_key.clone(),
                    tls_server_name: self.tls_server_name.clone(),
                    tls_skip_verify: self.tls_skip_verify,
                    disable_redirects: self.disable_redirects,
                }
            }
        });
    };

    (@groups (s3 $($group:ident)*) [$($meta:tt)*] $name:ident { $($fields:tt)* } { $($methods:tt)* }) => {
        $crate::args!(@groups ($($group)*) [$($meta)*] $name {
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
            /// trust whoever answers; then anybody on the way can read and change everything
            #[argh(switch)]
            pub no_verify_ssl: bool,
            /// limit for a connection on which nothing moves [default: 60s]
            #[argh(option, arg_name = "dur", from_str_fn($crate::parse_duration))]
            pub timeout: Option<::std::time::Duration>,
            /// how often a request is sent at most [env: AWS_MAX_ATTEMPTS; default: 5]
            #[argh(option, arg_name = "n")]
            pub max_attempts: Option<u32>,
            /// names of a series' objects, behind a URI that ends in / [env: SNAPLINE_NAME; default: vault_raft_%Y%m%d_%H%M%S.snap]
            #[argh(option, arg_name = "template")]
            pub name: Option<String>,
        } {
            $($methods)*
            /// The options about where the S3 store is, as typed.
            pub fn s3(&self) -> ::snapline_s3::Flags {
                ::snapline_s3::Flags {
                    endpoint_url: self.endpoint_url.clone(),
                    region: self.region.clone(),
                    profile: self.profile.clone(),
                    addressing_style: self.addressing_style.clone(),
                    ca_bundle: self.ca_bundle.clone(),
                    no_verify_ssl: self.no_verify_ssl,
                    timeout: self.timeout,
                    max_attempts: self.max_attempts,
                    name: self.name.clone(),
                }
            }
        });
    };

    (@groups () [$($meta:tt)*] $name:ident { $($fields:tt)* } { $($methods:tt)* }) => {
        #[derive(Debug, $crate::macros::argh::FromArgs)]
        #[argh(help_triggers("-h", "--help"))]
        $($meta)*
        pub struct $name {
            $($fields)*
            /// say nothing but errors
            #[argh(switch, short = 'q')]
            pub quiet: bool,
            /// say more; repeat it for more still
            #[argh(switch, short = 'v')]
            pub verbose: u8,
            /// form of the messages, text or json [env: SNAPLINE_LOG_FORMAT; default: text]
            #[argh(option, arg_name = "form")]
            pub log_format: Option<$crate::LogFormat>,
            /// print the version
            // Found before argh is asked; declared so that the help text lists it.
            #[argh(switch)]
            #[allow(dead_code)]
            pub version: bool,
        }

        impl $name {
            $($methods)*
        }

        impl $crate::Runnable for $name {
            fn common(&self) -> $crate::Common {
                $crate::Common { quiet: self.quiet, verbosity: self.verbose, log_format: self.log_format }
            }
        }
    };
}

#[cfg(test)]
#[allow(unreachable_pub, reason = "the macro declares what programs export")]
mod tests {
    use argh::FromArgs as _;

    crate::args! {
        /// Does this and that.
        pub struct Args with () {
            /// what it is
            #[argh(option)]
            pub own: Option<String>,
        }
    }

    #[test]
    fn shared_options_are_read_beside_a_programs_own() {
        let args = Args::from_args(&["x"], &["--own", "a", "-v", "-v"]).unwrap();
        assert_eq!(args.own.as_deref(), Some("a"));
        assert_eq!(crate::Runnable::common(&args).verbosity, 2);
    }

    #[test]
    fn help_lists_shared_options_with_their_variables() {
        let help = Args::from_args(&["x"], &["--help"]).unwrap_err().output;
        for part in ["--quiet", "--log-format", "--version", "SNAPLINE_LOG_FORMAT"] {
            assert!(help.contains(part), "{part} is missing in {help}");
        }
    }
}
