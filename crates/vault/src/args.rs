//! The options of programs that speak to Vault.

/// Adds this library's options to those of a program, as `snapline_cli::args!` describes, and a method `vault` that returns them
/// as [`Options`](crate::Options).
#[macro_export]
macro_rules! options {
    (($($group:ident)*) [$($meta:tt)*] $name:ident { $($fields:tt)* } { $($methods:tt)* }) => {
        ::snapline_cli::args!(@groups ($($group)*) [$($meta)*] $name {
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
            /// trust any server; then anyone on the way can read and change everything [env: VAULT_SKIP_VERIFY]
            #[argh(switch)]
            pub tls_skip_verify: bool,
            /// fail where a standby redirects to the leader [env: VAULT_DISABLE_REDIRECTS]
            #[argh(switch)]
            pub disable_redirects: bool,
            /// limit for small requests, such as 60s or 2m [env: VAULT_CLIENT_TIMEOUT; default: 60s]
            #[argh(option, arg_name = "dur", from_str_fn(::snapline_cli::parse_duration))]
            pub timeout: Option<::std::time::Duration>,
            /// how often a request that failed on the way is sent again; while no node leads it is sent again for up to a minute, unless this is 0 [env: VAULT_MAX_RETRIES; default: 2]
            #[argh(option, arg_name = "n")]
            pub max_retries: Option<u32>,
        } {
            $($methods)*
            /// The options about where Vault is, as typed.
            pub fn vault(&self) -> $crate::Options {
                $crate::Options {
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
}

#[cfg(test)]
#[allow(unreachable_pub, reason = "the macro declares what programs export")]
mod tests {
    use argh::FromArgs as _;

    snapline_cli::args! {
        /// Does this and that.
        pub struct Args with (snapline_vault) {}
    }

    #[test]
    fn every_option_is_passed_on() {
        let words = [
            "--address",
            "a",
            "--address",
            "b",
            "--ca-cert",
            "c",
            "--ca-path",
            "d",
            "--client-cert",
            "e",
            "--client-key",
            "f",
            "--tls-server-name",
            "g",
            "--tls-skip-verify",
            "--disable-redirects",
            "--timeout",
            "2m",
            "--max-retries",
            "7",
        ];
        let expected = crate::Options {
            addresses: vec!["a".to_owned(), "b".to_owned()],
            timeout: Some(std::time::Duration::from_secs(120)),
            max_retries: Some(7),
            ca_cert: Some("c".to_owned()),
            ca_path: Some("d".to_owned()),
            client_cert: Some("e".to_owned()),
            client_key: Some("f".to_owned()),
            tls_server_name: Some("g".to_owned()),
            tls_skip_verify: true,
            disable_redirects: true,
        };
        assert_eq!(Args::from_args(&["x"], &words).unwrap().vault(), expected);
    }
}
