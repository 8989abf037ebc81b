//! Where a store is, and what the URLs of its objects look like.

use s3::signing;
use snapline_aws::{Variant, dns_suffix};
use snapline_http::Kind;
use url::{Host, Url};

use crate::Error;

/// Where the bucket's name goes in a URL.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AddressingStyle {
    /// Path style with an endpoint of one's own, a bucket with a dot (no wildcard certificate covers those) or one whose name no
    /// host can have, else virtual.
    #[default]
    Auto,
    /// `https://host/bucket/key`
    Path,
    /// `https://bucket.host/key`
    Virtual,
    /// Virtual where that can work: not before an address, nor with a dot in the bucket over TLS. That is what `aws` makes of
    /// `virtual` in a profile, which is not meant for one store alone.
    VirtualIfPossible,
}

impl std::str::FromStr for AddressingStyle {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "path" => Ok(Self::Path),
            "virtual" => Ok(Self::Virtual),
            _ => Err(format!("'{text}' is none of auto, path, virtual")),
        }
    }
}

/// The address of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    base: Url,
    own: bool,
    variant: Variant,
    style: AddressingStyle,
}

impl Endpoint {
    /// The endpoint at `url`, which `source` gave.
    ///
    /// # Errors
    /// [`Kind::Config`] if it is no http or https URL with a host, or has a query or a password.
    pub fn at(url: &str, source: &str, style: AddressingStyle) -> Result<Self, Error> {
        let shown = snapline_failure::without_password(url);
        let wrong = |cause: &str| Error::other(Kind::Config, format!("read {source} '{shown}'"), cause);
        let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
        let host = rest.trim_start_matches('/');
        // Before anything that shows the address.
        if host
            .split(['/', '?', '#'])
            .next()
            .is_some_and(|authority| authority.contains('@'))
        {
            return Err(Error::other(
                Kind::Config,
                format!("read {source}"),
                "credentials do not belong into the address",
            ));
        }
        if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
            return Err(
                wrong("it does not begin with http:// or https://").hint_with(format!("is it 'https://{host}'?"))
            );
        }
        let base = Url::parse(url).map_err(|error| wrong(&error.to_string()))?;
        if !base.has_host() {
            return Err(wrong("it has no host"));
        }
        if base.query().is_some() || base.fragment().is_some() {
            return Err(wrong("it has a query"));
        }
        Ok(Self {
            base,
            own: true,
            variant: Variant::default(),
            style,
        })
    }

    /// AWS's own endpoint for a region, or the variant of it that is wanted (docs.aws.amazon.com/general/latest/gr/s3.html).
    ///
    /// # Errors
    /// [`Kind::Config`] if `region` cannot be part of a host's name, or has no such endpoint.
    pub fn of_region(region: &str, variant: Variant, style: AddressingStyle) -> Result<Self, Error> {
        let wrong = |cause: &str| Error::other(Kind::Config, format!("read the region '{region}'"), cause);
        if !is_name(region) {
            return Err(wrong("it is no region's name"));
        }
        if variant.fips && region.starts_with("cn-") {
            let cause = "S3 has no FIPS endpoint there, and AWS_USE_FIPS_ENDPOINT or use_fips_endpoint asks for one";
            return Err(wrong(cause));
        }
        let service = if variant.fips { "s3-fips" } else { "s3" };
        let dualstack = if variant.dualstack { ".dualstack" } else { "" };
        let url = format!("https://{service}{dualstack}.{region}.{}", dns_suffix(region));
        let endpoint = Self::at(&url, "the region", style)?;
        Ok(Self {
            own: false,
            variant,
            ..endpoint
        })
    }

    /// The endpoint once the store has named its `region`: another one of AWS's own, but whoever gave an address means it.
    pub(crate) fn moved_to(&self, region: &str) -> Result<Self, Error> {
        if self.own {
            Ok(self.clone())
        } else {
            Self::of_region(region, self.variant, self.style)
        }
    }

    /// The URL of the bucket (`key` empty) or of an object, with a query.
    ///
    /// The encoding is SigV4's, so that what is sent is what is signed.
    pub(crate) fn url(&self, bucket: &str, key: &str, query: &[(&str, &str)]) -> Result<Url, Error> {
        let path_style = self.is_path_style(bucket);
        // In the name of a host, capitals are lost: that would be another bucket.
        if !path_style && !can_be_in_host(bucket) {
            let cause = "no host's name can have this bucket's name in it: --addressing-style path";
            return Err(Error::other(Kind::Usage, format!("use the bucket '{bucket}'"), cause));
        }
        // Parsing `b.127.0.0.1` would name no cause, and `b.[::1]` is no host at all.
        if !path_style && !self.has_name() {
            let cause = "an address cannot have the bucket's name before it: --addressing-style path";
            return Err(Error::other(
                Kind::Usage,
                format!("use the endpoint '{}'", self.as_str()),
                cause,
            ));
        }
        let mut text = String::from(self.base.scheme());
        text.push_str("://");
        if !path_style {
            text.push_str(bucket);
            text.push('.');
        }
        text.push_str(self.base.host_str().unwrap_or_default());
        if let Some(port) = self.base.port() {
            text.push_str(&format!(":{port}"));
        }
        let path_begins = text.len();
        text.push_str(self.base.path().trim_end_matches('/'));
        text.push('/');
        if path_style {
            text.push_str(&signing::uri_encode(bucket, true));
            text.push('/');
        }
        text.push_str(&signing::uri_encode(key, false));
        let path_ends = text.len();
        for (index, (name, value)) in query.iter().enumerate() {
            text.push(if index == 0 { '?' } else { '&' });
            text.push_str(&format!(
                "{}={}",
                signing::uri_encode(name, true),
                signing::uri_encode(value, true)
            ));
        }
        let building = || format!("build the URL of 's3://{bucket}/{key}'");
        let parsed = Url::parse(&text).map_err(|error| Error::other(Kind::Config, building(), error.to_string()))?;
        // A URL has no such steps: `b/../other/key` would silently be the key of another bucket.
        if text.get(path_begins..path_ends) != Some(parsed.path()) {
            let cause = "no URL can carry a key with '.' or '..' between its slashes";
            return Err(Error::other(Kind::Usage, building(), cause));
        }
        Ok(parsed)
    }

    fn is_path_style(&self, bucket: &str) -> bool {
        match self.style {
            AddressingStyle::Path => true,
            AddressingStyle::Virtual => false,
            AddressingStyle::Auto => self.own || !bucket.bytes().all(is_of_host),
            AddressingStyle::VirtualIfPossible => {
                !self.has_name() || !can_be_in_host(bucket) || (bucket.contains('.') && self.base.scheme() == "https")
            }
        }
    }

    fn has_name(&self) -> bool {
        matches!(self.base.host(), Some(Host::Domain(_)))
    }

    /// The address without the bucket, if this one seems to be the bucket's own, as consoles show it: with the bucket's name
    /// before a provider's host, while that name goes into the path as well.
    pub(crate) fn without(&self, bucket: &str) -> Option<String> {
        let Host::Domain(host) = self.base.host()? else {
            return None;
        };
        let rest = host.strip_prefix(bucket)?.strip_prefix('.')?;
        // `minio.example.com` may well be where a bucket `minio` is.
        let is_providers = self.is_path_style(bucket) && rest.matches('.').count() >= 2;
        let port = self.base.port().map(|port| format!(":{port}")).unwrap_or_default();
        is_providers.then(|| format!("{}://{rest}{port}", self.base.scheme()))
    }

    /// The address, for messages.
    pub fn as_str(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }
}

/// What the name of a host has, in the form in which it is looked up.
const fn is_of_host(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'
}

/// Whether a host whose name begins with it is still the bucket's.
fn can_be_in_host(bucket: &str) -> bool {
    bucket
        .bytes()
        .all(|byte| is_of_host(byte) || matches!(byte, b'.' | b'_'))
}

/// Whether it can be a region. With an address of one's own it is only a word in the signature, and stores call theirs `dc1_prod`
/// or `eu.central.1`; what would end that word is refused.
pub(crate) fn is_label(region: &str) -> bool {
    let is_fit = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'/' | b',' | b'=' | b'"' | b'\'');
    (1..=63).contains(&region.len()) && region.bytes().all(is_fit)
}

/// Whether it can be a region in the name of a host of AWS. What a store names is checked as well: it decides where requests go.
pub(crate) fn is_name(region: &str) -> bool {
    let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (1..=63).contains(&region.len()) && region.bytes().all(is_fit) && !region.starts_with('-') && !region.ends_with('-')
}

/// The region in the name of one of AWS's hosts, such as `bucket.s3.eu-west-1.amazonaws.com`, a variant of it, or, of old,
/// `bucket.s3-eu-west-1.amazonaws.com`.
pub(crate) fn region_in(host: &str) -> Option<&str> {
    let (before, behind) = host.rsplit_once("s3.").or_else(|| host.rsplit_once("s3-"))?;
    if !before.is_empty() && !before.ends_with('.') {
        return None;
    }
    let behind = behind.strip_prefix("fips.").unwrap_or(behind);
    let (region, domain) = behind.strip_prefix("dualstack.").unwrap_or(behind).split_once('.')?;
    (is_name(region) && domain == dns_suffix(region)).then_some(region)
}

#[cfg(test)]
mod tests {
    use snapline_failure::Fail as _;

    use super::*;

    fn url(endpoint: &str, style: AddressingStyle, bucket: &str, key: &str) -> String {
        Endpoint::at(endpoint, "--endpoint-url", style)
            .unwrap()
            .url(bucket, key, &[])
            .unwrap()
            .to_string()
    }

    #[test]
    fn an_own_endpoint_means_path_style_unless_told_otherwise() {
        let at = "http://127.0.0.1:9000";
        assert_eq!(
            url(at, AddressingStyle::Auto, "b", "a/k"),
            "http://127.0.0.1:9000/b/a/k"
        );
        assert_eq!(
            url("http://s3.test:9000/", AddressingStyle::Virtual, "b", "k"),
            "http://b.s3.test:9000/k"
        );
        assert_eq!(
            url("https://host/base/", AddressingStyle::Auto, "b", "k"),
            "https://host/base/b/k"
        );
        assert_eq!(
            url("http://[::1]:9000", AddressingStyle::Auto, "b", "k"),
            "http://[::1]:9000/b/k"
        );
    }

    #[test]
    fn aws_is_addressed_by_region_in_virtual_style_but_for_dotted_buckets() {
        let endpoint = Endpoint::of_region("eu-west-1", Variant::default(), AddressingStyle::Auto).unwrap();
        let url = |bucket| endpoint.url(bucket, "k", &[]).unwrap().to_string();
        assert_eq!(url("b"), "https://b.s3.eu-west-1.amazonaws.com/k");
        assert_eq!(url("b.c"), "https://s3.eu-west-1.amazonaws.com/b.c/k");
    }

    #[test]
    fn a_bucket_that_no_host_can_be_called_goes_into_the_path_as_it_is() {
        let endpoint = Endpoint::of_region("us-east-1", Variant::default(), AddressingStyle::Auto).unwrap();
        for (bucket, path) in [
            ("AcmeBackups", "AcmeBackups"),
            ("acme_backups", "acme_backups"),
            ("acme:backups", "acme%3Abackups"),
        ] {
            let url = endpoint.url(bucket, "k", &[]).unwrap();
            assert_eq!(url.as_str(), format!("https://s3.us-east-1.amazonaws.com/{path}/k"));
            // What is signed is what is sent.
            assert_eq!(signing::canonical_uri_string(&url), format!("/{path}/k"));
        }
        let profiles = Endpoint::at("http://s3.test", "x", AddressingStyle::VirtualIfPossible).unwrap();
        assert_eq!(
            profiles.url("AcmeBackups", "k", &[]).unwrap().as_str(),
            "http://s3.test/AcmeBackups/k"
        );
        // By force it would be another bucket, `acmebackups`.
        for bucket in ["AcmeBackups", "acme:backups"] {
            for endpoint in [
                Endpoint::of_region("us-east-1", Variant::default(), AddressingStyle::Virtual).unwrap(),
                Endpoint::at("http://s3.test", "x", AddressingStyle::Virtual).unwrap(),
            ] {
                let error = endpoint.url(bucket, "k", &[]).unwrap_err();
                assert_eq!(error.kind(), Kind::Usage, "{error}");
                assert!(error.to_string().contains("--addressing-style path"), "{error}");
            }
        }
    }

    #[test]
    fn an_address_that_is_the_buckets_own_is_noticed() {
        let without = |url: &str, style, bucket: &str| Endpoint::at(url, "x", style).unwrap().without(bucket);
        let auto = AddressingStyle::Auto;
        assert_eq!(
            without("https://backups.fra1.provider.test:444", auto, "backups").as_deref(),
            Some("https://fra1.provider.test:444")
        );
        for (url, style, bucket) in [
            (
                "https://backups.fra1.provider.test",
                AddressingStyle::Virtual,
                "backups",
            ),
            ("https://backups.fra1.provider.test", auto, "backup"),
            ("https://fra1.provider.test", auto, "backups"),
            ("http://minio.example.com:9000", auto, "minio"),
            ("http://127.0.0.1:9000", auto, "127"),
        ] {
            assert_eq!(without(url, style, bucket), None, "{url}");
        }
    }

    #[test]
    fn a_region_is_any_word_until_a_host_is_called_by_it() {
        for region in ["dc1_prod", "eu.central.1", "default", "RegionOne", "zone:a"] {
            assert!(is_label(region), "{region}");
        }
        for region in ["", "a b", "a/b", "a,b", "a=b", "ü", "a\nb", &"x".repeat(64)] {
            assert!(!is_label(region), "{region}");
        }
    }

    #[test]
    fn each_partition_has_its_domain() {
        for (region, host) in [
            ("us-gov-west-1", "s3.us-gov-west-1.amazonaws.com"),
            ("cn-north-1", "s3.cn-north-1.amazonaws.com.cn"),
            ("eusc-de-east-1", "s3.eusc-de-east-1.amazonaws.eu"),
            ("us-iso-east-1", "s3.us-iso-east-1.c2s.ic.gov"),
            ("us-isob-east-1", "s3.us-isob-east-1.sc2s.sgov.gov"),
            ("eu-isoe-west-1", "s3.eu-isoe-west-1.cloud.adc-e.uk"),
            ("us-isof-south-1", "s3.us-isof-south-1.csp.hci.ic.gov"),
            ("xx-new-9", "s3.xx-new-9.amazonaws.com"),
        ] {
            let endpoint = Endpoint::of_region(region, Variant::default(), AddressingStyle::Path).unwrap();
            assert_eq!(endpoint.as_str(), format!("https://{host}"));
            assert_eq!(region_in(host), Some(region));
            assert_eq!(region_in(&format!("a.bucket.{host}")), Some(region));
        }
        for region in ["a/b", "", "a.b", "-a", "a-", "a@b"] {
            assert!(
                Endpoint::of_region(region, Variant::default(), AddressingStyle::Auto).is_err(),
                "{region}"
            );
        }
    }

    #[test]
    fn variants_of_an_endpoint_have_names_of_their_own_and_stay_when_the_region_moves() {
        for (fips, dualstack, name) in [
            (true, false, "s3-fips"),
            (false, true, "s3.dualstack"),
            (true, true, "s3-fips.dualstack"),
        ] {
            let variant = Variant { fips, dualstack };
            let endpoint = Endpoint::of_region("us-east-1", variant, AddressingStyle::Auto).unwrap();
            let moved = endpoint.moved_to("us-gov-west-1").unwrap();
            for (endpoint, region) in [(&endpoint, "us-east-1"), (&moved, "us-gov-west-1")] {
                let host = format!("{name}.{region}.amazonaws.com");
                let url = |bucket| endpoint.url(bucket, "k", &[]).unwrap().to_string();
                assert_eq!(url("b"), format!("https://b.{host}/k"));
                assert_eq!(url("b.c"), format!("https://{host}/b.c/k"));
                assert_eq!(region_in(&host), Some(region), "{host}");
                assert_eq!(region_in(&format!("b.{host}")), Some(region), "{host}");
            }
            let in_china = Endpoint::of_region("cn-north-1", variant, AddressingStyle::Auto);
            match in_china {
                Ok(endpoint) => assert_eq!(endpoint.as_str(), "https://s3.dualstack.cn-north-1.amazonaws.com.cn"),
                Err(error) => assert!(fips && error.to_string().contains("no FIPS endpoint"), "{error}"),
            }
        }
    }

    /// As botocore 1.44 does it.
    #[test]
    fn a_profiles_virtual_style_gives_way_where_it_cannot_work() {
        let style = AddressingStyle::VirtualIfPossible;
        assert_eq!(
            url("http://localhost:9000", style, "b", "k"),
            "http://b.localhost:9000/k"
        );
        assert_eq!(
            url("http://127.0.0.1:9000", style, "b", "k"),
            "http://127.0.0.1:9000/b/k"
        );
        assert_eq!(url("https://[::1]", style, "b", "k"), "https://[::1]/b/k");
        assert_eq!(url("http://h.test", style, "a.b", "k"), "http://a.b.h.test/k");
        assert_eq!(url("https://h.test", style, "a.b", "k"), "https://h.test/a.b/k");
    }

    #[test]
    fn a_region_is_read_from_hosts_of_aws_only() {
        assert_eq!(region_in("b.s3-eu-west-1.amazonaws.com"), Some("eu-west-1"));
        assert_eq!(region_in("b.s3.dualstack.eu-west-1.amazonaws.com"), Some("eu-west-1"));
        for host in [
            "s3.amazonaws.com",
            "s3.eu-west-1.example.com",
            "s3.eu-west-1.amazonaws.com.example.com",
            "xs3.eu-west-1.amazonaws.com",
            "example.com",
            "",
        ] {
            assert_eq!(region_in(host), None, "{host}");
        }
    }

    #[test]
    fn only_an_endpoint_of_aws_moves_with_the_region() {
        let aws = Endpoint::of_region("us-east-1", Variant::default(), AddressingStyle::Virtual).unwrap();
        let moved = aws.moved_to("eu-west-1").unwrap();
        assert_eq!(
            moved,
            Endpoint::of_region("eu-west-1", Variant::default(), AddressingStyle::Virtual).unwrap()
        );
        let own = Endpoint::at("https://h/base", "x", AddressingStyle::Auto).unwrap();
        assert_eq!(own.moved_to("eu-west-1").unwrap(), own);
    }

    #[test]
    fn a_path_in_the_endpoint_and_ipv6_go_with_both_styles() {
        assert_eq!(
            url("https://h.test/base/s3/", AddressingStyle::Virtual, "b", "k"),
            "https://b.h.test/base/s3/k"
        );
        assert_eq!(
            url("https://[fd00::1]/base", AddressingStyle::Auto, "b.c", "k"),
            "https://[fd00::1]/base/b.c/k"
        );
        assert_eq!(url("https://h:443/", AddressingStyle::Auto, "b", "k"), "https://h/b/k");
    }

    #[test]
    fn an_address_has_no_buckets_below_it() {
        for text in ["http://127.0.0.1:9000", "http://[::1]"] {
            let endpoint = Endpoint::at(text, "x", AddressingStyle::Virtual).unwrap();
            let error = endpoint.url("b", "k", &[]).unwrap_err();
            assert_eq!(error.kind(), Kind::Usage, "{error}");
            assert!(error.to_string().contains("--addressing-style"), "{error}");
        }
    }

    #[test]
    fn odd_keys_and_queries_are_encoded_once() {
        let endpoint = Endpoint::at("http://h", "x", AddressingStyle::Auto).unwrap();
        let url = endpoint
            .url("b", "a b+c/ü%", &[("uploadId", "x/y=="), ("uploads", "")])
            .unwrap();
        assert_eq!(
            url.as_str(),
            "http://h/b/a%20b%2Bc/%C3%BC%25?uploadId=x%2Fy%3D%3D&uploads="
        );
        assert_eq!(signing::canonical_uri_string(&url), "/b/a%20b%2Bc/%C3%BC%25");
    }

    #[test]
    fn a_key_that_would_become_another_is_refused() {
        let endpoint = Endpoint::at("http://h/base", "x", AddressingStyle::Auto).unwrap();
        for key in ["..", "../k", "a/../k", "a/./k", "./k", "a/.."] {
            assert_eq!(endpoint.url("b", key, &[]).unwrap_err().kind(), Kind::Usage, "{key}");
        }
        for key in ["", "..a", "a..b/.c/...", "/k", "a//b", "a/", "%2e%2e/k"] {
            assert!(endpoint.url("b", key, &[("a", "..")]).is_ok(), "{key}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_without_showing_a_password() {
        for text in ["127.0.0.1:9000", "ftp://h", "http://", "http://h?x=1", "nonsense"] {
            let error = Endpoint::at(text, "AWS_ENDPOINT_URL", AddressingStyle::Auto).unwrap_err();
            assert_eq!(error.kind(), Kind::Config, "{text}");
            assert!(error.to_string().contains("AWS_ENDPOINT_URL"), "{error}");
        }
        for text in [
            "http://u:hidden@h",
            "u:hidden@h:9000",
            "//u:hidden@h",
            "ftp://u:hidden@h",
        ] {
            let error = Endpoint::at(text, "x", AddressingStyle::Auto).unwrap_err();
            assert!(!format!("{error} {:?}", error.hint()).contains("hidden"), "{error}");
        }
    }

    #[test]
    fn an_address_without_a_scheme_is_named_with_what_is_missing() {
        for (text, meant) in [
            ("minio.example.com:9000", "https://minio.example.com:9000"),
            ("s3.example.com", "https://s3.example.com"),
            ("localhost:9000", "https://localhost:9000"),
            ("//minio:9000", "https://minio:9000"),
            ("10.0.0.5:9000/base", "https://10.0.0.5:9000/base"),
        ] {
            let error = Endpoint::at(text, "AWS_ENDPOINT_URL_S3", AddressingStyle::Auto).unwrap_err();
            let expected = format!("read AWS_ENDPOINT_URL_S3 '{text}': it does not begin with http:// or https://");
            assert_eq!((error.to_string(), error.kind()), (expected, Kind::Config));
            assert_eq!(error.hint(), Some(&*format!("is it '{meant}'?")));
        }
    }
}
