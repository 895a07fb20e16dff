//! One encoded record on its way: what is stored is what is sent, key and headers beside the body.
//!
//! These are the only types that bedside, store and forwarder share. Nobody behind the bedside task decodes a body.

use std::sync::Arc;

use vitals::reading::Mode;
use vitals::time::Uptime;

pub use vitals::record::ledger::Lane;

/// One encoded record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Its number in its run and lane, without gaps, from 1. With agent, run and lane it is the record's id.
    pub seq: u64,
    /// When it was made, on the boot-time clock: the header `age_ms` is computed from it at sending.
    pub up: Uptime,
    /// Decides the topic's prefix: what is not live goes to `sim.`.
    pub mode: Mode,
    /// Whether it was history when it arrived.
    pub late: bool,
    /// Kafka's key: source id for readings, bed for alarms.
    pub key: Box<str>,
    /// The JSON body.
    pub body: Box<[u8]>,
}

/// A life of the agent's process, unique without any disk: boot id and start time, as in record ids.
pub type RunId = Arc<str>;

/// How far a lane has come: everything of earlier runs, and of `run` up to `seq`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The run.
    pub run: RunId,
    /// The last sequence number included; 0 before the first.
    pub seq: u64,
}

impl Position {
    /// No position: a lane read from here begins behind what it knows to be in Kafka.
    pub(crate) fn none() -> Self {
        Self { run: "".into(), seq: 0 }
    }
}

/// Who waits for a record to be durable: one message of one connection to a broker.
///
/// Acknowledging by packet id alone would, on a later connection, acknowledge another message that is not yet
/// stored; the generation is what tells the two apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// Which MQTT link of the configuration.
    pub link: usize,
    /// How many times that link had been connected.
    pub generation: u64,
    /// The message's number on that connection, from 1, in order of receipt: acknowledgements leave in this order.
    pub ordinal: u64,
}

/// What the bedside task hands to the store's thread.
#[derive(Debug)]
pub enum ToStore {
    /// A reading, and who waits for it.
    Reading(Envelope, Option<Receipt>),
    /// A message that left no record (quarantined, unknown, empty): its receipt must still leave in order.
    Nothing(Receipt),
    /// An alarm record with the whole state of the engines after it, encoded (see `vitals::alarm::snapshot`).
    Alarm(Envelope, Arc<[u8]>),
    /// The engines' state alone, after something that left no record, and its number: it is durable when
    /// `buffer::LaneProgress::state` has come as far.
    State(Arc<[u8]>, u64),
}
