//! A store with one object in the page cache: what it sends never passes through this process, so that a benchmark measures the
//! client and not the server. It checks no signatures.

use std::fs::File;
use std::io::{self, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use rustix::fs::sendfile;

use crate::http::head;

/// The most that is sent at once.
const PIECE: u64 = 1 << 20;

/// What is asked for, whatever the key is.
type Object = Arc<Mutex<Arc<File>>>;

/// Begins to listen; the threads run until the program ends.
pub struct Source {
    address: String,
    object: Object,
}

impl Source {
    /// Listens on a port of loopback, and sends `object`.
    pub fn start(object: File) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("listen on loopback");
        let address = listener.local_addr().expect("know the own address").to_string();
        let object: Object = Arc::new(Mutex::new(Arc::new(object)));
        let shared = Arc::clone(&object);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let object = Arc::clone(&shared);
                // That a client goes away is the client's affair.
                thread::spawn(move || serve(&stream, &object));
            }
        });
        Self { address, object }
    }

    /// Sends another object from now on.
    pub fn hold(&self, object: File) {
        *self.object.lock().expect("no panic") = Arc::new(object);
    }

    /// Its URL.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }
}

fn serve(mut stream: &TcpStream, object: &Object) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    while let Some(head) = head(&mut reader)? {
        let file = Arc::clone(&object.lock().expect("no panic"));
        let size = file.metadata()?.len();
        let range = head.fields.get("range").and_then(|range| parse(range, size));
        let (first, end) = range.unwrap_or((0, size));
        let status = range.map_or("200 OK".to_owned(), |_| {
            format!("206 Partial Content\r\nContent-Range: bytes {first}-{}/{size}", end - 1)
        });
        write!(
            stream,
            "HTTP/1.1 {status}\r\nETag: \"one\"\r\nLast-Modified: Tue, 24 Nov 2026 10:00:00 GMT\r\nAccept-Ranges: bytes\r\n\
             Content-Type: application/gzip\r\nContent-Length: {}\r\n\r\n",
            end - first
        )?;
        if head.method == "HEAD" {
            continue;
        }
        let mut place = first;
        while place < end {
            let most = usize::try_from((end - place).min(PIECE)).expect("it fits");
            if sendfile(stream, &*file, Some(&mut place), most)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
    Ok(())
}

/// First byte and end of `bytes=FIRST-LAST`, of which LAST may be missing.
fn parse(range: &str, size: u64) -> Option<(u64, u64)> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let end = last.parse().map_or(size, |last: u64| size.min(last + 1));
    Some((first.parse().ok()?, end))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn it_sends_the_object_or_the_range_that_is_asked_for() {
        let mut file = tempfile();
        file.write_all(b"0123456789").unwrap();
        let source = Source::start(file);
        let get = |range: Option<&str>| {
            let request = ureq::get(format!("{}/b/k", source.endpoint()));
            let request = match range {
                Some(range) => request.header("range", range),
                None => request,
            };
            request.call().unwrap().body_mut().read_to_string().unwrap()
        };
        assert_eq!(get(None), "0123456789");
        assert_eq!(get(Some("bytes=3-")), "3456789");
        assert_eq!(get(Some("bytes=3-4")), "34");
        assert_eq!(get(Some("bytes=8-99")), "89");
    }

    fn tempfile() -> File {
        let path = std::env::temp_dir().join(format!("snapline-source-{}", std::process::id()));
        let file = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)
            .unwrap();
        std::fs::remove_file(path).unwrap();
        file
    }
}
