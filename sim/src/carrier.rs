//! What carries a device's bytes to its host, and where the host finds it: the simulator holds the device's end.

pub mod datagrams;
pub mod server;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use datagrams::Datagrams;
use server::Server;

use crate::terminal::{Terminal, TerminalError};
use crate::ward::{Bed, Way};

/// Where a host finds a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A pseudo-terminal of that name.
    Terminal(PathBuf),
    /// A TCP port that takes one host at a time.
    Tcp(SocketAddr),
    /// A UDP port.
    Udp(SocketAddr),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Terminal(path) => write!(f, "{}", path.display()),
            Self::Tcp(at) => write!(f, "tcp {at}"),
            Self::Udp(at) => write!(f, "udp {at}"),
        }
    }
}

/// Where the devices of a ward are found: a rule, so that whoever writes an agent's configuration and whoever plays the
/// ward agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// Where the names of the serial lines are.
    pub lines: PathBuf,
    /// The address of those in a network.
    pub listen: IpAddr,
    /// The device of bed number N has port base + N; with 0 the system chooses.
    pub port_base: u16,
}

impl Places {
    /// The place of the device beside the bed of that index and id; `None`: it publishes.
    #[must_use]
    pub fn of(&self, index: usize, bed: &str, way: Way) -> Option<Place> {
        let number = u16::try_from(index + 1).unwrap_or(u16::MAX);
        let port = if self.port_base == 0 { 0 } else { self.port_base.saturating_add(number) };
        let at = SocketAddr::new(self.listen, port);
        match way {
            Way::Serial(_) => Some(Place::Terminal(self.lines.join(bed))),
            Way::Tcp(_) => Some(Place::Tcp(at)),
            Way::Udp(_) => Some(Place::Udp(at)),
            Way::Mqtt => None,
        }
    }

    /// Opens the lines of a ward: hosts can come. By the index of the bed.
    pub fn open(&self, beds: &[Bed]) -> Result<BTreeMap<usize, Carrier>, CarrierError> {
        let places =
            beds.iter().enumerate().filter_map(|(index, it)| Some((index, self.of(index, &it.id, it.way)?)));
        places.map(|(index, it)| Ok((index, Carrier::open(&it)?))).collect()
    }
}

/// Why a device cannot be reached.
#[derive(Debug, thiserror::Error)]
pub enum CarrierError {
    /// No pseudo-terminal.
    #[error(transparent)]
    Terminal(#[from] TerminalError),
    /// The port is not to be had.
    #[error("{at} cannot be listened on: name other ports with --port-base")]
    Taken {
        /// Which.
        at: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// What carries a device's bytes.
#[derive(Debug)]
pub enum Carrier {
    /// A pseudo-terminal in the place of a serial line.
    Terminal(Terminal),
    /// A TCP port: a monitor's own, or that of a serial device server.
    Server(Server),
    /// A UDP port.
    Datagrams(Datagrams),
}

impl Carrier {
    /// Opens it: a host can come.
    pub fn open(place: &Place) -> Result<Self, CarrierError> {
        let taken = |at: &SocketAddr| {
            let at = *at;
            move |source| CarrierError::Taken { at, source }
        };
        match place {
            Place::Terminal(link) => Ok(Self::Terminal(Terminal::open(Some(link))?)),
            Place::Tcp(at) => Server::open(*at).map(Self::Server).map_err(taken(at)),
            Place::Udp(at) => Datagrams::open(*at).map(Self::Datagrams).map_err(taken(at)),
        }
    }

    /// Where the host finds it, with the port that the system has chosen.
    #[must_use]
    pub fn place(&self) -> Place {
        match self {
            Self::Terminal(it) => Place::Terminal(it.path().to_owned()),
            Self::Server(it) => Place::Tcp(it.address()),
            Self::Datagrams(it) => Place::Udp(it.address()),
        }
    }

    /// Whether a host listens.
    pub fn is_open(&mut self) -> bool {
        match self {
            Self::Terminal(it) => it.is_open(),
            Self::Server(it) => it.is_open(),
            Self::Datagrams(it) => it.is_open(),
        }
    }

    /// Sends bytes, or one datagram; where nobody listens they are gone. Returns whether all found room.
    pub fn send(&mut self, bytes: &[u8]) -> bool {
        match self {
            Self::Terminal(it) => it.send(bytes),
            Self::Server(it) => it.send(bytes),
            Self::Datagrams(it) => it.send(bytes),
        }
    }

    /// What the host has sent since the last call: each datagram by itself. Hands on what waits for a slow host, too.
    pub fn receive(&mut self) -> Vec<Vec<u8>> {
        let received = match self {
            Self::Terminal(it) => {
                it.flush();
                it.receive()
            }
            Self::Server(it) => it.receive(),
            Self::Datagrams(it) => return it.receive(),
        };
        if received.is_empty() { Vec::new() } else { vec![received] }
    }

    /// Pulls it out: the host's end is gone at once.
    pub fn pull(self) {
        match self {
            Self::Terminal(_) | Self::Datagrams(_) => {}
            Self::Server(it) => it.reset(),
        }
    }
}
