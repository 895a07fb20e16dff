//! An MQTT broker inside this program: rumqttd, on a port of this machine, for as long as the program lives.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::thread;
use std::time::Duration;

use rumqttd::{Broker, Config, ConnectionSettings, RouterConfig, ServerSettings};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// How long the broker may take to listen.
const LISTENS_WITHIN: Duration = Duration::from_secs(5);
/// How often it is tried meanwhile.
const AGAIN_AFTER: Duration = Duration::from_millis(20);
/// What one topic filter may hold: an hour of a demo, in ten parts.
const SEGMENT_BYTES: usize = 1024 * 1024;

/// Why there is no broker.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// No port or no thread.
    #[error("the system gives no port or no thread for the MQTT broker")]
    System(#[source] io::Error),
    /// It does not listen.
    #[error("the MQTT broker inside the demo does not listen on port {0}")]
    Deaf(u16),
}

/// Starts it; returns its port.
pub(super) async fn start() -> Result<u16, BrokerError> {
    // Free a moment ago; nobody else asks for this very port meanwhile, as the kernel hands them out in turn.
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|it| it.local_addr());
    let address = free.map_err(BrokerError::System)?;
    let mut broker = Broker::new(config(address));
    let run = move || {
        // Ends only with the program; that nobody can connect says the rest.
        let _ = broker.start();
    };
    thread::Builder::new().name("mqtt-broker".into()).spawn(run).map_err(BrokerError::System)?;
    let listens = async {
        while TcpStream::connect(address).await.is_err() {
            sleep(AGAIN_AFTER).await;
        }
    };
    let port = address.port();
    timeout(LISTENS_WITHIN, listens).await.map(|()| port).map_err(|_| BrokerError::Deaf(port))
}

fn config(listen: SocketAddr) -> Config {
    let connections = ConnectionSettings {
        connection_timeout_ms: 5000,
        max_payload_size: 256 * 1024,
        max_inflight_count: 100,
        auth: None,
        external_auth: None,
        dynamic_filters: true,
    };
    let server =
        ServerSettings { name: "demo".into(), listen, tls: None, next_connection_delay_ms: 1, connections };
    let router = RouterConfig {
        max_connections: 16,
        max_outgoing_packet_count: 200,
        max_segment_size: SEGMENT_BYTES,
        max_segment_count: 10,
        ..RouterConfig::default()
    };
    Config { router, v5: Some(HashMap::from([("demo".into(), server)])), ..Config::default() }
}
