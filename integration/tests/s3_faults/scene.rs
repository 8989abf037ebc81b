//! Runs s3-put through a proxy that goes wrong, and asks the server itself what became of it.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use snapline_archive::synthetic::Synthetic;
use snapline_integration::bucket::Bucket;
use snapline_integration::minio::{Minio, SECRET_KEY};
use snapline_integration::program::Environment;
use snapline_integration::running::Outcome;
use snapline_integration::s3_proxy::{Call, Fault, Rule, S3Proxy, Seen};

/// How many programs run at once: most of the time they wait before another try.
const AT_ONCE: usize = 12;
/// In each case's folder before it begins; it belongs to the series.
const OLDER: &str = "vault_raft_20240101_020000.snap";

/// How a case must end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// 0: the object is there, whole, and named.
    Stored,
    /// This code, and no object.
    Fails(i32),
    /// 69, saying that the object may exist; it does or does not.
    MayExist,
    /// Any of these, as long as what is said is so.
    Any,
}

/// One run of s3-put.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) rules: Vec<Rule>,
    /// Three parts, or else one.
    pub(crate) is_large: bool,
    /// More options.
    pub(crate) words: Vec<&'static str>,
    pub(crate) ending: Ending,
    /// Whether the fault keeps the upload from being aborted; it then must be said.
    pub(crate) keeps_upload: bool,
    /// What the last lines must say.
    pub(crate) says: Vec<String>,
}

impl Case {
    pub(crate) fn new(name: impl fmt::Display, is_large: bool, ending: Ending, rules: Vec<Rule>) -> Self {
        Self {
            name: name.to_string(),
            rules,
            is_large,
            words: Vec::new(),
            ending,
            keeps_upload: false,
            says: Vec::new(),
        }
    }

    pub(crate) fn with(mut self, words: &[&'static str]) -> Self {
        self.words.extend(words);
        self
    }

    pub(crate) fn keeping_upload(mut self) -> Self {
        self.keeps_upload = true;
        self
    }

    pub(crate) fn saying(mut self, words: &[&str]) -> Self {
        self.says.extend(words.iter().map(|&word| word.to_owned()));
        self
    }
}

/// A bucket on the real server, and two archives to store.
pub(crate) struct Scene {
    pub(crate) minio: Arc<Minio>,
    pub(crate) bucket: Bucket,
    small: Vec<u8>,
    large: Vec<u8>,
    pub(crate) environment: Environment,
}

impl Scene {
    pub(crate) fn new(name: &str) -> Self {
        let minio = Minio::shared();
        Self {
            bucket: minio.bucket(name),
            environment: Environment::new().minio(&minio).set("AWS_MAX_ATTEMPTS", "3"),
            minio,
            small: Synthetic::new(200_000).to_vec(),
            large: Synthetic::new(12 << 20).to_vec(),
        }
    }

    /// Runs all cases, several at a time, and panics with all that ended otherwise than they must.
    pub(crate) fn run_all(&self, cases: &[Case]) {
        let older: Vec<_> = (0..cases.len()).map(|number| older(&folder(number))).collect();
        self.bucket.put_many(older.iter().map(String::as_str));
        let next = AtomicUsize::new(0);
        let failures = Mutex::new(Vec::new());
        thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                scope.spawn(|| {
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        let Some(case) = cases.get(number) else { return };
                        if let Err(failure) = self.run(&folder(number), case) {
                            failures.lock().unwrap().push(failure);
                        }
                    }
                });
            }
        });
        let failures = failures.into_inner().unwrap();
        assert!(
            failures.is_empty(),
            "{} of {} cases:\n{}",
            failures.len(),
            cases.len(),
            failures.join("\n")
        );
    }

    fn run(&self, folder: &str, case: &Case) -> Result<(), String> {
        let proxy = S3Proxy::new(&self.minio.address(), case.rules.clone());
        let (uri, url) = (self.bucket.uri(folder), proxy.url());
        let mut words = vec!["--endpoint-url", &url, "--part-size", "5MiB"];
        words.extend(&case.words);
        words.push(&uri);
        let outcome = self.environment.run("s3-put", &words, self.input(case));
        let seen = proxy.seen();
        self.judge(folder, case, &outcome, &seen).map_err(|failure| {
            let requests: Vec<_> = seen.iter().map(line).collect();
            format!(
                "== {}: {failure}\n   ended with {}\n{}   {}",
                case.name,
                outcome.status,
                outcome.stderr,
                requests.join("\n   ")
            )
        })
    }

    fn input(&self, case: &Case) -> &[u8] {
        self.archive(case.is_large)
    }

    pub(crate) fn archive(&self, is_large: bool) -> &[u8] {
        if is_large { &self.large } else { &self.small }
    }

    /// Exit 0 if and only if the whole object is there and its URI was printed; nothing else is left or harmed.
    fn judge(&self, folder: &str, case: &Case, outcome: &Outcome, seen: &[Seen]) -> Result<(), String> {
        let must = |holds: bool, what: &str| if holds { Ok(()) } else { Err(what.to_owned()) };
        let (status, stderr) = (outcome.status, &outcome.stderr);
        let doubtful = stderr.contains("may exist");
        let ended = match case.ending {
            Ending::Stored => status == 0,
            Ending::Fails(code) => status == code && !doubtful,
            Ending::MayExist => status == 69 && doubtful,
            Ending::Any => true,
        };
        must(ended, &format!("it must end as {:?}", case.ending))?;

        let older = older(folder);
        let mut keys: Vec<_> = self
            .bucket
            .objects_under(folder)
            .into_iter()
            .map(|object| object.key)
            .collect();
        must(keys.contains(&older), "the older object is gone")?;
        must(
            self.bucket.get(&older).as_deref() == Some(b"x"),
            "the older object is another one",
        )?;
        keys.retain(|key| *key != older);
        for key in &keys {
            let whole = self.bucket.get(key).as_deref() == Some(self.input(case));
            must(whole, &format!("'{key}' is not what was sent"))?;
            // The server keeps its data in memory.
            self.bucket.delete(key);
        }
        if status == 0 {
            must(keys.len() == 1, &format!("one object must be there: {keys:?}"))?;
            let printed = format!("{}\n", self.bucket.uri(&keys[0]));
            must(
                outcome.text() == printed,
                &format!("the object is {keys:?}, but it printed {:?}", outcome.text()),
            )?;
        } else {
            must(outcome.text().is_empty(), "it printed something")?;
            must(
                keys.is_empty() || doubtful,
                &format!("it failed, but {keys:?} is there"),
            )?;
            for key in &keys {
                must(stderr.contains(&self.bucket.uri(key)), "what may exist is another one")?;
            }
        }
        self.uploads_left(case, outcome, seen)?;
        let deleted = seen.iter().any(|seen| matches!(seen.call, Call::Delete | Call::Other));
        must(!deleted, "it asked for something that no upload needs")?;
        for secret in [SECRET_KEY, "AWS4-HMAC"] {
            must(!stderr.contains(secret), "a secret is told")?;
        }
        let errors = stderr
            .lines()
            .filter(|line| line.starts_with("s3-put: error: "))
            .count();
        must(errors == usize::from(status != 0), "a failure is one line")?;
        for word in &case.says {
            must(stderr.contains(word), &format!("it does not say '{word}'"))?;
        }
        Ok(())
    }

    /// What is unfinished is what nobody could abort: those whose id the faults kept from the client.
    fn uploads_left(&self, case: &Case, outcome: &Outcome, seen: &[Seen]) -> Result<(), String> {
        let begun: Vec<_> = seen.iter().filter(|seen| seen.call == Call::Initiate).collect();
        // A name that is being uploaded to moves on, so there may be several keys.
        let keys: BTreeSet<_> = begun.iter().map(|seen| key(seen)).collect();
        let mut left: Vec<_> = keys.iter().flat_map(|key| self.bucket.uploads_of(key)).collect();
        let ids = |hidden: bool| {
            let begun = begun.iter().filter(move |seen| is_hidden(seen) == hidden);
            begun.filter_map(|seen| seen.upload.clone())
        };
        let mut expected: Vec<_> = ids(true).collect();
        // One that could not be aborted is said, and may be left.
        if case.keeps_upload && outcome.stderr.contains("its parts are left to") {
            expected.extend(ids(false).filter(|id| left.contains(id)));
        }
        left.sort();
        expected.sort();
        if left == expected {
            return Ok(());
        }
        Err(format!("uploads {left:?} are left of {keys:?}, not {expected:?}"))
    }
}

/// Whether the server's reply did not come through whole.
fn is_hidden(seen: &Seen) -> bool {
    !matches!(seen.fault, None | Some(Fault::Edited(_)))
}

fn key(seen: &Seen) -> &str {
    let path = seen.target.split('?').next().unwrap_or_default();
    path.splitn(3, '/').nth(2).unwrap_or_default()
}

fn folder(number: usize) -> String {
    format!("case-{number:03}/")
}

fn older(folder: &str) -> String {
    format!("{folder}{OLDER}")
}

fn line(seen: &Seen) -> String {
    let fault = seen.fault.as_ref().map(|fault| format!("{fault:?}"));
    let fault: String = fault.unwrap_or_default().chars().take(90).collect();
    format!("{:?} {} -> {:?} {fault}", seen.call, seen.number, seen.status)
}
