//! Alarms to Kafka: at once, in parallel with the disk; after an outage what is open first, then the lane in order.
//!
//! Of what is there at the same moment the most urgent goes first, and nothing less urgent follows before Kafka has it:
//! the partitions of a topic know no order among each other.
//!
//! To a cluster that nobody has confirmed alarms go too, or its stations would be silent; but the lane waits, so that
//! nothing is forgotten that the right one does not have.
//!
//! What has waited longer than it takes until Kafka counts as away is marked late: it tells what was, and its own times
//! tell when.
//!
//! Everything may arrive twice (from the bedside task and from the lane): consumers tell by id and revision, and of gaps
//! by their numbers.

mod held;
mod outage;
mod reports;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use rdkafka::config::ClientConfig;
use rdkafka::error::KafkaError;
use tokio::sync::watch;
use tracing::warn;
use vitals::backoff::Backoff;
use vitals::record::ledger::{Gap, Lane, LedgerRecord};
use vitals::time::Uptime;

use self::held::Held;
use self::outage::{Going, Reach};
use super::batch::Batch;
use super::cluster::Verdict;
use super::message::{self, Provenance, Schema};
use super::open::OpenAlarms;
use super::producer::{Producer, is_for_ever};
use super::readings::same_boot;
use super::{LiveAlarm, Settings};
use crate::buffer::{Item, LaneReader, Waited};
use crate::clock;
use crate::envelope::{Envelope, Position, RunId};
use crate::kafka::{self, Troubles};

/// How long the thread sleeps when nothing is on its way; an alarm wakes it at once.
const IDLE: Duration = Duration::from_millis(100);

/// How long one look at librdkafka takes while something is on its way.
const BUSY: Duration = Duration::from_millis(2);

/// Records of the lane on their way at once: more would stand before the next live alarm.
const LANE_MAX: usize = 256;

/// Records of the lane on their way at once where each has a request to itself.
const LANE_ALONE_MAX: usize = LANE_MAX / 16;

/// The longest that librdkafka waits before it tries a broker again: what is open must be told within 2 s of its return.
const RECONNECT_MAX: Duration = Duration::from_millis(500);

/// Tickets of live records: beyond any that the lane's batch can reach.
const LIVE_TICKETS: usize = usize::MAX / 2;

/// The thread of alarms.
pub(super) struct Alarms {
    settings: Settings,
    /// What the cluster is to this agent.
    verdict: watch::Receiver<Verdict>,
    lane: LaneReader,
    live: Receiver<LiveAlarm>,
    troubles: Troubles,
    end: watch::Receiver<Option<Uptime>>,
    config: ClientConfig,
    producer: Producer,
    /// Kafka has refused a record for ever: since then each goes alone, so that none is given up for its neighbour.
    careful: bool,
    /// What of the lane is on its way, in order.
    batch: Batch,
    /// The records of that, by ticket: what one held must be kept if Kafka refuses it.
    sent: BTreeMap<usize, (RunId, Envelope)>,
    /// Live records that wait until Kafka has what is more urgent.
    held: Held,
    /// Live records on their way, by ticket.
    flying: BTreeMap<usize, Flying>,
    next_ticket: usize,
    /// Tickets of the gaps that are on their way: no alarm records.
    gaps: BTreeSet<usize>,
    /// Numbers of this run that were sent at once and that Kafka has, while the lane has not come to them.
    delivered: BTreeSet<u64>,
    /// What goes first after an outage.
    open: OpenAlarms,
    /// During an outage the one alarm of which a record lies in librdkafka's queue, as it is by now.
    ahead: Option<LiveAlarm>,
    /// Up to where the lane is in Kafka.
    done: Option<Position>,
    last_report: Uptime,
    reach: Reach,
    /// Something was thrown away that has not been confirmed since.
    failing: bool,
    backoff: Backoff,
}

/// A live record on its way.
struct Flying {
    alarm: LiveAlarm,
    /// Its ticket in the lane's batch, once the lane has come to it: the lane must not be done with it before Kafka is.
    lane: Option<usize>,
}

/// What became of handing a record to librdkafka.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Handed {
    Sent,
    /// It comes from the lane, later.
    NotTaken,
    /// It will never be taken.
    Refused,
}

impl Alarms {
    pub(super) fn new(
        settings: Settings,
        verdict: watch::Receiver<Verdict>,
        lane: LaneReader,
        live: Receiver<LiveAlarm>,
        troubles: Troubles,
        end: watch::Receiver<Option<Uptime>>,
    ) -> Result<Self, KafkaError> {
        let mut config = kafka::durable(&settings.kafka, &format!("{}-alarms", settings.agent));
        config.set("linger.ms", "0").set("queue.buffering.max.kbytes", "4096");
        config.set("reconnect.backoff.max.ms", RECONNECT_MAX.as_millis().to_string());
        kafka::prevail(&settings.kafka, &mut config);
        let producer = Producer::new(&settings.kafka, &config, &troubles)?;
        Ok(Self {
            settings,
            verdict,
            lane,
            live,
            troubles,
            end,
            config,
            producer,
            careful: false,
            batch: Batch::default(),
            sent: BTreeMap::new(),
            held: Held::default(),
            flying: BTreeMap::new(),
            next_ticket: LIVE_TICKETS,
            gaps: BTreeSet::new(),
            delivered: BTreeSet::new(),
            open: OpenAlarms::default(),
            ahead: None,
            done: None,
            last_report: clock::uptime(),
            reach: Reach::Here,
            failing: false,
            backoff: Backoff::new(Duration::from_millis(200), Duration::from_secs(2)),
        })
    }

    pub(super) fn run(mut self) {
        let mut ended = false;
        while !self.is_over() {
            let busy = !self.flying.is_empty() || self.batch.waiting() > 0;
            match self.live.recv_timeout(if busy { BUSY } else { IDLE }) {
                Ok(alarm) => self.handle_live(alarm),
                Err(RecvTimeoutError::Timeout) => {}
                // The bedside task is gone: what remains is the lane's.
                Err(RecvTimeoutError::Disconnected) => std::thread::sleep(BUSY),
            }
            while let Ok(alarm) = self.live.try_recv() {
                self.handle_live(alarm);
            }
            self.send_held();
            ended |= self.read_lane();
            self.take_reports();
            self.send_held();
            self.notice_outage();
            if self.is_away() && self.flying.is_empty() {
                self.knock();
            }
            let waits = self.failing || !self.flying.is_empty() || self.batch.waiting() > 0;
            self.troubles.handle_waiting(waits);
            if ended && self.flying.is_empty() && self.batch.waiting() == 0 {
                break;
            }
        }
    }

    /// Takes a live record to be sent. During an outage the newest of each open alarm waits, and the lane has the rest.
    fn handle_live(&mut self, alarm: LiveAlarm) {
        self.open.handle_live(&alarm);
        if !self.is_away() {
            let up = alarm.envelope.up;
            return self.held.push(alarm, Some(up));
        }
        match &mut self.ahead {
            Some(ahead) if ahead.id == alarm.id => *ahead = alarm,
            None if alarm.open => self.send_ahead(alarm, Going::Whenever),
            Some(_) | None => {}
        }
    }

    /// Sends what waits for nothing more urgent any longer.
    fn send_held(&mut self) {
        if self.held.is_empty() {
            return;
        }
        let flying = self.flying.values().map(|it| it.alarm.urgency).max();
        for (alarm, unheard) in self.held.poll(clock::uptime(), flying) {
            self.send_live(&alarm, unheard.map_or(Going::Live, Going::after));
        }
    }

    fn send_live(&mut self, alarm: &LiveAlarm, going: Going) {
        let ticket = self.next_ticket;
        let run = RunId::clone(&self.settings.run);
        match self.send(ticket, &alarm.envelope, &run, going) {
            Handed::Sent => {
                self.mark_flying();
                self.next_ticket += 1;
                self.flying.insert(ticket, Flying { alarm: alarm.clone(), lane: None });
            }
            Handed::NotTaken => {}
            // The lane comes to it, and says so.
            Handed::Refused => self.open.handle_refused(alarm),
        }
    }

    /// Sends what is durable and was not sent at once. Whether the lane has ended.
    fn read_lane(&mut self) -> bool {
        if !self.is_confirmed() {
            // At the end it stays on the disk.
            return self.end.borrow().is_some();
        }
        let most = if self.careful { LANE_ALONE_MAX } else { LANE_MAX };
        // What waits to be sent at once is not overtaken by what is less urgent.
        while !self.is_away() && self.held.is_empty() && self.batch.waiting() < most {
            match self.lane.wait(Duration::ZERO) {
                Waited::Ready => {}
                Waited::TimedOut => return false,
                Waited::Ended => return true,
            }
            let Ok(Some(chunk)) = self.lane.next_chunk() else { return false };
            for item in chunk.items {
                let position = Position { run: chunk.run.clone(), seq: item.range().1 };
                match item {
                    Item::Record(envelope) if !self.is_delivered(&position) => {
                        self.mark_flying();
                        let flying = self.flying_ticket(&position);
                        let ticket = self.batch.push(position);
                        if let Some(live) = flying.and_then(|it| self.flying.get_mut(&it)) {
                            live.lane = Some(ticket);
                        } else {
                            self.send_of_lane(ticket, envelope, &chunk.run);
                        }
                    }
                    Item::Record(_) => self.batch.pass(position),
                    Item::Gap(gap) => {
                        self.mark_flying();
                        let ticket = self.batch.push(position);
                        self.send_gap(ticket, &gap);
                    }
                }
            }
        }
        false
    }

    /// Whether the lane may go to the cluster that answers: the one whose id the readings were found to go by.
    fn is_confirmed(&self) -> bool {
        let verdict = self.verdict.borrow();
        // Where either tells no id, the two cannot be told apart.
        let other = self.producer.cluster().zip(verdict.id.as_deref()).is_some_and(|(own, id)| own != id);
        verdict.accepted && !other
    }

    /// Whether a record of the lane was sent at once, and Kafka has it.
    fn is_delivered(&self, position: &Position) -> bool {
        position.run == self.settings.run && self.delivered.contains(&position.seq)
    }

    /// The ticket under which a record of the lane was sent at once and is on its way.
    fn flying_ticket(&self, position: &Position) -> Option<usize> {
        let ours = position.run == self.settings.run;
        let mut flying = self.flying.iter().filter(|_| ours);
        flying.find(|(_, it)| it.alarm.envelope.seq == position.seq).map(|(ticket, _)| *ticket)
    }

    fn send_of_lane(&mut self, ticket: usize, envelope: Envelope, run: &RunId) {
        let ours = same_boot(run, &self.settings.run);
        let going = if ours { Going::after(envelope.up) } else { Going::Late };
        let handed = self.send(ticket, &envelope, run, going);
        self.sent.insert(ticket, (RunId::clone(run), envelope));
        if handed == Handed::Refused {
            self.set_aside(ticket);
        }
    }

    fn send(&mut self, ticket: usize, envelope: &Envelope, run: &str, going: Going) -> Handed {
        let aged = same_boot(run, &self.settings.run) && going != Going::Whenever;
        let waited = going != Going::Live;
        let provenance = Provenance { agent: &self.settings.agent, run, aged, waited };
        let headers = message::headers(Lane::Alarms, envelope, provenance);
        let topic = Schema::Alarms.topic(envelope.mode);
        match self.producer.send(ticket, topic, &envelope.key, &envelope.body, headers) {
            Ok(Ok(())) => Handed::Sent,
            Err(error) if is_for_ever(&error) => Handed::Refused,
            // A full queue means an outage: what is not sent now comes from the lane.
            Ok(Err(_)) | Err(_) => Handed::NotTaken,
        }
    }

    fn send_gap(&mut self, ticket: usize, gap: &Gap) {
        warn!(run = gap.run, first = gap.first_seq, last = gap.last_seq, reason = ?gap.reason, "Alarm records are missing for ever; the ledger says so.");
        let (agent, mode) = (&self.settings.agent, self.settings.mode);
        let body = serde_json::to_vec(&LedgerRecord::Gap(gap.clone())).unwrap_or_default();
        let headers = message::common(Schema::Ledger.name(), agent, mode);
        self.gaps.insert(ticket);
        // As above: what is not sent now comes from the lane.
        let _ = self.producer.send(ticket, Schema::Ledger.topic(mode), agent, &body, headers);
    }

    /// The time without a report counts from the first record on its way.
    fn mark_flying(&mut self) {
        if self.flying.is_empty() && self.batch.waiting() == 0 {
            self.last_report = clock::uptime();
        }
    }

    fn is_over(&self) -> bool {
        self.end.borrow().is_some_and(|deadline| clock::uptime() >= deadline)
    }
}
