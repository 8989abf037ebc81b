//! Listings, always to the end.

use std::collections::HashSet;
use std::ops::ControlFlow;

use http::Method;
use snapline_http::Kind;
use snapline_series::{Gathering, Members, ObjectUri, Template};
use time::OffsetDateTime;

use crate::Error;
use crate::call::Call;
use crate::client::Client;
use crate::page::{Page, Unreadable};

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
        let mut place = Place::First;
        let mut seen = HashSet::new();
        let mut extent = Extent::default();
        loop {
            // Keys may hold characters that XML cannot: they are asked for encoded.
            let mut query = vec![("encoding-type", "url"), ("prefix", prefix)];
            query.extend(place.query());
            let mut call = Call::new(doing.clone(), Method::GET, &whole);
            call.query = &query;
            let page = self.call_until(&call, |sent| {
                let reply = sent?;
                Page::read(&reply.body).map_err(|unreadable| match unreadable {
                    Unreadable::NoListing => Error::no_success(&doing, "the response is cut or no listing", &reply),
                    Unreadable::Odd(cause) => odd(cause),
                })
            });
            let page = match page {
                Err(error) if place == Place::First && error.is_unsupported() => {
                    log::info!("{error}; asking by version 1 of the listing");
                    place = Place::Behind(String::new());
                    continue;
                }
                Err(error) if error.code() == "NoSuchKey" => {
                    return Err(error.hint_with(
                        "it takes the bucket for a key: leave the bucket's name out of --endpoint-url, or use --addressing-style virtual",
                    ));
                }
                page => page?,
            };
            for entry in page.entries {
                extent.add(&entry.key);
                if each(entry).is_break() {
                    return Ok(());
                }
            }
            if !page.is_truncated {
                return Ok(());
            }
            extent.turn_page().map_err(|cause| odd(&cause))?;
            place = place
                .next(page.token, page.marker)
                // The same page again would never end.
                .filter(|next| seen.insert(next.clone()))
                .ok_or_else(|| odd("it is not complete, but names no next page"))?;
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

/// Where a page begins.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Place {
    /// At the first object. Asked for by version 2, which a store that has only version 1 does not notice.
    First,
    /// Where this token says, by version 2.
    At(String),
    /// Behind this key, by version 1; at the first object, where it is empty.
    Behind(String),
}

impl Place {
    fn query(&self) -> Vec<(&str, &str)> {
        match self {
            Self::First => vec![("list-type", "2")],
            Self::At(token) => vec![("list-type", "2"), ("continuation-token", token)],
            Self::Behind(key) if key.is_empty() => Vec::new(),
            Self::Behind(key) => vec![("marker", key)],
        }
    }

    /// Where the page behind this one begins, as that one says by `token` or by `marker`; nothing if it does not say, or if the
    /// store would not get on.
    fn next(&self, token: Option<String>, marker: Option<String>) -> Option<Self> {
        match (self, token) {
            (Self::First | Self::At(_), Some(token)) => Some(Self::At(token)),
            // In the midst of version 2 a token that is missing was lost.
            (Self::At(_), None) => None,
            (Self::First, None) => marker.map(Self::Behind),
            (Self::Behind(before), _) => marker.filter(|next| next > before).map(Self::Behind),
        }
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
