//! Ports for the brokers a test starts.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU16, Ordering};

use anyhow::{Result, bail};

/// The first port handed out. All lie below the kernel's ephemeral range (32768 and up): there a client that calls
/// a dead broker again and again can be given that very port as its own, and be connected to itself.
const FIRST: u16 = 20_000;
/// How many there are.
const COUNT: u16 = 12_000;
/// Each test program begins somewhere else, so that two that run at once seldom try the same.
const STRIDE: u32 = 97;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// A port of 127.0.0.1 that nobody listens on.
pub fn free() -> Result<u16> {
    for _ in 0..COUNT {
        let port = taken(1)?;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no free port between {FIRST} and {}", FIRST + COUNT)
}

/// The port before `count` ports of 127.0.0.1 in a row that nobody listens on, with TCP or UDP.
pub fn free_row(count: u16) -> Result<u16> {
    for _ in 0..COUNT {
        let before = taken(count + 1)?;
        if before + count >= FIRST + COUNT {
            continue;
        }
        let is_free = |port| {
            let at = (Ipv4Addr::LOCALHOST, port);
            TcpListener::bind(at).is_ok() && UdpSocket::bind(at).is_ok()
        };
        if (before + 1..=before + count).all(is_free) {
            return Ok(before);
        }
    }
    bail!("no {count} free ports in a row between {FIRST} and {}", FIRST + COUNT)
}

/// The first of so many ports in a row that this program tries and hands out no second time.
fn taken(count: u16) -> Result<u16> {
    let start = std::process::id().wrapping_mul(STRIDE) % u32::from(COUNT);
    let next = NEXT.fetch_add(count, Ordering::Relaxed);
    Ok(FIRST + u16::try_from((start + u32::from(next)) % u32::from(COUNT))?)
}

/// Whether somebody listens on that port of 127.0.0.1.
#[must_use]
pub fn answers(port: u16) -> bool {
    std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}
