//! A TCP port in the place of a monitor's own, or of a serial device server: one host at a time, as those have it.

use std::collections::VecDeque;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use rustix::net::sockopt;

/// What may wait for a reader, bytes: as much as on a serial line. What does not fit is lost.
const WAITING_MAX: usize = 64 * 1024;

/// The device's end of a connection.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    at: SocketAddr,
    host: Option<TcpStream>,
    waiting: VecDeque<u8>,
}

impl Server {
    /// Listens.
    pub fn open(at: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(at)?;
        listener.set_nonblocking(true)?;
        let at = listener.local_addr()?;
        Ok(Self { listener, at, host: None, waiting: VecDeque::new() })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.at
    }

    /// Whether a host is connected.
    pub fn is_open(&mut self) -> bool {
        self.look();
        self.host.is_some()
    }

    /// Sends bytes; while no host is connected they are gone. Returns whether all found room.
    pub fn send(&mut self, bytes: &[u8]) -> bool {
        if !self.is_open() {
            return false;
        }
        let fits = self.waiting.len() + bytes.len() <= WAITING_MAX;
        if fits {
            self.waiting.extend(bytes);
        }
        self.flush();
        fits && self.host.is_some()
    }

    /// What the host has sent since the last call.
    pub fn receive(&mut self) -> Vec<u8> {
        let mut received = Vec::new();
        if !self.is_open() {
            return received;
        }
        self.flush();
        let mut some = [0; 512];
        while let Some(Ok(count @ 1..)) = self.host.as_mut().map(|it| it.read(&mut some)) {
            received.extend_from_slice(some.get(..count).unwrap_or_default());
        }
        received
    }

    /// Ends the connection as a device does that is gone: without a goodbye, and without what the host has not read yet.
    pub fn reset(self) {
        if let Some(host) = self.host {
            // A host that has gone itself needs none.
            let _ = sockopt::set_socket_linger(&host, Some(Duration::ZERO));
        }
    }

    /// Takes a host that has come, and lets one go that has gone.
    fn look(&mut self) {
        let gone = |it: &TcpStream| match it.peek(&mut [0]) {
            Ok(count) => count == 0,
            Err(error) => error.kind() != io::ErrorKind::WouldBlock,
        };
        if self.host.as_ref().is_some_and(gone) {
            self.host = None;
        }
        while let Ok((host, _)) = self.listener.accept() {
            // Another one beside it is sent away.
            if self.host.is_none() && host.set_nonblocking(true).and_then(|()| host.set_nodelay(true)).is_ok()
            {
                self.host = Some(host);
                self.waiting.clear();
            }
        }
    }

    fn flush(&mut self) {
        while let (Some(host), false) = (self.host.as_mut(), self.waiting.is_empty()) {
            let (front, _) = self.waiting.as_slices();
            match host.write(front) {
                Ok(written @ 1..) => drop(self.waiting.drain(..written)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Ok(_) | Err(_) => self.host = None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open() -> Server {
        Server::open("127.0.0.1:0".parse().unwrap()).unwrap()
    }

    #[test]
    fn bytes_pass_both_ways_and_one_host_has_it_at_a_time() {
        let mut server = open();
        assert!(!server.is_open() && !server.send(b"lost"));
        let all: Vec<u8> = (0..=255).collect();
        for _ in 0..2 {
            let mut host = TcpStream::connect(server.address()).unwrap();
            assert!(server.send(&all));
            let mut read = vec![0; 256];
            host.read_exact(&mut read).unwrap();
            assert_eq!(read, all);
            host.write_all(&all).unwrap();
            let mut received = Vec::new();
            while received.len() < all.len() {
                received.extend(server.receive());
            }
            assert_eq!(received, all);
            let mut second = TcpStream::connect(server.address()).unwrap();
            assert!(server.is_open());
            assert_eq!(second.read(&mut read).unwrap(), 0, "it is sent away");
            drop(host);
            while server.is_open() {}
        }
    }

    #[test]
    fn a_reset_is_none_of_a_connection_that_ends_in_order() {
        let mut server = open();
        let at = server.address();
        let mut host = TcpStream::connect(at).unwrap();
        assert!(server.send(b"half a fra"));
        server.reset();
        let error = host.read_to_end(&mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        assert_eq!(TcpStream::connect(at).unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        // It can be plugged in again at the same port; an ordinary end brings all that was sent.
        let mut server = Server::open(at).unwrap();
        let mut host = TcpStream::connect(at).unwrap();
        assert!(server.send(b"all"));
        drop(server);
        let mut read = Vec::new();
        host.read_to_end(&mut read).unwrap();
        assert_eq!(read, b"all");
    }

    #[test]
    fn a_slow_reader_gets_everything_up_to_the_bound() {
        let mut server = open();
        let mut host = TcpStream::connect(server.address()).unwrap();
        let chunk = vec![7; 32 * 1024];
        let mut sent = 0;
        // The kernel's buffers first, then ours.
        while server.send(&chunk) {
            sent += chunk.len();
        }
        host.set_nonblocking(true).unwrap();
        let (mut read, mut some) = (0, vec![0; 4096]);
        while read < sent {
            read += host.read(&mut some).unwrap_or(0);
            assert!(server.receive().is_empty());
        }
        assert_eq!(read, sent);
    }
}
