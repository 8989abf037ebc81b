//! A store that keeps nothing: it answers as S3 does and drops what is uploaded inside the kernel, so that a benchmark measures
//! the client and not the server. It checks no signatures and knows only how long each object is.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use rustix::net::{RecvFlags, recv};

use crate::http::{Head, head};

/// How much is dropped at once.
const DROP: usize = 1 << 20;

/// Lengths by path: of whole objects, and of uploads that are not complete yet.
#[derive(Default)]
struct Lengths {
    objects: HashMap<String, u64>,
    uploads: HashMap<String, u64>,
}

/// Begins to listen; the threads run until the program ends.
pub struct Sink {
    address: String,
    lengths: Arc<Mutex<Lengths>>,
}

impl Sink {
    /// Listens on a port of loopback.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("listen on loopback");
        let address = listener.local_addr().expect("know the own address").to_string();
        let lengths = Arc::new(Mutex::new(Lengths::default()));
        let shared = Arc::clone(&lengths);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let lengths = Arc::clone(&shared);
                // That a client goes away is the client's affair.
                thread::spawn(move || serve(&stream, &lengths));
            }
        });
        Self { address, lengths }
    }

    /// Its URL.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How long the object at `path` is, such as `/bucket/key`; it is forgotten.
    pub fn take(&self, path: &str) -> Option<u64> {
        self.lengths.lock().expect("no panic").objects.remove(path)
    }
}

fn serve(stream: &TcpStream, lengths: &Mutex<Lengths>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    while let Some(head) = head(&mut reader)? {
        if head.fields.get("expect").is_some_and(|value| value == "100-continue") {
            (&*stream).write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let length = drop_body(&mut reader, stream, &head)?;
        let reply = reply(&head, length, &mut lengths.lock().expect("no panic"));
        (&*stream).write_all(&reply)?;
    }
    Ok(())
}

/// Reads the body and returns the length of what it carries.
fn drop_body(reader: &mut BufReader<&TcpStream>, stream: &TcpStream, head: &Head) -> io::Result<u64> {
    if head
        .fields
        .get("transfer-encoding")
        .is_some_and(|value| value == "chunked")
    {
        let mut total = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let size = u64::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
            // The line ending behind a chunk; the last one is followed by an empty line as well.
            io::copy(&mut reader.by_ref().take(size + 2), &mut io::sink())?;
            if size == 0 {
                return Ok(total);
            }
            total += size;
        }
    }
    let number = |name: &str| head.fields.get(name).and_then(|value| value.parse::<u64>().ok());
    let length = number("content-length").unwrap_or(0);
    let mut left = length;
    let buffered = left.min(reader.buffer().len() as u64);
    reader.consume(usize::try_from(buffered).expect("it fits"));
    left -= buffered;
    // Linux drops what is asked for with MSG_TRUNC from a TCP stream without copying it (tcp(7)).
    let mut nowhere = vec![0; DROP];
    while left > 0 {
        let most = usize::try_from(left.min(DROP as u64)).expect("it fits");
        let (_, count) = recv(stream, &mut nowhere[..most], RecvFlags::TRUNC)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        left -= count as u64;
    }
    // aws-chunked puts marks between the bytes of an object, and says how many there are without.
    Ok(number("x-amz-decoded-content-length").unwrap_or(length))
}

fn reply(head: &Head, length: u64, lengths: &mut Lengths) -> Vec<u8> {
    let path = &head.path;
    let is_upload = head.query.contains("uploadId=");
    match head.method.as_str() {
        "HEAD" | "GET" if !head.query.contains("list-type") && lengths.objects.contains_key(path) => {
            let length = lengths.objects[path];
            format!(
                "HTTP/1.1 200 OK\r\nETag: \"none\"\r\nLast-Modified: Tue, 24 Nov 2026 10:00:00 GMT\r\nContent-Length: {length}\r\n\r\n"
            )
            .into_bytes()
        }
        "HEAD" => answer("404 Not Found", "", ""),
        "GET" => answer(
            "200 OK",
            "",
            "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>",
        ),
        "POST" if head.query.contains("uploads") => {
            lengths.uploads.insert(path.clone(), 0);
            let body = "<InitiateMultipartUploadResult><Bucket>bench</Bucket><Key>k</Key><UploadId>u</UploadId>\
                        </InitiateMultipartUploadResult>";
            answer("200 OK", "", body)
        }
        "PUT" if is_upload => {
            *lengths.uploads.entry(path.clone()).or_default() += length;
            answer("200 OK", "ETag: \"none\"\r\n", "")
        }
        "POST" if is_upload => {
            let whole = lengths.uploads.remove(path).unwrap_or(0);
            lengths.objects.insert(path.clone(), whole);
            let body = "<CompleteMultipartUploadResult><ETag>\"none\"</ETag></CompleteMultipartUploadResult>";
            answer("200 OK", "", body)
        }
        "PUT" => {
            lengths.objects.insert(path.clone(), length);
            answer("200 OK", "ETag: \"none\"\r\n", "")
        }
        "DELETE" => answer("204 No Content", "", ""),
        _ => answer("405 Method Not Allowed", "", ""),
    }
}

fn answer(status: &str, fields: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\n{fields}Content-Type: application/xml\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_knows_how_long_an_object_of_parts_is_and_keeps_nothing() {
        let sink = Sink::start();
        let url = |query: &str| format!("{}/b/k{query}", sink.endpoint());
        let agent = ureq::agent();
        agent.post(url("?uploads")).send("").unwrap();
        for number in 1..=2 {
            let part = vec![7_u8; 3 << 20];
            agent
                .put(url(&format!("?partNumber={number}&uploadId=u")))
                .send(&part[..])
                .unwrap();
        }
        assert_eq!(sink.take("/b/k"), None);
        agent.post(url("?uploadId=u")).send("<x/>").unwrap();
        assert_eq!(sink.take("/b/k"), Some(6 << 20));
        assert_eq!(sink.take("/b/k"), None);
    }

    #[test]
    fn a_chunked_body_counts_as_well() {
        let sink = Sink::start();
        let body = vec![7_u8; 100_000];
        let mut source = &body[..];
        ureq::agent()
            .put(format!("{}/b/k", sink.endpoint()))
            .send(ureq::SendBody::from_reader(&mut source))
            .unwrap();
        assert_eq!(sink.take("/b/k"), Some(100_000));
    }
}
