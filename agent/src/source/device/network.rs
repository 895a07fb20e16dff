//! Reaching a device over the network: a monitor's own TCP or UDP port, or a serial device server.
//!
//! A network that is gone says nothing: TCP is made to ask itself whether the other end is still there, so that a pulled
//! cable is noticed within twenty seconds whatever the device's own pauses are. UDP knows no connection; there the
//! silence of the device must tell.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use rustix::net::sockopt;
use tokio::net::{TcpStream, UdpSocket, lookup_host};
use tokio::time::timeout;

use crate::config::Endpoint;

/// How long one try may take.
const CONNECTS_WITHIN: Duration = Duration::from_secs(5);
/// TCP asks after so long without a word, and again so often; after [`ASKS`] without an answer the connection is gone.
const ASKS_EVERY: Duration = Duration::from_secs(5);
const ASKS: u32 = 3;

/// Why a device cannot be reached, and what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error("{0} cannot be resolved: correct the name, or ask for it in the name service")]
    Unresolved(Endpoint, #[source] io::Error),
    #[error("nothing listens on {0}: switch the device's data output on, or correct the address")]
    Refused(Endpoint, #[source] io::Error),
    #[error("{0} does not answer: is the device on, and on this network?")]
    Silent(Endpoint, #[source] io::Error),
    #[error("{0} cannot be reached")]
    Other(Endpoint, #[source] io::Error),
}

/// Connects to the first address of a device that takes it.
pub(super) async fn tcp(to: &Endpoint) -> Result<TcpStream, ConnectError> {
    let connected = timeout(CONNECTS_WITHIN, async {
        let mut last = io::Error::from(io::ErrorKind::NotFound);
        for address in resolve(to).await? {
            match TcpStream::connect(address).await {
                Ok(stream) => return keep_asking(&stream).map(|()| stream).map_err(|it| failed(to, it)),
                Err(error) => last = error,
            }
        }
        Err(failed(to, last))
    });
    connected.await.unwrap_or_else(|_| Err(silent(to)))
}

/// A socket that hears this device alone.
pub(super) async fn udp(to: &Endpoint) -> Result<UdpSocket, ConnectError> {
    let bound = timeout(CONNECTS_WITHIN, async {
        let address = resolve(to).await?.next();
        let address = address.ok_or_else(|| failed(to, io::ErrorKind::NotFound.into()))?;
        let any: IpAddr = match address {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = UdpSocket::bind((any, 0)).await.map_err(|it| failed(to, it))?;
        socket.connect(address).await.map_err(|it| failed(to, it))?;
        Ok(socket)
    });
    bound.await.unwrap_or_else(|_| Err(silent(to)))
}

async fn resolve(to: &Endpoint) -> Result<impl Iterator<Item = SocketAddr>, ConnectError> {
    lookup_host((to.host(), to.port())).await.map_err(|it| ConnectError::Unresolved(to.clone(), it))
}

fn keep_asking(stream: &TcpStream) -> io::Result<()> {
    sockopt::set_tcp_nodelay(stream, true)?;
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, ASKS_EVERY)?;
    sockopt::set_tcp_keepintvl(stream, ASKS_EVERY)?;
    sockopt::set_tcp_keepcnt(stream, ASKS)?;
    let most = vitals::time::millis(ASKS_EVERY * (ASKS + 1));
    sockopt::set_tcp_user_timeout(stream, u32::try_from(most).unwrap_or(u32::MAX))?;
    Ok(())
}

fn failed(to: &Endpoint, error: io::Error) -> ConnectError {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => ConnectError::Refused(to.clone(), error),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable | io::ErrorKind::TimedOut => {
            ConnectError::Silent(to.clone(), error)
        }
        _ => ConnectError::Other(to.clone(), error),
    }
}

fn silent(to: &Endpoint) -> ConnectError {
    ConnectError::Silent(to.clone(), io::ErrorKind::TimedOut.into())
}
