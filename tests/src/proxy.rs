//! A way between two programs on which happens what happens on networks: bytes that are lost, late, slow or held up, and
//! connections that break on both sides, on one, in the midst of a frame, or without a word.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::Result;

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From who connected.
    ToServer,
    /// To who connected.
    ToClient,
}

/// Looks at the bytes of one connection and direction before they are passed on, and says how many of them may pass now;
/// it is asked again about the rest. It may change them, and holds them up for as long as it does not return.
pub type Watch = Box<dyn FnMut(&mut [u8]) -> usize + Send>;

/// Listens on a port of its own and passes everything on to another of this machine.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    way: Arc<Way>,
}

#[derive(Debug, Default)]
struct Way {
    state: Mutex<State>,
    changed: Condvar,
}

/// What waits until the way is free again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Held {
    #[default]
    Nothing,
    /// What the server sends.
    Answers,
    Everything,
}

/// How the way is now.
#[derive(Debug, Default)]
struct State {
    swallowing: bool,
    held: Held,
    delay: Duration,
    /// Bytes a second each way.
    rate: Option<u32>,
    /// After so many more bytes to the server the connection that carries the last of them is reset.
    resets_after: Option<usize>,
    /// Whoever loses the other end is not told.
    silent: bool,
    /// Both ends of each connection, by its number.
    open: BTreeMap<u64, [TcpStream; 2]>,
}

impl Way {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.changed.notify_all();
    }

    /// Waits as long as the way makes it, and says whether the bytes are passed on.
    fn admit(&self, direction: Direction) -> bool {
        let is_held = |it: &mut State| match it.held {
            Held::Nothing => false,
            Held::Answers => direction == Direction::ToClient,
            Held::Everything => true,
        };
        let free = self.changed.wait_while(self.state(), is_held);
        let state = free.unwrap_or_else(PoisonError::into_inner);
        let (delay, swallowed) = (state.delay, state.swallowing && direction == Direction::ToServer);
        drop(state);
        thread::sleep(delay);
        !swallowed
    }

    /// Passes bytes on as fast as the way is; whether the connection is still whole.
    fn pass(&self, direction: Direction, mut bytes: &[u8], from: &TcpStream, to: &mut TcpStream) -> bool {
        while !bytes.is_empty() {
            let (rate, resets_after) = {
                let state = self.state();
                (state.rate, state.resets_after.filter(|_| direction == Direction::ToServer))
            };
            // So many that it looks even.
            let most = rate.map_or(bytes.len(), |it| usize::try_from(it / 20).unwrap_or(1).max(1));
            let (now, later) = bytes.split_at(most.min(bytes.len()).min(resets_after.unwrap_or(usize::MAX)));
            if to.write_all(now).is_err() {
                return false;
            }
            if let Some(left) = resets_after.map(|it| it.saturating_sub(now.len())) {
                self.set(|it| it.resets_after = Some(left).filter(|left| *left > 0));
                if left == 0 {
                    reset(from);
                    reset(to);
                    return false;
                }
            }
            if let Some(rate) = rate {
                let pause = Duration::from_secs(1) * u32::try_from(now.len()).unwrap_or(1) / rate;
                drop(self.changed.wait_timeout_while(self.state(), pause, |it| it.rate == Some(rate)));
            }
            bytes = later;
        }
        true
    }

    fn wait_told(&self) {
        drop(self.changed.wait_while(self.state(), |it| it.silent));
    }
}

impl Proxy {
    /// A way to a port.
    pub fn start(to: u16) -> Result<Self> {
        Self::start_watched(to, |_, _| Box::new(|piece| piece.len()))
    }

    /// A way on which somebody looks at what passes: `watch` is asked for each connection, by number, and direction.
    pub fn start_watched(to: u16, watch: impl Fn(u64, Direction) -> Watch + Send + 'static) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let way = Arc::new(Way::default());
        let accepting = Arc::clone(&way);
        thread::spawn(move || {
            for (number, client) in (0..).zip(listener.incoming().map_while(Result::ok)) {
                let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, to)) else { continue };
                let ends = [&client, &client, &server, &server].map(TcpStream::try_clone);
                let [Ok(client_in), Ok(client_kept), Ok(server_in), Ok(server_kept)] = ends else { continue };
                accepting.set(|it| drop(it.open.insert(number, [client_kept, server_kept])));
                for (direction, from, to) in
                    [(Direction::ToServer, client_in, server), (Direction::ToClient, server_in, client)]
                {
                    let (way, watch) = (Arc::clone(&accepting), watch(number, direction));
                    thread::spawn(move || {
                        carry(&way, direction, watch, from, to);
                        way.set(|it| drop(it.open.remove(&number)));
                    });
                }
            }
        });
        Ok(Self { port, way })
    }

    /// Where clients connect.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// From now on, or no longer, what clients send is lost without their noticing.
    pub fn swallow(&self, swallow: bool) {
        self.way.set(|it| it.swallowing = swallow);
    }

    /// From now on, or no longer, nothing passes either way, and nobody is told.
    pub fn stall(&self, stall: bool) {
        self.way.set(|it| it.held = if stall { Held::Everything } else { Held::Nothing });
    }

    /// From now on, or no longer, the server hears everything, and its answers wait.
    pub fn hold_answers(&self, hold: bool) {
        self.way.set(|it| it.held = if hold { Held::Answers } else { Held::Nothing });
    }

    /// From now on every piece of bytes takes so long.
    pub fn delay(&self, delay: Duration) {
        self.way.set(|it| it.delay = delay);
    }

    /// From now on, or no longer, so many bytes a second pass each way.
    pub fn slow(&self, rate: Option<u32>) {
        self.way.set(|it| it.rate = rate);
    }

    /// Resets the connection on which so many more bytes have gone to the server, wherever in a frame that is.
    pub fn reset_after(&self, bytes: usize) {
        self.way.set(|it| it.resets_after = Some(bytes));
    }

    /// Whether what [`Proxy::reset_after`] asked for has happened.
    #[must_use]
    pub fn has_reset(&self) -> bool {
        self.way.state().resets_after.is_none()
    }

    /// Breaks every connection on the server's side. Their clients are not told before [`Proxy::tell`]: to them they stay
    /// open, and nothing comes. New ones are whole.
    pub fn half_open(&self) {
        self.way.set(|it| it.silent = true);
        self.shut(|[_, server]| shut(server));
    }

    /// Tells clients which of their connections are broken.
    pub fn tell(&self) {
        self.way.set(|it| it.silent = false);
    }

    /// Breaks every connection, on both sides.
    pub fn cut(&self) {
        self.shut(|ends| ends.iter().for_each(shut));
    }

    /// Breaks every connection on the clients' side: what they had sent is still on its way.
    pub fn cut_clients(&self) {
        self.shut(|[client, _]| shut(client));
    }

    fn shut(&self, how: impl Fn(&[TcpStream; 2])) {
        self.way.state().open.values().for_each(how);
    }
}

/// Carries bytes one way until the connection ends.
fn carry(way: &Way, direction: Direction, mut watch: Watch, mut from: TcpStream, mut to: TcpStream) {
    let mut some = vec![0; 64 * 1024];
    let mut is_open = true;
    // A client may be gone while what it has sent is still on its way to the server.
    while is_open || direction == Direction::ToClient {
        let Ok(count @ 1..) = from.read(&mut some) else { break };
        let passes = way.admit(direction);
        let mut piece = &mut some[..count];
        while !piece.is_empty() {
            let part = watch(piece).clamp(1, piece.len());
            let (now, later) = piece.split_at_mut(part);
            if passes && is_open {
                is_open = way.pass(direction, now, &from, &mut to);
            }
            piece = later;
        }
    }
    way.wait_told();
    shut(&from);
    shut(&to);
}

/// Ends a connection as a machine does that knows nothing of it (RST).
fn reset(stream: &TcpStream) {
    // It may be closed already.
    let _ = rustix::net::connect_unspec(stream);
}

fn shut(stream: &TcpStream) {
    // It may be closed already.
    let _ = stream.shutdown(Shutdown::Both);
}
