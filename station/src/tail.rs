//! `tail`: the loop between feed, ward, terminal and the ways out. It computes nothing.

use std::io::{self, Write};
use std::time::Duration;

use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{Receiver, channel};
use tokio::task::JoinSet;
use tokio::time::timeout;
use vitals::record::alarm::AlarmRecord;

use crate::clock::{self, Clock};
use crate::feed::{Feed, Heard, INBOX, OpenError};
use crate::handoff::{Handoff, HandoffError, QUEUE};
use crate::options::Tail;
use crate::receipts::{Receipts, ReceiptsError};
use crate::repeats::Repeats;
use crate::ward::{AgentNews, Change, KafkaNews, News, Ward};
use crate::wording::{NOTICE, Wording};

/// How long what was taken may still take to be handed on when the station is told to end.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Why following ended.
#[derive(Debug, thiserror::Error)]
pub enum TailError {
    /// There is no way back to the agents.
    #[error("the agents cannot be told what was shown")]
    Receipts(#[source] ReceiptsError),
    /// There is no feed.
    #[error("Kafka cannot be followed")]
    Feed(#[source] OpenError),
    /// The system does not let us hear of signals.
    #[error("signals cannot be heard")]
    Signals(#[source] io::Error),
    /// Nobody takes the lines; a closed pipe is an orderly end and not this.
    #[error("the lines cannot be written")]
    Write(#[source] io::Error),
    /// The feed's thread is gone.
    #[error("the feed has ended by itself")]
    FeedEnded,
}

/// Where lines go, and how.
struct Screen {
    options: Shown,
    wording: Wording,
    receipts: Option<Receipts>,
    said: Repeats,
}

struct Shown {
    beds: Vec<String>,
    json: bool,
}

/// Follows until a signal or a closed pipe ends it.
pub async fn tail(options: Tail, wording: Wording) -> Result<(), TailError> {
    let clock = Clock::start();
    let (heard, mut inbox) = channel(INBOX);
    let feed = Feed::open(&options.feed, clock.now(), heard).map_err(TailError::Feed)?;
    let receipts = options.station.as_deref().map(|name| Receipts::open(&options.feed, name)).transpose();
    let receipts = receipts.map_err(TailError::Receipts)?;
    let mut feeds = JoinSet::new();
    feeds.spawn_blocking(move || feed.follow(|| clock.now()));
    let (failed, mut failures) = channel(QUEUE);
    let handoff = Handoff::start(options.ways, &failed);
    let shown = Shown { beds: options.beds, json: options.json };
    let mut screen = Screen { options: shown, wording, receipts, said: Repeats::default() };
    let outcome = match screen.greet() {
        Ok(()) => screen.follow(&clock, &mut inbox, &mut failures, &handoff).await,
        Err(error) => Err(TailError::Write(error)),
    };
    drop(inbox);
    drop(failed);
    let last_words = async {
        while let Some(error) = failures.recv().await {
            tell_failure(&error);
        }
    };
    if timeout(LAST_WORDS, async { tokio::join!(handoff.finish(), last_words) }).await.is_err() {
        tracing::error!("The station ends before every alarm was handed on.");
    }
    while feeds.join_next().await.is_some() {}
    match outcome {
        Err(TailError::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        outcome => outcome,
    }
}

impl Screen {
    async fn follow(
        &mut self,
        clock: &Clock,
        inbox: &mut Receiver<Heard>,
        failures: &mut Receiver<HandoffError>,
        handoff: &Handoff,
    ) -> Result<(), TailError> {
        let mut interrupt = signal(SignalKind::interrupt()).map_err(TailError::Signals)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(TailError::Signals)?;
        let mut ward = Ward::new(clock.uptime());
        loop {
            let mut news = None;
            let deadline = ward.poll_timeout();
            let due = async {
                match deadline {
                    Some(deadline) => tokio::time::sleep_until(clock.instant(deadline)).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                _ = interrupt.recv() => return Ok(()),
                _ = terminate.recv() => return Ok(()),
                heard = inbox.recv() => match heard {
                    Some(Heard::Arrival(arrival)) => {
                        news = self.receipts.as_ref().and_then(|_| arrival.alarm().cloned());
                        ward.handle_record(clock.uptime(), *arrival);
                    }
                    Some(Heard::Kafka) => ward.handle_kafka(clock.uptime()),
                    Some(Heard::Trouble(it)) => self.trouble(clock, &it.kind, &it.words),
                    None => return Err(TailError::FeedEnded),
                },
                Some(error) = failures.recv() => tell_failure(&error),
                () = due => ward.handle_timeout(clock.uptime()),
            }
            while let Some(change) = ward.poll_change() {
                self.show(&change).map_err(TailError::Write)?;
                if self.concerns(&change) && handoff.offer(&change, &self.wording.words(&change)) > 0 {
                    self.trouble(clock, "handoff full", &HandoffError::Full.to_string());
                }
                if change == Change::Kafka(KafkaNews::Back) {
                    self.said.clear();
                }
            }
            // Now it is on the screen.
            if let (Some(receipts), Some(record)) = (&self.receipts, news.filter(|it| self.is_ours(it))) {
                receipts.offer(&record);
            }
        }
    }

    fn greet(&self) -> io::Result<()> {
        if self.options.json { writeln!(io::stderr(), "{NOTICE}") } else { self.write(NOTICE) }
    }

    fn show(&self, change: &Change) -> io::Result<()> {
        if !self.concerns(change) {
            return Ok(());
        }
        if self.options.json {
            return self.write(&json(change, &self.wording.words(change)).to_string());
        }
        self.write(&self.wording.line(clock::timestamp(), change))
    }

    /// The loss of an agent or of Kafka, and what an agent says of itself, concerns everybody, whatever beds they look
    /// after.
    fn concerns(&self, change: &Change) -> bool {
        match change {
            Change::Alarm { record, .. } => record.bed == record.agent || self.is_ours(record),
            Change::Agent { .. } | Change::Kafka(_) => true,
        }
    }

    /// Whether it is of a bed that is looked after here.
    fn is_ours(&self, record: &AlarmRecord) -> bool {
        self.options.beds.is_empty() || self.options.beds.contains(&record.bed)
    }

    #[expect(clippy::unused_self, reason = "whatever is written is written through the screen")]
    fn write(&self, line: &str) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        writeln!(stdout, "{line}")?;
        stdout.flush()
    }

    fn trouble(&mut self, clock: &Clock, kind: &str, words: &str) {
        match self.said.handle(clock.uptime(), kind) {
            None => {}
            Some(0) => tracing::warn!("{words}."),
            Some(held_back) => tracing::warn!(held_back, "{words}."),
        }
    }
}

/// An alarm that did not reach somebody: an operator must act.
fn tell_failure(error: &HandoffError) {
    let mut chain = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        chain = format!("{chain}: {cause}");
        source = cause.source();
    }
    tracing::error!("An alarm was not handed on: {chain}.");
}

/// A change as one JSON object; `type` says which.
fn json(change: &Change, words: &str) -> serde_json::Value {
    match change {
        Change::Alarm { record, news, late } => {
            let news = match news {
                News::Told => "told",
                News::Found => "found",
                News::Unlisted => "unlisted",
            };
            json!({"type": "alarm", "news": news, "late": late, "words": words, "record": record})
        }
        Change::Agent { agent, news } => {
            let news = match news {
                AgentNews::Heard { .. } => "heard",
                AgentNews::Lost(_) => "lost",
                AgentNews::Stuck(_) => "stuck",
                AgentNews::Back => "back",
                AgentNews::Restarted => "restarted",
            };
            json!({"type": "agent", "agent": agent, "news": news, "words": words})
        }
        Change::Kafka(news) => {
            let news = if matches!(news, KafkaNews::Lost(_)) { "lost" } else { "back" };
            json!({"type": "kafka", "news": news, "words": words})
        }
    }
}
