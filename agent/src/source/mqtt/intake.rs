//! Behind the polling task: from messages to observations, and from stored records to acknowledgements.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tracing::{info, warn};
use vitals::alarm::engine::PortState;
use vitals::name::Name;
use vitals::observation::Observation;
use vitals::record::alarm::WallClock;
use vitals::time::{ClockQuality, Uptime};

use super::away::Link;
use super::connection::{Message, Speaker, Subscription};
use super::fence::{Fence, PATIENCE};
use super::line::{Circumstances, Line};
use super::poll::{End, FromPoll, Held, cost};
use super::receipts::Receipts;
use super::route::{Route, Router};
use super::seen::{Seen, Verdict};
use crate::buffer::Mark;
use crate::clock;
use crate::envelope::Receipt;
use crate::metrics::Metrics;
use crate::quarantine::Quarantine;
use crate::source::{Arrival, SourceInput, Word, identity};

/// Messages taken in one turn.
const TURN_MAX: usize = 256;

/// A payload beyond this is not a bedside device's, bytes: the packet size told to the broker.
pub(crate) const PAYLOAD_MAX: usize = 256 * 1024;

/// Acknowledgements that wait for room, two bytes each: a broker that ignores its window sends its whole queue at once,
/// and uses the same identifiers again. When full, what is stored stays held, and no more is read.
const UNSENT_MAX: usize = 1 << 20;

/// What `port_gone` gives as its cause where a broker is the port.
const CAUSE: &str = "mqtt";

/// How long the end waits for the store's last group.
const END_MAX: Duration = Duration::from_secs(5);

/// What stands behind the polling task of one link.
pub(super) struct Intake {
    pub(super) link: usize,
    pub(super) name: Name,
    pub(super) run: Arc<str>,
    pub(super) fence_topic: String,
    pub(super) speaker: Speaker,
    pub(super) router: Router,
    pub(super) seen: Seen,
    pub(super) held: Held,
    /// To the bedside task; dropped when the agent shuts down, so that the bedside task can end.
    pub(super) inbox: Option<mpsc::Sender<SourceInput>>,
    pub(super) marks: watch::Receiver<Mark>,
    pub(super) clock: watch::Receiver<ClockQuality>,
    pub(super) quarantine: Quarantine,
    pub(super) metrics: Metrics,
}

/// The intake's state while it runs.
struct Running {
    intake: Intake,
    lines: BTreeMap<Arc<Route>, Line>,
    receipts: Receipts,
    fence: Fence,
    away: Link,
    /// Stored messages whose acknowledgements did not fit into the client's channel yet.
    unsent: VecDeque<u16>,
}

/// The bedside task is gone: so is the reason to go on.
struct Gone;

impl Intake {
    /// Runs until the polling task or the bedside task is gone.
    pub(super) async fn run(self, mut messages: mpsc::Receiver<FromPoll>, mut stop: watch::Receiver<bool>) {
        let mut marks = self.marks.clone();
        let mut running = Running {
            intake: self,
            lines: BTreeMap::new(),
            receipts: Receipts::default(),
            fence: Fence::Passed,
            away: Link::Away(clock::uptime()),
            unsent: VecDeque::new(),
        };
        let mut turn = Vec::with_capacity(TURN_MAX);
        let mut markers = tokio::time::interval(PATIENCE / 10);
        let mut stored = true;
        loop {
            tokio::select! {
                biased;
                _ = stop.wait_for(|stopped| *stopped) => break,
                changed = marks.changed(), if stored => stored = changed.is_ok(),
                count = messages.recv_many(&mut turn, TURN_MAX) => if count == 0 { break },
                () = wait_until(running.away.poll_timeout()) => {}
                _ = markers.tick() => running.send_marker(clock::uptime()),
            }
            for message in turn.drain(..) {
                if running.handle(message).await.is_err() {
                    return;
                }
            }
            if running.look_at_link().await.is_err() {
                return;
            }
            running.acknowledge();
        }
        running.end(&mut marks).await;
    }
}

impl Running {
    async fn handle(&mut self, message: FromPoll) -> Result<(), Gone> {
        match message {
            FromPoll::Connected { generation, session_present } => {
                if self.connected(generation, session_present) == Some(Subscription::Kept) {
                    self.subscribed().await?;
                }
            }
            FromPoll::Subscribed => self.subscribed().await?,
            FromPoll::Disconnected { end, confirm } => {
                if end == End::Lost {
                    self.away.handle_lost(clock::uptime());
                }
                self.receipts.handle_disconnected();
                self.unsent.clear();
                let _ = confirm.send(());
            }
            FromPoll::Message { generation, message, at } => {
                let inputs = self.take(generation, &message, at);
                let inbox = self.intake.inbox.as_ref().ok_or(Gone)?;
                for input in inputs {
                    inbox.send(input).await.map_err(|_| Gone)?;
                }
            }
        }
        Ok(())
    }

    /// Takes nothing more, acknowledges what the store still marks until it ends, and leaves the broker.
    async fn end(&mut self, marks: &mut watch::Receiver<Mark>) {
        self.intake.inbox = None;
        let stored = async {
            while marks.changed().await.is_ok() {
                self.acknowledge();
            }
        };
        if tokio::time::timeout(END_MAX, stored).await.is_err() {
            info!(link = %self.intake.name, "The store has not ended in time; the broker will send again what is not acknowledged.");
        }
        self.acknowledge();
        self.intake.speaker.disconnect();
    }

    async fn subscribed(&mut self) -> Result<(), Gone> {
        match self.away.handle_subscribed() {
            Some(port) => self.tell(port).await,
            None => Ok(()),
        }
    }

    async fn look_at_link(&mut self) -> Result<(), Gone> {
        match self.away.handle_timeout(clock::uptime()) {
            Some(port) => self.tell(port).await,
            None => Ok(()),
        }
    }

    /// Tells every source that the link they share has come or gone; of those that never spoke the engines know nothing.
    async fn tell(&mut self, port: PortState) -> Result<(), Gone> {
        let inbox = self.intake.inbox.as_ref().ok_or(Gone)?;
        let at = clock::uptime();
        for (bed, source) in self.intake.router.all() {
            let word = Word::Port(port, Some(CAUSE));
            inbox.send(SourceInput::Word { bed, source, word, at }).await.map_err(|_| Gone)?;
        }
        Ok(())
    }

    /// Subscribes on every connection (a changed configuration meets a kept session), and sends the fence's marker.
    fn connected(&mut self, generation: u64, session_present: bool) -> Option<Subscription> {
        let intake = &self.intake;
        self.receipts.handle_connected(generation);
        self.fence = Fence::new(session_present, &intake.run, generation, clock::uptime());
        let filters = intake.router.filters().chain([intake.fence_topic.as_str()]);
        let subscription = intake.speaker.subscribe(filters, session_present);
        if let Err(error) = &subscription {
            warn!(link = %intake.name, %error, "The subscriptions could not be sent.");
        }
        if let Fence::Awaited { marker, .. } = &self.fence {
            publish_marker(intake, marker.clone());
        }
        subscription.ok()
    }

    /// Sends an overdue marker again: without it, every message counts as history and none is judged.
    fn send_marker(&mut self, now: Uptime) {
        if let Some(marker) = self.fence.poll_marker(now) {
            warn!(link = %self.intake.name, topic = self.intake.fence_topic, "The broker has not returned the agent's own marker: its messages are stored and not judged. If this goes on, allow the agent to publish and subscribe to this topic.");
            publish_marker(&self.intake, marker);
        }
    }

    /// Turns a message into what the bedside task gets.
    fn take(&mut self, generation: u64, message: &Message, at: Uptime) -> Vec<SourceInput> {
        let cost = cost(message);
        let receipt = if let Some(packet) = message.packet {
            let ordinal = self.receipts.push(generation, packet, cost);
            Some(Receipt { link: self.intake.link, generation, ordinal })
        } else {
            self.intake.held.release(cost);
            None
        };
        let mut inputs = self.decode(message, at);
        // The receipt goes with the last record of the message, or alone where there is none.
        let last = inputs.iter_mut().rev().find_map(|it| match it {
            SourceInput::Observation(arrival) => Some(arrival),
            _ => None,
        });
        match (receipt, last) {
            (Some(receipt), Some(arrival)) => arrival.receipt = Some(receipt),
            (Some(receipt), _) => inputs.push(SourceInput::Nothing { receipt }),
            (None, _) => {}
        }
        inputs
    }

    fn decode(&mut self, message: &Message, at: Uptime) -> Vec<SourceInput> {
        if message.topic == self.intake.fence_topic.as_bytes() {
            let awaited = self.fence.is_awaited();
            self.fence.handle_marker(&message.payload);
            if awaited && !self.fence.is_awaited() {
                info!(link = %self.intake.name, "The broker's backlog has been taken in; its messages are judged again.");
            }
            return Vec::new();
        }
        let intake = &mut self.intake;
        let route = match intake.router.route(&message.topic) {
            Ok(route) => route,
            Err(why) => {
                intake.reject(why.reason(), intake.name.as_str(), message);
                return Vec::new();
            }
        };
        if message.payload.len() > PAYLOAD_MAX {
            intake.reject("too_large", route.id.as_str(), message);
            return Vec::new();
        }
        let Some(source) = intake.router.source(&route) else { return Vec::new() };
        let line = self.lines.entry(Arc::clone(&route)).or_insert_with(|| Line::new(&route, source));
        let wall = WallClock { up: at, at: clock::timestamp(), quality: *intake.clock.borrow() };
        let mut decoded = line.decode(
            &message.payload,
            Circumstances {
                wall,
                retained: message.retained,
                backlog: self.fence.is_awaited(),
                redelivered: message.redelivered,
            },
        );
        if forget_known(&mut decoded.observations, &mut intake.seen, message.redelivered) {
            intake.metrics.repeat(route.id.as_str());
            if decoded.observations.is_empty() {
                // Its acknowledgement leaves behind those of what came before, when all that is stored.
                return Vec::new();
            }
        }
        let device = Arc::clone(&line.stamp.device);
        for reason in &decoded.faults {
            intake.reject(reason, route.id.as_str(), message);
        }
        let missed = decoded.observations.iter().map(|it| it.reading.device_missed).sum();
        intake.metrics.miss(route.id.as_str(), missed);
        intake.metrics.accept(route.id.as_str(), decoded.observations.len(), message.payload.len());
        let (before, after) = decoded.words;
        // Part of a device's frame, say: the source is alive.
        let alive = decoded.observations.is_empty() && decoded.faults.is_empty();
        let frame = alive.then(|| line.stamp.word(Word::Alive, at));
        let arrival = |observation| Arrival { observation, device: Arc::clone(&device), receipt: None };
        let arrivals = decoded.observations.into_iter().map(arrival).map(SourceInput::Observation);
        before.into_iter().chain(frame).chain(arrivals).chain(after).collect()
    }

    /// Acknowledges what is stored by now, in order of receipt.
    ///
    /// What is stored is no longer held, whether or not its acknowledgement has found room: a polling task that waited
    /// for room would keep the acknowledgements from leaving, and none would ever be made.
    fn acknowledge(&mut self) {
        let mark = *self.intake.marks.borrow();
        while self.unsent.len() < UNSENT_MAX {
            let Some(released) = self.receipts.poll(mark) else { break };
            self.intake.held.release(released.cost);
            self.unsent.extend(released.packet);
        }
        while let Some(packet) = self.unsent.front() {
            if self.intake.speaker.acknowledge(*packet).is_err() {
                // The client's channel is full: the polling task empties it, and the next turn goes on here.
                return;
            }
            self.unsent.pop_front();
        }
    }
}

impl Intake {
    /// Counts what could not be used, and keeps it as evidence; of what may name a patient, that it came.
    fn reject(&self, reason: &'static str, source: &str, message: &Message) {
        self.metrics.reject(source, reason);
        if self.router.may_be_kept(&message.topic) {
            self.quarantine.offer(reason, source, &message.topic, &message.payload);
        } else {
            self.quarantine.offer_withheld(reason, source, &message.topic, message.payload.len());
        }
    }
}

/// Leaves out what of a message was taken before; whether anything was. Of a pack that was stored in part the rest is new.
fn forget_known(observations: &mut Vec<Observation>, seen: &mut Seen, redelivered: bool) -> bool {
    let identities: Vec<_> = observations.iter().map(identity::of_observation).collect();
    let (mut verdicts, before) = (seen.handle(&identities, redelivered).into_iter(), observations.len());
    observations.retain_mut(|it| match verdicts.next().flatten() {
        Some(Verdict::Known) => false,
        Some(Verdict::New) => {
            it.redelivered = false;
            true
        }
        Some(Verdict::Unsure) | None => true,
    });
    observations.len() < before
}

async fn wait_until(at: Option<Uptime>) {
    match at {
        Some(at) => tokio::time::sleep(at.since(clock::uptime())).await,
        None => std::future::pending().await,
    }
}

fn publish_marker(intake: &Intake, marker: String) {
    if let Err(error) = intake.speaker.publish(&intake.fence_topic, marker) {
        warn!(link = %intake.name, %error, "The marker for the broker's backlog could not be sent; it is tried again.");
    }
}

#[cfg(test)]
mod tests;
