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
    /// The body, as text.
    pub(crate) body: String,
    /// The body.
    pub(crate) bytes: Vec<u8>,
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

/// What to do with a request whose body has not been read yet: read it, or leave it.
type AtHead = dyn Fn(&Seen, &mut TcpStream) -> bool + Send + Sync;

/// Asks for a body that waits to be asked for.
fn ask(seen: &Seen, stream: &mut TcpStream) -> bool {
    if seen.header("expect") == Some("100-continue") {
        send(stream, "HTTP/1.1 100 Continue\r\n\r\n");
    }
    true
}

impl Server {
    /// Answers by `answer`, which gets the request and the number of those before it.
    pub(crate) fn start(answer: impl Fn(&Seen, usize, &mut TcpStream) + Send + Sync + 'static) -> Self {
        Self::start_at_head(ask, answer)
    }

    /// The same; `at_head` gets each request before its body is read, and says whether to read it. If not, the connection is
    /// closed and nothing more is answered.
    pub(crate) fn start_at_head(
        at_head: impl Fn(&Seen, &mut TcpStream) -> bool + Send + Sync + 'static,
        answer: impl Fn(&Seen, usize, &mut TcpStream) + Send + Sync + 'static,
    ) -> Self {
        let at_head: Arc<AtHead> = Arc::new(at_head);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (answer, all) = (Arc::new(answer), Arc::clone(&seen));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (at_head, answer, all) = (Arc::clone(&at_head), Arc::clone(&answer), Arc::clone(&all));
                std::thread::spawn(move || serve(stream, &*at_head, &*answer, &all));
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

fn serve(
    mut stream: TcpStream,
    at_head: &AtHead,
    answer: &dyn Fn(&Seen, usize, &mut TcpStream),
    all: &Mutex<Vec<Seen>>,
) {
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
        bytes: Vec::new(),
    };
    let length = seen.header("content-length").map_or(0, |value| value.parse().unwrap());
    // Before anything is answered: a test may look as soon as the client is done.
    let before = {
        let mut all = all.lock().unwrap();
        all.push(seen.clone());
        all.len() - 1
    };
    let goes_on = at_head(&seen, &mut stream);
    if goes_on {
        // A client may break off.
        let _ = reader.take(length).read_to_end(&mut seen.bytes);
        seen.body = String::from_utf8_lossy(&seen.bytes).into_owned();
        all.lock().unwrap()[before] = seen.clone();
    }
    if goes_on {
        answer(&seen, before, &mut stream);
    }
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
