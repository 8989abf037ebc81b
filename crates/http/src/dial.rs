//! Connects to one of a host's addresses.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use socket2::{Domain, Socket, Type};

use crate::TransportError;

/// How long an address is tried alone before the next one is tried beside it (RFC 8305, 5: Connection Attempt Delay).
const HEAD_START: Duration = Duration::from_millis(250);

/// A connected, blocking socket to the first of `addresses` that accepts, within `limit`.
///
/// They are tried side by side, each 250 ms after the one before, or as soon as one has failed (RFC 8305): behind an IPv6 address
/// that swallows packets, the IPv4 address is reached a quarter of a second later.
///
/// # Errors
/// Why the last one that failed did, or that none accepted in time. Nothing was sent.
pub(crate) fn dial(addresses: &[SocketAddr], limit: Option<Duration>) -> Result<Socket, TransportError> {
    let deadline = limit.map(|limit| Instant::now() + limit);
    let mut untried = addresses.iter();
    let mut pending: Vec<Socket> = Vec::new();
    let mut failure = TransportError::unsent("the host has no address");
    let mut due = Instant::now();
    loop {
        while pending.is_empty() || Instant::now() >= due {
            let Some(address) = untried.next() else { break };
            match begin(address) {
                Ok((socket, true)) => return established(socket),
                Ok((socket, false)) => {
                    pending.push(socket);
                    due = Instant::now() + HEAD_START;
                }
                Err(error) => failure = refused(&error),
            }
        }
        if pending.is_empty() {
            return Err(failure);
        }
        let next = (untried.len() > 0).then_some(due);
        if !wait(&pending, [deadline, next].into_iter().flatten().min())
            && deadline.is_some_and(|deadline| Instant::now() >= deadline)
        {
            return Err(TransportError::unsent("no connection in time"));
        }
        let mut still = Vec::new();
        for socket in pending {
            match progress(&socket) {
                Some(Ok(())) => return established(socket),
                Some(Err(error)) => {
                    failure = refused(&error);
                    due = Instant::now();
                }
                None => still.push(socket),
            }
        }
        pending = still;
    }
}

/// A socket that is connecting, and whether it is connected already.
fn begin(address: &SocketAddr) -> io::Result<(Socket, bool)> {
    let socket = Socket::new(Domain::for_address(*address), Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    match socket.connect(&(*address).into()) {
        Ok(()) => Ok((socket, true)),
        // A connection that a signal interrupts goes on in the background as well.
        Err(error) => match Errno::from_io_error(&error) {
            Some(Errno::INPROGRESS | Errno::INTR) => Ok((socket, false)),
            _ => Err(error),
        },
    }
}

/// Waits until one of `sockets` is connected or has failed; false at the time `until`, or after a signal.
fn wait(sockets: &[Socket], until: Option<Instant>) -> bool {
    let left = until.map(|until| until.saturating_duration_since(Instant::now()));
    let left = left.and_then(|left| Timespec::try_from(left).ok());
    let mut polled: Vec<_> = sockets
        .iter()
        .map(|socket| PollFd::new(socket, PollFlags::OUT))
        .collect();
    poll(&mut polled, left.as_ref()).is_ok_and(|ready| ready > 0)
}

/// What has become of a connection; absent while it is still being made.
fn progress(socket: &Socket) -> Option<io::Result<()>> {
    let mut polled = [PollFd::new(socket, PollFlags::OUT)];
    match poll(&mut polled, Some(&Timespec::default())) {
        Ok(ready) if ready > 0 => Some(match socket.take_error() {
            Ok(None) => Ok(()),
            Ok(Some(error)) | Err(error) => Err(error),
        }),
        _ => None,
    }
}

fn established(socket: Socket) -> Result<Socket, TransportError> {
    let is_ready = socket
        .set_nonblocking(false)
        .and_then(|()| socket.set_tcp_nodelay(true));
    is_ready.map(|()| socket).map_err(|error| refused(&error))
}

fn refused(error: &io::Error) -> TransportError {
    let Some(number) = Errno::from_io_error(error) else {
        return TransportError::unsent(error.to_string());
    };
    match number {
        Errno::CONNREFUSED => TransportError::unsent("connection refused"),
        Errno::HOSTUNREACH | Errno::NETUNREACH => TransportError::unsent("host unreachable"),
        Errno::TIMEDOUT => TransportError::unsent("no connection in time"),
        Errno::PERM | Errno::ACCESS => TransportError::unsent("this machine does not let the connection out")
            .advise("a firewall rule or a network policy forbids it"),
        Errno::ADDRNOTAVAIL | Errno::AFNOSUPPORT => {
            TransportError::unsent("this machine has no address from which the server's can be reached")
        }
        Errno::NETDOWN => TransportError::unsent("this machine's network is down"),
        _ => TransportError::unsent(format!("no connection: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// An address that swallows packets, as long as the sockets live: a listener whose queue is full.
    fn swallowing() -> (SocketAddr, Vec<Socket>) {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        listener.bind(&any.into()).unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap().as_socket().unwrap();
        let mut held = vec![listener];
        // The kernel takes one or two more than it says.
        loop {
            let (socket, _) = begin(&address).unwrap();
            let connected = wait(
                std::slice::from_ref(&socket),
                Some(Instant::now() + Duration::from_millis(300)),
            );
            held.push(socket);
            if !connected {
                return (address, held);
            }
        }
    }

    #[test]
    fn an_address_that_swallows_packets_costs_a_quarter_of_a_second() {
        let (dead, _held) = swallowing();
        let live = TcpListener::bind("127.0.0.1:0").unwrap();
        let start = Instant::now();
        dial(&[dead, live.local_addr().unwrap()], Some(Duration::from_secs(10))).unwrap();
        assert!(start.elapsed() >= HEAD_START, "{:?}", start.elapsed());
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    }

    #[test]
    fn an_address_that_refuses_costs_nothing() {
        let refusing: SocketAddr = "127.0.0.2:1".parse().unwrap();
        let live = TcpListener::bind("127.0.0.1:0").unwrap();
        let start = Instant::now();
        dial(
            &[refusing, refusing, live.local_addr().unwrap()],
            Some(Duration::from_secs(10)),
        )
        .unwrap();
        assert!(start.elapsed() < HEAD_START, "{:?}", start.elapsed());
    }

    #[test]
    fn the_limit_is_for_all_addresses_together() {
        let (dead, _held) = swallowing();
        let start = Instant::now();
        let error = dial(&[dead, dead], Some(Duration::from_millis(400))).unwrap_err();
        assert_eq!(error.to_string(), "no connection in time");
        assert!(start.elapsed() >= Duration::from_millis(400), "{:?}", start.elapsed());
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    }

    #[test]
    fn every_errno_of_a_connection_means_that_nothing_was_sent() {
        for number in 1..134 {
            let error = refused(&io::Error::from_raw_os_error(number));
            assert_eq!(error.phase(), crate::Phase::Connect, "{error}");
            assert!(error.is_transient(), "{error}");
        }
    }
}
