//! Listings, always to the end.

use std::collections::HashSet;
use std::ops::ControlFlow;

use http::Method;
use percent_encoding::percent_decode_str;
use s3::serde_types::ListBucketResult;
use snapline_http::Kind;
use snapline_series::{Gathering, Members, ObjectUri, Template};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::call::Call;
use crate::client::Client;
use crate::{Error, xml};

/// An object in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The whole key.
    pub key: String,
    /// Bytes.
    pub size: u64,
    /// When the store took it.
    pub modified: Option<OffsetDateTime>,
}

impl Client {
    /// Hands every object whose key begins with `prefix` to `each`, in the store's order, until that breaks off.
    ///
    /// # Errors
    /// If any page is missing, cut or odd: half a listing must never look like a whole one.
    pub fn list(
        &self,
        bucket: &str,
        prefix: &str,
        mut each: impl FnMut(Entry) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let whole = ObjectUri {
            bucket: bucket.to_owned(),
            key: String::new(),
        };
        let doing = format!("list 's3://{bucket}/{prefix}'");
        let odd = |cause: &str| Error::other(Kind::Unavailable, doing.clone(), cause);
        let mut token: Option<String> = None;
        let mut tokens = HashSet::new();
        let mut extent = Extent::default();
        loop {
            // Keys may hold characters that XML cannot: they are asked for encoded.
            let mut query = vec![("list-type", "2"), ("encoding-type", "url"), ("prefix", prefix)];
            query.extend(token.as_deref().map(|token| ("continuation-token", token)));
            let mut call = Call::new(doing.clone(), Method::GET, &whole);
            call.query = &query;
            let body = self.call_until(&call, |sent| {
                let reply = sent?;
                match xml::root(&reply.body).as_deref() {
                    Some("ListBucketResult") => Ok(reply.body),
                    _ => Err(Error::no_success(&doing, "the reply is cut or no listing", &reply)),
                }
            })?;
            let result: ListBucketResult = quick_xml::de::from_str(body.trim_start())
                .map_err(|error| odd(&format!("read the listing: {error}")))?;
            // rust-s3 takes a missing element for "no more".
            if !body.contains("<IsTruncated>") {
                return Err(odd("it does not say whether it is complete"));
            }
            let encoded = result.encoding_type.as_deref() == Some("url");
            for object in result.contents {
                let key = decode(&object.key, encoded).ok_or_else(|| odd("a key is not UTF-8"))?;
                let modified = OffsetDateTime::parse(&object.last_modified, &Rfc3339).ok();
                extent.add(&key);
                if each(Entry {
                    key,
                    size: object.size,
                    modified,
                })
                .is_break()
                {
                    return Ok(());
                }
            }
            if !result.is_truncated {
                return Ok(());
            }
            extent.turn_page().map_err(|cause| odd(&cause))?;
            match result.next_continuation_token {
                // The same page again would never end.
                Some(next) if !next.is_empty() && tokens.insert(next.clone()) => token = Some(next),
                _ => return Err(odd("it is not complete, but names no next page")),
            }
        }
    }

    /// The members of the series that `template` names in `bucket`, at the time `now`. `progress` hears of each object that was
    /// listed.
    ///
    /// # Errors
    /// As [`list`](Self::list), and if the series has more than a million objects.
    pub fn members(
        &self,
        bucket: &str,
        template: &Template,
        now: OffsetDateTime,
        mut progress: impl FnMut(u64),
    ) -> Result<Members, Error> {
        let mut gathering = Gathering::new(template);
        let mut too_many = None;
        self.list(bucket, template.literal_prefix(), |entry| {
            progress(1);
            match gathering.add(entry.key, entry.size, entry.modified) {
                Ok(()) => ControlFlow::Continue(()),
                Err(most) => {
                    too_many = Some(most);
                    ControlFlow::Break(())
                }
            }
        })?;
        if let Some(most) = too_many {
            let doing = format!("list 's3://{bucket}/{template}'");
            return Err(Error::other(
                Kind::Data,
                doing,
                format!("the series has more than {most} objects"),
            ));
        }
        let members = gathering.at(now);
        if members.foreign > 0 {
            log::info!(
                "{} objects under 's3://{bucket}/{}' are not of the series",
                members.foreign,
                template.literal_prefix()
            );
        }
        Ok(members)
    }

    /// The size of an object, by the listing of its exact key; nothing if there is none.
    pub(crate) fn size_by_listing(&self, object: &ObjectUri) -> Result<Option<u64>, Error> {
        let mut size = None;
        // The exact key comes first among all that begin with it.
        self.list(&object.bucket, &object.key, |entry| {
            size = (entry.key == object.key).then_some(entry.size);
            ControlFlow::Break(())
        })?;
        Ok(size)
    }
}

/// How far a listing has come.
#[derive(Debug, Default)]
struct Extent {
    objects: u64,
    /// The last key so far, in the order of bytes in which stores list.
    last: String,
    /// Whether this page had a key behind it.
    went_on: bool,
    /// Pages in a row that brought nothing new.
    idle_pages: u32,
}

impl Extent {
    /// A prefix with more objects, ours or others', is not listed: a store that makes keys up would never end.
    const MOST_OBJECTS: u64 = 10_000_000;
    /// Behind very many deleted versions, stores send empty pages; a store that sends nothing else would never end either.
    const MOST_IDLE_PAGES: u32 = 1000;

    fn add(&mut self, key: &str) {
        self.objects += 1;
        if *key > *self.last {
            key.clone_into(&mut self.last);
            self.went_on = true;
        }
    }

    /// After each page that is not the last.
    fn turn_page(&mut self) -> Result<(), String> {
        self.idle_pages = if std::mem::take(&mut self.went_on) {
            0
        } else {
            self.idle_pages + 1
        };
        if self.idle_pages > Self::MOST_IDLE_PAGES {
            return Err(format!("{} pages in a row brought nothing new", self.idle_pages));
        }
        if self.objects > Self::MOST_OBJECTS {
            return Err(format!("there are more than {} objects", Self::MOST_OBJECTS));
        }
        Ok(())
    }
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
    use super::*;

    #[test]
    fn keys_are_decoded_where_the_store_says_that_it_encoded_them() {
        assert_eq!(decode("a%2Fb+c%2B%25", true).as_deref(), Some("a/b c+%"));
        assert_eq!(decode("a%2Fb+c", false).as_deref(), Some("a%2Fb+c"));
        assert_eq!(decode("%FF", true), None);
    }
}
