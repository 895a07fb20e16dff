//! Monitors of a network that no host has tell everybody that they are there.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// How often, ms of the ward's time.
const EVERY_MS: u64 = 1000;

/// Where monitors announce themselves.
#[derive(Debug)]
pub struct Announcer {
    socket: UdpSocket,
    to: SocketAddr,
    next_ms: u64,
}

impl Announcer {
    /// To this address, which may be that of a whole network.
    pub fn open(to: SocketAddr) -> io::Result<Self> {
        let from: IpAddr = match to {
            SocketAddr::V4(to) if to.ip().is_loopback() => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = UdpSocket::bind((from, 0))?;
        socket.set_nonblocking(true)?;
        socket.set_broadcast(true)?;
        Ok(Self { socket, to, next_ms: 0 })
    }

    /// Whether it is time; then the next time is a second later.
    pub fn is_due(&mut self, now_ms: u64) -> bool {
        let is_due = now_ms >= self.next_ms;
        if is_due {
            self.next_ms = now_ms + EVERY_MS;
        }
        is_due
    }

    /// Sends an announcement; nobody has to listen.
    pub fn send(&self, announcement: &[u8]) {
        let _ = self.socket.send_to(announcement, self.to);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn announcements_come_once_a_second_and_nobody_has_to_listen() {
        let listener = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut announcer = Announcer::open(listener.local_addr().unwrap()).unwrap();
        let due: Vec<u64> = (0..4000).step_by(10).filter(|it| announcer.is_due(*it)).collect();
        assert_eq!(due, [0, 1000, 2000, 3000]);
        announcer.send(b"here");
        let mut some = [0; 16];
        assert_eq!(listener.recv(&mut some).unwrap(), 4);
        drop(listener);
        announcer.send(b"here");
        announcer.send(b"still here");
    }
}
