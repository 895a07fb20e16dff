//! A way between two programs that can swallow what goes one way, be cut, and say when messages are acknowledged.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::thread;
use std::time::Instant;

use anyhow::Result;

use crate::mqtt_bytes::{Packet, first_packet};

/// Ends of connections that may be cut: no test opens so many.
const OPEN_MAX: usize = 256;

/// Listens on a port of its own and passes everything on to another of this machine.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    swallowing: Arc<AtomicBool>,
    open: Receiver<TcpStream>,
    acknowledged: Receiver<Instant>,
}

impl Proxy {
    /// A way to a port.
    pub fn start(to: u16) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let swallowing = Arc::new(AtomicBool::new(false));
        let swallows = Arc::clone(&swallowing);
        let (opened, open) = sync_channel(OPEN_MAX);
        let (acknowledge, acknowledged) = channel();
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, to)) else { continue };
                let ends = [&client, &client, &server, &server].map(TcpStream::try_clone);
                let [Ok(client_in), Ok(client_kept), Ok(server_in), Ok(server_kept)] = ends else { continue };
                if [client_kept, server_kept].into_iter().any(|it| opened.send(it).is_err()) {
                    return;
                }
                let swallows = Arc::clone(&swallows);
                let (seen, to_be_acknowledged) = channel();
                let mut watch = Watch::new(acknowledge.clone(), to_be_acknowledged);
                let up = move || {
                    carry(client_in, server, |bytes| {
                        watch.see(bytes);
                        !swallows.load(Ordering::Relaxed)
                    });
                };
                thread::spawn(up);
                let mut published = Packets::default();
                thread::spawn(move || {
                    carry(server_in, client, |bytes| {
                        for packet in published.take(bytes) {
                            if let Packet::Publish { topic, id: Some(id) } = packet {
                                // Nobody watches a way that is gone.
                                let _ = topic.starts_with("ward/").then(|| seen.send(id));
                            }
                        }
                        true
                    });
                });
            }
        });
        Ok(Self { port, swallowing, open, acknowledged })
    }

    /// Where clients connect.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// From now on, or no longer, what clients send is lost without their noticing.
    pub fn swallow(&self, swallow: bool) {
        self.swallowing.store(swallow, Ordering::Relaxed);
    }

    /// When messages of the ward were acknowledged, since last asked.
    #[must_use]
    pub fn acknowledged(&self) -> Vec<Instant> {
        self.acknowledged.try_iter().collect()
    }

    /// Cuts every connection.
    pub fn cut(&self) {
        for stream in self.open.try_iter() {
            // It may be closed already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

/// Carries bytes one way until either end closes; `see` says whether they arrive.
fn carry(mut from: TcpStream, mut to: TcpStream, mut see: impl FnMut(&[u8]) -> bool) {
    let mut some = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut some) {
        if see(&some[..count]) && to.write_all(&some[..count]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

/// MQTT packets out of a stream of bytes.
#[derive(Debug, Default)]
struct Packets(Vec<u8>);

impl Packets {
    fn take(&mut self, bytes: &[u8]) -> Vec<Packet> {
        self.0.extend(bytes);
        let (mut packets, mut at) = (Vec::new(), 0);
        while let Some((packet, len)) = first_packet(&self.0[at..]) {
            packets.push(packet);
            at += len;
        }
        self.0.drain(..at);
        packets
    }
}

/// Looks for acknowledgements of what the broker has sent of the ward.
struct Watch {
    tell: Sender<Instant>,
    seen: Receiver<u16>,
    open: BTreeSet<u16>,
    packets: Packets,
}

impl Watch {
    fn new(tell: Sender<Instant>, seen: Receiver<u16>) -> Self {
        Self { tell, seen, open: BTreeSet::new(), packets: Packets::default() }
    }

    fn see(&mut self, bytes: &[u8]) {
        self.open.extend(self.seen.try_iter());
        for packet in self.packets.take(bytes) {
            if let Packet::PubAck { id } = packet {
                // Nobody may listen.
                let _ = self.open.remove(&id).then(|| self.tell.send(Instant::now()));
            }
        }
    }
}
