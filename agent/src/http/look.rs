//! Looks at the store for whoever asks on the socket: line by line, one at a time, and never in anybody's way.
//!
//! The look has a thread of its own that rests for longer than it works, reads files and nothing of the store's threads,
//! and holds a window of a file and a few lines in memory. It is not there on loopback: records are patients' data.

use std::io;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body::Frame;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::timeout;

use crate::buffer;
use crate::buffer::inspect::{Ask, Finding, Live, inspect};
use crate::clock;

/// Lines on their way to whoever asked: 16 pieces of 64 KiB. When full, the look waits; whoever asked and does not read
/// holds up nobody else.
const PIECES_MAX: usize = 16;
/// A piece is sent when it has so many bytes, and with each word of progress.
const PIECE: usize = 64 << 10;
/// Rest for each bit of work: a look takes a quarter of one core.
const REST: u32 = 3;
/// Rest at once, at most: whoever asked hears something every few seconds.
const REST_MAX: Duration = Duration::from_secs(2);
/// So long the next waits for its turn.
const TURN_WITHIN: Duration = Duration::from_millis(500);

/// What there is to look at, and until when.
#[derive(Debug, Clone)]
pub(super) struct Looks {
    pub(super) dir: PathBuf,
    pub(super) store: watch::Receiver<buffer::Progress>,
    pub(super) stopped: watch::Receiver<bool>,
    /// One look at a time.
    pub(super) turn: Arc<Semaphore>,
}

impl Looks {
    pub(super) fn new(
        dir: PathBuf,
        store: watch::Receiver<buffer::Progress>,
        stopped: watch::Receiver<bool>,
    ) -> Self {
        Self { dir, store, stopped, turn: Arc::new(Semaphore::new(1)) }
    }
}

/// Answers with findings, one JSON object a line, until the end or until the agent stops.
pub(super) async fn look(State(looks): State<Looks>, Path(ask): Path<String>) -> Response {
    let Ok(ask) = ask.parse::<Ask>() else {
        return (StatusCode::NOT_FOUND, "there is no such look\n").into_response();
    };
    // One that has just told its end lets go in a moment.
    let Ok(Ok(turn)) = timeout(TURN_WITHIN, Arc::clone(&looks.turn).acquire_owned()).await else {
        let words = "somebody else is looking at the store; ask again when that has ended\n";
        return (StatusCode::SERVICE_UNAVAILABLE, words).into_response();
    };
    let (sender, receiver) = mpsc::channel(PIECES_MAX);
    let runtime = Handle::current();
    let work = move || {
        work(&looks, ask, &runtime, sender);
        drop(turn);
    };
    match thread::Builder::new().name("look".into()).spawn(work) {
        Ok(_) => {
            let kind = [(header::CONTENT_TYPE, "application/x-ndjson")];
            (kind, Body::new(Pieces(receiver))).into_response()
        }
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the system gives no thread\n").into_response(),
    }
}

fn work(looks: &Looks, ask: Ask, runtime: &Handle, sender: mpsc::Sender<Bytes>) {
    let live = Live::new(&looks.store.borrow());
    let mut way = Way {
        sender,
        stopped: looks.stopped.clone(),
        runtime,
        piece: Vec::with_capacity(PIECE),
        since: clock::instant(),
    };
    if let Err(error) = inspect(&looks.dir, ask, live.as_ref(), &mut |it| way.take(&it)) {
        let _ = way.take(&Finding::Failed(chain(&error)));
    }
    let _ = way.send();
}

fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

/// The way to whoever asked.
struct Way<'a> {
    sender: mpsc::Sender<Bytes>,
    stopped: watch::Receiver<bool>,
    runtime: &'a Handle,
    piece: Vec<u8>,
    /// When the last rest ended.
    since: Instant,
}

impl Way<'_> {
    fn take(&mut self, finding: &Finding) -> ControlFlow<()> {
        if serde_json::to_writer(&mut self.piece, finding).is_err() {
            return ControlFlow::Break(());
        }
        self.piece.push(b'\n');
        if self.piece.len() < PIECE && !matches!(finding, Finding::Progress(_)) {
            return ControlFlow::Continue(());
        }
        self.rest();
        self.send()
    }

    fn rest(&mut self) {
        thread::sleep((self.since.elapsed() * REST).min(REST_MAX));
        self.since = clock::instant();
    }

    fn send(&mut self) -> ControlFlow<()> {
        let piece = Bytes::from(std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE)));
        let (sender, stopped) = (&self.sender, &mut self.stopped);
        let taken = self.runtime.block_on(async {
            tokio::select! {
                _ = stopped.wait_for(|it| *it) => false,
                sent = sender.send(piece) => sent.is_ok(),
            }
        });
        // Waiting for whoever asked is no work.
        self.since = clock::instant();
        if taken { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }
}

/// A body whose pieces come through a queue.
struct Pieces(mpsc::Receiver<Bytes>);

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        self.0.poll_recv(context).map(|piece| piece.map(|it| Ok(Frame::data(it))))
    }
}
