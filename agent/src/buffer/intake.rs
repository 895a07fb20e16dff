//! Bedside's end of the store: takes everything at once, and says in a gap what it could not keep.

use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::entry::{Command, Entry, Load, Shed, weight};
use super::offers::Offers;
use super::progress::{Progress, StoreState};
use super::{EngineState, Mark};
use crate::clock;
use crate::envelope::{Envelope, Lane, Receipt, ToStore};

/// What a lane may hold that is not durable yet: 32 MiB are 40,000 readings of 800 bytes, eight seconds of 5,000
/// readings a second; of alarms with a state of 4 KiB each they are 6,000, half an hour of an alarm storm of three a
/// second. When full, readings become a gap; alarms do too, which then only have gone the parallel way to Kafka.
pub(super) const QUEUE_MAX: usize = 32 << 20;
/// An alarm goes without the engines' state when more than this waits: the next one carries a newer state anyhow.
const STATE_MAX: usize = QUEUE_MAX / 4;
/// After the queue was full, readings are taken again when it has fallen to this: one gap, not one for each group.
const QUEUE_RESUME: usize = QUEUE_MAX / 2;
/// When something has waited this long to become durable, the store counts as stalled.
const STALLED_AFTER: Duration = Duration::from_secs(2);

/// Bedside's end of the store. Never blocks, never fails, does no I/O.
///
/// Dropping it is the orderly end: each lane's thread makes durable what it has, and ends when its reader is gone.
#[derive(Debug)]
pub struct Intake {
    pub(super) readings: LaneIntake,
    pub(super) alarms: LaneIntake,
    pub(super) progress: Arc<watch::Sender<Progress>>,
    pub(super) marks: Vec<watch::Receiver<Mark>>,
}

impl Intake {
    /// Hands over what is to be kept, in order of sequence within each lane.
    pub fn offer(&mut self, item: ToStore) {
        match item {
            ToStore::Reading(envelope, receipt) => self.readings.offer(envelope, receipt, None),
            ToStore::Nothing(receipt) => self.readings.offer_nothing(receipt),
            ToStore::Alarm(envelope, state) => self.alarms.offer(envelope, None, Some(state)),
            ToStore::State(state, number) => self.alarms.offer_state(state, number),
        }
        self.tell_stalled();
    }

    /// How the store is. It closes when both lanes' threads have ended.
    #[must_use]
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// Up to where the receipts of a link may be acknowledged.
    ///
    /// A link the settings did not announce has a mark that never moves.
    #[must_use]
    pub fn marks(&self, link: usize) -> watch::Receiver<Mark> {
        self.marks.get(link).cloned().unwrap_or_else(|| watch::channel(Mark::default()).1)
    }

    /// The owner of a stalled lane hangs in a system call and cannot say so itself.
    fn tell_stalled(&mut self) {
        let now = clock::instant();
        let (readings, alarms) = {
            let progress = self.progress.borrow();
            (progress.readings.durable.seq, progress.alarms.durable.seq)
        };
        let stalled = [self.readings.waits_long(readings, now), self.alarms.waits_long(alarms, now)];
        if stalled != [false; 2] {
            self.progress.send_if_modified(|progress| {
                let ok = progress.state == StoreState::Ok;
                if ok {
                    progress.state = StoreState::Stalled;
                }
                ok
            });
        }
    }
}

impl Drop for Intake {
    fn drop(&mut self) {
        for lane in [&self.readings, &self.alarms] {
            // An owner that is gone has nothing to end.
            let _ = lane.commands.send(Command::End);
        }
    }
}

/// One lane of it.
#[derive(Debug)]
pub(super) struct LaneIntake {
    lane: Lane,
    commands: Sender<Command>,
    offers: Arc<Offers>,
    load: Arc<Load>,
    /// Where what cannot be taken gathers until the owner fetches it.
    shed: Arc<watch::Sender<Option<Shed>>>,
    shedding: bool,
    /// The last sequence number offered.
    offered: u64,
    /// The oldest that was not durable when last looked, and since when.
    waiting: Option<(u64, Instant)>,
}

impl LaneIntake {
    pub(super) fn new(
        lane: Lane,
        commands: Sender<Command>,
        offers: Arc<Offers>,
        load: Arc<Load>,
        shed: Arc<watch::Sender<Option<Shed>>>,
    ) -> Self {
        Self { lane, commands, offers, load, shed, shedding: false, offered: 0, waiting: None }
    }

    fn offer(&mut self, envelope: Envelope, receipt: Option<Receipt>, state: Option<EngineState>) {
        let after = self.offered;
        self.offered = envelope.seq;
        if !self.has_room(weight(&envelope)) {
            return self.shed(after, |shed| {
                shed.add(&envelope);
                if let Some(receipt) = receipt {
                    shed.receipts.add(receipt);
                }
            });
        }
        let state = state.filter(|_| self.load.bytes() < STATE_MAX);
        self.send(Entry::Record { envelope, receipt, state });
    }

    /// A state that has no room is not kept, and its number never becomes durable: whoever waits for it is told so.
    fn offer_state(&mut self, state: EngineState, number: u64) {
        let entry = Entry::State(state, number);
        if self.has_room(entry.weight()) {
            self.send(entry);
        }
    }

    fn offer_nothing(&mut self, receipt: Receipt) {
        if self.has_room(super::entry::OVERHEAD) {
            self.send(Entry::Nothing(receipt));
        } else {
            self.shed(self.offered, |shed| shed.receipts.add(receipt));
        }
    }

    fn send(&mut self, entry: Entry) {
        self.load.add(entry.weight());
        if self.offers.push(entry) {
            // An owner that is gone takes the process with it; nothing was acknowledged.
            let _ = self.commands.send(Command::Offered);
        }
    }

    /// Whether there is room, and nothing waits before it.
    fn has_room(&mut self, bytes: usize) -> bool {
        let max = if self.shedding { QUEUE_RESUME } else { QUEUE_MAX };
        let full = self.load.bytes() + bytes > max || self.shed.borrow().is_some();
        if full && !self.shedding {
            tracing::error!(lane = %self.lane.letter(), "The disk does not keep up: records become a gap.");
        }
        self.shedding = full;
        !full
    }

    fn shed(&mut self, after: u64, add: impl FnOnce(&mut Shed)) {
        let begins = self.shed.borrow().is_none();
        self.shed.send_modify(|slot| add(slot.get_or_insert_with(|| Shed { after, ..Shed::default() })));
        if begins {
            // Wakes the owner, once for each gap, or what hangs in a sync would pile up wake-ups.
            let _ = self.commands.send(Command::Consumed);
        }
    }

    fn waits_long(&mut self, durable: u64, now: Instant) -> bool {
        match self.waiting {
            _ if self.offered <= durable => self.waiting = None,
            Some((seq, since)) if seq > durable => return now.duration_since(since) > STALLED_AFTER,
            _ => self.waiting = Some((self.offered, now)),
        }
        false
    }
}
