//! Where AWS's services are.

use http::Uri;
use snapline_http::Environment;

use crate::variable::{is_true, setting};
use crate::{Error, Profiles};

/// The URL that somebody set for `service`, for example `s3`, and what set it: `AWS_ENDPOINT_URL_S3`, then `AWS_ENDPOINT_URL`,
/// then the shared files. Nothing with `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true`, and nothing where nobody did.
///
/// docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
///
/// # Errors
/// For a variable that is not UTF-8.
pub fn endpoint_url(
    service: &str,
    environment: Environment<'_>,
    profiles: &Profiles,
) -> Result<Option<(String, String)>, Error> {
    if is_true(environment, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")? {
        return Ok(None);
    }
    for name in [
        format!("AWS_ENDPOINT_URL_{}", service.to_ascii_uppercase()),
        "AWS_ENDPOINT_URL".to_owned(),
    ] {
        if let Some(url) = setting(environment, &name)? {
            return Ok(Some((name, url)));
        }
    }
    Ok(profiles.endpoint_url(service))
}

/// The domain of the partition that a region is in (the AWS SDKs' `partitions.json`; those without a prefix of their own are in
/// the commercial one).
pub fn dns_suffix(region: &str) -> &'static str {
    const DOMAINS: [(&str, &str); 6] = [
        ("cn-", "amazonaws.com.cn"),
        ("eusc-", "amazonaws.eu"),
        ("us-iso-", "c2s.ic.gov"),
        ("us-isob-", "sc2s.sgov.gov"),
        ("eu-isoe-", "cloud.adc-e.uk"),
        ("us-isof-", "csp.hci.ic.gov"),
    ];
    let found = DOMAINS.iter().find(|(prefix, _)| region.starts_with(prefix));
    found.map_or("amazonaws.com", |(_, domain)| domain)
}

/// The regional endpoint of STS.
///
/// # Errors
/// [`Kind::Config`](snapline_http::Kind::Config) if `region` cannot be part of a host's name.
pub(crate) fn sts_of_region(region: &str) -> Result<String, Error> {
    if region.is_empty() || !region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Err(Error::config(
            format!("read the region '{region}'"),
            "it is no region's name",
        ));
    }
    Ok(format!("https://sts.{region}.{}", dns_suffix(region)))
}

/// A URL that `source` gave, with scheme http or https and a host, without password and query.
pub(crate) fn checked(url: &str, source: &str) -> Result<Uri, Error> {
    let wrong = |cause: &str| Error::config(format!("read {source}"), cause);
    let uri: Uri = url.parse().map_err(|_| wrong("it is no URL"))?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none_or(str::is_empty) {
        return Err(wrong("it does not begin with http:// or https:// and a host"));
    }
    if uri
        .authority()
        .is_some_and(|authority| authority.as_str().contains('@'))
    {
        return Err(wrong("credentials do not belong into the address"));
    }
    Ok(uri)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;
    use crate::profile::tests::profiles;

    #[test]
    fn endpoints_come_from_variables_then_files_and_can_be_ignored() {
        let read = profiles(None, "[default]\nendpoint_url = http://file\n", "").unwrap();
        let all = [
            ("AWS_ENDPOINT_URL_STS", "http://sts"),
            ("AWS_ENDPOINT_URL", "http://all"),
            ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "TRUE"),
        ];
        let found = |variables: &[(&str, &str)], service| {
            let environment = |name: &str| {
                let found = variables.iter().find(|(n, _)| *n == name);
                found.map(|(_, value)| OsString::from(value))
            };
            endpoint_url(service, &environment, &read).unwrap().map(|(_, url)| url)
        };
        assert_eq!(found(&all[..2], "sts").as_deref(), Some("http://sts"));
        assert_eq!(found(&all[..2], "s3").as_deref(), Some("http://all"));
        assert_eq!(found(&[], "s3").as_deref(), Some("http://file"));
        assert_eq!(found(&all, "sts"), None);
    }

    #[test]
    fn a_regions_sts_is_in_its_partition() {
        assert_eq!(
            sts_of_region("eu-central-1").unwrap(),
            "https://sts.eu-central-1.amazonaws.com"
        );
        assert_eq!(
            sts_of_region("us-gov-west-1").unwrap(),
            "https://sts.us-gov-west-1.amazonaws.com"
        );
        assert_eq!(
            sts_of_region("cn-north-1").unwrap(),
            "https://sts.cn-north-1.amazonaws.com.cn"
        );
        for region in ["", "a.b", "a/b", "evil.com#"] {
            assert!(sts_of_region(region).is_err(), "{region}");
        }
    }
}
