//! A store on loopback that keeps objects in memory and misbehaves where a test says so: for what no real server does on
//! demand. It checks no signatures; real servers do that in `integration`.

#![allow(dead_code, reason = "each test program uses its own part")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::io::{BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A request as it came.
#[derive(Debug, Clone, Default)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Decoded: `/bucket/key`.
    pub(crate) path: String,
    /// Decoded, in the order sent.
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: Vec<(String, String)>,
    /// Empty while the test decides what happens.
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        find(&self.query, name)
    }

    /// What it asks for: `look`, `get`, `list`, `uploads`, `put`, `begin`, `part`, `complete`, `abort`; else the method.
    pub(crate) fn asks(&self) -> &str {
        let (upload, part) = (self.query("uploadId").is_some(), self.query("partNumber").is_some());
        match self.method.as_str() {
            "HEAD" => "look",
            "GET" if self.query("uploads").is_some() => "uploads",
            "GET" if self.key().is_empty() => "list",
            "GET" => "get",
            "PUT" if upload && part => "part",
            "PUT" if self.query.is_empty() => "put",
            "POST" if self.query("uploads").is_some() => "begin",
            "POST" if upload => "complete",
            "DELETE" if upload => "abort",
            method => method,
        }
    }

    fn key(&self) -> String {
        self.path.splitn(3, '/').nth(2).unwrap_or_default().to_owned()
    }
}

fn find<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = pairs.iter().find(|(found, _)| found.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_str())
}

/// What happens to a request.
#[derive(Debug, Clone)]
pub(crate) enum Turn {
    /// What a store does.
    Serve,
    /// These bytes go back; nothing is done.
    Reply(Vec<u8>),
    /// The same, and then the connection is closed.
    Last(Vec<u8>),
    /// The same before the body was taken, which is never read.
    Early(Vec<u8>),
    /// The same, and the connection stays open as long as the client has it.
    EarlyOpen(Vec<u8>),
    /// Half of the body is taken, a piece at a time for so long; then the connection is cut.
    Throttled(Duration),
    /// These bytes go back, and then a blank from time to time, as long as the client waits.
    Trickle(Vec<u8>),
    /// These bytes go back, with 200 ms between two pieces; nothing is done.
    Pieces(Vec<Vec<u8>>),
    /// It is done, but the reply is lost.
    Lost,
    /// It is done, but these bytes go back.
    Done(Vec<u8>),
    /// What a store does, but the connection ends after this many bytes of the body.
    Cut(usize),
    /// What a store does, but nothing follows these first bytes of the body as long as the client waits.
    Stuck(usize),
    /// What a store does, with the first text replaced by the second in the head of the reply.
    Edited(&'static str, &'static str),
    /// Nothing is done, and no reply comes as long as the client waits.
    Silence,
    /// This happens before the store answers: somebody else's object, or a pause.
    After(Interlude),
}

#[derive(Debug, Clone)]
pub(crate) enum Interlude {
    /// Somebody else stores this under the key.
    Foreign(Vec<u8>),
    Pause(Duration),
    /// Until [`StandIn::release`].
    Hold,
}

/// An object of the stand-in.
#[derive(Debug, Clone, Default)]
pub(crate) struct Object {
    pub(crate) body: Vec<u8>,
    pub(crate) headers: Vec<(String, String)>,
}

impl Object {
    /// A number that differs where the content does, as in S3.
    fn etag(&self) -> String {
        let mut hasher = std::hash::DefaultHasher::new();
        std::hash::Hash::hash(&self.body, &mut hasher);
        format!("\"{:016x}\"", std::hash::Hasher::finish(&hasher))
    }

    fn head(&self) -> String {
        let headers = self.headers.iter();
        let own: String = headers.map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        format!("ETag: {}\r\n{own}", self.etag())
    }

    /// The reply to GET: all of it, or the range that is asked for, if the condition holds.
    fn sent(&self, request: &Request) -> Vec<u8> {
        if request.header("if-match").is_some_and(|etag| etag != self.etag()) {
            return error("412 Precondition Failed", "PreconditionFailed");
        }
        let (head, total) = (self.head(), self.body.len());
        let range = request.header("range").map(|range| {
            let first = range.strip_prefix("bytes=").and_then(|range| range.strip_suffix('-'));
            first.and_then(|first| first.parse::<usize>().ok()).unwrap()
        });
        let (status, range, body) = match range {
            None => ("200 OK", String::new(), &self.body[..]),
            Some(first) if first >= total => return error("416 Range Not Satisfiable", "InvalidRange"),
            Some(first) => {
                let range = format!("Content-Range: bytes {first}-{}/{total}\r\n", total - 1);
                ("206 Partial Content", range, &self.body[first..])
            }
        };
        let head = format!(
            "HTTP/1.1 {status}\r\n{head}{range}Content-Length: {}\r\n\r\n",
            body.len()
        );
        [head.as_bytes(), body].concat()
    }
}

#[derive(Debug, Default)]
struct Upload {
    key: String,
    /// Of the request that began it.
    number: usize,
    headers: Vec<(String, String)>,
    parts: BTreeMap<u32, Vec<u8>>,
}

#[derive(Debug, Default)]
struct Kept {
    objects: BTreeMap<String, Object>,
    uploads: BTreeMap<String, Upload>,
    seen: Vec<Request>,
    /// How many keys a page of a listing has.
    page: usize,
    /// When it received its objects, where they do not say by a header `Last-Modified`.
    received: String,
    released: bool,
}

/// Into so many pieces a body is cut that is taken slowly.
const PIECES: usize = 20;

type Decide = dyn Fn(&Request, usize) -> Turn + Send + Sync;

/// The listener. It runs until the test program ends.
pub(crate) struct StandIn {
    /// Its address.
    pub(crate) url: String,
    kept: Arc<Mutex<Kept>>,
    connections: Arc<AtomicUsize>,
}

impl StandIn {
    /// A store that does what a store does.
    pub(crate) fn new() -> Self {
        Self::with(|_, _| Turn::Serve)
    }

    /// One where `decide` says what happens: it gets the request's head, and the number of those before it that asked for the
    /// same.
    pub(crate) fn with(decide: impl Fn(&Request, usize) -> Turn + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stand_in = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            kept: Arc::new(Mutex::new(Kept {
                page: 1000,
                received: "2026-01-01T00:01:00.000Z".to_owned(),
                ..Kept::default()
            })),
            connections: Arc::default(),
        };
        let decide: Arc<Decide> = Arc::new(decide);
        let (kept, connections) = (Arc::clone(&stand_in.kept), Arc::clone(&stand_in.connections));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                connections.fetch_add(1, Ordering::SeqCst);
                let (decide, kept) = (Arc::clone(&decide), Arc::clone(&kept));
                std::thread::spawn(move || {
                    // That a client went away is the client's affair.
                    let _ = serve(&stream, &*decide, &kept);
                });
            }
        });
        stand_in
    }

    /// One where the first request that asks for `what` has this `turn`.
    pub(crate) fn once(what: &'static str, turn: Turn) -> Self {
        Self::with(move |request, before| {
            if request.asks() == what && before == 0 {
                turn.clone()
            } else {
                Turn::Serve
            }
        })
    }

    /// One where each request that asks for `what` has this `turn`.
    pub(crate) fn always(what: &'static str, turn: Turn) -> Self {
        Self::with(move |request, _| {
            if request.asks() == what {
                turn.clone()
            } else {
                Turn::Serve
            }
        })
    }

    /// Has an object, of somebody else.
    pub(crate) fn holding(self, key: &str, body: impl Into<Vec<u8>>) -> Self {
        self.describing(key, body, &[])
    }

    /// Has an object that was stored with these headers.
    pub(crate) fn describing(self, key: &str, body: impl Into<Vec<u8>>, headers: &[(&str, &str)]) -> Self {
        let headers = headers.iter();
        let object = Object {
            body: body.into(),
            headers: headers
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        };
        self.kept.lock().unwrap().objects.insert(key.to_owned(), object);
        self
    }

    /// Has an upload under way, of somebody else: begun at this millisecond.
    pub(crate) fn uploading(self, id: &str, key: &str, number: usize) -> Self {
        let upload = Upload {
            key: key.to_owned(),
            number,
            ..Upload::default()
        };
        self.kept.lock().unwrap().uploads.insert(id.to_owned(), upload);
        self
    }

    /// Received its objects at this time, in RFC 3339, unless they say otherwise by a header `Last-Modified`.
    pub(crate) fn receiving(self, time: &str) -> Self {
        time.clone_into(&mut self.kept.lock().unwrap().received);
        self
    }

    /// Lists this many keys a page.
    pub(crate) fn paged(self, page: usize) -> Self {
        self.kept.lock().unwrap().page = page;
        self
    }

    /// Everything that was asked, in order.
    pub(crate) fn seen(&self) -> Vec<Request> {
        self.kept.lock().unwrap().seen.clone()
    }

    /// What was asked for, in order.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.seen().iter().map(|seen| seen.asks().to_owned()).collect()
    }

    /// The requests that asked for `what`.
    pub(crate) fn those(&self, what: &str) -> Vec<Request> {
        let mut seen = self.seen();
        seen.retain(|seen| seen.asks() == what);
        seen
    }

    pub(crate) fn keys(&self) -> Vec<String> {
        self.kept.lock().unwrap().objects.keys().cloned().collect()
    }

    pub(crate) fn object(&self, key: &str) -> Object {
        self.kept.lock().unwrap().objects[key].clone()
    }

    /// How many uploads were begun and are neither completed nor aborted.
    pub(crate) fn uploads(&self) -> usize {
        self.kept.lock().unwrap().uploads.len()
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Ends every [`Interlude::Hold`].
    pub(crate) fn release(&self) {
        self.kept.lock().unwrap().released = true;
    }

    /// Waits until `count` requests have asked for `what`.
    pub(crate) fn wait_for(&self, what: &str, count: usize) {
        let start = Instant::now();
        while self.those(what).len() < count {
            assert!(
                start.elapsed() < Duration::from_secs(20),
                "no {what} in {:?}",
                self.asked()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// A whole reply; `head` is more header lines, each with its line ending.
pub(crate) fn reply(status: &str, head: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\n{head}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// A refusal in S3's words; `status` is number and reason.
pub(crate) fn error(status: &str, code: &str) -> Vec<u8> {
    let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>so it is</Message></Error>");
    reply(status, "", &body)
}

/// An address where nobody listens.
/// Another loopback address than that of every server here: on theirs the port might be given to the next one that starts.
pub(crate) fn closed() -> String {
    let listener = TcpListener::bind("127.0.0.2:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

fn serve(stream: &TcpStream, decide: &Decide, kept: &Mutex<Kept>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut writer = stream;
    while let Some(mut request) = head(&mut reader)? {
        let before = {
            let kept = kept.lock().unwrap();
            kept.seen.iter().filter(|seen| seen.asks() == request.asks()).count()
        };
        let turn = decide(&request, before);
        if let Turn::Early(bytes) = &turn {
            kept.lock().unwrap().seen.push(request);
            return writer.write_all(bytes);
        }
        if let Turn::EarlyOpen(bytes) = &turn {
            kept.lock().unwrap().seen.push(request);
            writer.write_all(bytes)?;
            let _ = reader.read(&mut [0]);
            return Ok(());
        }
        if request.header("expect") == Some("100-continue") {
            writer.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let length: usize = request.header("content-length").map_or(0, |text| text.parse().unwrap());
        if let Turn::Throttled(time) = turn {
            let mut piece = vec![0; length / 2 / PIECES];
            for _ in 0..PIECES {
                reader.read_exact(&mut piece)?;
                std::thread::sleep(time / u32::try_from(PIECES).unwrap());
            }
            kept.lock().unwrap().seen.push(request);
            return Ok(());
        }
        request.body = vec![0; length];
        reader.read_exact(&mut request.body)?;
        kept.lock().unwrap().seen.push(request.clone());
        match turn {
            Turn::Serve => {}
            Turn::Reply(bytes) => {
                writer.write_all(&bytes)?;
                continue;
            }
            Turn::Last(bytes) => return writer.write_all(&bytes),
            Turn::Trickle(bytes) => {
                writer.write_all(&bytes)?;
                loop {
                    std::thread::sleep(Duration::from_millis(200));
                    writer.write_all(b" ")?;
                }
            }
            Turn::Pieces(pieces) => {
                for piece in pieces {
                    writer.write_all(&piece)?;
                    std::thread::sleep(Duration::from_millis(200));
                }
                continue;
            }
            Turn::Silence => {
                let mut byte = [0];
                let _ = reader.read(&mut byte);
                return Ok(());
            }
            Turn::Lost => {
                answer(&request, kept);
                return Ok(());
            }
            Turn::Done(bytes) => {
                answer(&request, kept);
                writer.write_all(&bytes)?;
                continue;
            }
            Turn::Cut(length) | Turn::Stuck(length) => {
                let whole = answer(&request, kept);
                let end = body_of(&whole) + length;
                writer.write_all(&whole[..end.min(whole.len())])?;
                if matches!(turn, Turn::Stuck(_)) {
                    let _ = reader.read(&mut [0]);
                }
                return Ok(());
            }
            Turn::Edited(old, new) => {
                let whole = answer(&request, kept);
                let (head, body) = whole.split_at(body_of(&whole));
                let head = String::from_utf8_lossy(head);
                assert!(head.contains(old), "no {old} in {head}");
                writer.write_all(head.replacen(old, new, 1).as_bytes())?;
                writer.write_all(body)?;
                continue;
            }
            Turn::After(Interlude::Foreign(body)) => {
                let object = Object {
                    body,
                    headers: Vec::new(),
                };
                kept.lock().unwrap().objects.insert(request.key(), object);
            }
            Turn::After(Interlude::Pause(pause)) => std::thread::sleep(pause),
            Turn::After(Interlude::Hold) => {
                while !kept.lock().unwrap().released {
                    std::thread::sleep(Duration::from_millis(5));
                }
            }
            Turn::Early(_) | Turn::EarlyOpen(_) | Turn::Throttled(_) => unreachable!(),
        }
        writer.write_all(&answer(&request, kept))?;
    }
    Ok(())
}

/// Where the body of a reply begins.
fn body_of(reply: &[u8]) -> usize {
    reply.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4
}

/// The head of the next request; nothing at the end of the connection.
fn head(reader: &mut impl std::io::BufRead) -> std::io::Result<Option<Request>> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        if line.trim().is_empty() {
            break;
        }
        lines.push(line.trim().to_owned());
    }
    let mut words = lines[0].split(' ');
    let method = words.next().unwrap().to_owned();
    let (path, query) = words
        .next()
        .unwrap()
        .split_once('?')
        .unwrap_or((lines[0].split(' ').nth(1).unwrap(), ""));
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(value))
    };
    let header = |line: &String| {
        line.split_once(": ")
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
    };
    Ok(Some(Request {
        method,
        path: decoded(path),
        query: query.split('&').filter(|text| !text.is_empty()).map(pair).collect(),
        headers: lines[1..].iter().filter_map(header).collect(),
        body: Vec::new(),
    }))
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next().unwrap(), rest.next().unwrap()];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// What a store does.
fn answer(request: &Request, kept: &Mutex<Kept>) -> Vec<u8> {
    let mut kept = kept.lock().unwrap();
    let key = request.key();
    let number = kept.seen.len();
    let id = request.query("uploadId").unwrap_or_default().to_owned();
    let taken = request.header("if-none-match") == Some("*") && kept.objects.contains_key(&key);
    // What the object was stored with, as HEAD shows it.
    let own = || {
        let mechanics = [
            "x-amz-date",
            "x-amz-content-sha256",
            "x-amz-security-token",
            "x-amz-tagging",
        ];
        let headers = request.headers.iter();
        let own = headers.filter(|(name, _)| name.starts_with("x-amz-") && !mechanics.contains(&name.as_str()));
        let tags = request
            .header("x-amz-tagging")
            .map(|tags| tags.split('&').count().to_string());
        let count = tags.map(|count| ("x-amz-tagging-count".to_owned(), count));
        own.cloned().chain(count).collect()
    };
    match request.asks() {
        "look" => match kept.objects.get(&key) {
            None => reply("404 Not Found", "", ""),
            Some(object) => {
                let (head, length) = (object.head(), object.body.len());
                format!("HTTP/1.1 200 OK\r\n{head}Content-Length: {length}\r\n\r\n").into_bytes()
            }
        },
        "get" => match kept.objects.get(&key) {
            None => error("404 Not Found", "NoSuchKey"),
            Some(object) => object.sent(request),
        },
        "list" => reply("200 OK", "", &listing(&kept, request)),
        "uploads" => reply("200 OK", "", &in_progress(&kept, request)),
        "put" | "complete" if taken => error("412 Precondition Failed", "PreconditionFailed"),
        "put" => {
            let (body, headers) = (request.body.clone(), own());
            kept.objects.insert(key, Object { body, headers });
            reply("200 OK", "ETag: \"whole\"\r\n", "")
        }
        "begin" => {
            let upload = Upload {
                key: key.clone(),
                number,
                headers: own(),
                parts: BTreeMap::new(),
            };
            kept.uploads.insert(format!("up+{number}/="), upload);
            let body = format!(
                "<InitiateMultipartUploadResult><Bucket>bkt</Bucket><Key>{key}</Key><UploadId>up+{number}/=</UploadId>\
                 </InitiateMultipartUploadResult>"
            );
            reply("200 OK", "", &body)
        }
        "part" => match kept.uploads.get_mut(&id) {
            None => error("404 Not Found", "NoSuchUpload"),
            Some(upload) => {
                let part = request.query("partNumber").unwrap().parse().unwrap();
                upload.parts.insert(part, request.body.clone());
                reply("200 OK", &format!("ETag: \"part {part}\"\r\n"), "")
            }
        },
        "complete" => match kept.uploads.remove(&id) {
            None => error("404 Not Found", "NoSuchUpload"),
            Some(upload) => {
                // Not byte by byte: unoptimised and on a busy machine that outlasts the patience of a program that is being ended.
                let body = upload.parts.into_values().collect::<Vec<_>>().concat();
                let headers = upload.headers;
                kept.objects.insert(upload.key, Object { body, headers });
                completed()
            }
        },
        "abort" if kept.uploads.remove(&id).is_none() => error("404 Not Found", "NoSuchUpload"),
        "abort" => b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(),
        "DELETE" => {
            kept.objects.remove(&key);
            b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()
        }
        _ => error("405 Method Not Allowed", "MethodNotAllowed"),
    }
}

/// The reply to a completion.
pub(crate) fn completed() -> Vec<u8> {
    let body = "<CompleteMultipartUploadResult><ETag>\"all\"</ETag></CompleteMultipartUploadResult>";
    reply("200 OK", "", body)
}

/// The uploads under way. One is a millisecond younger for each request before it.
fn in_progress(kept: &Kept, request: &Request) -> String {
    let prefix = request.query("prefix").unwrap_or_default();
    let mut text = String::from("<ListMultipartUploadsResult><Bucket>bkt</Bucket><IsTruncated>false</IsTruncated>");
    for (id, upload) in kept.uploads.iter().filter(|(_, upload)| upload.key.starts_with(prefix)) {
        text.push_str(&format!(
            "<Upload><Key>{}</Key><UploadId>{id}</UploadId><Initiated>2026-11-24T10:00:00.{:03}Z</Initiated></Upload>",
            upload.key, upload.number
        ));
    }
    text.push_str("</ListMultipartUploadsResult>");
    text
}

/// One page, keys encoded as S3 does; the token is the last key that was listed. By version 1 there is no token.
fn listing(kept: &Kept, request: &Request) -> String {
    let prefix = request.query("prefix").unwrap_or_default();
    let by_token = request.query("list-type") == Some("2");
    let after = if by_token { "continuation-token" } else { "marker" };
    let after = request.query(after).unwrap_or_default();
    let mut keys = kept
        .objects
        .iter()
        .filter(|(key, _)| key.starts_with(prefix) && key.as_str() > after);
    let page: Vec<_> = keys.by_ref().take(kept.page).collect();
    let mut text = format!(
        "<ListBucketResult><Name>bkt</Name><EncodingType>url</EncodingType>\
         <IsTruncated>{}</IsTruncated>",
        keys.next().is_some()
    );
    if let Some((last, _)) = page.last().filter(|_| by_token) {
        text.push_str(&format!("<NextContinuationToken>{last}</NextContinuationToken>"));
    }
    for (key, object) in page {
        let key = key
            .replace('%', "%25")
            .replace('+', "%2B")
            .replace('/', "%2F")
            .replace(' ', "+");
        let received = find(&object.headers, "Last-Modified").unwrap_or(&kept.received);
        text.push_str(&format!(
            "<Contents><Key>{key}</Key><LastModified>{received}</LastModified><Size>{}</Size></Contents>",
            object.body.len()
        ));
    }
    text.push_str("</ListBucketResult>");
    text
}
