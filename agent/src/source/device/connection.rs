//! What a device is heard through, once it is open.

use std::io;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio_serial::SerialStream;
use vitals::device::LineSettings;
use vitals::reading::Mode;

use super::network::{self, ConnectError};
use super::serial::{self, PortError};
use crate::config::Port;

/// An open way to a device.
pub(crate) enum Connection {
    Serial(SerialStream),
    Tcp(TcpStream),
    Udp(UdpSocket),
}

/// Why there is none, and what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error(transparent)]
    Serial(#[from] PortError),
    #[error(transparent)]
    Network(#[from] ConnectError),
}

impl OpenError {
    /// Whether another program has the port: it is at work, perhaps for a patient.
    pub(crate) fn is_taken(&self) -> bool {
        matches!(self, Self::Serial(PortError::Taken(_)))
    }

    /// What the system said.
    pub(crate) fn reason(&self) -> String {
        std::error::Error::source(self).map_or_else(String::new, ToString::to_string)
    }
}

impl Connection {
    pub(crate) async fn open(port: &Port, line: LineSettings, mode: Mode) -> Result<Self, OpenError> {
        Ok(match port {
            Port::Serial(path) => Self::Serial(serial::open(path, line, mode).await?),
            Port::Tcp(endpoint) => Self::Tcp(network::tcp(endpoint).await?),
            Port::Udp(endpoint) => Self::Udp(network::udp(endpoint).await?),
        })
    }

    /// Some bytes, or one datagram whole; 0: it has hung up.
    pub(crate) async fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Serial(port) => port.read(bytes).await,
            Self::Tcp(stream) => stream.read(bytes).await,
            Self::Udp(socket) => loop {
                // An empty datagram ends nothing, and that nobody listens there yet says what silence says.
                match socket.recv(bytes).await {
                    Ok(0) => {}
                    Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
                    outcome => break outcome,
                }
            },
        }
    }

    /// Sends one message.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Serial(port) => port.write_all(bytes).await,
            Self::Tcp(stream) => stream.write_all(bytes).await,
            Self::Udp(socket) => match socket.send(bytes).await {
                Err(error) if error.kind() != io::ErrorKind::ConnectionRefused => Err(error),
                Ok(_) | Err(_) => Ok(()),
            },
        }
    }

    /// Forgets what was not sent yet.
    pub(crate) fn abandon(&self) {
        if let Self::Serial(port) = self {
            serial::abandon(port);
        }
    }
}
