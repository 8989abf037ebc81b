//! The request that makes an object appear, and what an unclear reply to it means.
//!
//! A lost reply, a 200 with an error in its body, a cut 200, "no such upload" and "precondition failed" after a retry may each
//! stand for a success. The object itself decides: it is ours if it has this run's id and the right length. Nothing here ever
//! deletes an object.

use snapline_http::Kind;
use snapline_series::ObjectUri;

use crate::client::{Call, Client, Reply};
use crate::{Error, Existing};

use http::header::IF_NONE_MATCH;

/// What is seen under a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    Ours,
    Foreign,
    Absent,
    Unknown,
}

/// Sends `call`, which makes `object` appear, until it is decided.
///
/// `check` judges the body of a success. `give_up`, where there is a way, makes sure that a request still under way cannot make
/// the object appear later, and says whether it could.
pub(crate) fn commit(
    client: &Client,
    object: &ObjectUri,
    id: &str,
    size: u64,
    mut call: Call<'_>,
    check: impl Fn(&Reply) -> Result<(), Error>,
    give_up: Option<&dyn Fn() -> bool>,
) -> Result<Existing, Error> {
    let mut backoff = client.backoff();
    let mut attempt = 1;
    let mut unclear = false;
    loop {
        let sent = client.once(&call).and_then(|reply| check(&reply));
        let Err(error) = sent else {
            return Ok(Existing::Stored);
        };
        if error.status() == Some(501) && call.headers.remove(IF_NONE_MATCH).is_some() {
            log::warn!(
                "{error}; the store knows no conditions, so only the look beforehand keeps objects from being replaced"
            );
            continue;
        }
        let conflict = matches!(error.status(), Some(404 | 409 | 412));
        unclear |= error.may_have_happened();
        if (unclear || conflict) && error.code() != "NoSuchBucket" {
            match look(client, object, id, size) {
                Seen::Ours => {
                    log::info!("{error}; but '{object}' is there, whole and ours");
                    return Ok(Existing::Stored);
                }
                // After an unclear try a 412 may speak of our own object, which then must be seen to be another's.
                seen if error.status() == Some(412) && (seen == Seen::Foreign || !unclear) => {
                    return Ok(Existing::Taken);
                }
                _ => {}
            }
        }
        let again = error.is_transient() || error.status() == Some(409);
        let wait = (again && attempt < client.settings.attempts)
            .then(|| backoff.next(error.retry_after()))
            .flatten();
        let Some(wait) = wait else {
            return if unclear {
                decide(client, object, id, size, error, give_up)
            } else {
                Err(error)
            };
        };
        log::info!("{error}; trying again in {} ms", wait.as_millis());
        std::thread::sleep(wait);
        attempt += 1;
    }
}

/// The last word after an unclear failure.
fn decide(
    client: &Client,
    object: &ObjectUri,
    id: &str,
    size: u64,
    error: Error,
    give_up: Option<&dyn Fn() -> bool>,
) -> Result<Existing, Error> {
    // A reply, be it an error, says that the store is done with the request.
    let settled = give_up.map_or(error.status().is_some(), |give_up| give_up());
    match look(client, object, id, size) {
        Seen::Ours => Ok(Existing::Stored),
        Seen::Absent | Seen::Foreign if settled => Err(error),
        _ => {
            let cause = format!("{error}; whether it was stored is not known: '{object}' may exist");
            Err(
                Error::other(Kind::Unavailable, "decide what became of the upload", cause)
                    .hint_with("it was verified before it was sent; look for it before the next run"),
            )
        }
    }
}

fn look(client: &Client, object: &ObjectUri, id: &str, size: u64) -> Seen {
    match client.head(object) {
        Ok(Some(found)) if found.id.as_deref() == Some(id) && found.size == size => Seen::Ours,
        Ok(Some(_)) => Seen::Foreign,
        Ok(None) => Seen::Absent,
        // Without the right to read, the listing shows the length at least.
        Err(error) if error.kind() == Kind::Refused => match client.size_by_listing(object) {
            Ok(Some(found)) if found == size => Seen::Ours,
            Ok(Some(_)) => Seen::Foreign,
            Ok(None) => Seen::Absent,
            Err(_) => Seen::Unknown,
        },
        Err(_) => Seen::Unknown,
    }
}
