//! Method aws: whose credentials sign, and what is signed.

use std::time::Duration;

use snapline_aws::{Chain, Profiles, Provider, caller_identity};
use snapline_cli::{Failure, Kind, OrExit as _};
use snapline_http::{Environment, Proxies, Roots, Tls};
use snapline_vault::{Aws, CallerIdentity, Client, Login, Namespace};

/// What Vault's own command signs for, whatever the environment says, and what the server expects unless it is configured.
const DEFAULT_REGION: &str = "us-east-1";

/// A login with what AWS's tools find.
#[derive(Debug)]
pub(crate) struct IamLogin {
    login: Aws,
    region: String,
    server_id: Option<String>,
    provider: Provider,
}

impl IamLogin {
    /// Nothing is asked yet. `region` is what is signed for: `auto` means that of the environment or of the profile, which
    /// role credentials are asked for in any case.
    pub(crate) fn new(
        login: Aws,
        region: Option<&str>,
        server_id: Option<String>,
        environment: Environment<'_>,
    ) -> Result<Self, Failure> {
        let profiles = Profiles::read(None, environment)?;
        let set = |name: &str| environment(name)?.into_string().ok().filter(|value| !value.is_empty());
        let own = set("AWS_REGION")
            .or_else(|| set("AWS_DEFAULT_REGION"))
            .or_else(|| profiles.setting("region").map(str::to_owned))
            .unwrap_or_else(|| DEFAULT_REGION.to_owned());
        let chain = Chain::find(environment, &profiles, &own, "vault-login")?;
        let bundle = set("AWS_CA_BUNDLE").or_else(|| profiles.setting("ca_bundle").map(str::to_owned));
        let roots = match bundle {
            None => Roots::System,
            Some(path) => {
                let shown = format!("'{path}' (AWS_CA_BUNDLE)");
                let pem = std::fs::read(&path).or_exit(Kind::Io, format!("read certificates from {shown}"))?;
                Roots::from_pem(&pem, &shown).or_exit(Kind::Config, "prepare TLS")?
            }
        };
        // Not Vault's: who issues credentials sees neither its authorities nor our client certificate.
        let http = snapline_http::Settings {
            user_agent: concat!("vault-login/", env!("CARGO_PKG_VERSION")).to_owned(),
            tls: Tls {
                roots,
                ..Tls::default()
            },
            proxies: Proxies::from_environment(environment).or_exit(Kind::Config, "find the proxy")?,
            connect: Duration::from_secs(10),
            connections: 1,
        };
        Ok(Self {
            login,
            region: match region {
                Some("auto") => own,
                region => region.unwrap_or(DEFAULT_REGION).to_owned(),
            },
            server_id,
            provider: Provider::new(chain, http),
        })
    }

    pub(crate) fn log_in(&self, client: &Client, namespace: Option<&Namespace>) -> Result<Login, Failure> {
        let credentials = self.provider.credentials()?;
        let signed = caller_identity(&credentials, &self.region, self.server_id.as_deref())?;
        let request = CallerIdentity {
            method: signed.method,
            url: &signed.url,
            headers: &signed.headers,
            body: &signed.body,
        };
        Ok(self.login.log_in(client, request, namespace)?)
    }
}
