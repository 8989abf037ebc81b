//! Faults that only matter together.

use snapline_integration::s3_proxy::{Answer, Call, Fault, Rule};

use crate::scene::{Case, Ending};
use crate::table::{instead, internal, refused, slow_down};

/// The requests that make an object appear, and whether that takes three parts.
const COMMITS: [(Call, bool); 2] = [(Call::Put, false), (Call::Complete, true)];

/// What becomes of an unclear commit where the store says less than usual about what is there.
pub(crate) fn doubts() -> Vec<Case> {
    let denied = || refused("403 Forbidden", "AccessDenied");
    let mut cases = Vec::new();
    for (call, is_large) in COMMITS {
        let mut add = |name: &str, ending: Ending, rules: Vec<Rule>| {
            cases.push(Case::new(format!("{name} at {call:?}"), is_large, ending, rules));
        };
        // The name is seen to be free (twice where an upload is begun), and later nobody says whether it still is.
        let silent = || Rule::from(Call::Look, if is_large { 3 } else { 2 }, instead(slow_down()));
        add(
            "lost, and no look",
            Ending::MayExist,
            vec![Rule::once(call, Fault::Lost), silent()],
        );
        add(
            "500, and no look",
            Ending::MayExist,
            vec![Rule::always(call, instead(internal())), silent()],
        );
        // Without the right to read, the listing shows the length.
        let unread = || Rule::always(Call::Look, denied());
        add(
            "lost, and only a listing",
            Ending::Stored,
            vec![Rule::always(call, Fault::Lost), unread()],
        );
        add(
            "500, and only a listing",
            Ending::Fails(69),
            vec![Rule::always(call, instead(internal())), unread()],
        );
        // Without any right but to write.
        let unlisted = || Rule::always(Call::List, denied());
        add("no rights", Ending::Stored, vec![unread(), unlisted()]);
        add(
            "lost, and no rights",
            Ending::MayExist,
            vec![Rule::always(call, Fault::Lost), unread(), unlisted()],
        );
        add(
            "403 after a lost reply",
            Ending::Stored,
            vec![Rule::once(call, Fault::Lost), Rule::nth(call, 2, denied())],
        );
        add(
            "403 after a reset",
            Ending::Fails(if is_large { 77 } else { 69 }),
            vec![Rule::once(call, Fault::Reset), Rule::nth(call, 2, denied())],
        );
    }
    // A single request that got lost may still be on its way.
    for case in &mut cases {
        if case.name == "403 after a reset at Put" {
            case.ending = Ending::MayExist;
        }
    }
    let gone = Fault::After(Answer::error("404 Not Found", "NoSuchUpload"));
    cases.push(Case::new(
        "gone, and no look",
        true,
        Ending::MayExist,
        vec![
            Rule::once(Call::Complete, gone),
            Rule::from(Call::Look, 3, instead(slow_down())),
        ],
    ));
    cases
}

/// An upload is refused, and so, perhaps, is its abort.
pub(crate) fn aborts() -> Vec<Case> {
    let expired = || refused("400 Bad Request", "ExpiredToken");
    let case = |name: &str, abort: Rule| {
        let rules = vec![Rule::always(Call::Part(2), expired()), abort];
        Case::new(format!("abort: {name}"), true, Ending::Fails(77), rules).saying(&["ExpiredToken"])
    };
    let passing = [
        ("reset", Fault::Reset),
        ("lost", Fault::Lost),
        ("cut", Fault::Cut),
        ("500", instead(internal())),
        ("500 although done", Fault::After(internal())),
        ("503", instead(slow_down())),
    ];
    let mut cases: Vec<_> = passing
        .into_iter()
        .map(|(name, fault)| case(name, Rule::once(Call::Abort, fault)))
        .collect();
    cases.push(case("always lost", Rule::always(Call::Abort, Fault::Lost)).keeping_upload());
    let left = "rule for unfinished uploads";
    cases.push(
        case("refused", Rule::always(Call::Abort, expired()))
            .keeping_upload()
            .saying(&[left]),
    );
    cases.push(
        case("always 500", Rule::always(Call::Abort, instead(internal())))
            .keeping_upload()
            .saying(&[left]),
    );
    cases
}

/// Every call is answered with a redirect to `elsewhere`, a URL.
pub(crate) fn redirects(elsewhere: &str) -> Vec<Case> {
    let mut cases = Vec::new();
    let calls = [
        (Call::Look, false),
        (Call::Put, false),
        (Call::Initiate, true),
        (Call::Part(1), true),
        (Call::Complete, true),
    ];
    for (call, is_large) in calls {
        for (status, code) in [
            ("301 Moved Permanently", "PermanentRedirect"),
            ("302 Found", "Found"),
            ("303 See Other", "SeeOther"),
            ("307 Temporary Redirect", "TemporaryRedirect"),
            ("308 Permanent Redirect", "PermanentRedirect"),
        ] {
            let host = elsewhere.trim_start_matches("http://");
            let body = format!("<Error><Code>{code}</Code><Message>go</Message><Endpoint>{host}</Endpoint></Error>");
            let answer = Answer::new(status, &body).header("Location", &format!("{elsewhere}/bucket/key"));
            let name = format!("{status} at {call:?}");
            let ending = match call {
                // Without a word about where to, the listing of the exact key is asked instead.
                Call::Look => Ending::Stored,
                _ => Ending::Fails(78),
            };
            cases.push(Case::new(
                name,
                is_large,
                ending,
                vec![Rule::always(call, instead(answer.clone()))],
            ));
            if call == Call::Look {
                let everywhere = [Call::Look, Call::List].map(|call| Rule::always(call, instead(answer.clone())));
                let name = format!("{status} at {call:?} and the listing");
                cases.push(Case::new(name, is_large, Ending::Fails(78), everywhere.into()));
            }
        }
    }
    cases
}
