//! Who gets a name that several runs upload to in the same second.
//!
//! An upload in parts is bound to its key from the beginning, and whether the key is still free shows only at its end: the later
//! one would fail after it has sent everything. So whoever has begun an upload looks who else has, and all sides come to the same
//! decision before anything is sent: the one that began first keeps the name, the others move on by a second.

use std::thread;
use std::time::{Duration, Instant};

use snapline_s3::{Client, InProgress, Upload};
use snapline_series::ObjectUri;

/// How long to wait for those that have to give way.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long until the next look.
const PAUSE: Duration = Duration::from_millis(100);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// The name is ours.
    Keep,
    /// It is somebody else's.
    Yield,
    /// It will be ours as soon as the others have seen us.
    Wait,
}

/// Whether the name is ours that `upload` was begun under. A store that cannot be asked leaves it to the completion.
pub(crate) fn is_ours(client: &Client, upload: &Upload) -> bool {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let verdict = match client.uploads_of(&upload.object) {
            Ok(uploads) => judge(&upload.id, &uploads),
            Err(error) => {
                log::info!("{error}; so two runs within a second may get the same name, and the later one would fail");
                Verdict::Keep
            }
        };
        match verdict {
            // Who was done before the look is no upload any more, but an object.
            Verdict::Keep => return !matches!(client.exists(&upload.object), Ok(Some(true))),
            Verdict::Yield => return false,
            // It began when we did, but looked before we could be seen: it will not go.
            Verdict::Wait if Instant::now() >= deadline => return false,
            Verdict::Wait => thread::sleep(PAUSE),
        }
    }
}

/// Whether somebody is uploading to this name.
pub(crate) fn are_uploading(client: &Client, object: &ObjectUri) -> bool {
    client.uploads_of(object).is_ok_and(|uploads| !uploads.is_empty())
}

/// One that began later has seen us, since it looked after it began, and gives way. Of those whose times do not differ the one
/// with the first id stays, but must see the others go: they may have looked before it began.
fn judge(ours: &str, uploads: &[InProgress]) -> Verdict {
    // A store that does not even show our own upload says nothing about others.
    let Some(mine) = uploads.iter().find(|upload| upload.id == ours) else {
        return Verdict::Keep;
    };
    let mut verdict = Verdict::Keep;
    for other in uploads.iter().filter(|upload| upload.id != ours) {
        let (began, other_began) = (mine.initiated, other.initiated);
        if began.is_some() && other_began.is_some() && began != other_began {
            if other_began < began {
                return Verdict::Yield;
            }
        } else if *other.id < *ours {
            return Verdict::Yield;
        } else {
            verdict = Verdict::Wait;
        }
    }
    verdict
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;

    fn begun(id: &str, second: i64) -> InProgress {
        InProgress {
            key: String::new(),
            id: id.to_owned(),
            initiated: (second > 0).then(|| OffsetDateTime::from_unix_timestamp(second).unwrap()),
        }
    }

    #[test]
    fn the_first_keeps_the_name_and_among_equals_the_first_id_once_it_is_alone() {
        let cases: [(&[(&str, i64)], Verdict); 10] = [
            (&[], Verdict::Keep),
            (&[("a", 1)], Verdict::Keep),
            (&[("m", 5)], Verdict::Keep),
            (&[("m", 5), ("a", 6)], Verdict::Keep),
            (&[("m", 5), ("z", 4)], Verdict::Yield),
            (&[("m", 5), ("a", 5)], Verdict::Yield),
            (&[("m", 5), ("z", 5)], Verdict::Wait),
            (&[("z", 5), ("m", 5), ("a", 4)], Verdict::Yield),
            (&[("m", 5), ("a", 0)], Verdict::Yield),
            (&[("m", 0), ("z", 5)], Verdict::Wait),
        ];
        for (uploads, verdict) in cases {
            let all: Vec<_> = uploads.iter().map(|(id, second)| begun(id, *second)).collect();
            assert_eq!(judge("m", &all), verdict, "{uploads:?}");
        }
    }

    /// Whatever the order in which runs begin and look, and whether the store tells their times apart: never do two keep a name.
    #[test]
    fn two_never_keep_the_same_name() {
        for (a, b) in [("a", "b"), ("b", "a")] {
            for later in [0, 1] {
                let (first, second) = (begun(a, 5), begun(b, 5 + later));
                // The first looks before the second begins, and keeps the name: the second never does.
                assert_eq!(judge(a, std::slice::from_ref(&first)), Verdict::Keep);
                let both = [first, second];
                assert_ne!(judge(b, &both), Verdict::Keep);
                // Both look after both began: exactly one gives way, and the other keeps the name at once or then.
                let verdicts = [judge(a, &both), judge(b, &both)];
                assert_eq!(
                    verdicts.iter().filter(|v| **v == Verdict::Yield).count(),
                    1,
                    "{verdicts:?}"
                );
            }
        }
    }
}
