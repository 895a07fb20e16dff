//! A UDP port in the place of a monitor's: it answers whoever spoke to it last.
//!
//! UDP knows no connection. That the host has gone a monitor never learns; here it matters, for what nobody heard was not
//! said. On one machine the kernel tells it with the answer to what is sent, to a socket that is connected: so it is, for
//! as long as each datagram takes.

use std::io;
use std::net::{SocketAddr, UdpSocket};

use rustix::net::connect_unspec;

/// More than any datagram of a host.
const DATAGRAM_MAX: usize = 4096;

/// The device's end of datagrams.
#[derive(Debug)]
pub struct Datagrams {
    socket: UdpSocket,
    at: SocketAddr,
    host: Option<SocketAddr>,
}

impl Datagrams {
    /// Listens.
    pub fn open(at: SocketAddr) -> io::Result<Self> {
        // Only a port that was asked for stays when a socket is connected no longer.
        let at = if at.port() == 0 { UdpSocket::bind(at)?.local_addr()? } else { at };
        let socket = UdpSocket::bind(at)?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket, at, host: None })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.at
    }

    /// Whether a host has spoken, and is still there as far as is known.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.host.is_some()
    }

    /// Sends one datagram to the host. Returns whether it left, and was not sent back at once.
    pub fn send(&mut self, datagram: &[u8]) -> bool {
        let Some(host) = self.host else { return false };
        let sent = self.socket.connect(host).and_then(|()| self.socket.send(datagram));
        let refused = self.socket.take_error();
        let free = connect_unspec(&self.socket);
        let left = sent.is_ok() && matches!(refused, Ok(None)) && free.is_ok();
        if !left {
            self.host = None;
        }
        left
    }

    /// The datagrams that have come since the last call.
    pub fn receive(&mut self) -> Vec<Vec<u8>> {
        let (mut received, mut some) = (Vec::new(), [0; DATAGRAM_MAX]);
        while let Ok((count, host)) = self.socket.recv_from(&mut some) {
            self.host = Some(host);
            received.push(some.get(..count).unwrap_or_default().to_vec());
        }
        received
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(device: &Datagrams) -> UdpSocket {
        let host = UdpSocket::bind("127.0.0.1:0").unwrap();
        host.connect(device.address()).unwrap();
        host
    }

    #[test]
    fn datagrams_stay_apart_and_the_last_host_is_answered() {
        let mut device = Datagrams::open("127.0.0.1:0".parse().unwrap()).unwrap();
        assert!(!device.is_open() && !device.send(b"to nobody"));
        let mut some = [0; 64];
        for _ in 0..2 {
            let host = host(&device);
            host.send(b"one").unwrap();
            host.send(b"two").unwrap();
            assert_eq!(device.receive(), [b"one", b"two"]);
            for answer in [&b"first"[..], b"second"] {
                assert!(device.send(answer));
                let count = host.recv(&mut some).unwrap();
                assert_eq!(&some[..count], answer);
            }
        }
    }

    #[test]
    fn a_host_that_has_gone_hears_nothing_and_another_may_come() {
        let mut device = Datagrams::open("127.0.0.1:0".parse().unwrap()).unwrap();
        let at = device.address();
        let first = host(&device);
        first.send(b"hello").unwrap();
        device.receive();
        assert!(device.send(b"heard"));
        drop(first);
        assert!(!device.send(b"not heard") && !device.is_open());
        let second = host(&device);
        second.send(b"hello").unwrap();
        assert_eq!((device.receive().len(), device.address()), (1, at));
        assert!(device.send(b"heard"));
    }
}
