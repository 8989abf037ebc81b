//! The listener, and what it does with each request.

use std::collections::HashMap;
use std::io::{self, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;

use super::edit::with_header;
use super::message::{Message, exactly, header, length, read_head};
use super::{Answer, Call, Fault, Rule};

/// Between two bytes of a reply that trickles.
const TRICKLE: Duration = Duration::from_millis(200);

/// A port on loopback that leads to a server; no longer there once dropped.
pub struct S3Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

/// A request that came, and what became of it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// `Range` as sent.
    pub range: Option<String>,
    /// `If-Match` as sent.
    pub condition: Option<String>,
    /// What it asked for.
    pub call: Call,
    /// The how many-th of its kind it was, from 1.
    pub number: usize,
    /// Path and query as sent.
    pub target: String,
    /// What went wrong; nothing if it passed.
    pub fault: Option<Fault>,
    /// What the server said to it; nothing if it heard nothing of it.
    pub status: Option<u16>,
    /// The id of the upload that the server began.
    pub upload: Option<String>,
}

struct Shared {
    server: String,
    rules: Vec<Rule>,
    state: Mutex<State>,
    ended: AtomicBool,
}

#[derive(Default)]
struct State {
    counts: HashMap<Call, usize>,
    /// The server's first reply to each kind of request that may be answered with it again.
    first: HashMap<Call, Vec<u8>>,
    seen: Vec<Seen>,
}

/// A request whose head was read.
struct Request {
    call: Call,
    head: Vec<u8>,
    /// Its place in the list of what was seen.
    place: usize,
}

impl S3Proxy {
    /// A proxy in front of `server` (host and port). The first rule that holds for a request decides.
    #[must_use]
    pub fn new(server: &str, rules: Vec<Rule>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("listen on loopback");
        let address = listener.local_addr().expect("know the own address");
        let shared = Arc::new(Shared {
            server: server.into(),
            rules,
            state: Mutex::default(),
            ended: AtomicBool::new(false),
        });
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if serving.ended.load(Ordering::SeqCst) {
                    return;
                }
                let serving = Arc::clone(&serving);
                // That a client went away is the client's affair; what it asked for is in the list.
                thread::spawn(move || serving.serve(&client));
            }
        });
        Self { address, shared }
    }

    /// Where it is, as a URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Everything that was asked for so far, in order.
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.state().seen.clone()
    }
}

impl Drop for S3Proxy {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        // Wakes the accepting thread, which then closes the port.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(self: &Arc<Self>, client: &TcpStream) -> io::Result<()> {
        client.set_nodelay(true)?;
        let mut reader = BufReader::new(client);
        while let Some(head) = read_head(&mut reader)? {
            let (request, fault) = self.note(head);
            let whole = length(&request.head).unwrap_or(0);
            match &fault {
                Some(Fault::Reset) => return reset(client),
                Some(Fault::Early(answer)) => return send(client, &answer.bytes(request.call)),
                _ => {}
            }
            if header(&request.head, "expect").is_some() {
                send(client, b"HTTP/1.1 100 Continue\r\n\r\n")?;
            }
            if matches!(fault, Some(Fault::ResetInBody)) {
                exactly(&mut reader, whole / 2)?;
                return reset(client);
            }
            let body = exactly(&mut reader, whole)?;
            if !self.answer(client, &request, body, fault)? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Puts a request on the list, and finds what is to become of it.
    fn note(&self, head: Vec<u8>) -> (Request, Option<Fault>) {
        let text = String::from_utf8_lossy(&head).into_owned();
        let mut words = text.split(' ');
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let call = Call::of(method, target);
        let mut state = self.state();
        let count = state.counts.entry(call).or_default();
        *count += 1;
        let number = *count;
        let rule = self.rules.iter().find(|rule| rule.holds(call, number));
        let fault = rule.map(|rule| rule.fault.clone());
        let place = state.seen.len();
        state.seen.push(Seen {
            range: header(&head, "range").map(str::to_owned),
            condition: header(&head, "if-match").map(str::to_owned),
            call,
            number,
            target: target.to_owned(),
            fault: fault.clone(),
            status: None,
            upload: None,
        });
        (Request { call, head, place }, fault)
    }

    /// Says whether the connection goes on.
    fn answer(
        self: &Arc<Self>,
        client: &TcpStream,
        request: &Request,
        body: Vec<u8>,
        fault: Option<Fault>,
    ) -> io::Result<bool> {
        let fault = match fault {
            Some(Fault::Instead(answer)) => return sent(client, &answer, request.call),
            Some(Fault::Late(answer, delay)) => {
                let (this, call, head, place) = (Arc::clone(self), request.call, request.head.clone(), request.place);
                thread::spawn(move || {
                    thread::sleep(delay);
                    this.forward(&Request { call, head, place }, &body)
                });
                return sent(client, &answer, request.call);
            }
            other => other,
        };
        let reply = self.forward(request, &body)?;
        let half = reply.content.len() / 2;
        match fault {
            Some(Fault::Lost) => reset(client).map(|()| false),
            Some(Fault::After(answer)) => sent(client, &answer, request.call),
            Some(Fault::ResetAt(length)) => {
                send(client, &reply.bytes()[..reply.head.len() + length])?;
                reset(client).map(|()| false)
            }
            Some(Fault::EndAt(length)) => {
                send(client, &reply.bytes()[..reply.head.len() + length])?;
                client.shutdown(Shutdown::Both).map(|()| false)
            }
            Some(Fault::Header(name, value)) => {
                let head = with_header(&String::from_utf8_lossy(&reply.head), name, value.as_deref());
                send(client, &[head.as_bytes(), &reply.body].concat())?;
                // Its length may be wrong, and then nobody knows where the next reply would begin.
                client.shutdown(Shutdown::Both).map(|()| false)
            }
            Some(Fault::Again) => {
                let first = self.state().first.get(&request.call).cloned();
                send(client, &first.expect("a first reply")).map(|()| true)
            }
            Some(Fault::Cut) => {
                let bytes = reply.bytes();
                let end = if reply.body.is_empty() {
                    reply.head.len() / 2
                } else {
                    reply.head.len() + reply.body.len() / 2
                };
                send(client, &bytes[..end])?;
                client.shutdown(Shutdown::Both).map(|()| false)
            }
            Some(Fault::Shortened) => {
                let text = String::from_utf8_lossy(&reply.content[..half]).into_owned();
                sent(client, &Answer::new("200 OK", &text), request.call)
            }
            Some(Fault::Edited(edit)) => send(client, &edit.apply(&reply)).map(|()| true),
            Some(Fault::Slow(time)) => {
                thread::sleep(time);
                send(client, &reply.bytes()).map(|()| true)
            }
            Some(Fault::Trickle) => {
                for byte in reply.bytes() {
                    send(client, &[byte])?;
                    thread::sleep(TRICKLE);
                }
                Ok(true)
            }
            _ => send(client, &reply.bytes()).map(|()| true),
        }
    }

    /// Hands a request to the server as it came, on a connection of its own.
    fn forward(&self, request: &Request, body: &[u8]) -> io::Result<Message> {
        let mut server = TcpStream::connect(&self.server)?;
        server.set_nodelay(true)?;
        server.write_all(&request.head)?;
        server.write_all(body)?;
        let reply = Message::read_reply(&mut BufReader::new(&server), request.call == Call::Look)?;
        let text = String::from_utf8_lossy(&reply.content);
        let upload = text
            .split_once("<UploadId>")
            .and_then(|(_, rest)| rest.split_once("</UploadId>"))
            .map(|(id, _)| id.to_owned());
        let mut state = self.state();
        let seen = &mut state.seen[request.place];
        seen.status = Some(reply.status());
        seen.upload = upload;
        if request.call == Call::Get {
            state.first.entry(request.call).or_insert_with(|| reply.bytes());
        }
        drop(state);
        Ok(reply)
    }
}

fn sent(client: &TcpStream, answer: &Answer, call: Call) -> io::Result<bool> {
    send(client, &answer.bytes(call)).map(|()| true)
}

fn send(mut client: &TcpStream, bytes: &[u8]) -> io::Result<()> {
    client.write_all(bytes)
}

/// Ends a connection with a reset instead of an orderly end.
fn reset(client: &TcpStream) -> io::Result<()> {
    // The handle that closes last decides: this one shares its socket with the caller's, which is dropped right after.
    set_socket_linger(client, Some(Duration::ZERO))?;
    Ok(())
}
