//! A listener whose connections are few and end: who sends a byte a second, or never ends what it asks, holds nothing.
//!
//! axum puts no bound on either. Where there are too many, the oldest makes room, so that whoever asks now is answered.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;
use tokio::time::{Sleep, sleep};

/// Connections at once: everybody who has something to ask, many times over.
const CONNECTIONS_MAX: usize = 32;

/// Listens, and ends what is too much and what is too old.
pub(super) struct Bounded<L> {
    listener: L,
    /// How long a connection may last.
    life: Option<Duration>,
    /// Those that were taken, oldest first: each ends when its end here is dropped.
    taken: VecDeque<oneshot::Sender<()>>,
}

impl<L> Bounded<L> {
    /// No connection lasts longer than `life`, if that is said.
    pub(super) fn new(listener: L, life: Option<Duration>) -> Self {
        Self { listener, life, taken: VecDeque::new() }
    }
}

impl<L: Listener> Listener for Bounded<L> {
    type Io = Bound<L::Io>;
    type Addr = L::Addr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (io, from) = self.listener.accept().await;
        self.taken.retain(|it| !it.is_closed());
        while self.taken.len() >= CONNECTIONS_MAX {
            self.taken.pop_front();
        }
        let (here, ended) = oneshot::channel();
        self.taken.push_back(here);
        (Bound { io, ended, life: self.life.map(|it| Box::pin(sleep(it))) }, from)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

/// A connection that fails once its time is over or its place is needed.
pub(super) struct Bound<T> {
    io: T,
    ended: oneshot::Receiver<()>,
    life: Option<Pin<Box<Sleep>>>,
}

impl<T> Bound<T> {
    /// Whoever waits for this connection is woken when its time is over.
    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        let is_old = self.life.as_mut().is_some_and(|it| it.as_mut().poll(context).is_ready());
        if !is_old {
            ready!(Pin::new(&mut self.ended).poll(context)).ok();
        }
        Poll::Ready(io::ErrorKind::TimedOut.into())
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Bound<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.poll_end(context) {
            Poll::Ready(end) => Poll::Ready(Err(end)),
            Poll::Pending => Pin::new(&mut self.io).poll_read(context, buffer),
        }
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Bound<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.poll_end(context) {
            Poll::Ready(end) => Poll::Ready(Err(end)),
            Poll::Pending => Pin::new(&mut self.io).poll_write(context, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.poll_end(context) {
            Poll::Ready(end) => Poll::Ready(Err(end)),
            Poll::Pending => Pin::new(&mut self.io).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}
