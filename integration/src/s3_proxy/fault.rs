//! What goes wrong, and when.

use std::time::Duration;

use super::{Call, Edit};

/// What becomes of a request.
#[derive(Clone, Debug)]
pub enum Fault {
    /// The connection is reset once the request's head is read; the server hears nothing.
    Reset,
    /// The same after half of its body.
    ResetInBody,
    /// The server does it, and its reply is lost: the connection is reset.
    Lost,
    /// The server hears nothing, and this is answered.
    Instead(Answer),
    /// The same before the body was read; then the connection ends.
    Early(Answer),
    /// The server does it, and this is answered.
    After(Answer),
    /// This is answered, and the server does it so much later.
    Late(Answer, Duration),
    /// The server does it; of its reply the head and half the body pass, or half the head where there is no body. Then the
    /// connection ends.
    Cut,
    /// The server does it; of its reply the head and at most so many bytes of the body pass. Then the connection is reset.
    ResetAt(usize),
    /// The same with exactly so many, and then the connection ends in an orderly way.
    EndAt(usize),
    /// The server does it, and this header of its reply has another value, or is missing.
    Header(&'static str, Option<String>),
    /// The server does it, and the client gets what it got for the first request of this kind.
    Again,
    /// The server does it; half the body of its reply is missing, and the length says so too.
    Shortened,
    /// The server does it, and its reply is changed.
    Edited(Edit),
    /// The server does it; its reply comes so much later.
    Slow(Duration),
    /// The server does it; its reply comes at a byte each 200 ms, as long as the client waits.
    Trickle,
}

/// A reply that no server gave.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Status and reason, for example `503 Slow Down`.
    pub status: String,
    /// Header lines, each with its line ending.
    pub headers: String,
    /// The body.
    pub body: String,
}

impl Answer {
    /// An answer without more headers.
    pub fn new(status: &str, body: &str) -> Self {
        Self {
            status: status.into(),
            headers: String::new(),
            body: body.into(),
        }
    }

    /// An `<Error>` in S3's words.
    pub fn error(status: &str, code: &str) -> Self {
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>as scheduled</Message></Error>"
        );
        Self::new(status, &body)
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push_str(&format!("{name}: {value}\r\n"));
        self
    }

    /// Its bytes; the reply to a HEAD has no body.
    pub(super) fn bytes(&self, call: Call) -> Vec<u8> {
        let body = if call == Call::Look { "" } else { &self.body };
        let (status, headers, length) = (&self.status, &self.headers, body.len());
        format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\n\r\n{body}").into_bytes()
    }
}

/// When something goes wrong: some of the requests that make one call, counted from 1.
#[derive(Clone, Debug)]
pub struct Rule {
    pub(super) call: Call,
    pub(super) first: usize,
    pub(super) last: usize,
    pub(super) fault: Fault,
}

impl Rule {
    /// The first request of this kind.
    pub fn once(call: Call, fault: Fault) -> Self {
        Self::nth(call, 1, fault)
    }

    /// The request of this kind with this number.
    pub fn nth(call: Call, number: usize, fault: Fault) -> Self {
        Self {
            call,
            first: number,
            last: number,
            fault,
        }
    }

    /// All requests of this kind.
    pub fn always(call: Call, fault: Fault) -> Self {
        Self::from(call, 1, fault)
    }

    /// All of this kind from this number on.
    pub fn from(call: Call, number: usize, fault: Fault) -> Self {
        Self {
            call,
            first: number,
            last: usize::MAX,
            fault,
        }
    }

    pub(super) fn holds(&self, call: Call, number: usize) -> bool {
        self.call == call && (self.first..=self.last).contains(&number)
    }
}
