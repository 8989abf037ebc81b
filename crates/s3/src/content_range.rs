//! Which part of an object a response carries.

use http::HeaderMap;
use http::header::CONTENT_RANGE;

/// `Content-Range: bytes FIRST-LAST/TOTAL` (RFC 9110, 14.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ContentRange {
    /// Position of the first byte.
    pub(crate) first: u64,
    /// Position of the last byte.
    last: u64,
    /// Bytes of the whole object.
    pub(crate) total: u64,
}

impl ContentRange {
    /// The range in the headers of a response; nothing if there is none that can be.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let text = headers.get(CONTENT_RANGE)?.to_str().ok()?;
        let (range, total) = text.strip_prefix("bytes ")?.trim().split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let range = Self {
            first: first.parse().ok()?,
            last: last.parse().ok()?,
            total: total.parse().ok()?,
        };
        (range.first <= range.last && range.last < range.total).then_some(range)
    }

    /// How many bytes it covers.
    pub(crate) const fn length(self) -> u64 {
        self.last - self.first + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<ContentRange> {
        ContentRange::of(&[(CONTENT_RANGE, text.parse().unwrap())].into_iter().collect())
    }

    #[test]
    fn a_range_is_read_only_where_it_lies_within_the_object() {
        let range = of("bytes 5-9/10").unwrap();
        assert_eq!((range.first, range.total, range.length()), (5, 10, 5));
        for text in [
            "bytes 5-10/10",
            "bytes 9-5/10",
            "bytes 5-9/*",
            "bytes */10",
            "5-9/10",
            "bytes 5-9",
            "bytes -9/10",
            "items 5-9/10",
            "bytes 5-99999999999999999999/10",
            "",
        ] {
            assert_eq!(of(text), None, "{text}");
        }
        assert_eq!(ContentRange::of(&HeaderMap::new()), None);
    }
}
