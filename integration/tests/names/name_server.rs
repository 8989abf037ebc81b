//! A name server that answers as a test says (RFC 1035), on the port where a resolver looks for one.

use std::net::UdpSocket;
use std::sync::{Arc, Mutex};
use std::thread;

/// Where it listens, in a network namespace of the test's own.
pub(crate) const ADDRESS: &str = "127.0.0.53";

pub(crate) const SERVFAIL: Answer = Answer::Code(2);
pub(crate) const NXDOMAIN: Answer = Answer::Code(3);
pub(crate) const NOTIMP: Answer = Answer::Code(4);
pub(crate) const REFUSED: Answer = Answer::Code(5);

/// Which addresses a question is about.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    V4,
    V6,
}

/// What is answered.
#[derive(Clone, Copy)]
pub(crate) enum Answer {
    /// The loopback address of the family.
    Here,
    /// The name is known, and has no such address.
    Empty,
    /// A failure.
    Code(u8),
    /// Nothing at all.
    Silence,
}

type Rule = Box<dyn Fn(&str, Family) -> Answer + Send>;

/// The server; it ends with the process, which has a namespace of its own.
pub(crate) struct NameServer(Arc<Mutex<Rule>>);

impl NameServer {
    /// Answers nothing but that it knows no name.
    pub(crate) fn start() -> Self {
        let socket = UdpSocket::bind((ADDRESS, 53)).expect("listen where name servers do");
        let rule: Arc<Mutex<Rule>> = Arc::new(Mutex::new(Box::new(|_, _| NXDOMAIN)));
        let rules = Arc::clone(&rule);
        thread::spawn(move || {
            let mut packet = [0; 512];
            while let Ok((length, client)) = socket.recv_from(&mut packet) {
                if let Some(reply) = reply(&packet[..length], &**rules.lock().unwrap()) {
                    let _ = socket.send_to(&reply, client);
                }
            }
        });
        Self(rule)
    }

    /// Answers by `rule` from now on.
    pub(crate) fn answer(&self, rule: impl Fn(&str, Family) -> Answer + Send + 'static) {
        *self.0.lock().unwrap() = Box::new(rule);
    }
}

/// The reply to `question`, which has one name; none where silence is the answer.
fn reply(question: &[u8], rule: &(dyn Fn(&str, Family) -> Answer + Send)) -> Option<Vec<u8>> {
    let mut labels = Vec::new();
    let mut at = 12;
    while question[at] > 0 {
        let end = at + 1 + usize::from(question[at]);
        labels.push(String::from_utf8_lossy(&question[at + 1..end]).into_owned());
        at = end;
    }
    let end = at + 5;
    let (family, data): (_, &[u8]) = match question[at + 2] {
        1 => (Family::V4, &[127, 0, 0, 1]),
        28 => (Family::V6, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
        _ => return None,
    };
    let answer = rule(&labels.join("."), family);
    let (code, count) = match answer {
        Answer::Here => (0, 1),
        Answer::Empty => (0, 0),
        Answer::Code(code) => (code, 0),
        Answer::Silence => return None,
    };
    let mut reply = question[..2].to_vec();
    reply.extend([0x81, 0x80 | code, 0, 1, 0, count, 0, 0, 0, 0]);
    reply.extend(&question[12..end]);
    if count > 0 {
        // The same name, the same kind, for five seconds.
        reply.extend([
            0xc0,
            12,
            0,
            question[at + 2],
            0,
            1,
            0,
            0,
            0,
            5,
            0,
            u8::try_from(data.len()).ok()?,
        ]);
        reply.extend(data);
    }
    Some(reply)
}
