//! A listener on loopback that answers as a test says: for what no real server does on demand.

#![allow(dead_code, reason = "each test program uses its own part")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// `GET /path`.
    pub(crate) line: String,
    /// The header lines.
    pub(crate) head: String,
    /// The body.
    pub(crate) body: String,
}

impl Seen {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }
}

/// The listener. It answers one request on each connection, each on a thread of its own, until the test program ends.
pub(crate) struct Server {
    /// Its address.
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    /// Answers by `answer`, which gets the request and the number of those before it.
    pub(crate) fn start(answer: impl Fn(&Seen, usize, &mut TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (answer, all) = (Arc::new(answer), Arc::clone(&seen));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answer, all) = (Arc::clone(&answer), Arc::clone(&all));
                std::thread::spawn(move || serve(stream, &*answer, &all));
            }
        });
        Self { url, seen }
    }

    /// All requests so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Their first lines.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.line).collect()
    }

    /// Waits until a request with this first line has come.
    pub(crate) fn wait_for(&self, line: &str) {
        let start = Instant::now();
        while !self.lines().iter().any(|seen| seen == line) {
            assert!(
                start.elapsed() < Duration::from_secs(20),
                "no {line} in {:?}",
                self.lines()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

fn serve(mut stream: TcpStream, answer: &dyn Fn(&Seen, usize, &mut TcpStream), all: &Mutex<Vec<Seen>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        if line.trim().is_empty() {
            break;
        }
        lines.push(line.trim().to_owned());
    }
    let first: Vec<&str> = lines[0].split(' ').take(2).collect();
    let mut seen = Seen {
        line: first.join(" "),
        head: lines[1..].join("\n"),
        body: String::new(),
    };
    let length = seen.header("content-length").map_or(0, |value| value.parse().unwrap());
    reader.take(length).read_to_string(&mut seen.body).unwrap();
    let before = {
        let mut all = all.lock().unwrap();
        all.push(seen.clone());
        all.len() - 1
    };
    answer(&seen, before, &mut stream);
}

/// Sends bytes; that the client has gone is the client's affair.
pub(crate) fn send(stream: &mut TcpStream, bytes: impl AsRef<[u8]>) {
    let _ = stream.write_all(bytes.as_ref());
    let _ = stream.flush();
}

/// A whole reply; `head` is more header lines, each with its line ending.
pub(crate) fn reply(stream: &mut TcpStream, status: &str, head: &str, body: &str) {
    let length = body.len();
    send(
        stream,
        format!("HTTP/1.1 {status}\r\n{head}Content-Length: {length}\r\n\r\n{body}"),
    );
}

/// The beginning of a chunked reply.
pub(crate) fn begin(stream: &mut TcpStream) {
    send(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: application/gzip\r\nTransfer-Encoding: chunked\r\n\r\n",
    );
}

/// Bytes as chunks of up to 16 KiB.
pub(crate) fn chunks(stream: &mut TcpStream, bytes: &[u8]) {
    for part in bytes.chunks(16 * 1024) {
        let mut chunk = format!("{:x}\r\n", part.len()).into_bytes();
        chunk.extend_from_slice(part);
        chunk.extend_from_slice(b"\r\n");
        send(stream, chunk);
    }
}

/// The proper end of a chunked reply.
pub(crate) fn end(stream: &mut TcpStream) {
    send(stream, "0\r\n\r\n");
}

/// An address where nobody listens.
/// Another loopback address than that of every server here: on theirs the port might be given to the next one that starts.
pub(crate) fn closed() -> String {
    let listener = TcpListener::bind("127.0.0.2:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}
