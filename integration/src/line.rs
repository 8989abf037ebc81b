//! A slow network line to a real server: lets a bounded number of bytes through each connection, then holds them.
//!
//! Killing something "in the middle" of a transfer is a race on loopback, unless the middle can be made to last.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

/// A port on loopback that leads to a server; no longer there once dropped.
pub struct Line {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    server: String,
    allowance: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    held: usize,
    released: bool,
    cut: bool,
    open: Vec<TcpStream>,
}

impl Line {
    /// A line to `server` on which each connection may send `allowance` bytes to it. Replies are not limited.
    #[must_use]
    pub fn new(server: &str, allowance: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("listen on loopback");
        let address = listener.local_addr().expect("know the own address");
        let state = Mutex::new(State::default());
        let shared = Arc::new(Shared {
            server: server.into(),
            allowance,
            state,
            changed: Condvar::new(),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || accepting.accept(&listener));
        Self { address, shared }
    }

    /// Where it begins, as a URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many connections are being held.
    pub fn held(&self) -> usize {
        self.shared.state().held
    }

    /// Lets everything through from now on.
    pub fn release(&self) {
        self.shared.state().released = true;
        self.shared.changed.notify_all();
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.cut = true;
        for stream in state.open.drain(..) {
            // Already closed by its peer, perhaps.
            let _ = stream.shutdown(Shutdown::Both);
        }
        drop(state);
        self.shared.changed.notify_all();
        // Wakes the accepting thread, which then closes the port.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accept(self: Arc<Self>, listener: &TcpListener) {
        for client in listener.incoming() {
            if self.state().cut {
                return;
            }
            // A server that is gone refuses: its client sees the connection end.
            if let Ok(client) = client
                && let Ok(server) = TcpStream::connect(&self.server)
            {
                self.join(&client, &server).expect("copy handles of sockets");
            }
        }
    }

    fn join(self: &Arc<Self>, client: &TcpStream, server: &TcpStream) -> io::Result<()> {
        self.state().open.extend([client.try_clone()?, server.try_clone()?]);
        let (mut from, mut to) = (client.try_clone()?, server.try_clone()?);
        let shared = Arc::clone(self);
        thread::spawn(move || shared.send(&mut from, &mut to));
        let (mut from, mut to) = (server.try_clone()?, client.try_clone()?);
        thread::spawn(move || {
            // However it ends, the other side learns that it did.
            let _ = io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Both);
        });
        Ok(())
    }

    fn send(&self, from: &mut TcpStream, to: &mut TcpStream) {
        let mut buffer = vec![0; 64 * 1024];
        let mut sent = 0;
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            sent += length;
            if sent > self.allowance {
                self.hold();
            }
            if to.write_all(&buffer[..length]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Write);
    }

    fn hold(&self) {
        let mut state = self.state();
        state.held += 1;
        let held = |state: &mut State| !state.released && !state.cut;
        state = self
            .changed
            .wait_while(state, held)
            .unwrap_or_else(PoisonError::into_inner);
        state.held -= 1;
    }
}
