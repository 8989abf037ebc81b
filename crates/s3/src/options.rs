//! What an object is to be stored with, beside its content.

use std::collections::HashSet;

use http::{HeaderMap, HeaderName, HeaderValue};
use s3::signing;
use snapline_http::Kind;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Duration, OffsetDateTime};

use crate::Error;
use crate::object::OWN_METADATA;

/// Limits of S3: docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html
const MOST_TAGS: usize = 10;
const LONGEST_TAG_KEY: usize = 128;
const LONGEST_TAG_VALUE: usize = 256;
/// Bytes of all names and values: docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html
const MOST_METADATA: usize = 2048;
/// A hundred years, the longest retention: docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-managing.html
const MOST_DAYS: u32 = 36_500;

const STORAGE_CLASS: &str = "x-amz-storage-class";
const SSE: &str = "x-amz-server-side-encryption";
const SSE_KMS_KEY_ID: &str = "x-amz-server-side-encryption-aws-kms-key-id";
const TAGGING: &str = "x-amz-tagging";
const TAGGING_COUNT: &str = "x-amz-tagging-count";
const METADATA: &str = "x-amz-meta-";
/// The mode that nobody can lift.
const COMPLIANCE: &str = "COMPLIANCE";
const LOCK_MODE: &str = "x-amz-object-lock-mode";
const LOCK_UNTIL: &str = "x-amz-object-lock-retain-until-date";
const LEGAL_HOLD: &str = "x-amz-object-lock-legal-hold";

/// The options as typed.
#[derive(Debug, Clone, Default)]
pub struct ObjectFlags {
    /// `--storage-class`
    pub storage_class: Option<String>,
    /// `--sse`
    pub sse: Option<String>,
    /// `--sse-kms-key-id`
    pub sse_kms_key_id: Option<String>,
    /// `--tag`, each `K=V`
    pub tags: Vec<String>,
    /// `--metadata`, each `K=V`
    pub metadata: Vec<String>,
    /// `--object-lock-mode`
    pub object_lock_mode: Option<String>,
    /// `--object-lock-days`
    pub object_lock_days: Option<u32>,
    /// `--legal-hold`
    pub legal_hold: bool,
}

/// The options, checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObjectOptions {
    storage_class: Option<String>,
    sse: Option<&'static str>,
    sse_kms_key_id: Option<String>,
    tags: Vec<(String, String)>,
    metadata: Vec<(String, String)>,
    retention: Option<Retention>,
    legal_hold: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Retention {
    mode: &'static str,
    /// Whole seconds, UTC.
    until: OffsetDateTime,
}

impl ObjectOptions {
    /// Checks what S3 itself has limits for; what a store makes of a storage class, a key or a tag's characters is its own
    /// affair. Retention counts from `now`.
    ///
    /// # Errors
    /// [`Kind::Usage`], naming the option.
    pub fn check(flags: ObjectFlags, now: OffsetDateTime) -> Result<Self, Error> {
        let sse = one_of("--sse", flags.sse.as_deref(), &["AES256", "aws:kms"])?;
        if flags.sse_kms_key_id.is_some() && sse != Some("aws:kms") {
            return Err(wrong("use --sse-kms-key-id", "it goes with --sse aws:kms only"));
        }
        let mode = one_of(
            "--object-lock-mode",
            flags.object_lock_mode.as_deref(),
            &["GOVERNANCE", COMPLIANCE],
        )?;
        let retention = match (mode, flags.object_lock_days) {
            (Some(mode), Some(days)) => Some(Retention {
                mode,
                until: retained_until(days, now)?,
            }),
            (None, None) => None,
            (Some(_), None) => return Err(wrong("use --object-lock-mode", "--object-lock-days is missing")),
            (None, Some(_)) => return Err(wrong("use --object-lock-days", "--object-lock-mode is missing")),
        };
        let options = Self {
            storage_class: flags.storage_class,
            sse,
            sse_kms_key_id: flags.sse_kms_key_id,
            tags: tags(&flags.tags)?,
            metadata: metadata(&flags.metadata)?,
            retention,
            legal_hold: flags.legal_hold,
        };
        // Whatever cannot be sent is said before anything is read.
        options.headers()?;
        Ok(options)
    }

    /// Whether anything is wanted at all.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the store will want a `Content-MD5` with the data
    /// (docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-managing.html#object-lock-put-object).
    pub(crate) const fn is_locked(&self) -> bool {
        self.retention.is_some() || self.legal_hold
    }

    /// Whether there is to be a retention.
    pub(crate) const fn is_retained(&self) -> bool {
        self.retention.is_some()
    }

    /// Whether an object that is not locked is none that was asked for: nobody asks for `COMPLIANCE` who can do without.
    pub fn must_be_locked(&self) -> bool {
        self.retention
            .as_ref()
            .is_some_and(|retention| retention.mode == COMPLIANCE)
    }

    /// Whether a response to HEAD shows the retention.
    pub(crate) fn is_lock_shown(&self, reply: &HeaderMap) -> bool {
        let shown = |name: &str| {
            reply
                .get(name)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
        };
        self.is_retention(shown(LOCK_MODE), shown(LOCK_UNTIL))
    }

    /// Whether a retention of this mode, until this time, is the one that was asked for, or a longer one.
    pub(crate) fn is_retention(&self, mode: &str, until: &str) -> bool {
        let until = OffsetDateTime::parse(until, &Rfc3339).ok();
        self.retention
            .as_ref()
            .zip(until)
            .is_some_and(|(wanted, until)| mode == wanted.mode && until >= wanted.until)
    }

    /// What the request carries that makes the object, or begins its upload.
    pub(crate) fn headers(&self) -> Result<HeaderMap, Error> {
        let mut headers = HeaderMap::new();
        let mut set = |option: &str, name: &str, value: &str| {
            let pair = HeaderName::from_bytes(name.as_bytes()).ok().zip(header_value(value));
            let (name, value) =
                pair.ok_or_else(|| wrong(format!("use {option} '{value}'"), "no header can carry it"))?;
            headers.insert(name, value);
            Ok::<(), Error>(())
        };
        if let Some(class) = &self.storage_class {
            set("--storage-class", STORAGE_CLASS, class)?;
        }
        if let Some(sse) = self.sse {
            set("--sse", SSE, sse)?;
        }
        if let Some(key) = &self.sse_kms_key_id {
            set("--sse-kms-key-id", SSE_KMS_KEY_ID, key)?;
        }
        if !self.tags.is_empty() {
            let encode = |text| signing::uri_encode(text, true);
            let pairs = self.tags.iter().map(|(k, v)| format!("{}={}", encode(k), encode(v)));
            set("--tag", TAGGING, &pairs.collect::<Vec<_>>().join("&"))?;
        }
        for (name, value) in &self.metadata {
            set("--metadata", &format!("{METADATA}{name}"), value)?;
        }
        if let Some(retention) = &self.retention {
            set("--object-lock-mode", LOCK_MODE, retention.mode)?;
            set("--object-lock-days", LOCK_UNTIL, &timestamp(retention.until))?;
        }
        if self.legal_hold {
            set("--legal-hold", LEGAL_HOLD, "ON")?;
        }
        Ok(headers)
    }

    /// What a reply to HEAD does not confirm, each as the option with its value; the retention only unless it `is_locked` for all we
    /// know.
    pub(crate) fn unconfirmed(&self, reply: &HeaderMap, is_locked: bool) -> Vec<String> {
        let shown = |name: &str| reply.get(name).and_then(|value| value.to_str().ok());
        let mut missing = Vec::new();
        let mut check = |confirmed: bool, option: String| {
            if !confirmed {
                missing.push(option);
            }
        };
        if let Some(class) = &self.storage_class {
            // S3 does not say STANDARD.
            let shown = shown(STORAGE_CLASS).unwrap_or("STANDARD");
            check(shown == class, format!("--storage-class {class} (it is {shown})"));
        }
        if let Some(sse) = self.sse {
            check(shown(SSE) == Some(sse), format!("--sse {sse}"));
        }
        if let Some(key) = &self.sse_kms_key_id {
            let is_it = shown(SSE_KMS_KEY_ID).is_some_and(|shown| is_same_key(key, shown));
            check(is_it, format!("--sse-kms-key-id {key}"));
        }
        if !self.tags.is_empty() {
            let count = shown(TAGGING_COUNT).and_then(|count| count.parse().ok());
            check(
                count == Some(self.tags.len()),
                format!("--tag ({} of them)", self.tags.len()),
            );
        }
        for (name, value) in &self.metadata {
            let is_it = shown(&format!("{METADATA}{name}")) == Some(value);
            check(is_it, format!("--metadata {name}"));
        }
        if let Some(retention) = self.retention.as_ref().filter(|_| !is_locked) {
            let mode = shown(LOCK_MODE) == Some(retention.mode);
            check(mode, format!("--object-lock-mode {}", retention.mode));
            let until = shown(LOCK_UNTIL).and_then(|until| OffsetDateTime::parse(until, &Rfc3339).ok());
            let wanted = timestamp(retention.until);
            check(
                until == Some(retention.until),
                format!("--object-lock-days (until {wanted})"),
            );
        }
        if self.legal_hold {
            check(shown(LEGAL_HOLD) == Some("ON"), "--legal-hold".to_owned());
        }
        missing
    }
}

/// The store shows a key as the ARN that it has, whatever it was called by (docs.aws.amazon.com/kms/latest/developerguide/
/// concepts.html#key-id); what an alias stands for cannot be seen.
fn is_same_key(wanted: &str, shown: &str) -> bool {
    let name = |key: &str| {
        let key = key.strip_prefix("arn:aws:kms:").unwrap_or(key);
        key.rsplit_once('/').map_or(key, |(_, name)| name).to_owned()
    };
    wanted.contains("alias/") || name(wanted) == name(shown)
}

fn one_of(option: &str, given: Option<&str>, known: &[&'static str]) -> Result<Option<&'static str>, Error> {
    let Some(given) = given else { return Ok(None) };
    let found = known.iter().find(|known| **known == given);
    let found = found.ok_or_else(|| {
        wrong(
            format!("read {option}"),
            format!("'{given}' is none of {}", known.join(", ")),
        )
    })?;
    Ok(Some(found))
}

fn retained_until(days: u32, now: OffsetDateTime) -> Result<OffsetDateTime, Error> {
    if !(1..=MOST_DAYS).contains(&days) {
        return Err(wrong(
            "read --object-lock-days",
            format!("it is not from 1 to {MOST_DAYS}"),
        ));
    }
    // Up to the second: that is what stores keep.
    now.to_offset(time::UtcOffset::UTC)
        .replace_nanosecond(0)
        .ok()
        .and_then(|now| now.checked_add(Duration::days(days.into())))
        .ok_or_else(|| wrong("read --object-lock-days", "there is no such day"))
}

fn timestamp(time: OffsetDateTime) -> String {
    let form = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
    // Formatting a UTC time by its numbers cannot fail.
    time.format(form).unwrap_or_default()
}

fn tags(given: &[String]) -> Result<Vec<(String, String)>, Error> {
    if given.len() > MOST_TAGS {
        return Err(wrong("read --tag", format!("an object has at most {MOST_TAGS} tags")));
    }
    let tags = pairs("--tag", given, str::to_owned)?;
    for (key, value) in &tags {
        if key.chars().count() > LONGEST_TAG_KEY || value.chars().count() > LONGEST_TAG_VALUE {
            let cause = format!("a key has at most {LONGEST_TAG_KEY} characters, a value {LONGEST_TAG_VALUE}");
            return Err(wrong(format!("read --tag '{key}'"), cause));
        }
    }
    Ok(tags)
}

fn metadata(given: &[String]) -> Result<Vec<(String, String)>, Error> {
    // Names of headers know no case.
    let all = pairs("--metadata", given, str::to_ascii_lowercase)?;
    for (name, value) in &all {
        let doing = || format!("read --metadata '{name}'");
        if name.starts_with("snapline-") {
            return Err(wrong(doing(), "names that begin with snapline- are our own"));
        }
        if HeaderName::from_bytes(name.as_bytes()).is_err() {
            return Err(wrong(doing(), "a name is made of letters, digits, '-' and '_'"));
        }
        if header_value(value).is_none() {
            // As the AWS CLI has it. What S3 makes of other characters, no client reads back as it was.
            return Err(wrong(
                doing(),
                "a value consists of printable ASCII; encode what is not",
            ));
        }
        if value.trim() != value {
            return Err(wrong(
                doing(),
                "a blank at the beginning or end of a value would be lost",
            ));
        }
    }
    let bytes: usize = all.iter().map(|(name, value)| name.len() + value.len()).sum();
    let most = MOST_METADATA - OWN_METADATA;
    if bytes > most {
        let cause = format!("{bytes} bytes are too many, all names and values have {most} together");
        return Err(wrong("read --metadata", cause));
    }
    Ok(all)
}

/// `K=V` each, no key twice.
fn pairs(option: &str, given: &[String], name: impl Fn(&str) -> String) -> Result<Vec<(String, String)>, Error> {
    let mut seen = HashSet::new();
    let pair = |text: &String| match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => {
            let key = name(key);
            if !seen.insert(key.clone()) {
                return Err(wrong(
                    format!("read {option} '{text}'"),
                    format!("'{key}' is given twice"),
                ));
            }
            Ok((key, value.to_owned()))
        }
        _ => Err(wrong(format!("read {option} '{text}'"), "it is not of the form K=V")),
    };
    given.iter().map(pair).collect()
}

/// Printable ASCII only: what else `http` allows, signatures do not.
fn header_value(text: &str) -> Option<HeaderValue> {
    let is_plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    is_plain.then(|| HeaderValue::from_str(text).ok()).flatten()
}

fn wrong(doing: impl Into<Box<str>>, cause: impl Into<Box<str>>) -> Error {
    Error::other(Kind::Usage, doing, cause)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use snapline_failure::Fail as _;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-24 23:30:15.75 UTC);

    fn flags(set: impl FnOnce(&mut ObjectFlags)) -> ObjectFlags {
        let mut flags = ObjectFlags::default();
        set(&mut flags);
        flags
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    fn all() -> ObjectOptions {
        let flags = ObjectFlags {
            storage_class: some("GLACIER_IR"),
            sse: some("aws:kms"),
            sse_kms_key_id: some("1234-ab"),
            tags: vec!["env=prod & test".to_owned(), "größe=".to_owned()],
            metadata: vec!["Cluster=a=b; c".to_owned()],
            object_lock_mode: some("COMPLIANCE"),
            object_lock_days: Some(30),
            legal_hold: true,
        };
        ObjectOptions::check(flags, NOW).unwrap()
    }

    #[test]
    fn every_option_has_its_header() {
        let headers = all().headers().unwrap();
        let mut sent: Vec<_> = headers.iter().map(|(k, v)| (k.as_str(), v.to_str().unwrap())).collect();
        sent.sort_unstable();
        assert_eq!(
            sent,
            [
                ("x-amz-meta-cluster", "a=b; c"),
                ("x-amz-object-lock-legal-hold", "ON"),
                ("x-amz-object-lock-mode", "COMPLIANCE"),
                ("x-amz-object-lock-retain-until-date", "2026-12-24T23:30:15Z"),
                ("x-amz-server-side-encryption", "aws:kms"),
                ("x-amz-server-side-encryption-aws-kms-key-id", "1234-ab"),
                ("x-amz-storage-class", "GLACIER_IR"),
                ("x-amz-tagging", "env=prod%20%26%20test&gr%C3%B6%C3%9Fe="),
            ]
        );
        assert!(ObjectOptions::default().headers().unwrap().is_empty());
        assert!(ObjectOptions::default().is_empty() && !all().is_empty());
    }

    #[test]
    fn what_contradicts_itself_or_a_limit_of_s3_is_a_wrong_call_that_names_the_option() {
        let many = |count| (0..count).map(|n| format!("k{n}=v")).collect::<Vec<_>>();
        let one = |text: &str| vec![text.to_owned()];
        let cases: Vec<(&str, ObjectFlags)> = vec![
            ("--sse:", flags(|f| f.sse = some("aes256"))),
            ("--sse-kms-key-id", flags(|f| f.sse_kms_key_id = some("k"))),
            (
                "--sse-kms-key-id",
                flags(|f| (f.sse, f.sse_kms_key_id) = (some("AES256"), some("k"))),
            ),
            ("--object-lock-mode", flags(|f| f.object_lock_mode = some("GOVERNANCE"))),
            ("--object-lock-days", flags(|f| f.object_lock_days = Some(1))),
            (
                "--object-lock-mode",
                flags(|f| (f.object_lock_mode, f.object_lock_days) = (some("governance"), Some(1))),
            ),
            (
                "--object-lock-days",
                flags(|f| (f.object_lock_mode, f.object_lock_days) = (some("GOVERNANCE"), Some(0))),
            ),
            (
                "--object-lock-days",
                flags(|f| (f.object_lock_mode, f.object_lock_days) = (some("GOVERNANCE"), Some(36_501))),
            ),
            ("--tag", flags(|f| f.tags = many(11))),
            ("--tag 'x'", flags(|f| f.tags = one("x"))),
            ("--tag '=x'", flags(|f| f.tags = one("=x"))),
            ("--tag", flags(|f| f.tags = one(&format!("{}=", "k".repeat(129))))),
            ("--tag", flags(|f| f.tags = one(&format!("k={}", "v".repeat(257))))),
            (
                "given twice",
                flags(|f| f.tags = vec!["a=1".to_owned(), "a=2".to_owned()]),
            ),
            (
                "given twice",
                flags(|f| f.metadata = vec!["a=1".to_owned(), "A=2".to_owned()]),
            ),
            ("--metadata 'snapline-id'", flags(|f| f.metadata = one("Snapline-ID=1"))),
            ("--metadata 'a b'", flags(|f| f.metadata = one("a b=1"))),
            ("--metadata 'ü'", flags(|f| f.metadata = one("ü=1"))),
            ("printable ASCII", flags(|f| f.metadata = one("a=ü"))),
            (
                "printable ASCII",
                flags(|f| f.metadata = one("a=1\r\nx-amz-acl: public-read")),
            ),
            ("printable ASCII", flags(|f| f.metadata = one("a=1\t2"))),
            ("blank", flags(|f| f.metadata = one("a= 1"))),
            (
                "--metadata",
                flags(|f| f.metadata = one(&format!("a={}", "v".repeat(2048)))),
            ),
            ("--storage-class", flags(|f| f.storage_class = some("a\nb"))),
        ];
        for (words, flags) in cases {
            let error = ObjectOptions::check(flags, NOW).unwrap_err();
            assert_eq!(error.kind(), Kind::Usage, "{error}");
            assert!(error.to_string().contains(words), "no {words} in {error}");
        }
        let flags = flags(|f| (f.tags, f.metadata) = (many(10), one(&format!("a={}", "v".repeat(1800)))));
        ObjectOptions::check(flags, NOW).unwrap();
    }

    fn shown(lines: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| (HeaderName::from_static(name), value.parse().unwrap());
        lines.iter().map(pair).collect()
    }

    #[test]
    fn what_a_store_shows_is_compared_with_what_was_wanted() {
        let kept = [
            ("x-amz-storage-class", "GLACIER_IR"),
            ("x-amz-server-side-encryption", "aws:kms"),
            (
                "x-amz-server-side-encryption-aws-kms-key-id",
                "arn:aws:kms:eu-west-1:1:key/1234-ab",
            ),
            ("x-amz-tagging-count", "2"),
            ("x-amz-meta-cluster", "a=b; c"),
            ("x-amz-object-lock-mode", "COMPLIANCE"),
            ("x-amz-object-lock-retain-until-date", "2026-12-24T23:30:15.000Z"),
            ("x-amz-object-lock-legal-hold", "ON"),
        ];
        assert!(all().unconfirmed(&shown(&kept), false).is_empty());
        for without in 0..kept.len() {
            let mut less = kept.to_vec();
            less.remove(without);
            assert_eq!(all().unconfirmed(&shown(&less), false).len(), 1, "{}", kept[without].0);
            let mut other = kept.to_vec();
            other[without].1 = "other";
            assert_eq!(all().unconfirmed(&shown(&other), false).len(), 1, "{}", kept[without].0);
        }
        assert_eq!(all().unconfirmed(&HeaderMap::new(), false).len(), kept.len());
    }

    #[test]
    fn a_lock_is_the_one_asked_for_or_a_longer_one() {
        let wanted = all();
        assert!(wanted.must_be_locked());
        for (mode, until, holds) in [
            ("COMPLIANCE", "2026-12-24T23:30:15Z", true),
            ("COMPLIANCE", "2026-12-25T00:30:15.123+01:00", true),
            ("COMPLIANCE", "2027-12-24T23:30:15Z", true),
            ("COMPLIANCE", "2026-12-24T23:30:14Z", false),
            ("GOVERNANCE", "2027-12-24T23:30:15Z", false),
            ("COMPLIANCE", "", false),
            ("", "2026-12-24T23:30:15Z", false),
        ] {
            assert_eq!(wanted.is_retention(mode, until), holds, "{mode} {until}");
        }
        let governed = flags(|f| (f.object_lock_mode, f.object_lock_days) = (some("GOVERNANCE"), Some(1)));
        assert!(!ObjectOptions::check(governed, NOW).unwrap().must_be_locked());
        assert!(!ObjectOptions::default().is_retention("COMPLIANCE", "2027-12-24T23:30:15Z"));
        // What was read of the lock elsewhere is not missing.
        assert_eq!(wanted.unconfirmed(&HeaderMap::new(), true).len(), 6);
    }

    #[test]
    fn standard_is_what_a_store_that_says_nothing_has_and_an_alias_cannot_be_compared() {
        let standard = flags(|f| f.storage_class = some("STANDARD"));
        let standard = ObjectOptions::check(standard, NOW).unwrap();
        assert!(standard.unconfirmed(&HeaderMap::new(), false).is_empty());
        assert!(is_same_key("alias/backups", "arn:aws:kms:eu-west-1:1:key/1234-ab"));
        assert!(is_same_key("k", "arn:aws:kms:k") && is_same_key("arn:aws:kms:k", "arn:aws:kms:k"));
        assert!(!is_same_key("k", "arn:aws:kms:eu-west-1:1:key/1234-ab"));
    }
}
