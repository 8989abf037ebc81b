//! Where a redirect leads, and whether to go there.

use http::{HeaderMap, Uri, header::LOCATION};

use crate::words::one_line;

/// How many redirects one request follows. A standby needs one; the second is for a leader that changed meanwhile.
pub(crate) const MOST: u32 = 2;

/// What to do about a redirect that is not followed.
pub(crate) const HINT: &str = "a standby leads to the api_addr of the active node; set it to a URL that clients reach, or name the nodes, with --address for each";

/// The `Location` in `headers` as a message shows it.
pub(crate) fn shown(headers: &HeaderMap) -> String {
    headers.get(LOCATION).map_or_else(
        || "nowhere".to_owned(),
        |location| format!("'{}'", one_line(&String::from_utf8_lossy(location.as_bytes()), &[])),
    )
}

/// The URL that a reply with `headers`, got from `from`, leads to.
///
/// Any host: a standby's target is always another one, and often an address that is known nowhere else. But never from
/// https to http, which would show the token on the wire.
///
/// # Errors
/// Why it is not followed, with the target as it came.
pub(crate) fn target(from: &Uri, headers: &HeaderMap) -> Result<Uri, String> {
    let location = headers.get(LOCATION).ok_or("it redirects, but does not say where to")?;
    match location.to_str() {
        Ok(text) => allowed(from, text),
        Err(_) => Err(unusable(&String::from_utf8_lossy(location.as_bytes()))),
    }
}

/// The URL that `text` means to a client that has come from `from`, if it may go there.
///
/// # Errors
/// Why not, as a server's deed: `it redirects to …`.
pub(crate) fn allowed(from: &Uri, text: &str) -> Result<Uri, String> {
    let unusable = || unusable(text);
    let to: Uri = text.parse().map_err(|_| unusable())?;
    let to = if to.authority().is_none() && text.starts_with('/') && !text.starts_with("//") {
        let mut parts = from.clone().into_parts();
        parts.path_and_query = to.into_parts().path_and_query;
        Uri::from_parts(parts).map_err(|_| unusable())?
    } else {
        to
    };
    let authority = to.authority().ok_or_else(unusable)?;
    if authority.as_str().contains('@') {
        return Err("it redirects to a URL with a user name or a password".to_owned());
    }
    match (from.scheme_str(), to.scheme_str()) {
        (_, Some("https")) | (Some("http"), Some("http")) => Ok(to),
        (_, Some("http")) => Err(format!(
            "it redirects to '{}', from https to http; the token is not sent there",
            one_line(text, &[])
        )),
        _ => Err(unusable()),
    }
}

fn unusable(text: &str) -> String {
    format!(
        "it redirects to '{}', which is no http or https URL",
        one_line(text, &[])
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follow(from: &str, location: Option<&str>) -> Result<String, String> {
        let mut headers = HeaderMap::new();
        if let Some(location) = location {
            headers.insert(LOCATION, location.parse().unwrap());
        }
        target(&from.parse().unwrap(), &headers).map(|to| to.to_string())
    }

    #[test]
    fn the_same_scheme_or_a_better_one_is_followed_to_any_host() {
        for (from, location, to) in [
            ("http://a/v1/x", "http://b:8200/v1/x?q=1", "http://b:8200/v1/x?q=1"),
            ("http://a/v1/x", "https://b/v1/x", "https://b/v1/x"),
            (
                "https://a/v1/x",
                "https://10.0.0.1:8200/v1/x",
                "https://10.0.0.1:8200/v1/x",
            ),
            ("https://a:1/v1/x", "/v1/y", "https://a:1/v1/y"),
        ] {
            assert_eq!(follow(from, Some(location)), Ok(to.to_owned()));
        }
    }

    #[test]
    fn what_would_show_the_token_or_leads_nowhere_is_refused() {
        let refused = follow("https://a/v1/x", Some("http://b/v1/x")).unwrap_err();
        assert!(
            refused.contains("http://b/v1/x") && refused.contains("from https to http"),
            "{refused}"
        );
        for location in [
            None,
            Some(""),
            Some("ftp://b/"),
            Some("b/c"),
            Some("x y"),
            Some("//b/c"),
            Some("http://u:p@b/"),
            Some("file:///etc/passwd"),
        ] {
            assert!(follow("http://a/v1/x", location).is_err(), "{location:?}");
        }
    }
}
