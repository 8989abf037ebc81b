//! One page of a listing, in whatever dialect a store writes it.
//!
//! Only what is needed is read: `Key`, `Size` and `LastModified` of each object, `IsTruncated`, where the next page begins, and
//! `EncodingType`. Stores leave other elements out, repeat them, fill them with something else, or put all in a namespace.

use std::ops::ControlFlow;

use percent_encoding::percent_decode_str;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::{Entry, xml};

/// A whole page.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) entries: Vec<Entry>,
    /// Whether more pages follow.
    pub(crate) is_truncated: bool,
    /// Where the next page begins, by version 2 (docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html).
    pub(crate) token: Option<String>,
    /// Where it begins by version 1: behind this key, which is the last one of this page where the store does not say
    /// (.../API_ListObjects.html).
    pub(crate) marker: Option<String>,
}

/// Why a response is no page.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// It is cut, or something else.
    NoListing,
    /// It does not say what it must.
    Odd(&'static str),
}

/// An object as it is written.
#[derive(Default)]
struct Contents {
    key: Option<String>,
    size: Option<String>,
    modified: Option<String>,
}

/// What stands in a page beside its objects, as it is written.
#[derive(Default)]
struct Written {
    all: Vec<Contents>,
    truncated: Vec<String>,
    token: Option<String>,
    marker: Option<String>,
    encoding: Option<String>,
}

impl Page {
    /// Reads the body of a response.
    pub(crate) fn read(body: &str) -> Result<Self, Unreadable> {
        let mut written = Written::default();
        let mut contents = Contents::default();
        let root = xml::walk(body, |path, text| {
            // Of what stands there twice, the first counts.
            let keep = |place: &mut Option<String>| {
                place.get_or_insert_with(|| text.to_owned());
            };
            let names: Vec<_> = path.iter().map(String::as_str).collect();
            match &*names {
                [_, "Contents", "Key"] => keep(&mut contents.key),
                [_, "Contents", "Size"] => keep(&mut contents.size),
                [_, "Contents", "LastModified"] => keep(&mut contents.modified),
                [_, "Contents"] => written.all.push(std::mem::take(&mut contents)),
                [_, "IsTruncated"] => written.truncated.push(text.trim().to_ascii_lowercase()),
                [_, "NextContinuationToken"] => keep(&mut written.token),
                [_, "NextMarker"] => keep(&mut written.marker),
                [_, "EncodingType"] => keep(&mut written.encoding),
                _ => {}
            }
            ControlFlow::Continue(())
        });
        if root.as_deref() != Some("ListBucketResult") {
            return Err(Unreadable::NoListing);
        }
        written.page().map_err(Unreadable::Odd)
    }
}

impl Written {
    fn page(self) -> Result<Page, &'static str> {
        let is = |words: [&str; 2]| self.truncated.iter().any(|text| words.contains(&text.as_str()));
        // Half a listing must never look like a whole one: "more follows" counts, whatever else it says.
        let is_truncated = is(["true", "1"]);
        if !is_truncated && !is(["false", "0"]) {
            return Err("it does not say whether it is complete (IsTruncated)");
        }
        let encoded = self
            .encoding
            .is_some_and(|encoding| encoding.trim().eq_ignore_ascii_case("url"));
        let entries = self.all.into_iter().map(|contents| contents.entry(encoded));
        let entries = entries.collect::<Result<Vec<_>, _>>()?;
        let named = self.marker.filter(|marker| !marker.is_empty());
        let marker = match named {
            Some(marker) => Some(decode(&marker, encoded).ok_or("the next page's marker is not UTF-8")?),
            None => entries.last().map(|last| last.key.clone()),
        };
        Ok(Page {
            is_truncated,
            token: self.token.filter(|token| !token.is_empty()),
            marker,
            entries,
        })
    }
}

impl Contents {
    fn entry(self, encoded: bool) -> Result<Entry, &'static str> {
        let key = self
            .key
            .filter(|key| !key.is_empty())
            .ok_or("an object in it has no key")?;
        let size = self.size.and_then(|size| size.trim().parse().ok());
        Ok(Entry {
            key: decode(&key, encoded).ok_or("a key is not UTF-8")?,
            size: size.ok_or("an object in it has no size")?,
            modified: self.modified.as_deref().and_then(time),
        })
    }
}

/// A time as stores write it; nothing for one that cannot be read.
pub(crate) fn time(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text.trim(), &Rfc3339).ok()
}

/// A key as it is. The `url` encoding writes a blank as `+`.
pub(crate) fn decode(key: &str, encoded: bool) -> Option<String> {
    if !encoded {
        return Some(key.to_owned());
    }
    let spaced = key.replace('+', " ");
    percent_decode_str(&spaced)
        .decode_utf8()
        .ok()
        .map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const OBJECT: &str =
        "<Contents><Key>k</Key><Size>7</Size><LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>";

    fn read(inside: &str) -> Result<Page, Unreadable> {
        Page::read(&format!("<ListBucketResult>{inside}</ListBucketResult>"))
    }

    fn whole() -> Page {
        Page {
            entries: vec![Entry {
                key: "k".to_owned(),
                size: 7,
                modified: Some(datetime!(2026-01-01 00:00 UTC)),
            }],
            is_truncated: false,
            token: None,
            marker: Some("k".to_owned()),
        }
    }

    #[test]
    fn what_is_not_needed_is_passed_over_wherever_it_stands() {
        let end = "<IsTruncated>false</IsTruncated>";
        for inside in [
            format!("{end}{OBJECT}"),
            format!("{OBJECT}{end}"),
            // Elements of both versions, twice, empty, with values that are no numbers (github.com/supabase/storage/issues/1047).
            format!(
                "<Marker/><Marker></Marker><StartAfter/><KeyCount>-1</KeyCount><KeyCount>x</KeyCount><MaxKeys/>{end}{OBJECT}"
            ),
            format!("<NextMarker></NextMarker><NextContinuationToken></NextContinuationToken>{end}{end}{OBJECT}"),
            format!("<CommonPrefixes><Prefix>Key</Prefix></CommonPrefixes><Name/><Delimiter/>{OBJECT}{end}"),
            format!("<Other><Contents><Key>no</Key></Contents><IsTruncated>true</IsTruncated></Other>{end}{OBJECT}"),
            format!("{OBJECT}<IsTruncated> False\n</IsTruncated>"),
            format!("{OBJECT}<IsTruncated>0</IsTruncated>"),
            OBJECT.replace(
                "<Key>",
                "<Owner><Key>o</Key><Size>1</Size></Owner><Size>7</Size><ETag>&quot;e&quot;</ETag><Key>",
            ) + end,
            OBJECT.replace(
                "</Contents>",
                "<Key>second</Key><Size>8</Size><StorageClass/></Contents>",
            ) + end,
        ] {
            assert_eq!(read(&inside), Ok(whole()), "{inside}");
            let prefixed = inside
                .replace("</", "\u{1}")
                .replace('<', "<n:")
                .replace('\u{1}', "</n:");
            let prefixed = format!("<n:ListBucketResult xmlns:n=\"x\">{prefixed}</n:ListBucketResult>");
            assert_eq!(Page::read(&prefixed), Ok(whole()), "{prefixed}");
        }
    }

    #[test]
    fn an_unreadable_time_is_no_time_but_every_object_has_a_key_and_a_size() {
        let end = "<IsTruncated>false</IsTruncated>";
        for time in ["", "yesterday", "2026-13-01T00:00:00Z"] {
            let page = read(&(OBJECT.replace("2026-01-01T00:00:00.000Z", time) + end)).unwrap();
            assert_eq!(page.entries[0].modified, None, "{time}");
        }
        for (part, odd) in [("<Key>k</Key>", "no key"), ("<Size>7</Size>", "no size")] {
            for instead in ["", &part[..part.find('>').unwrap() + 1].replace('>', "/>")] {
                match read(&(OBJECT.replace(part, instead) + end)) {
                    Err(Unreadable::Odd(said)) => assert!(said.contains(odd), "{said}"),
                    read => assert_eq!(read, Err(Unreadable::Odd(odd))),
                }
            }
        }
        assert!(read(&(OBJECT.replace('7', "-7") + end)).is_err());
    }

    #[test]
    fn a_page_that_does_not_say_whether_it_is_the_last_is_none() {
        for said in [
            "",
            "<IsTruncated/>",
            "<IsTruncated>maybe</IsTruncated>",
            "<Is><IsTruncated>false</IsTruncated></Is>",
        ] {
            assert!(
                matches!(read(&format!("{OBJECT}{said}")), Err(Unreadable::Odd(_))),
                "{said}"
            );
        }
        // Of two answers the careful one counts.
        let both = "<IsTruncated>false</IsTruncated><IsTruncated>true</IsTruncated>";
        assert!(read(both).unwrap().is_truncated);
    }

    #[test]
    fn the_next_page_is_known_by_token_and_by_marker() {
        let page = |more: &str| {
            read(&format!(
                "<EncodingType>url</EncodingType>{OBJECT}<IsTruncated>true</IsTruncated>{more}"
            ))
            .unwrap()
        };
        assert_eq!((page("").token, page("").marker.as_deref()), (None, Some("k")));
        let marked = page("<NextMarker>a%2Bb+c</NextMarker>");
        assert_eq!(marked.marker.as_deref(), Some("a+b c"));
        // A token is the store's affair: it is given back as it came.
        let both = page("<NextMarker>m</NextMarker><NextContinuationToken> a+b%2F </NextContinuationToken>");
        assert_eq!(both.token.as_deref(), Some(" a+b%2F "));
    }

    #[test]
    fn what_is_cut_or_something_else_is_no_page() {
        let whole = format!("<ListBucketResult><IsTruncated>false</IsTruncated>{OBJECT}</ListBucketResult>");
        for cut in 0..whole.len() {
            assert_eq!(Page::read(&whole[..cut]), Err(Unreadable::NoListing), "{cut}");
        }
        for other in [
            "",
            "<html><body/></html>",
            "<ListMultipartUploadsResult><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>",
        ] {
            assert_eq!(Page::read(other), Err(Unreadable::NoListing), "{other}");
        }
    }

    #[test]
    fn keys_are_decoded_where_the_store_says_that_it_encoded_them() {
        assert_eq!(decode("a%2Fb+c%2B%25", true).as_deref(), Some("a/b c+%"));
        assert_eq!(decode("a%2Fb+c", false).as_deref(), Some("a%2Fb+c"));
        assert_eq!(decode("%FF", true), None);
        // Blanks at the ends belong to a key.
        let page = read("<IsTruncated>false</IsTruncated><Contents><Key> k </Key><Size>1</Size></Contents>").unwrap();
        assert_eq!(page.entries[0].key, " k ");
    }
}
