//! Monitors that offer themselves on the network: an IntelliVue broadcasts Connect Indications. Nothing is sent to it here, for
//! whoever asks it may take the association that a central station needs.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::timeout;
use vitals::device::ConnectIndication;

/// Where monitors in a multicast network send theirs.
const MULTICAST: Ipv4Addr = Ipv4Addr::new(224, 0, 23, 63);
/// The port of Data Export, unless the monitor says another.
const EXPORT: u16 = 24105;
/// The largest datagram of a monitor.
const DATAGRAM_MAX: usize = 4096;
/// More monitors than a network of a hospital's unit has.
const MONITORS_MAX: usize = 256;

/// What was heard of the network.
pub(super) struct Monitors {
    pub(super) found: Vec<Monitor>,
    /// Why nothing could be heard.
    pub(super) trouble: Option<String>,
}

/// A monitor that offers an association.
#[derive(PartialEq, Eq)]
pub(super) struct Monitor {
    pub(super) indication: ConnectIndication,
    /// Where its Data Export is reached.
    pub(super) at: SocketAddr,
}

pub(super) async fn look(listen: SocketAddr, within: Duration) -> Monitors {
    let mut monitors = Monitors { found: Vec::new(), trouble: None };
    let socket = match UdpSocket::bind(listen).await {
        Ok(socket) => socket,
        Err(error) => {
            monitors.trouble = Some(format!("{listen} cannot be heard: {error}"));
            return monitors;
        }
    };
    // Without multicast, as in many networks, broadcasts are heard all the same.
    let _ = socket.join_multicast_v4(MULTICAST, Ipv4Addr::UNSPECIFIED);
    let heard = timeout(within, async {
        let mut datagram = vec![0; DATAGRAM_MAX];
        loop {
            match socket.recv_from(&mut datagram).await {
                Ok((count, sender)) => {
                    let said = datagram.get(..count).and_then(ConnectIndication::parse);
                    let monitor = said.and_then(|it| news(&monitors.found, it, sender));
                    monitors.found.extend(monitor);
                }
                Err(error) => return format!("{listen} is heard no more: {error}"),
            }
        }
    });
    let trouble = heard.await.ok();
    Monitors { trouble, ..monitors }
}

/// A monitor that has not been heard yet.
fn news(known: &[Monitor], indication: ConnectIndication, sender: SocketAddr) -> Option<Monitor> {
    let address = indication.address.map_or(sender.ip(), |it| IpAddr::V4(it.into()));
    let at = SocketAddr::new(address, indication.port.unwrap_or(EXPORT));
    let is_new = known.len() < MONITORS_MAX && known.iter().all(|it| it.at != at);
    is_new.then_some(Monitor { indication, at })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_monitor_is_told_once_under_the_address_it_gives() {
        let sender = "10.1.7.9:5000".parse().unwrap();
        let said =
            ConnectIndication { address: Some([10, 1, 7, 20]), port: Some(24106), ..Default::default() };
        let first = news(&[], said.clone(), sender).unwrap();
        assert_eq!(first.at.to_string(), "10.1.7.20:24106");
        assert!(news(&[first], said, sender).is_none());
        let silent = news(&[], ConnectIndication::default(), sender).unwrap();
        assert_eq!(silent.at.to_string(), "10.1.7.9:24105");
    }
}
