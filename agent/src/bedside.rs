//! The bedside loop: the only place where time, observations and alarm engines meet.
//!
//! It awaits its inputs and nothing else: no disk, no network and no full queue can delay an alarm. What it has to say
//! it offers to the annunciators at once, and at the end of a turn to Kafka, the most urgent first, to the store, and to
//! the run directory. Each offer returns at once. It has a thread of its
//! own, so that nothing else in the process can keep it from running either.

mod act;
mod answers;
mod bed;
mod latest;
mod outlets;
mod own;
mod snapshot;
mod stall;
mod status;
mod tell;
mod test_alarm;
mod voice;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tracing::error;
use vitals::alarm::event::{AlarmEvent, AlarmIds};
use vitals::alarm::shown::Shown;
use vitals::name::Name;
use vitals::reading::Mode;
use vitals::record::alarm::AlarmRecord;
use vitals::record::reading::{Origin, ReadingRecord};
use vitals::time::{ClockQuality, Uptime};

use self::answers::Answers;
use self::bed::BedState;
pub use self::bed::SourceSetup;
pub use self::outlets::Outlets;
pub use self::own::Health;
use self::own::OwnAlarms;
pub use self::snapshot::{EncodedDocument, Keeping, Kept, KeptBeds, keep_in};
pub use self::status::BedsideStatus;
use self::test_alarm::Tests;
pub use self::test_alarm::{QUESTIONS_MAX, TestQuestion, TestRefusal, TestSetup, TestStatus};
use crate::buffer::{Outage, Progress};
use crate::clock;
use crate::config::Bed;
use crate::envelope::{Envelope, RunId, ToStore};
use crate::source::{Arrival, SourceInput};

/// Inputs on their way to the loop: 500 observations a second for 8 s, in which the loop cannot but turn. When full,
/// sources wait, each with its own bound.
pub const INBOX_MAX: usize = 4096;

/// Inputs taken in one turn, so that deadlines are looked at every few milliseconds even in a flood.
const TURN_MAX: usize = 256;

/// How long after a deadline the timers run: observations read before it may still be on their way through the
/// inbox, and an engine refuses what is older than its last step (E5).
const SLACK: Duration = Duration::from_millis(10);

/// The loop turns at least this often: the watchdog, the newest values and the states of beds live on it.
const TICK: Duration = Duration::from_millis(250);

/// The heartbeat's interval.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// What the bedside task needs to begin.
pub struct Setup {
    /// The agent.
    pub agent: Name,
    /// This life of the process.
    pub run: RunId,
    /// The beds, with their policies.
    pub beds: Vec<Bed>,
    /// The sources known from the start.
    pub sources: Vec<SourceSetup>,
    /// What earlier runs left.
    pub kept: KeptBeds,
    /// Where everything goes.
    pub outlets: Outlets,
    /// How the agent's parts are.
    pub health: Health,
    /// Whether a station is known to say what it has shown.
    pub receipts: bool,
    /// What of test alarms.
    pub tests: TestSetup,
    /// The agent's mode: live if any source is.
    pub mode: Mode,
    /// The bound of the buffer, bytes, for the heartbeat.
    pub buffer_max: u64,
}

/// The task that owns every alarm engine and gives every record its number.
pub struct Bedside {
    origin: Origin,
    beds: BTreeMap<Arc<Name>, BedState>,
    own: OwnAlarms,
    shown: Shown,
    tests: Tests,
    answers: Answers,
    ids: AlarmIds,
    reading_seq: u64,
    alarm_seq: u64,
    outlets: Outlets,
    clock: watch::Receiver<ClockQuality>,
    status: watch::Sender<BedsideStatus>,
    buffer_max: u64,
    store: watch::Receiver<Progress>,
    outage: Outage,
    turns: u64,
    last_tick: Uptime,
    last_heartbeat: Option<Uptime>,
    /// What this turn has told the annunciators, and nobody else yet.
    told: Vec<(AlarmEvent, Arc<AlarmRecord>)>,
}

impl Bedside {
    /// The task, before its first turn; the receiver tells how it is.
    #[must_use]
    pub fn new(setup: Setup, now: Uptime) -> (Self, watch::Receiver<BedsideStatus>) {
        let origin = Origin { agent: setup.agent.to_string(), run: setup.run.to_string() };
        let mut kept = setup.kept;
        let beds = setup
            .beds
            .into_iter()
            .map(|config| {
                let sources = setup.sources.iter().filter(|it| it.bed == config.id).cloned().collect();
                let kept = kept.take(&config.id);
                (Arc::clone(&config.id), BedState::new(config, sources, kept.as_ref(), now))
            })
            .collect();
        let (clock, store) = (setup.health.clock.clone(), setup.health.store.clone());
        let (words, forwarder) = (setup.outlets.annunciators.words(), setup.health.forwarder.clone());
        let tests = Tests::new(&setup.tests, words, forwarder, now);
        let own = OwnAlarms::new(setup.agent, setup.mode, setup.health, kept.agent(), now);
        let (status, receiver) = watch::channel(BedsideStatus::default());
        let it = Self {
            origin,
            beds,
            own,
            shown: Shown::new(setup.receipts),
            tests,
            answers: Answers::default(),
            ids: AlarmIds::new(setup.run),
            reading_seq: 0,
            alarm_seq: 0,
            outlets: setup.outlets,
            clock,
            status,
            buffer_max: setup.buffer_max,
            store,
            outage: Outage::default(),
            turns: 0,
            last_tick: now,
            last_heartbeat: None,
            told: Vec::new(),
        };
        (it, receiver)
    }

    /// Turns until every source is gone.
    pub async fn run(
        mut self,
        mut inbox: mpsc::Receiver<SourceInput>,
        mut questions: mpsc::Receiver<TestQuestion>,
    ) {
        let mut inputs = Vec::with_capacity(TURN_MAX);
        self.turn(clock::uptime(), &mut inputs);
        loop {
            let wait = self.next_turn(clock::uptime());
            tokio::select! {
                biased;
                count = inbox.recv_many(&mut inputs, TURN_MAX) => if count == 0 { break },
                Some(question) = questions.recv() => self.handle_question(question),
                Ok(()) = self.store.changed(), if self.answers.any() => {}
                () = tokio::time::sleep(wait) => {}
            }
            self.turn(clock::uptime(), &mut inputs);
        }
        self.answer(clock::uptime(), true);
        self.tell_state(clock::uptime(), true);
    }

    /// How long until the loop must turn again.
    fn next_turn(&self, now: Uptime) -> Duration {
        let beds = self.beds.values().filter_map(BedState::poll_timeout);
        let deadline = beds.chain(self.own.poll_timeout()).min();
        let tick = self.last_tick + TICK;
        deadline.map_or(tick, |it| tick.min(it + SLACK)).since(now)
    }

    /// One turn: what came in, then what was due, then what changed for those who only look.
    fn turn(&mut self, now: Uptime, inputs: &mut Vec<SourceInput>) {
        self.turns += 1;
        self.notice_stall(now);
        for input in inputs.drain(..) {
            self.handle(input);
        }
        let due = now - SLACK;
        let timed_out: Vec<_> = self
            .beds
            .iter()
            .filter(|(_, bed)| bed.poll_timeout().is_some_and(|at| at <= due))
            .map(|(id, _)| Arc::clone(id))
            .collect();
        for id in timed_out {
            if let Some(bed) = self.beds.get_mut(&id) {
                bed.handle_timeout(due, &mut self.ids);
            }
            self.announce(&id);
        }
        if self.own.poll_timeout().is_some_and(|at| at <= due) {
            self.own.handle_timeout(due, &mut self.ids);
            self.announce_own();
        }
        let ticks = now.since(self.last_tick) >= TICK;
        if ticks {
            self.last_tick = now;
            self.outlets.annunciators.beat(now);
            self.look_at_tests(now);
            self.own.look(now, &self.shown, self.tests.report(), &mut self.ids);
            self.announce_own();
        }
        self.send_told();
        self.answer(now, false);
        if ticks {
            self.tell_state(now, false);
        }
    }

    fn handle(&mut self, input: SourceInput) {
        match input {
            SourceInput::Observation(arrival) => self.handle_arrival(&arrival),
            SourceInput::Action(placed) => self.handle_action(*placed),
            SourceInput::Rules { policies, at } => self.handle_rules(policies, at),
            SourceInput::Shown { bed, alarm, revision, station, live } => {
                self.handle_shown(&bed, &alarm, (revision, &station), live);
            }
            SourceInput::Nothing { receipt } => self.outlets.store(ToStore::Nothing(receipt)),
            SourceInput::Word { bed, source, word, at } => {
                if let Some(state) = self.beds.get_mut(&bed) {
                    state.handle_word(at, &source, word, &mut self.ids);
                }
                self.announce(&bed);
            }
        }
    }

    /// Alarm first, then the store.
    fn handle_arrival(&mut self, arrival: &Arrival) {
        let observation = &arrival.observation;
        let id = Arc::clone(&observation.bed);
        let Some(bed) = self.beds.get_mut(&id) else {
            // Sources only name beds of the configuration; losing the reading silently would hide a mistake here.
            error!(bed = %id, "An observation of a bed that is not configured cannot be judged.");
            return self.store_reading(arrival);
        };
        bed.handle_observation(observation, self.reading_seq + 1, &arrival.device, &mut self.ids);
        self.announce(&id);
        self.store_reading(arrival);
    }

    /// Numbers the reading, encodes it and hands it to the store.
    fn store_reading(&mut self, arrival: &Arrival) {
        let observation = &arrival.observation;
        let seq = self.reading_seq + 1;
        let stay = self.beds.get(&observation.bed).and_then(|it| it.engine().stay());
        let record = ReadingRecord::new(&self.origin, seq, &arrival.device, observation).of_stay(stay);
        let body = match serde_json::to_vec(&record) {
            Ok(body) => body,
            Err(error) => {
                error!(source = %observation.source, %error, "A reading cannot be encoded; it is lost.");
                if let Some(receipt) = arrival.receipt {
                    self.outlets.store(ToStore::Nothing(receipt));
                }
                return;
            }
        };
        self.reading_seq = seq;
        self.outlets.store(ToStore::Reading(
            Envelope {
                seq,
                up: observation.at,
                mode: observation.mode,
                late: observation.late.is_some(),
                key: observation.source.as_str().into(),
                body: body.into(),
            },
            arrival.receipt,
        ));
    }

    /// Tells those who only look: newest values, states of beds, the engines' state, and how the loop is.
    fn tell_state(&mut self, now: Uptime, ending: bool) {
        let wall = clock::wall_clock(*self.clock.borrow());
        for bed in self.beds.values_mut() {
            for update in bed.poll_updates(now, wall, &self.origin) {
                self.outlets.tell(update);
            }
        }
        let own = self.own.poll_update(now, wall, &self.origin);
        let touched = own.is_some();
        if let Some(update) = own {
            self.outlets.tell(update);
        }
        if ending || touched || self.beds.values().any(BedState::is_touched) {
            self.keep(now);
        }
        let outage = self.outage.lasts(now, &self.store.borrow());
        let counts = (self.turns, self.reading_seq, self.alarm_seq);
        let status = status::of(counts, &self.beds, &self.own, self.tests.status(), outage, now);
        if ending || self.last_heartbeat.is_none_or(|last| now.since(last) >= HEARTBEAT) {
            self.last_heartbeat = Some(now);
            let mode = self.beds.values().map(BedState::mode).min().unwrap_or(Mode::Live);
            let store = self.store.borrow().clone();
            self.outage.handle_progress(now, &store);
            if let Some(update) =
                status::heartbeat(&self.origin, &status, &store, self.buffer_max, wall, mode)
            {
                self.outlets.tell(update);
            }
        }
        self.status.send_replace(status);
    }
}
