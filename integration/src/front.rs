//! A server in front of a real Vault, which answers for it byte for byte as a schedule says, and hands on everything else.
//!
//! What it did is written down, so that a test can tell what really happened from what it meant to happen.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::wait::wait_for;

/// The beginning of a request.
#[derive(Clone, Debug)]
pub struct Request {
    /// `GET`.
    pub method: String,
    /// `/v1/sys/storage/raft/snapshot`, after whatever prefix the client's address has.
    pub path: String,
    /// How many requests for the same path came before.
    pub before: usize,
    head: Vec<u8>,
}

impl Request {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let head = str::from_utf8(&self.head).ok()?;
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        lines
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }
}

/// What is done for a request, in order.
#[derive(Clone, Debug)]
pub enum Step {
    /// These bytes leave.
    Send(Arc<[u8]>),
    /// Nothing moves until the client has gone, or [`Front::release`].
    Hold,
    /// The connection is reset: RST, as when a machine forgets it.
    Reset,
}

/// What is done for a request. A connection whose steps are through is closed properly: FIN.
#[derive(Clone, Debug)]
pub enum Answer {
    /// The server behind answers.
    Behind,
    /// These steps are the answer.
    Steps(Vec<Step>),
}

/// What happened to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happened {
    /// `GET /v1/sys/storage/raft/snapshot`.
    pub line: String,
    /// How many bytes of steps left; none of what the server behind answered is counted.
    pub sent: usize,
    /// Whether the client had closed its side by the end of the steps.
    pub abandoned: bool,
}

type Schedule = dyn Fn(&Request) -> Answer + Send + Sync;

/// The running server; no longer there once dropped.
pub struct Front {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    behind: String,
    schedule: Box<Schedule>,
    gone: AtomicBool,
    released: Mutex<bool>,
    changed: Condvar,
    paths: Mutex<Vec<String>>,
    happened: Mutex<Vec<Happened>>,
}

impl Front {
    /// A server in front of `behind` (host and port) that answers as `schedule` says. It answers one request on each
    /// connection.
    #[must_use]
    pub fn new(behind: &str, schedule: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("listen on loopback");
        let address = listener.local_addr().expect("know the own address");
        let shared = Arc::new(Shared {
            behind: behind.trim_start_matches("http://").into(),
            schedule: Box::new(schedule),
            gone: AtomicBool::new(false),
            released: Mutex::new(false),
            changed: Condvar::new(),
            paths: Mutex::default(),
            happened: Mutex::default(),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if accepting.gone.load(Ordering::SeqCst) {
                    return;
                }
                let shared = Arc::clone(&accepting);
                // A client that goes away early is what tests are about.
                thread::spawn(move || shared.serve(client).ok());
            }
        });
        Self { address, shared }
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What happened so far; a request appears when its steps are through, or the server behind has answered.
    pub fn happened(&self) -> Vec<Happened> {
        lock(&self.shared.happened).clone()
    }

    /// Waits until so many requests for paths with this end have come.
    pub fn wait_for_requests(&self, end: &str, count: usize) {
        wait_for("requests reach the front", || {
            let paths = lock(&self.shared.paths);
            (paths.iter().filter(|path| path.ends_with(end)).count() >= count).then_some(())
        });
    }

    /// Ends every [`Step::Hold`].
    pub fn release(&self) {
        *lock(&self.shared.released) = true;
        self.shared.changed.notify_all();
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.shared.gone.store(true, Ordering::SeqCst);
        self.release();
        // Wakes the accepting thread, which then closes the port.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn serve(&self, mut client: TcpStream) -> io::Result<()> {
        let Some(request) = self.read_head(&mut client)? else {
            return Ok(());
        };
        let line = format!("{} {}", request.method, request.path);
        let (sent, abandoned) = match (self.schedule)(&request) {
            Answer::Behind => {
                self.hand_on(&request, &mut client)?;
                (0, false)
            }
            Answer::Steps(steps) => self.play(&steps, client),
        };
        lock(&self.happened).push(Happened { line, sent, abandoned });
        Ok(())
    }

    fn read_head(&self, client: &mut TcpStream) -> io::Result<Option<Request>> {
        let mut reader = BufReader::with_capacity(1, client);
        let mut head = Vec::new();
        loop {
            let begin = head.len();
            if reader.read_until(b'\n', &mut head)? == 0 {
                return Ok(None);
            }
            if head[begin..] == *b"\r\n" {
                break;
            }
        }
        let text = String::from_utf8_lossy(&head).into_owned();
        let mut words = text.split(' ');
        let method = words.next().unwrap_or_default().to_owned();
        let path = words.next().unwrap_or_default().to_owned();
        let mut paths = lock(&self.paths);
        let before = paths.iter().filter(|seen| **seen == path).count();
        paths.push(path.clone());
        Ok(Some(Request {
            method,
            path,
            before,
            head,
        }))
    }

    /// The request as it came, and the reply as it comes.
    fn hand_on(&self, request: &Request, client: &mut TcpStream) -> io::Result<()> {
        let mut server = TcpStream::connect(&self.behind)?;
        server.write_all(&request.head)?;
        let (mut from, mut to) = (client.try_clone()?, server.try_clone()?);
        thread::spawn(move || {
            // The rest of the request; its end, once the client has the reply, ends the connection behind.
            let _ = io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Write);
        });
        let copied = io::copy(&mut server, client);
        let _ = client.shutdown(Shutdown::Both);
        copied.map(|_| ())
    }

    fn play(&self, steps: &[Step], mut client: TcpStream) -> (usize, bool) {
        let mut sent = 0;
        for step in steps {
            match step {
                Step::Send(bytes) => match client.write_all(bytes) {
                    Ok(()) => sent += bytes.len(),
                    Err(_) => return (sent, true),
                },
                Step::Hold => self.hold(&client),
                Step::Reset => {
                    rustix::net::sockopt::set_socket_linger(&client, Some(Duration::ZERO)).expect("set an option");
                    return (sent, has_gone(&client));
                }
            }
        }
        (sent, has_gone(&client))
    }

    fn hold(&self, client: &TcpStream) {
        let mut released = lock(&self.released);
        while !*released && !has_gone(client) {
            let tick = Duration::from_millis(20);
            (released, _) = self
                .changed
                .wait_timeout(released, tick)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Whether the client has closed its side.
fn has_gone(client: &TcpStream) -> bool {
    client.set_nonblocking(true).expect("set an option");
    let gone = match client.peek(&mut [0]) {
        Ok(0) => true,
        Ok(_) => false,
        Err(error) => error.kind() != io::ErrorKind::WouldBlock,
    };
    client.set_nonblocking(false).expect("set an option");
    gone
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The head of a good reply of Vault's, without what tells where the body ends.
pub const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/gzip\r\nCache-Control: no-store\r\n";

/// One step that sends a text.
#[must_use]
pub fn text(text: &str) -> Step {
    Step::Send(text.as_bytes().into())
}

/// One step that sends `body` in chunks of up to 4 KiB, as Go's server does, without the last one that ends it.
#[must_use]
pub fn chunks(body: &[u8]) -> Step {
    let mut bytes = Vec::with_capacity(body.len() + body.len() / 256 + 16);
    for part in body.chunks(4096) {
        bytes.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
        bytes.extend_from_slice(part);
        bytes.extend_from_slice(b"\r\n");
    }
    Step::Send(bytes.into())
}
