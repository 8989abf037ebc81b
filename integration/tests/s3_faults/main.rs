//! Every call of an upload, everything that can go wrong with it, and a real server: s3-put ends with 0 if and only if the whole
//! object is there and its URI was printed.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod pairs;
mod scene;
mod table;
mod walk;

use std::io::{self, Write as _};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use scene::{Case, Scene};
use snapline_integration::s3_proxy::{Answer, Call, Fault, Rule, S3Proxy};
use snapline_integration::wait::wait_for;

/// Runs them, and says how many there were.
fn run(name: &str, cases: &[Case]) {
    let start = Instant::now();
    Scene::new(name).run_all(cases);
    say(&format!(
        "{name}: {} cases in {:.0} s",
        cases.len(),
        start.elapsed().as_secs_f64()
    ));
}

/// A line that shows in a run that passes, too.
fn say(line: &str) {
    // What the macros print is kept back by the test harness.
    io::stdout().write_all(format!("{line}\n").as_bytes()).unwrap();
}

#[test]
fn whatever_goes_wrong_once_or_always_0_means_stored() {
    let cases = table::cases();
    assert!(cases.len() >= 150, "{}", cases.len());
    run("faults", &cases);
}

#[test]
fn a_commit_in_doubt_is_decided_or_said_to_be_undecided() {
    run("doubts", &pairs::doubts());
}

#[test]
fn an_abort_that_fails_is_tried_again_or_said() {
    run("aborts", &pairs::aborts());
}

#[test]
fn several_faults_in_one_upload_at_random() {
    let seed = std::env::var("SNAPLINE_SEED").map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap());
    say(&format!("walk: SNAPLINE_SEED={seed}"));
    run("walk", &walk::cases(seed, 60));
}

/// Whoever is named in a redirect never hears of our credentials, or of anything.
#[test]
fn a_redirect_leads_nowhere() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    // By another name than the endpoint has.
    run("redirects", &pairs::redirects(&format!("http://localhost:{port}")));
    assert!(listener.accept().is_err(), "somebody followed");
}

/// A gateway answers 504 while the store is still at work.
#[test]
fn what_happens_after_the_answer_was_said_to_be_possible_or_cannot_happen_any_more() {
    let scene = Scene::new("late");
    let late = || Fault::Late(Answer::new("504 Gateway Timeout", ""), Duration::from_millis(1500));
    for (call, is_large) in [(Call::Put, false), (Call::Complete, true)] {
        let proxy = S3Proxy::new(&scene.minio.address(), vec![Rule::always(call, late())]);
        let (url, uri) = (proxy.url(), scene.bucket.uri("late.snap"));
        let words = [
            "--endpoint-url",
            &url,
            "--part-size",
            "5MiB",
            "--max-attempts",
            "1",
            &uri,
        ];
        let outcome = scene
            .environment
            .run("s3-put", &words, scene.archive(is_large))
            .expect(69);
        assert_eq!(outcome.text(), "");
        assert_eq!(outcome.stderr.contains("may exist"), !is_large, "{}", outcome.stderr);
        let status = wait_for("the store has answered the late request", || {
            let seen = proxy.seen();
            seen.iter().find(|seen| seen.call == call)?.status
        });
        if is_large {
            assert_eq!(
                (status, scene.bucket.keys()),
                (404, Vec::new()),
                "its upload was aborted"
            );
            assert!(scene.bucket.uploads_of("late.snap").is_empty());
        } else {
            assert_eq!(status, 200);
            assert!(scene.bucket.get("late.snap").unwrap() == scene.archive(false));
            scene.bucket.delete("late.snap");
        }
    }
}
