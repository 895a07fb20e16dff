//! What is on this machine, and whether it answers.

use std::io;
use std::net::{IpAddr, ToSocketAddrs as _};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::RunError;

/// How long a broker may take to answer before it counts as missing.
const BROKER_ANSWERS: Duration = Duration::from_secs(5);

/// A broker's host and port.
pub(super) fn address(text: &str) -> Result<(String, u16), RunError> {
    let parts = text.rsplit_once(':').and_then(|(host, port)| Some((host.to_owned(), port.parse().ok()?)));
    parts
        .ok_or_else(|| RunError::Usage(format!("{text} is no broker: write HOST:PORT, as in 127.0.0.1:1883")))
}

/// Whether every address of that name is this machine's own.
pub(super) fn is_here(host: &str, port: u16) -> bool {
    let Ok(addresses) = (host.trim_matches(['[', ']']), port).to_socket_addrs() else { return false };
    let addresses: Vec<IpAddr> = addresses.map(|it| it.ip()).collect();
    !addresses.is_empty() && addresses.iter().all(IpAddr::is_loopback)
}

/// Whether a broker is there.
pub(super) async fn reach(broker: &str) -> Result<(), RunError> {
    let answer = match timeout(BROKER_ANSWERS, TcpStream::connect(broker)).await {
        Ok(answer) => answer.map(drop),
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    };
    answer.map_err(|source| RunError::Broker { broker: broker.into(), source })
}
