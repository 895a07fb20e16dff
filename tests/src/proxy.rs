//! A way between two programs that can swallow what goes one way, and be cut.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use anyhow::Result;

/// Ends of connections that may be cut: no test opens so many.
const OPEN_MAX: usize = 256;

/// Listens on a port of its own and passes everything on to another of this machine.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    swallowing: Arc<AtomicBool>,
    open: Receiver<TcpStream>,
}

impl Proxy {
    /// A way to a port.
    pub fn start(to: u16) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let swallowing = Arc::new(AtomicBool::new(false));
        let swallows = Arc::clone(&swallowing);
        let (opened, open) = sync_channel(OPEN_MAX);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, to)) else { continue };
                let ends = [&client, &client, &server, &server].map(TcpStream::try_clone);
                let [Ok(client_in), Ok(client_kept), Ok(server_in), Ok(server_kept)] = ends else { continue };
                if [client_kept, server_kept].into_iter().any(|it| opened.send(it).is_err()) {
                    return;
                }
                let swallows = Arc::clone(&swallows);
                thread::spawn(move || carry(client_in, server, || swallows.load(Ordering::Relaxed)));
                thread::spawn(move || carry(server_in, client, || false));
            }
        });
        Ok(Self { port, swallowing, open })
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

    /// Cuts every connection.
    pub fn cut(&self) {
        for stream in self.open.try_iter() {
            // It may be closed already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

/// Carries bytes one way until either end closes.
fn carry(mut from: TcpStream, mut to: TcpStream, swallows: impl Fn() -> bool) {
    let mut some = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut some) {
        if !swallows() && to.write_all(&some[..count]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
