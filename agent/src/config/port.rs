//! Where a device is heard: a serial port, or an address in the network.

use std::fmt;
use std::path::PathBuf;

/// Where a device is heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Port {
    /// A serial port, by id or by path.
    Serial(PathBuf),
    /// A connection to a device, or to a serial device server.
    Tcp(Endpoint),
    /// Datagrams to and from a device.
    Udp(Endpoint),
}

impl Port {
    /// Its key in the configuration.
    #[must_use]
    pub const fn key(&self) -> &'static str {
        match self {
            Self::Serial(_) => "port",
            Self::Tcp(_) => "tcp",
            Self::Udp(_) => "udp",
        }
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Serial(path) => write!(f, "{}", path.display()),
            Self::Tcp(endpoint) => write!(f, "tcp {endpoint}"),
            Self::Udp(endpoint) => write!(f, "udp {endpoint}"),
        }
    }
}

/// A host, by name or address, and a port of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    host: String,
    port: u16,
}

impl Endpoint {
    /// `host:port`, with an IPv6 address in brackets; `None` if it is not that.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let host = match host.strip_prefix('[') {
            Some(rest) => rest.strip_suffix(']').filter(|it| it.contains(':'))?,
            None => Some(host).filter(|it| !it.contains([':', '/', ' ']))?,
        };
        let port = port.parse().ok().filter(|it| *it != 0)?;
        (!host.is_empty()).then(|| Self { host: host.to_owned(), port })
    }

    /// The host, without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_host_and_a_port() {
        for good in ["10.1.7.20:4601", "monitor-07.ward.example.org:24105", "[fd00::7]:4601", "localhost:1"] {
            assert_eq!(Endpoint::parse(good).unwrap().to_string(), good);
        }
        for bad in
            ["10.1.7.20", ":4601", "monitor:", "monitor:0", "monitor:70000", "fd00::7:4601", "[monitor]:1"]
        {
            assert!(Endpoint::parse(bad).is_none(), "{bad}");
        }
        for bad in ["tcp://monitor:1", "a b:1", "[fd00::7:4601", ""] {
            assert!(Endpoint::parse(bad).is_none(), "{bad}");
        }
    }
}
