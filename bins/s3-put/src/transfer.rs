//! An upload in parts: one thread reads, one verifies, some upload, and this one decides.
//!
//! A part is read once into a buffer, hashed once and never copied. The buffers are a fixed pool, so memory does not grow with
//! the input; when all are in use the reader waits, and so does whoever writes to us.

use std::io::Read;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use snapline_cli::{Failure, Kind, OrExit as _, Progress};
use snapline_s3::{Client, PayloadHash, Upload};

use crate::claim::Claim;
use crate::gate::Gate;
use crate::opening::Rest;
use crate::parts::{Buffer, MOST_PARTS, Part};

/// What was sent, and proven to be what it should be.
#[derive(Debug)]
pub(crate) struct Sent {
    /// In order.
    pub(crate) parts: Vec<snapline_s3::Part>,
    pub(crate) bytes: u64,
}

/// What the threads tell.
enum Event {
    /// The input ended after this many parts and bytes.
    Read { parts: u32, bytes: u64 },
    /// The input is what it should be.
    Verified,
    /// A part is in the store.
    Uploaded(snapline_s3::Part, u64),
    /// It cannot succeed any more.
    Failed(Failure),
}

/// Everything that an upload in parts starts from.
pub(crate) struct Start {
    pub(crate) client: Arc<Client>,
    pub(crate) claim: Claim,
    /// The first part, full, which the gate has seen already.
    pub(crate) first: Buffer,
    pub(crate) gate: Gate,
    pub(crate) rest: Rest,
    /// Bytes.
    pub(crate) part_size: usize,
    pub(crate) concurrency: usize,
}

/// Reads the input to its end, verifies it and uploads its parts.
///
/// Returns early on the first failure and then leaves threads behind that may be blocked in a read or in a request: the caller
/// gives the upload up and ends the process.
///
/// # Errors
/// 65 if the input is refused, 74 if it cannot be read, or what the store says.
pub(crate) fn transfer(upload: Upload, start: Start) -> Result<Sent, Failure> {
    let (events, told) = mpsc::channel();
    let (to_verify, verify) = mpsc::channel();
    let to_verify = (!start.gate.is_blind()).then_some(to_verify);
    let (to_send, send) = mpsc::channel();
    let (home, pool) = mpsc::channel();
    // One is being filled while the others are sent; the first part is one of them.
    for _ in 0..start.concurrency {
        // The receiver lives.
        let _ = home.send(Buffer::new(start.part_size)?);
    }
    let name = start.rest.name();
    let ways = Ways {
        name,
        pool,
        home,
        to_verify,
        to_send,
        events: events.clone(),
    };
    let first = start.first;
    match start.rest {
        Rest::Input(input) => {
            let input = input.into_file();
            spawn("reader", move || Reader { input, ways }.run(first))?;
        }
        Rest::Product(input) => spawn("reader", move || Reader { input, ways }.run(first))?,
    }
    let verdicts = events.clone();
    let gate = start.gate;
    spawn("verifier", move || verify_all(gate, &verify, &verdicts))?;
    let (queue, upload) = (Arc::new(Mutex::new(send)), Arc::new(upload));
    for _ in 0..start.concurrency {
        let (queue, events) = (Arc::clone(&queue), events.clone());
        let (client, claim, upload) = (Arc::clone(&start.client), start.claim.clone(), Arc::clone(&upload));
        spawn("uploader", move || {
            upload_all(&client, &claim, &upload, &queue, &events);
        })?;
    }
    drop(events);
    decide(&told)
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), Failure> {
    let thread = thread::Builder::new().name(name.to_owned()).spawn(run);
    thread.map(drop).or_exit(Kind::Io, "start a thread")
}

/// Waits until everything is read, verified and sent, or something failed.
fn decide(told: &Receiver<Event>) -> Result<Sent, Failure> {
    let mut progress = Progress::new("stored");
    let mut end = None;
    let mut verified = false;
    let mut parts = Vec::new();
    loop {
        if let Some((count, bytes)) = end
            && verified
            && parts.len() == count
        {
            parts.sort_by_key(|part: &snapline_s3::Part| part.number);
            return Ok(Sent { parts, bytes });
        }
        match told.recv() {
            Ok(Event::Read { parts, bytes }) => end = Some((usize::try_from(parts).unwrap_or(usize::MAX), bytes)),
            Ok(Event::Verified) => verified = true,
            Ok(Event::Uploaded(part, bytes)) => {
                parts.push(part);
                progress.add(bytes);
            }
            Ok(Event::Failed(failure)) => return Err(failure),
            Err(_) => return Err(Failure::says(Kind::Unexpected, "upload: a thread ended without a word")),
        }
    }
}

/// Fills parts and hands each to both, the verifier and the uploaders.
struct Reader<I> {
    input: I,
    ways: Ways,
}

/// Where a reader's buffers come from, and where parts and news go.
struct Ways {
    name: String,
    pool: Receiver<Buffer>,
    home: Sender<Buffer>,
    /// A part, and where in it the bytes begin that the gate has not seen.
    to_verify: Option<Sender<(Arc<Part>, usize)>>,
    to_send: Sender<Arc<Part>>,
    events: Sender<Event>,
}

impl<I: Read> Reader<I> {
    fn run(mut self, first: Buffer) {
        match self.read_all(first) {
            // Dropping the channels at the end of this function lets the other threads finish; the count comes first.
            Ok((parts, bytes)) => tell(&self.ways.events, Event::Read { parts, bytes }),
            Err(failure) => tell(&self.ways.events, Event::Failed(failure)),
        }
    }

    fn read_all(&mut self, first: Buffer) -> Result<(u32, u64), Failure> {
        let mut bytes = length(first.bytes());
        let seen = first.bytes().len();
        if !self.ways.hand_on(1, first, seen) {
            return Ok((1, bytes));
        }
        let mut number = 1;
        loop {
            number += 1;
            let buffer = self.ways.pool.recv();
            let mut buffer = buffer.or_exit(Kind::Unexpected, "upload: get a buffer")?;
            buffer.clear();
            let ended = buffer
                .fill(&mut self.input)
                .or_exit(Kind::Io, format!("read {}", self.ways.name))?;
            if buffer.bytes().is_empty() {
                return Ok((number - 1, bytes));
            }
            if number > MOST_PARTS {
                return Err(Failure::says(
                    Kind::Usage,
                    format!(
                        "upload {}: more than {MOST_PARTS} parts are not possible",
                        self.ways.name
                    ),
                )
                .hint("choose a larger --part-size"));
            }
            bytes += length(buffer.bytes());
            if !self.ways.hand_on(number, buffer, 0) || ended {
                return Ok((number, bytes));
            }
        }
    }
}

impl Ways {
    /// False once nobody listens any more.
    fn hand_on(&self, number: u32, buffer: Buffer, seen: usize) -> bool {
        let part = Part::new(number, buffer, self.home.clone());
        let is_seen = self.to_verify.as_ref();
        is_seen.is_none_or(|verifier| verifier.send((Arc::clone(&part), seen)).is_ok())
            && self.to_send.send(part).is_ok()
    }
}

fn verify_all(mut gate: Gate, parts: &Receiver<(Arc<Part>, usize)>, events: &Sender<Event>) {
    for (part, seen) in parts {
        if let Err(failure) = gate.push(part.bytes().get(seen..).unwrap_or_default()) {
            return tell(events, Event::Failed(failure));
        }
    }
    // The channel also ends when reading failed; the reader has then told so before, and that was the end.
    match gate.finish() {
        Ok(()) => tell(events, Event::Verified),
        Err(failure) => tell(events, Event::Failed(failure)),
    }
}

fn upload_all(
    client: &Client,
    claim: &Claim,
    upload: &Upload,
    queue: &Mutex<Receiver<Arc<Part>>>,
    events: &Sender<Event>,
) {
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(part) = next else { return };
        let hash = PayloadHash::of(part.bytes());
        let sent = claim.with_part(|| client.upload_part(upload, part.number, part.bytes(), hash));
        let Some(sent) = sent else { return };
        match sent {
            Ok(sent) => tell(events, Event::Uploaded(sent, length(part.bytes()))),
            Err(error) => return tell(events, Event::Failed(error.into())),
        }
    }
}

fn tell(events: &Sender<Event>, event: Event) {
    // Nobody listens once something has failed.
    let _ = events.send(event);
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(events: Vec<Event>) -> Result<Sent, Failure> {
        let (sender, receiver) = mpsc::channel();
        for event in events {
            sender.send(event).unwrap();
        }
        drop(sender);
        decide(&receiver)
    }

    fn uploaded(number: u32) -> Event {
        let etag = number.to_string();
        Event::Uploaded(snapline_s3::Part { number, etag }, 5)
    }

    fn read(parts: u32) -> Event {
        Event::Read { parts, bytes: 9 }
    }

    #[test]
    fn it_takes_the_end_the_verdict_and_every_part_in_whatever_order() {
        let sent = told(vec![uploaded(2), Event::Verified, read(2), uploaded(1)]).unwrap();
        assert_eq!(sent.parts.iter().map(|part| part.number).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(sent.bytes, 9);
        for without in [
            vec![read(2), uploaded(1), uploaded(2)],
            vec![Event::Verified, uploaded(1), uploaded(2)],
            vec![Event::Verified, read(2), uploaded(2)],
        ] {
            assert_eq!(told(without).unwrap_err().kind(), Kind::Unexpected);
        }
    }

    /// Reads `input` in parts of one byte.
    fn read_in_bytes(input: &[u8]) -> Result<Sent, Failure> {
        let (events, told) = mpsc::channel();
        let (to_send, sent) = mpsc::channel();
        let (home, pool) = mpsc::channel();
        for _ in 0..2 {
            home.send(Buffer::new(1).unwrap()).unwrap();
        }
        let mut first = Buffer::new(1).unwrap();
        let mut input = input.iter().copied().collect::<std::collections::VecDeque<u8>>();
        first.fill(&mut input).unwrap();
        let ways = Ways {
            name: "it".to_owned(),
            pool,
            home,
            to_verify: None,
            to_send,
            events: events.clone(),
        };
        let reader = Reader { input, ways };
        let sender = events.clone();
        thread::spawn(move || {
            for part in sent {
                let number = part.number;
                drop(part);
                tell(&sender, uploaded(number));
            }
        });
        tell(&events, Event::Verified);
        drop(events);
        reader.run(first);
        decide(&told)
    }

    #[test]
    fn ten_thousand_parts_are_possible_and_one_more_is_said_to_be_too_many() {
        let bytes = vec![7; 10_001];
        let sent = read_in_bytes(&bytes[..10_000]).unwrap();
        assert_eq!((sent.parts.len(), sent.bytes), (10_000, 10_000));
        let failure = read_in_bytes(&bytes).unwrap_err();
        assert_eq!(failure.kind(), Kind::Usage);
        assert!(failure.to_string().contains("more than 10000 parts"), "{failure}");
    }

    #[test]
    fn a_verdict_that_comes_last_still_counts() {
        let refused = Event::Failed(Failure::says(Kind::Data, "verify the snapshot: no"));
        let failure = told(vec![read(1), uploaded(1), refused]).unwrap_err();
        assert_eq!(failure.kind(), Kind::Data);
    }
}
