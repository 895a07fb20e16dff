//! Everything that runs during the demo, and one turn of it: news in, screen out.

use std::collections::VecDeque;
use std::io;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::Receiver;
use tokio::time::sleep;

use super::child::Running;
use super::news::News;
use super::screen::Screen;
use super::seen::{Happening, Seen};
use crate::clock;

/// The longest turn: so often the screen is looked after.
const TURN: Duration = Duration::from_millis(100);

/// Why the demo cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// A program has ended before its time.
    #[error("{who} has ended by itself ({status}); its last words:\n{last_words}")]
    Ended {
        /// Which.
        who: &'static str,
        /// How.
        status: ExitStatus,
        /// What it said.
        last_words: String,
    },
    /// The system tells nothing of a child or of signals.
    #[error("the system tells nothing of {what}")]
    System {
        /// Of what.
        what: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Somebody wants it to end: Ctrl-C, or nobody reads what it says.
    #[error("interrupted")]
    Interrupted,
}

/// The signals that end it.
#[derive(Debug)]
pub(super) struct Signals([Signal; 3]);

impl Signals {
    /// Begins to listen; from here on they end nothing by themselves.
    pub(super) fn listen() -> Result<Self, StageError> {
        let listen = |kind| signal(kind).map_err(|source| StageError::System { what: "signals", source });
        Ok(Self([
            listen(SignalKind::interrupt())?,
            listen(SignalKind::terminate())?,
            listen(SignalKind::hangup())?,
        ]))
    }

    async fn any(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}

/// The demo while it runs.
#[derive(Debug)]
pub(super) struct Stage {
    /// What the product says.
    pub(super) news: Receiver<News>,
    /// The signals.
    pub(super) signals: Signals,
    /// The agent.
    pub(super) agent: Running,
    /// The station, once there is something to read out.
    pub(super) station: Option<Running>,
    /// What has been seen.
    pub(super) seen: Seen,
    /// Where it is shown.
    pub(super) screen: Screen,
    /// When the ward began; before that the time is 0.
    pub(super) start: Option<Instant>,
    /// What is happening, in words.
    pub(super) act: String,
}

impl Stage {
    /// Milliseconds since the ward began.
    #[must_use]
    pub(super) fn now_ms(&self) -> u64 {
        let since = self.start.map_or(Duration::ZERO, |it| clock::now().saturating_duration_since(it));
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    /// Waits for news or a moment, and shows what they change.
    pub(super) async fn turn(&mut self) -> Result<(), StageError> {
        let mut heard = VecDeque::new();
        let station = async {
            match &mut self.station {
                Some(station) => station.ended().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.signals.any() => return Err(StageError::Interrupted),
            status = self.agent.ended() => return Err(self.ended("wardline-agent", status)),
            status = station => return Err(self.ended("wardline-station", status)),
            it = self.news.recv() => heard.extend(it),
            () = sleep(TURN) => {}
        }
        while let Ok(it) = self.news.try_recv() {
            heard.push_back(it);
        }
        let now_ms = self.now_ms();
        for it in heard {
            for happening in self.seen.handle(now_ms, it) {
                self.screen.tell(happening).map_err(nobody_reads)?;
            }
        }
        self.screen.refresh(now_ms, &self.seen, &self.act).map_err(nobody_reads)
    }

    /// Tells something of the demo itself.
    pub(super) fn tell(&mut self, words: impl Into<String>) -> Result<(), StageError> {
        let it = Happening { at_ms: self.now_ms(), who: "demo", words: words.into(), priority: None };
        self.screen.tell(it).map_err(nobody_reads)
    }

    /// Ends the programs in order: who reads first, so that it does not call the agent lost.
    pub(super) async fn strike(self) {
        let Self { agent, station, mut news, .. } = self;
        let stop = async {
            if let Some(station) = station {
                station.stop().await;
            }
            agent.stop().await;
        };
        tokio::pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => return,
                // Their last lines must be taken, or they would wait for us.
                it = news.recv() => if it.is_none() { return stop.await },
            }
        }
    }

    fn ended(&self, who: &'static str, status: io::Result<ExitStatus>) -> StageError {
        let last_words = self.seen.last_lines().collect::<Vec<_>>().join("\n");
        match status {
            Ok(status) => StageError::Ended { who, status, last_words },
            Err(source) => StageError::System { what: "a child", source },
        }
    }
}

/// A closed pipe is how a reader says that it has had enough.
fn nobody_reads(_: io::Error) -> StageError {
    StageError::Interrupted
}
