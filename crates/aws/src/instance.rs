//! The role of an EC2 instance, from its metadata by version 2 of that service alone
//! (docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-security-credentials.html).

use std::time::Duration;

use http::{HeaderValue, Method, Request};
use serde::Deserialize;
use snapline_http::{Environment, Kind};
use time::OffsetDateTime;

use crate::credentials::Issued;
use crate::endpoint::checked;
use crate::transport::{Call, Reply, Transport, is_outage, kind_of, words};
use crate::variable::{is_true, setting};
use crate::{Credentials, Error, Profiles};

const V4: &str = "http://169.254.169.254";
const V6: &str = "http://[fd00:ec2::254]";
const ROLES: &str = "/latest/meta-data/iam/security-credentials/";
/// The service is on the machine's own link.
const LIMIT: Duration = Duration::from_secs(1);
const ATTEMPTS: u32 = 2;
/// For so long keys whose end is past are used before the service is asked again.
const EXTENSION: time::Duration = time::Duration::minutes(10);

/// The metadata service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Instance {
    base: String,
}

/// Why there are no credentials.
pub(crate) enum Miss {
    /// This is no instance with a role.
    Absent(Error),
    /// It is one, but the service does not give its credentials.
    Failed(Error),
}

impl Miss {
    pub(crate) fn into_error(self) -> Error {
        let (Self::Absent(error) | Self::Failed(error)) = self;
        error
    }
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "Code", default)]
    code: String,
    #[serde(rename = "Message", default)]
    message: String,
}

impl Instance {
    /// What `AWS_EC2_METADATA_SERVICE_ENDPOINT`, `AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE` and `AWS_IMDS_USE_IPV6` say, each else
    /// the setting of the profile that has this name; none with `AWS_EC2_METADATA_DISABLED=true`.
    pub(crate) fn find(environment: Environment<'_>, profiles: &Profiles) -> Result<Option<Self>, Error> {
        if is_true(environment, "AWS_EC2_METADATA_DISABLED")? {
            return Ok(None);
        }
        let first = |variable: &str, name: &str| {
            let found = setting(environment, variable)?.map(|value| (variable.to_owned(), value));
            let of_profile = || Some((profiles.place(name), profiles.setting(name)?.to_owned()));
            Ok::<_, Error>(found.or_else(of_profile))
        };
        if let Some((source, url)) = first("AWS_EC2_METADATA_SERVICE_ENDPOINT", "ec2_metadata_service_endpoint")? {
            checked(&url, &source)?;
            let base = url.trim_end_matches('/').to_owned();
            return Ok(Some(Self { base }));
        }
        let mode = first(
            "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE",
            "ec2_metadata_service_endpoint_mode",
        )?;
        let is_v6 = match mode {
            Some((_, mode)) if mode.eq_ignore_ascii_case("ipv6") => true,
            Some((_, mode)) if mode.eq_ignore_ascii_case("ipv4") => false,
            Some((source, _)) => {
                return Err(Error::config(format!("read {source}"), "it is neither IPv4 nor IPv6"));
            }
            None => profiles.is_on_unless(environment, "AWS_IMDS_USE_IPV6", "imds_use_ipv6")?,
        };
        let base = if is_v6 { V6 } else { V4 }.to_owned();
        Ok(Some(Self { base }))
    }

    /// Where it is.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    pub(crate) fn get(&self, transport: &Transport) -> Result<Credentials, Miss> {
        let token = self.token(transport)?;
        let found = self
            .ask(transport, Method::GET, ROLES, ("x-aws-ec2-metadata-token", &token))
            .map_err(Miss::Failed)?;
        let role = match found.status {
            200 => found.body.lines().next().unwrap_or_default().trim().to_owned(),
            404 => String::new(),
            _ => return Err(Miss::Failed(self.refused(&found))),
        };
        if role.is_empty() {
            return Err(Miss::Absent(Error::config(self.doing(), "the instance has no role")));
        }
        let path = format!("{ROLES}{role}");
        let found = self
            .ask(transport, Method::GET, &path, ("x-aws-ec2-metadata-token", &token))
            .map_err(Miss::Failed)?;
        if found.status != 200 {
            return Err(Miss::Failed(self.refused(&found)));
        }
        self.credentials(&found).map_err(Miss::Failed)
    }

    /// A session's token, for which version 2 asks: a request that a tricked proxy or web server does not send.
    fn token(&self, transport: &Transport) -> Result<HeaderValue, Miss> {
        let lifetime = HeaderValue::from_static("21600");
        let lifetime = ("x-aws-ec2-metadata-token-ttl-seconds", &lifetime);
        let reply = self
            .ask(transport, Method::PUT, "/latest/api/token", lifetime)
            .map_err(|error| {
                Miss::Absent(
                    error
                        .hint_with("in a container on an instance, the hop limit of the instance's metadata must be 2"),
                )
            })?;
        match reply.status {
            200 => {}
            // The service is switched off, or this is something else that listens there.
            400..=499 => {
                let hint = "credentials of an instance come by version 2 of its metadata service (IMDSv2) alone: is it switched off, or does something answer that knows version 1 only?";
                return Err(Miss::Absent(self.refused(&reply).hint_with(hint)));
            }
            _ => return Err(Miss::Failed(self.refused(&reply))),
        }
        let mut value = HeaderValue::from_str(reply.body.trim())
            .map_err(|_| Miss::Absent(Error::config(self.doing(), "the reply is no session token")))?;
        value.set_sensitive(true);
        Ok(value)
    }

    fn credentials(&self, reply: &Reply) -> Result<Credentials, Error> {
        let malformed = |cause: &str| Error::new(Kind::Unavailable, self.doing(), cause);
        let none = "the reply holds no credentials";
        let answer: Answer = serde_json::from_str(&reply.body).map_err(|_| malformed(none))?;
        if !matches!(answer.code.as_str(), "" | "Success") {
            return Err(malformed(&words(&format!("{} {}", answer.code, answer.message))));
        }
        let issued: Issued = serde_json::from_str(&reply.body).map_err(|_| malformed(none))?;
        let mut credentials = issued.check("the reply").map_err(|error| malformed(error.cause()))?;
        // When the service cannot renew them, it hands out the old ones, which S3 then takes longer: AWS's tools use them, too
        // (docs.aws.amazon.com/sdkref/latest/guide/feature-static-credentials.html, "static stability").
        let now = OffsetDateTime::now_utc();
        if credentials.expires.is_some_and(|end| end <= now) {
            log::warn!(
                "the instance's metadata gives credentials that have expired; S3 decides whether they are still good"
            );
            credentials.expires = Some(now + EXTENSION);
        }
        Ok(credentials)
    }

    fn ask(
        &self,
        transport: &Transport,
        method: Method,
        path: &str,
        (name, value): (&str, &HeaderValue),
    ) -> Result<Reply, Error> {
        let doing = self.doing();
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header(name, value)
            .body(Vec::new())
            .map_err(|error| Error::config(doing.as_str(), error.to_string()))?;
        let call = Call {
            doing: &doing,
            agent: &transport.near,
            request,
            limit: LIMIT,
            attempts: ATTEMPTS,
            secrets: &[value.to_str().unwrap_or_default()],
        };
        call.send(|reply| is_outage(reply.status))
    }

    fn refused(&self, reply: &Reply) -> Error {
        let error = Error::new(kind_of(reply.status), self.doing(), reply.status.to_string());
        if is_outage(reply.status) {
            error.passing()
        } else {
            error
        }
    }

    fn doing(&self) -> String {
        format!("get credentials from the instance's metadata at {}", self.base)
    }
}
