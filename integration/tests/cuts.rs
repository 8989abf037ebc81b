//! A real snapshot, cut at every place that matters and in every way that a connection can end: never does it look whole.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "tests")]

use std::collections::BTreeMap;
use std::io::{Read, Write as _};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use snapline_integration::container::pipe_through;
use snapline_integration::front::{Answer, Front, HEAD, Request, Step, chunks, text};
use snapline_integration::program::programs;
use snapline_integration::vault::Vault;

/// How a body that is cut comes to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    /// As a whole one does: that is how a server ends it which is sealed half-way.
    LastChunk,
    /// The connection is closed, the last chunk is missing.
    Fin,
    /// The connection is reset.
    Reset,
    /// The connection is closed, and nothing had told where the body would end.
    Close,
}

const ENDS: [End; 4] = [End::LastChunk, End::Fin, End::Reset, End::Close];

/// Cut at each byte of so many at the end, and at so many places before.
const EVERY: usize = 2048;
const BEFORE: usize = 200;

/// As many bytes of `whole` as the path says, ended as it says: `/1234/Fin/v1/…`.
fn answer(whole: &[u8], request: &Request) -> Answer {
    let mut parts = request.path.split('/').skip(1);
    let length: usize = parts.next().unwrap().parse().unwrap();
    let name = parts.next().unwrap();
    let end = ENDS.into_iter().find(|end| format!("{end:?}") == name).unwrap();
    let part = &whole[..length];
    Answer::Steps(match end {
        End::Close => vec![text(HEAD), text("Connection: close\r\n\r\n"), Step::Send(part.into())],
        _ => {
            let mut steps = vec![text(HEAD), text("Transfer-Encoding: chunked\r\n\r\n"), chunks(part)];
            steps.extend(match end {
                End::LastChunk => Some(text("0\r\n\r\n")),
                End::Reset => Some(Step::Reset),
                _ => None,
            });
            steps
        }
    })
}

fn cuts(length: usize) -> Vec<usize> {
    let first = length - EVERY;
    (0..BEFORE)
        .map(|place| place * first / BEFORE)
        .chain(first..length)
        .collect()
}

/// What a strict reader says; `gzip -t` without the process.
fn gunzips(bytes: &[u8]) -> bool {
    std::io::copy(&mut flate2::read::MultiGzDecoder::new(bytes), &mut std::io::sink()).is_ok()
}

fn gzip_accepts(bytes: &[u8]) -> bool {
    pipe_through(Command::new("gzip").arg("-t"), bytes).status.success()
}

/// The status and standard output of vault-snapshot at such a server.
fn run(front: &Front, length: usize, end: End) -> (Option<i32>, Vec<u8>) {
    let mut child = Command::new(programs().join("vault-snapshot"))
        .args(["--quiet", "--max-retries", "0"])
        .env_clear()
        .env("VAULT_ADDR", format!("{}/{length}/{end:?}", front.url()))
        .env("VAULT_TOKEN", "hvs.any")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdout = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut stdout).unwrap();
    (child.wait().unwrap().code(), stdout)
}

/// Every cut in every way; returns how many runs that was.
fn sweep(whole: Vec<u8>) -> usize {
    let whole: Arc<[u8]> = whole.into();
    let served = Arc::clone(&whole);
    let front = Front::new("nowhere", move |request| answer(&served, request));

    // The measure measures: uncut it is whole, also where the archive alone tells its end.
    for end in [End::LastChunk, End::Close] {
        let (code, stdout) = run(&front, whole.len(), end);
        assert!(code == Some(0) && stdout[..] == whole[..], "{end:?}: {code:?}");
        assert!(gunzips(&stdout) && gzip_accepts(&stdout));
    }

    let cuts = cuts(whole.len());
    let next = AtomicUsize::new(0);
    let seen = Mutex::new(BTreeMap::<(End, i32, bool), usize>::new());
    let runs = cuts.len() * ENDS.len();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= runs {
                        return;
                    }
                    let (length, end) = (cuts[number / ENDS.len()], ENDS[number % ENDS.len()]);
                    let (code, stdout) = run(&front, length, end);
                    let place = format!("{length} of {} bytes, {end:?}: {code:?}", whole.len());
                    assert!(matches!(code, Some(65 | 69)), "{place}");
                    assert!(stdout.is_empty() || !gunzips(&stdout), "{place}");
                    // The process itself, for a sample.
                    assert!(
                        stdout.is_empty() || !number.is_multiple_of(101) || !gzip_accepts(&stdout),
                        "{place}"
                    );
                    let key = (end, code.unwrap(), stdout.is_empty());
                    *seen.lock().unwrap().entry(key).or_default() += 1;
                }
            });
        }
    });
    assert_eq!(front.happened().len(), runs + 2, "each run asked once");
    for ((end, code, empty), count) in seen.into_inner().unwrap() {
        let left = if empty { "nothing left" } else { "the beginning left" };
        println!("{} bytes, {end:?}: {count} times {code}, {left}", whole.len());
    }
    runs
}

#[test]
fn no_cut_of_a_small_or_a_large_snapshot_passes_for_a_whole_one() {
    let started = Instant::now();
    let vault = Vault::start();
    let small = vault.snapshot();
    assert!((16_000..40_000).contains(&small.len()), "{}", small.len());
    vault.fill(1);
    let large = vault.snapshot();
    assert!((1 << 20..2 << 20).contains(&large.len()), "{}", large.len());
    let runs = sweep(small) + sweep(large);
    // Said also where the test passes, which println! would not be.
    let seconds = started.elapsed().as_secs_f64();
    writeln!(std::io::stderr(), "{runs} cuts in {seconds:.0} s, none passed").unwrap();
    assert_eq!(runs, 2 * (EVERY + BEFORE) * ENDS.len());
}
