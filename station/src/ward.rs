//! What the station knows of the ward: open alarms, agents and the way to Kafka. Pure: time is an argument.
//!
//! It speaks the grammar of the house: `handle_*` takes what happened and when, `poll_change` gives what is news,
//! `poll_timeout` says when to call again. The clock is the station's own monotonic one; agents' clocks are only
//! ever compared with themselves.

mod agents;
mod alarms;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use vitals::record::alarm::AlarmRecord;
use vitals::record::state::{BedRecord, StatusRecord};
use vitals::time::Uptime;

use agents::Agents;
use alarms::Alarms;

/// How long Kafka may be silent before the station says that it has lost it (promise P10).
pub const KAFKA_LOST_AFTER: Duration = Duration::from_secs(5);
/// What is older than this when it comes is marked late: two heartbeats of a ward and the way.
pub const LATE_AFTER: Duration = Duration::from_secs(10);
/// How long Kafka may say nothing before the silence of agents in that time is its own: it answers each second.
const KAFKA_HOLE: Duration = Duration::from_secs(3);
/// A caller this much later than it was asked to be has slept; the silence of others in that time says nothing.
pub const STALL: Duration = Duration::from_secs(2);

/// A record as it came from Kafka.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// What it says.
    pub record: Record,
    /// Whether its header says that it is history.
    pub late: bool,
    /// How old it was when it was sent, on the agent's clock.
    pub age: Option<Duration>,
}

impl Arrival {
    /// The alarm of which it tells.
    #[must_use]
    pub fn alarm(&self) -> Option<&AlarmRecord> {
        match &self.record {
            Record::Alarm(record) => Some(record),
            Record::Bed(_) | Record::Status(_) => None,
        }
    }
}

/// The records that a station follows.
#[derive(Debug, Clone)]
pub enum Record {
    /// One change of one alarm.
    Alarm(Box<AlarmRecord>),
    /// The state of a bed.
    Bed(Box<BedRecord>),
    /// An agent's heartbeat.
    Status(Box<StatusRecord>),
}

/// Something that people want to know.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// An alarm began, changed or ended.
    Alarm {
        /// The alarm as it is now.
        record: Box<AlarmRecord>,
        /// What is new about it.
        news: News,
        /// Whether it is history: it happened more than [`LATE_AFTER`] before it could be read here.
        late: bool,
    },
    /// An agent came, went, or hangs.
    Agent {
        /// Its id.
        agent: String,
        /// What is new about it.
        news: AgentNews,
    },
    /// The way from the station to Kafka broke, or is there again.
    Kafka(KafkaNews),
}

/// What is new about an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// The record says it itself.
    Told,
    /// It was open already when the station came to know its bed.
    Found,
    /// The state of its bed no longer lists it, and no record said how it ended.
    Unlisted,
}

/// What is new about an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgentNews {
    /// It was heard for the first time.
    Heard {
        /// Beds it watches.
        beds: u32,
        /// Alarms open there.
        alarms: u32,
    },
    /// No heartbeat for this long.
    Lost(Duration),
    /// Heartbeats come, and its bedside loop has not turned for this long.
    Stuck(Duration),
    /// It is well again.
    Back,
    /// It was started anew.
    Restarted,
}

/// What is new about the way to Kafka.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KafkaNews {
    /// Nothing was heard for this long.
    Lost(Duration),
    /// It answers again.
    Back,
}

/// The ward as far as the station knows it.
#[derive(Debug)]
pub struct Ward {
    alarms: Alarms,
    agents: Agents,
    beds: BTreeMap<String, BedRecord>,
    kafka: Kafka,
    changes: VecDeque<Change>,
}

/// The way to Kafka.
#[derive(Debug)]
enum Kafka {
    Heard(Uptime),
    Lost,
}

impl Ward {
    /// A ward of which nothing is known yet.
    #[must_use]
    pub fn new(now: Uptime) -> Self {
        Self {
            alarms: Alarms::default(),
            agents: Agents::default(),
            beds: BTreeMap::new(),
            kafka: Kafka::Heard(now),
            changes: VecDeque::new(),
        }
    }

    /// Takes a record that was read from Kafka.
    pub fn handle_record(&mut self, now: Uptime, arrival: Arrival) {
        self.handle_kafka(now);
        match arrival.record {
            Record::Alarm(record) => {
                let history = self.agents.is_past(&record.agent, &record.run);
                let behind = self.agents.is_behind(&record.agent, &record.run, record.up_ms);
                let late =
                    arrival.late || history || behind || arrival.age.is_some_and(|age| age > LATE_AFTER);
                self.changes.extend(self.alarms.handle_alarm(record, history, late));
            }
            Record::Bed(record) => {
                self.agents.handle_bed(now, &record);
                self.changes.extend(self.alarms.handle_bed(now, &record));
                self.beds.insert(record.bed.clone(), *record);
            }
            Record::Status(record) => self.changes.extend(self.agents.handle_status(now, &record)),
        }
    }

    /// Takes that Kafka answered something, be it only that there is nothing new.
    pub fn handle_kafka(&mut self, now: Uptime) {
        self.notice_stall(now);
        match self.kafka {
            // After a hole in what the station could hear, the silence of the agents says nothing.
            Kafka::Heard(at) if now.since(at) > KAFKA_HOLE => self.agents.forgive(now),
            Kafka::Heard(_) => {}
            Kafka::Lost => {
                self.agents.forgive(now);
                self.changes.push_back(Change::Kafka(KafkaNews::Back));
            }
        }
        self.kafka = Kafka::Heard(now);
        self.handle_timeout(now);
    }

    /// Does what was due at the time that `poll_timeout` gave.
    pub fn handle_timeout(&mut self, now: Uptime) {
        self.notice_stall(now);
        self.changes.extend(self.alarms.handle_timeout(now));
        let Kafka::Heard(at) = self.kafka else { return };
        self.changes.extend(self.agents.handle_timeout(now, at));
        if now >= at + KAFKA_LOST_AFTER {
            self.kafka = Kafka::Lost;
            self.changes.push_back(Change::Kafka(KafkaNews::Lost(now.since(at))));
        }
    }

    /// Returns the next news, in the order in which they came about.
    pub fn poll_change(&mut self) -> Option<Change> {
        self.changes.pop_front()
    }

    /// Returns when to call `handle_timeout` next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Uptime> {
        let kafka = match self.kafka {
            Kafka::Heard(at) => [Some(at + KAFKA_LOST_AFTER), self.agents.poll_timeout(at)],
            Kafka::Lost => [None, None],
        };
        kafka.into_iter().chain([self.alarms.poll_timeout()]).flatten().min()
    }

    /// The open alarms, the most urgent first, then the oldest.
    #[must_use]
    pub fn open(&self) -> Vec<&AlarmRecord> {
        self.alarms.open()
    }

    /// The beds, in order of id. What an agent says of itself in the place of a bed is none.
    pub fn beds(&self) -> impl Iterator<Item = &BedRecord> {
        self.beds.values().filter(|it| it.bed != it.agent)
    }

    /// If the station itself slept, nobody else's silence in that time counts.
    fn notice_stall(&mut self, now: Uptime) {
        if self.poll_timeout().is_some_and(|deadline| now > deadline + STALL) {
            self.agents.forgive(now);
            self.alarms.forgive(now);
            if let Kafka::Heard(at) = &mut self.kafka {
                *at = now;
            }
        }
    }
}
