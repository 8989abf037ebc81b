//! Where AWS's services are.

use http::Uri;
use snapline_http::Environment;

use crate::variable::setting;
use crate::{Error, Profiles, Variant};

/// The URL that somebody set for `service`, for example `s3`, and what set it: `AWS_ENDPOINT_URL_S3`, then `AWS_ENDPOINT_URL`,
/// then the shared files. Nothing where nobody did, nor with `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true`, or
/// `ignore_configured_endpoint_urls` of the profile.
///
/// docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
///
/// # Errors
/// For a variable that is not UTF-8, a switch that is neither `true` nor `false`, and a section of services that is not there.
pub fn endpoint_url(
    service: &str,
    environment: Environment<'_>,
    profiles: &Profiles,
) -> Result<Option<(String, String)>, Error> {
    const IGNORE: &str = "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS";
    if profiles.is_on_unless(environment, IGNORE, "ignore_configured_endpoint_urls")? {
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
    profiles.endpoint_url(service)
}

/// The domain of the partition that a region is in (the AWS SDKs' `partitions.json`; those without a prefix of their own are in
/// the commercial one).
pub fn dns_suffix(region: &str) -> &'static str {
    domains(region).0
}

/// The domain of the partition that a region is in, and the one for endpoints with IPv6, which most services have but S3.
fn domains(region: &str) -> (&'static str, &'static str) {
    const DOMAINS: [(&str, &str, &str); 6] = [
        ("cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn"),
        ("eusc-", "amazonaws.eu", "api.amazonwebservices.eu"),
        ("us-iso-", "c2s.ic.gov", "api.aws.ic.gov"),
        ("us-isob-", "sc2s.sgov.gov", "api.aws.scloud"),
        ("eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
        ("us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov"),
    ];
    let found = DOMAINS.iter().find(|(prefix, ..)| region.starts_with(prefix));
    found.map_or(("amazonaws.com", "api.aws"), |(_, domain, dualstack)| {
        (domain, dualstack)
    })
}

/// The endpoint of STS for a region, and the region that requests to it are signed for
/// (docs.aws.amazon.com/general/latest/gr/sts.html). `legacy` asks for the global endpoint, which serves the older regions
/// only and has no variants.
///
/// # Errors
/// [`Kind::Config`](snapline_http::Kind::Config) if `region` cannot be part of a host's name.
pub(crate) fn sts(region: &str, variant: Variant, legacy: bool) -> Result<(String, String), Error> {
    if legacy && variant == Variant::default() && LEGACY_REGIONS.contains(&region) {
        return Ok(("https://sts.amazonaws.com".to_owned(), "us-east-1".to_owned()));
    }
    Ok((sts_of_region(region, variant)?, region.to_owned()))
}

/// The regions that the global endpoint of STS serves (docs.aws.amazon.com/sdkref/latest/guide/feature-sts-regionalized-endpoints.html).
const LEGACY_REGIONS: [&str; 15] = [
    "ap-northeast-1",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];

/// Whether the global endpoint of STS is meant: `AWS_STS_REGIONAL_ENDPOINTS`, else `sts_regional_endpoints` of the profile, is
/// `legacy`.
///
/// # Errors
/// For a value that is neither `legacy` nor `regional`.
pub(crate) fn is_sts_legacy(environment: Environment<'_>, profiles: &Profiles) -> Result<bool, Error> {
    const VARIABLE: &str = "AWS_STS_REGIONAL_ENDPOINTS";
    const SETTING: &str = "sts_regional_endpoints";
    let (source, value) = match (setting(environment, VARIABLE)?, profiles.setting(SETTING)) {
        (Some(value), _) => (VARIABLE.to_owned(), value),
        (None, Some(value)) => (profiles.place(SETTING), value.to_owned()),
        (None, None) => return Ok(false),
    };
    match value.as_str() {
        "legacy" => Ok(true),
        "regional" => Ok(false),
        _ => {
            let cause = format!("'{value}' is neither legacy nor regional");
            Err(Error::config(format!("read {source}"), cause))
        }
    }
}

/// The regional endpoint of STS.
///
/// # Errors
/// [`Kind::Config`](snapline_http::Kind::Config) if `region` cannot be part of a host's name.
pub(crate) fn sts_of_region(region: &str, variant: Variant) -> Result<String, Error> {
    if region.is_empty() || !region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Err(Error::config(
            format!("read the region '{region}'"),
            "it is no region's name",
        ));
    }
    // In GovCloud, every endpoint of STS is one with FIPS.
    let is_named = variant.fips && (variant.dualstack || !region.starts_with("us-gov-"));
    let service = if is_named { "sts-fips" } else { "sts" };
    let (domain, dualstack) = domains(region);
    let domain = if variant.dualstack { dualstack } else { domain };
    Ok(format!("https://{service}.{region}.{domain}"))
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
        let read = profiles(
            None,
            "[default]\nendpoint_url = http://file\nignore_configured_endpoint_urls = true\n",
            "",
        )
        .unwrap();
        let found = |variables: &[(&str, &str)]| {
            let environment = |name: &str| {
                let found = variables.iter().find(|(n, _)| *n == name);
                found.map(|(_, value)| OsString::from(value))
            };
            endpoint_url("s3", &environment, &read)
                .map(|found| found.map(|(_, url)| url))
                .map_err(|error| error.to_string())
        };
        assert_eq!(found(&all[1..2]), Ok(None));
        assert_eq!(found(&[(all[2].0, "false")]), Ok(Some("http://file".to_owned())));
        assert!(found(&[(all[2].0, "1")]).unwrap_err().contains(all[2].0));
    }

    #[test]
    fn a_regions_sts_is_in_its_partition() {
        let fips = Variant {
            fips: true,
            dualstack: false,
        };
        let dualstack = Variant {
            fips: false,
            dualstack: true,
        };
        let both = Variant {
            fips: true,
            dualstack: true,
        };
        // As botocore 1.44 says.
        for (region, variant, host) in [
            ("eu-central-1", Variant::default(), "sts.eu-central-1.amazonaws.com"),
            ("us-gov-west-1", Variant::default(), "sts.us-gov-west-1.amazonaws.com"),
            ("cn-north-1", Variant::default(), "sts.cn-north-1.amazonaws.com.cn"),
            ("eu-west-1", fips, "sts-fips.eu-west-1.amazonaws.com"),
            ("eu-west-1", dualstack, "sts.eu-west-1.api.aws"),
            ("eu-west-1", both, "sts-fips.eu-west-1.api.aws"),
            ("us-gov-west-1", fips, "sts.us-gov-west-1.amazonaws.com"),
            ("us-gov-west-1", both, "sts-fips.us-gov-west-1.api.aws"),
            ("cn-north-1", dualstack, "sts.cn-north-1.api.amazonwebservices.com.cn"),
            ("us-isob-east-1", both, "sts-fips.us-isob-east-1.api.aws.scloud"),
        ] {
            assert_eq!(sts_of_region(region, variant).unwrap(), format!("https://{host}"));
        }
        for region in ["", "a.b", "a/b", "evil.com#"] {
            assert!(sts_of_region(region, Variant::default()).is_err(), "{region}");
        }
    }

    #[test]
    fn the_global_sts_serves_older_regions_and_has_no_variants() {
        let fips = Variant {
            fips: true,
            dualstack: false,
        };
        for (region, variant, legacy, host, signed) in [
            ("eu-west-1", Variant::default(), true, "sts.amazonaws.com", "us-east-1"),
            (
                "eu-west-1",
                Variant::default(),
                false,
                "sts.eu-west-1.amazonaws.com",
                "eu-west-1",
            ),
            ("eu-west-1", fips, true, "sts-fips.eu-west-1.amazonaws.com", "eu-west-1"),
            (
                "eu-south-1",
                Variant::default(),
                true,
                "sts.eu-south-1.amazonaws.com",
                "eu-south-1",
            ),
            (
                "cn-north-1",
                Variant::default(),
                true,
                "sts.cn-north-1.amazonaws.com.cn",
                "cn-north-1",
            ),
        ] {
            let expected = (format!("https://{host}"), signed.to_owned());
            assert_eq!(sts(region, variant, legacy).unwrap(), expected);
        }
    }

    #[test]
    fn which_sts_is_said_by_the_variable_and_then_by_the_profile() {
        const NAME: &str = "AWS_STS_REGIONAL_ENDPOINTS";
        let find = |variable: Option<&'static str>, config: &str| {
            let read = profiles(None, &format!("[default]\n{config}"), "").unwrap();
            let environment = |name: &str| variable.filter(|_| name == NAME).map(OsString::from);
            is_sts_legacy(&environment, &read).map_err(|error| error.to_string())
        };
        let legacy = "sts_regional_endpoints = legacy\n";
        assert_eq!(find(None, ""), Ok(false));
        assert_eq!(find(None, legacy), Ok(true));
        assert_eq!(find(Some(""), legacy), Ok(true));
        assert_eq!(find(Some("regional"), legacy), Ok(false));
        assert_eq!(find(Some("legacy"), ""), Ok(true));
        assert!(
            find(Some("global"), "")
                .unwrap_err()
                .starts_with("read AWS_STS_REGIONAL_ENDPOINTS: 'global'")
        );
        let error = find(None, "sts_regional_endpoints = x\n").unwrap_err();
        assert!(
            error.starts_with("read sts_regional_endpoints of profile 'default': 'x'"),
            "{error}"
        );
    }
}
