//! The request that makes an object appear, and what an unclear reply to it means.
//!
//! A lost reply, a 200 with an error in its body, a cut 200, "no such upload" and "precondition failed" after a retry may each
//! stand for a success. The object itself decides: it is ours if it has this run's id and the right length. Nothing here ever
//! deletes an object.

use snapline_http::Kind;
use snapline_series::ObjectUri;

use crate::attempts::Attempts;
use crate::attributes::version;
use crate::call::{Call, Reply};
use crate::client::{ANNOUNCED, Client};
use crate::{Error, Existing, Guard};

use http::header::IF_NONE_MATCH;

/// The object that is to appear.
pub(crate) struct Goal<'a> {
    pub(crate) object: &'a ObjectUri,
    /// This run's id, which the object has in its metadata.
    pub(crate) id: &'a str,
    /// Bytes.
    pub(crate) size: u64,
    pub(crate) guard: Guard,
}

/// What is known of the tries so far.
#[derive(Debug, Clone, Copy, Default)]
struct Tries {
    /// One of them may have succeeded without our hearing of it.
    unclear: bool,
    /// The store may still be at work on one of them.
    lost: bool,
}

/// What is seen under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Seen {
    /// With the version's name.
    Ours(Option<String>),
    Foreign,
    Absent,
    Unknown,
}

/// Sends `call`, which makes the object of `goal` appear, until it is decided.
///
/// `check` judges the body of a success. `give_up`, where there is a way, makes sure that a request still under way cannot make
/// the object appear later, and says whether it could.
pub(crate) fn commit(
    client: &Client,
    goal: &Goal<'_>,
    mut call: Call<'_>,
    check: impl Fn(&Reply) -> Result<(), Error>,
    give_up: Option<&dyn Fn() -> bool>,
) -> Result<Existing, Error> {
    let mut attempts = match call.reply {
        Some(patience) => Attempts::within(&client.settings, patience),
        None => Attempts::new(&client.settings, call.body.len() > ANNOUNCED),
    };
    let mut tries = Tries::default();
    let mut unconditional = None;
    loop {
        let sent = client
            .once(&call)
            .and_then(|reply| check(&reply).map(|()| version(&reply.headers)));
        let error = match sent {
            Err(error) => error,
            Ok(version) => {
                if let Some(error) = unconditional {
                    log::warn!(
                        "{error}; the store knows no conditions, so only the look beforehand keeps objects from being replaced"
                    );
                }
                return Ok(Existing::Stored { version });
            }
        };
        if error.is_unsupported() && call.headers.contains_key(IF_NONE_MATCH) {
            if goal.guard == Guard::Unseen {
                return Err(error.hint_with(
                    "the store knows no conditions, so the right to look for the object is needed: s3:GetObject or s3:ListBucket",
                ));
            }
            // Whether it was the condition that the store does not know, or something else, its next answer tells.
            call.headers.remove(IF_NONE_MATCH);
            unconditional = Some(error);
            continue;
        }
        tries.unclear |= error.may_have_happened();
        tries.lost |= error.may_still_happen();
        // A gateway that sends a request again by itself hears these of the object that the first time made.
        let conflict = error.says_taken() || matches!(error.status(), Some(404 | 409));
        if (tries.unclear || conflict) && error.code() != "NoSuchBucket" {
            match look(client, goal, tries) {
                Seen::Ours(version) => {
                    log::info!("{error}; but '{}' is there, whole and ours", goal.object);
                    return Ok(Existing::Stored { version });
                }
                // After an unclear try it may speak of our own object, which then must be seen to be another's.
                Seen::Foreign if error.says_taken() => return Ok(Existing::Taken),
                // We held it, so it was completed or aborted, and nobody can say which.
                Seen::Unknown if error.code() == "NoSuchUpload" => return Err(may_exist(goal, &error)),
                _ => {}
            }
        }
        if error.says_taken() && !tries.unclear {
            return Ok(Existing::Taken);
        }
        // A page for a browser in the midst of a run is a gateway's lapse.
        let is_lapse = error.is_no_store() && tries.unclear;
        let again = (error.is_transient() || is_lapse || error.status() == Some(409)) && !error.says_taken();
        if !again || !attempts.another(&error) {
            return if tries.unclear {
                decide(client, goal, tries, error, give_up)
            } else {
                Err(error)
            };
        }
    }
}

/// The last word after an unclear failure.
fn decide(
    client: &Client,
    goal: &Goal<'_>,
    tries: Tries,
    error: Error,
    give_up: Option<&dyn Fn() -> bool>,
) -> Result<Existing, Error> {
    let settled = give_up.map_or(!tries.lost, |give_up| give_up());
    match look(client, goal, tries) {
        Seen::Ours(version) => Ok(Existing::Stored { version }),
        Seen::Absent | Seen::Foreign if settled => Err(error),
        _ => Err(may_exist(goal, &error)),
    }
}

fn may_exist(goal: &Goal<'_>, error: &Error) -> Error {
    let cause = format!(
        "{error}; whether it was stored is not known: '{}' may exist",
        goal.object
    );
    Error::other(Kind::Unavailable, "decide what became of the upload", cause)
        .hint_with("it was verified before it was sent; look for it before the next run")
}

fn look(client: &Client, goal: &Goal<'_>, tries: Tries) -> Seen {
    match client.head(goal.object) {
        Ok(Some(found)) if found.id.as_deref() == Some(goal.id) && found.size == goal.size => Seen::Ours(found.version),
        // A store, or what stands before it, that drops metadata must not make a stranger of our own object.
        Ok(Some(found)) if tries.unclear && found.id.is_none() && found.size == goal.size => Seen::Unknown,
        Ok(Some(_)) => Seen::Foreign,
        Ok(None) => Seen::Absent,
        // Without the right to read, or where HEAD is not known, the listing shows the length at least.
        Err(error) if error.is_mute() => match client.size_by_listing(goal.object) {
            Ok(Some(found)) if found != goal.size => Seen::Foreign,
            // The length proves something only where a try of ours may have made the object, and no older one was there.
            Ok(Some(_)) if tries.unclear && goal.guard != Guard::Absent => Seen::Ours(None),
            Ok(Some(_)) => Seen::Unknown,
            Ok(None) => Seen::Absent,
            Err(_) => Seen::Unknown,
        },
        Err(_) => Seen::Unknown,
    }
}
