//! Everything that can go wrong with a listing or a deletion, in front of a real store: half a listing deletes nothing, and one
//! deletion that fails stops no other.

use std::io::{self, Write as _};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use snapline_integration::s3_proxy::{Answer, Call, Edit, Fault, Rule, S3Proxy};
use time::Duration;

use crate::history::key_of;
use crate::{Scene, now};

const AT_ONCE: usize = 8;
/// Of so many objects, so many stay.
const OBJECTS: usize = 8;
const STAY: usize = 3;

/// How a case must end.
#[derive(Clone, Copy, Debug)]
enum Ending {
    /// 0, and what is to go is gone.
    Pruned,
    /// This code, and everything is there.
    Nothing(i32),
    /// This code; these, counted from the oldest, are still there and not named, the others are gone and named.
    But(i32, &'static [usize]),
}

struct Case {
    name: &'static str,
    rules: Vec<Rule>,
    ending: Ending,
}

fn case(name: &'static str, ending: Ending, rules: Vec<Rule>) -> Case {
    Case { name, rules, ending }
}

fn refusal(status: &str, code: &str) -> Fault {
    Fault::Instead(Answer::error(status, code))
}

/// Pages of this many keys: a real server's first page is edited to say that it is not the last.
fn listings() -> Vec<Case> {
    use Ending::{Nothing, Pruned};
    let once = |fault| vec![Rule::once(Call::List, fault)];
    let always = |fault| vec![Rule::always(Call::List, fault)];
    let more = || Fault::Edited(Edit::Element("IsTruncated", Some("true")));
    vec![
        case("no fault", Pruned, Vec::new()),
        case("refused", Nothing(77), always(refusal("403 Forbidden", "AccessDenied"))),
        case(
            "no such bucket",
            Nothing(78),
            always(refusal("404 Not Found", "NoSuchBucket")),
        ),
        case("busy once", Pruned, once(refusal("503 Slow Down", "SlowDown"))),
        case(
            "broken once",
            Pruned,
            once(refusal("500 Internal Server Error", "InternalError")),
        ),
        case(
            "broken",
            Nothing(69),
            always(refusal("500 Internal Server Error", "InternalError")),
        ),
        case("reset once", Pruned, once(Fault::Reset)),
        case("lost once", Pruned, once(Fault::Lost)),
        case("reset", Nothing(69), always(Fault::Reset)),
        case("cut once", Pruned, once(Fault::Cut)),
        case("cut", Nothing(69), always(Fault::Cut)),
        case("shortened once", Pruned, once(Fault::Shortened)),
        case("shortened", Nothing(69), always(Fault::Shortened)),
        case("ends early", Nothing(69), always(Fault::EndAt(400))),
        case("reset early", Nothing(69), always(Fault::ResetAt(400))),
        case(
            "another document",
            Nothing(69),
            always(Fault::Instead(Answer::new("200 OK", "<Other/>"))),
        ),
        case(
            "a page of HTML",
            Nothing(69),
            always(Fault::Instead(Answer::new("200 OK", "<html>hello</html>"))),
        ),
        case(
            "nothing",
            Nothing(69),
            always(Fault::Instead(Answer::new("200 OK", ""))),
        ),
        case(
            "an error in a success",
            Nothing(69),
            always(Fault::After(Answer::error("200 OK", "InternalError"))),
        ),
        case("more, and no token", Nothing(69), always(more())),
        case("pages without end", Nothing(69), always(Fault::Edited(Edit::Endless))),
        case(
            "says nothing about more",
            Nothing(69),
            always(Fault::Edited(Edit::Element("IsTruncated", None))),
        ),
        case(
            "a size is missing",
            Nothing(69),
            always(Fault::Edited(Edit::Element("Size", None))),
        ),
        case(
            "a key is missing",
            Nothing(69),
            always(Fault::Edited(Edit::Element("Key", None))),
        ),
    ]
}

fn deletions() -> Vec<Case> {
    use Ending::{But, Pruned};
    let once = |fault| vec![Rule::once(Call::Delete, fault)];
    let second = |fault| vec![Rule::nth(Call::Delete, 2, fault)];
    let always = |fault| vec![Rule::always(Call::Delete, fault)];
    let busy = || refusal("503 Slow Down", "SlowDown");
    vec![
        case("busy once", Pruned, once(busy())),
        case(
            "broken once",
            Pruned,
            second(refusal("500 Internal Server Error", "InternalError")),
        ),
        case("reset once", Pruned, once(Fault::Reset)),
        case("lost once", Pruned, second(Fault::Lost)),
        case(
            "lost",
            Pruned,
            vec![
                Rule::nth(Call::Delete, 1, Fault::Lost),
                Rule::nth(Call::Delete, 3, Fault::Lost),
            ],
        ),
        case("cut once", Pruned, once(Fault::Cut)),
        case(
            "gone already",
            Pruned,
            once(Fault::After(Answer::error("404 Not Found", "NoSuchKey"))),
        ),
        case(
            "200 with a body",
            Pruned,
            once(Fault::After(Answer::new("200 OK", "<DeleteResult/>"))),
        ),
        case("202", Pruned, once(Fault::After(Answer::new("202 Accepted", "")))),
        case(
            "one is locked",
            But(77, &[1]),
            second(refusal("403 Forbidden", "AccessDenied")),
        ),
        case(
            "one is locked by 423",
            But(77, &[1]),
            second(refusal("423 Locked", "ObjectLocked")),
        ),
        case(
            "one is retained",
            But(77, &[1]),
            second(refusal("409 Conflict", "ObjectLockedByBucketPolicy")),
        ),
        case(
            "one is not allowed",
            But(77, &[1]),
            second(refusal("405 Method Not Allowed", "MethodNotAllowed")),
        ),
        case(
            "all are refused",
            But(77, &[0, 1, 2, 3, 4]),
            always(refusal("403 Forbidden", "AccessDenied")),
        ),
        // After three in a row it does not ask any more.
        case("the store is away", But(69, &[0, 1, 2, 3, 4]), always(busy())),
        case(
            "the store goes away",
            But(69, &[2, 3, 4]),
            vec![Rule::from(Call::Delete, 3, Fault::Reset)],
        ),
    ]
}

/// Runs them, several at a time, and panics with all that ended otherwise than they must.
fn run(name: &str, cases: &[Case]) {
    let scene = Scene::new(name);
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(case) = cases.get(number) else { return };
                    if let Err(failure) = judge(&scene, &format!("case-{number}/"), case) {
                        failures.lock().unwrap().push(format!("== {}: {failure}", case.name));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(
        failures.is_empty(),
        "{} of {}:\n{}",
        failures.len(),
        cases.len(),
        failures.join("\n")
    );
    let line = format!("{name}: {} cases\n", cases.len());
    io::stdout().write_all(line.as_bytes()).unwrap();
}

fn judge(scene: &Scene, folder: &str, case: &Case) -> Result<(), String> {
    let key = |minutes| format!("{folder}{}", key_of(now() - Duration::minutes(minutes)));
    let keys: Vec<_> = (1..).map(|number| key(10 * number)).take(OBJECTS).collect();
    scene.bucket.put_many(keys.iter().map(String::as_str));
    let mut oldest_first = keys.clone();
    oldest_first.reverse();
    let proxy = S3Proxy::new(&scene.minio.address(), case.rules.clone());
    let (url, line) = (proxy.url(), format!("{}\n", scene.bucket.uri(&keys[0])));
    let keep = STAY.to_string();
    let words = ["--endpoint-url", &url, "--max-attempts", "2", "--keep-last", &keep];
    let outcome = scene.environment.run("snap-prune", &words, line.as_bytes());
    let due = &oldest_first[..OBJECTS - STAY];
    let (code, left): (i32, Vec<usize>) = match case.ending {
        Ending::Pruned => (0, Vec::new()),
        Ending::Nothing(code) => (code, (0..due.len()).collect()),
        Ending::But(code, left) => (code, left.to_vec()),
    };
    let gone: Vec<_> = (0..due.len())
        .filter(|number| !left.contains(number))
        .map(|number| &due[number])
        .collect();
    let told: String = gone.iter().map(|key| format!("{}\n", scene.bucket.uri(key))).collect();
    let there: Vec<_> = scene
        .bucket
        .objects_under(folder)
        .into_iter()
        .map(|object| object.key)
        .collect();
    let expected: Vec<_> = oldest_first.iter().filter(|key| !gone.contains(key)).cloned().collect();
    let errors = outcome.stderr.lines().filter(|line| line.contains(": error: ")).count();
    let holds =
        outcome.status == code && outcome.text() == told && there == expected && errors == usize::from(code != 0);
    if holds {
        return Ok(());
    }
    Err(format!(
        "it must end with {code}, not {}; {there:?} are left, not {expected:?}\n{}{}",
        outcome.status,
        outcome.text(),
        outcome.stderr
    ))
}

#[test]
fn a_listing_that_went_wrong_deletes_nothing() {
    run("prune-listings", &listings());
}

#[test]
fn a_deletion_that_went_wrong_stops_no_other() {
    run("prune-deletions", &deletions());
}

/// The second of two pages fails: what it would have named is not known, so nothing goes.
#[test]
fn a_second_page_that_does_not_come_deletes_nothing() {
    let scene = Scene::new("second-page");
    let keys = scene.store((1..=1002).map(|number| now() - Duration::minutes(number)));
    for (name, fault, code) in [
        ("refused", refusal("403 Forbidden", "AccessDenied"), 77),
        ("broken", refusal("500 Internal Server Error", "InternalError"), 69),
        ("reset", Fault::Reset, 69),
        ("cut", Fault::Cut, 69),
        // The same token comes again, for ever.
        ("the first page again", Fault::Again, 69),
    ] {
        let proxy = S3Proxy::new(&scene.minio.address(), vec![Rule::from(Call::List, 2, fault)]);
        let words = ["--endpoint-url", &proxy.url(), "--max-attempts=2", "--keep-last=1000"];
        let outcome = scene.prune(&words).expect(code);
        assert_eq!(outcome.text(), "", "{name}");
        assert!(proxy.seen().iter().all(|seen| seen.call == Call::List), "{name}");
    }
    let proxy = S3Proxy::new(&scene.minio.address(), vec![Rule::nth(Call::List, 2, Fault::Reset)]);
    let outcome = scene
        .prune(&["--endpoint-url", &proxy.url(), "--keep-last=1000"])
        .expect(0);
    let mut gone: Vec<_> = keys[1000..].iter().map(|key| scene.bucket.uri(key)).collect();
    gone.reverse();
    assert_eq!(outcome.text().lines().collect::<Vec<_>>(), gone);
}

/// A store that lists an object some time after it stored it is asked again; one that never does, for half a minute.
#[test]
fn a_new_object_that_is_not_listed_yet_is_waited_for() {
    let scene = Scene::new("eventual");
    let mut keys = scene.store((1..=5).map(|number| now() - Duration::minutes(number)));
    let page = scene.bucket.told("", "?list-type=2&prefix=vault%2F");
    let newest = scene.store([now()]);
    keys.splice(0..0, newest);
    let line = format!("{}\n", scene.bucket.uri(&keys[0]));
    let prune = |rule: Rule| {
        let proxy = S3Proxy::new(&scene.minio.address(), vec![rule]);
        let words = ["--endpoint-url", &proxy.url(), "--keep-last", "4", "-v"];
        scene.environment.run("snap-prune", &words, line.as_bytes())
    };
    let without = || Fault::Instead(Answer::new("200 OK", &page));
    let outcome = prune(Rule::always(Call::List, without())).expect(66);
    assert!(
        outcome.last_line().contains("it is not there; nothing is pruned"),
        "{}",
        outcome.stderr
    );
    assert_eq!(scene.keys().len(), 6);
    let outcome = prune(Rule::once(Call::List, without())).expect(0);
    assert!(outcome.stderr.contains("it is not there yet"), "{}", outcome.stderr);
    assert_eq!(scene.keys(), keys[..4].iter().cloned().collect());
}
