//! What every server has that stands in for one which cannot be had: one HTTP request on each connection, and an answer.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

/// A server; it ends when dropped.
pub(crate) struct StandIn {
    url: String,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// What somebody asks.
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    /// Names in lower case.
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

/// What is answered.
pub(crate) struct Reply {
    /// For example `200 OK`.
    pub(crate) status: &'static str,
    /// The media type.
    pub(crate) kind: &'static str,
    pub(crate) body: String,
}

impl StandIn {
    /// Listens on a free port of `host`.
    pub(crate) fn start(host: &str, answer: impl Fn(&Request) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind((host, 0)).unwrap_or_else(|err| panic!("listen on '{host}': {err}"));
        let url = format!("http://{}", listener.local_addr().expect("know the own address"));
        let ended = Arc::new(AtomicBool::new(false));
        let thread = std::thread::spawn({
            let ended = Arc::clone(&ended);
            move || {
                for stream in listener.incoming().flatten() {
                    if ended.load(Ordering::Relaxed) {
                        return;
                    }
                    serve(stream, &answer);
                }
            }
        });
        Self {
            url,
            ended,
            thread: Some(thread),
        }
    }

    /// Where it is.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        // So that the loop looks.
        let _ = TcpStream::connect(self.url.trim_start_matches("http://"));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Request {
    /// The value of the field `name`, which is in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(found, _)| found == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Reads one; none if the caller goes away before its end.
    fn read(stream: impl Read) -> Option<Self> {
        let mut reader = BufReader::new(stream);
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return None;
            }
            if line.trim().is_empty() {
                break;
            }
            lines.push(line.trim().to_owned());
        }
        let (first, fields) = lines.split_first()?;
        let mut words = first.split(' ').map(str::to_owned);
        let mut request = Self {
            method: words.next()?,
            path: words.next()?,
            headers: fields
                .iter()
                .filter_map(|line| line.split_once(':'))
                .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
                .collect(),
            body: String::new(),
        };
        let length = request.header("content-length").and_then(|text| text.parse().ok());
        let length = length.unwrap_or(0);
        let count = reader.take(length).read_to_string(&mut request.body).ok()?;
        (u64::try_from(count) == Ok(length)).then_some(request)
    }
}

/// One request on a connection; a caller that goes away is no failure here.
fn serve(mut stream: TcpStream, answer: &impl Fn(&Request) -> Reply) {
    let Some(request) = Request::read(&stream) else {
        return;
    };
    let Reply { status, kind, body } = answer(&request);
    let length = body.len();
    let _ = write!(
        stream,
        "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_whole_or_not_at_all() {
        let text = "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc";
        let request = Request::read(text.as_bytes()).unwrap();
        assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/a"));
        assert_eq!((request.header("host"), request.body.as_str()), (Some("x"), "abc"));
        for end in 0..text.len() {
            assert!(Request::read(&text.as_bytes()[..end]).is_none(), "{end}");
        }
    }
}
