//! The least that an upload of standard input can cost: reads whole parts, hashes each once with SHA-256, and sends it.
//!
//! Nothing is signed, checked, or tried again. `s3-put` is measured against this.
//!
//!     bench-limit URL       of the object, without a query
#![allow(clippy::expect_used, reason = "a tool of the benchmarks")]

use std::fmt::Write as _;
use std::io::{Read as _, stdin};
use std::os::fd::AsFd as _;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;

use sha2::{Digest as _, Sha256};

/// As s3-put has them.
const PART: usize = 8 << 20;
const AT_ONCE: usize = 3;

type Parts = Arc<Mutex<Receiver<(u32, Vec<u8>)>>>;

fn main() {
    let url = std::env::args().nth(1).expect("a URL");
    let config = ureq::config::Config::builder()
        .max_idle_connections_per_host(AT_ONCE)
        .build();
    let agent = config.new_agent();
    agent.post(format!("{url}?uploads=")).send("").expect("begin");
    // Refused where it is no pipe.
    let _ = rustix::pipe::fcntl_setpipe_size(stdin(), 1 << 20);
    let mut input = std::fs::File::from(stdin().as_fd().try_clone_to_owned().expect("standard input"));
    let (send, parts) = sync_channel(0);
    let (home, pool) = sync_channel(AT_ONCE + 1);
    for _ in 0..=AT_ONCE {
        home.send(Vec::with_capacity(PART)).expect("room");
    }
    let parts: Parts = Arc::new(Mutex::new(parts));
    let uploaders: Vec<_> = (0..AT_ONCE)
        .map(|_| {
            let (url, agent, parts, home) = (url.clone(), agent.clone(), Arc::clone(&parts), home.clone());
            thread::spawn(move || upload(&url, &agent, &parts, &home))
        })
        .collect();
    for number in 1.. {
        let mut part: Vec<u8> = pool.recv().expect("a buffer");
        part.clear();
        let room = u64::try_from(PART).expect("it fits");
        let count = (&mut input).take(room).read_to_end(&mut part).expect("read");
        if count > 0 {
            send.send((number, part)).expect("an uploader");
        }
        if count < PART {
            break;
        }
    }
    drop(send);
    for uploader in uploaders {
        uploader.join().expect("all parts are sent");
    }
    agent.post(format!("{url}?uploadId=u")).send("<x/>").expect("complete");
}

fn upload(url: &str, agent: &ureq::Agent, parts: &Parts, home: &SyncSender<Vec<u8>>) {
    loop {
        let next = parts.lock().expect("no panic").recv();
        let Ok((number, part)) = next else { return };
        let mut hash = String::new();
        for byte in Sha256::digest(&part) {
            write!(hash, "{byte:02x}").expect("room");
        }
        let request = agent.put(format!("{url}?partNumber={number}&uploadId=u"));
        request
            .header("x-amz-content-sha256", hash)
            .send(&part[..])
            .expect("send");
        // Nobody is home when all is read.
        let _ = home.send(part);
    }
}
