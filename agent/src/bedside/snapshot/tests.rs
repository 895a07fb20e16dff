//! Two copies of the engines' state, each ahead of the other at some beds.

use std::collections::BTreeSet;
use std::sync::OnceLock;
use std::time::Duration;

use vitals::alarm::event::{AlarmIds, Code};
use vitals::alarm::policy;
use vitals::observation::Observation;
use vitals::quantity::Quantity;
use vitals::reading::{Measurement, Mode, Reading};
use vitals::time::{ClockQuality, Timestamp};
use vitals::vital::Vital;

use super::super::bed::SourceSetup;
use super::super::own::Health;
use super::super::voice::Voice as _;
use super::*;
use crate::buffer::{Progress, StoreState};
use crate::config::Bed;
use crate::config::alarms;
use crate::forwarder::ForwarderProgress;
use crate::source::Word;

const RULES: &str = r#"
version = 1
[defaults]
clear_delay = "0s"
extreme = { priority = "high", latch = false }
[profile.adult.spo2]
hysteresis = 1
worse_by = 3
low = { limit = 90, delay = "15s", extreme = 80, extreme_delay = "0s" }
high = "off"
"#;

/// Below the limit: an alarm in 15 s.
const LOW: i16 = 88;
/// Below the extreme: an alarm at once.
const VERY_LOW: i16 = 70;
const WELL: i16 = 97;

/// Beds `a` and `b` of one agent, and the two places where their state is kept.
struct Ward {
    beds: BTreeMap<Arc<Name>, BedState>,
    own: OwnAlarms,
    ids: AlarmIds,
    run: &'static str,
    run_dir: tempfile::TempDir,
    store: Option<Arc<[u8]>>,
}

impl Ward {
    fn new() -> Self {
        let run_dir = tempfile::tempdir().unwrap();
        let beds = ["a", "b"].map(|id| (name(id), BedState::new(bed(id), sources(id), None, at(0)))).into();
        let ids = AlarmIds::new(Arc::from("one"));
        Self { beds, own: own(), ids, run: "one", run_dir, store: None }
    }

    fn measure(&mut self, bed: &str, millis: u64, spo2: i16) {
        let measurements = vec![Measurement::value(Vital::Spo2, Quantity::from_whole(spo2))];
        let observation = Observation {
            bed: name(bed),
            source: name(bed),
            reading: Reading { measurements, ..Reading::default() },
            at: at(millis),
            received_at: Timestamp::EPOCH,
            clock: ClockQuality::Synced,
            mode: Mode::Live,
            late: None,
            redelivered: false,
        };
        let state = self.beds.get_mut(&name(bed)).unwrap();
        state.handle_observation(&observation, 1, &Arc::from("device"), &mut self.ids);
    }

    /// The tick writes everything.
    fn keep(&mut self, millis: u64) {
        let bytes = self.whole(millis);
        self.write(&bytes);
    }

    fn whole(&mut self, millis: u64) -> Vec<u8> {
        serde_json::to_vec(&self.document(millis)).unwrap()
    }

    fn document(&mut self, millis: u64) -> Arc<EncodedDocument> {
        self.beds.values_mut().for_each(BedState::clear_touched);
        whole(&mut self.beds, &self.own, self.run, at(millis)).unwrap()
    }

    /// Which beds are encoded anew for this document, and not for the one before.
    fn encoded_anew(&mut self, before: &EncodedDocument, millis: u64) -> Vec<String> {
        let after = self.document(millis);
        let anew = after.beds.iter().filter(|(id, it)| !Arc::ptr_eq(it, &before.beds[*id]));
        anew.map(|(id, _)| id.to_string()).collect()
    }

    fn write(&self, bytes: &[u8]) {
        fs::write(self.run_dir.path().join(FILE), bytes).unwrap();
    }

    /// An alarm record goes to the store, with the state beside it.
    fn store(&mut self, millis: u64) {
        self.store = Some(durable(&mut self.beds, &self.own, self.run, at(millis)));
    }

    /// Whether the next run finds of a bed what its engine is now.
    fn is_found(&self, bed: &str) -> bool {
        let mut kept = KeptBeds::load(self.run_dir.path(), self.store.as_deref());
        let Some(kept) = kept.take(&name(bed)) else { return false };
        assert_eq!(kept.boot, Boot::Same);
        kept.snapshot == self.beds[&name(bed)].engine().snapshot(kept.snapshot.at)
    }
}

fn name(text: &str) -> Arc<Name> {
    Arc::new(Name::parse(text).unwrap())
}

fn at(millis: u64) -> Uptime {
    Uptime::from_millis(millis)
}

fn own() -> OwnAlarms {
    let health = Health {
        store: watch::channel(Progress::new(StoreState::Ok, &"one".into(), 0)).1,
        replaced: Arc::new(OnceLock::new()),
        forwarder: watch::channel(ForwarderProgress::default()).1,
        annunciators: watch::channel(BTreeSet::new()).1,
        clock: watch::channel(ClockQuality::Synced).1,
    };
    OwnAlarms::new(Name::parse("agent").unwrap(), Mode::Live, health, None, at(0))
}

fn bed(id: &str) -> Bed {
    let policy = alarms::parse(RULES).unwrap().policy("adult", None).unwrap();
    Bed { id: name(id), label: None, policy, prefer: BTreeMap::new() }
}

fn sources(id: &str) -> Vec<SourceSetup> {
    let engine = policy::SourceSetup::new(name(id), Duration::from_secs(1), Mode::Live);
    vec![SourceSetup { bed: name(id), engine, device: Arc::from("device") }]
}

/// E34: what one bed has pending is not lost because another had an alarm a moment before the end.
#[test]
fn an_alarm_of_one_bed_takes_nothing_from_another() {
    let mut ward = Ward::new();
    ward.measure("a", 1000, LOW);
    ward.keep(1000);
    ward.measure("b", 1100, VERY_LOW);
    ward.store(1100);
    assert!(ward.is_found("b"), "its alarm is in the store alone");
    assert!(ward.is_found("a"), "its delay is in the run directory alone");
}

/// The alarm of a bed that ended a moment before the end is over, and what else the bed has is there.
#[test]
fn an_alarm_that_is_over_does_not_come_back() {
    let mut ward = Ward::new();
    ward.measure("b", 1000, VERY_LOW);
    ward.keep(1000);
    ward.measure("b", 1100, WELL);
    ward.store(1100);
    ward.measure("a", 1150, VERY_LOW);
    ward.store(1150);
    assert!(ward.is_found("b") && ward.is_found("a"));
}

/// A file that is behind by more than one tick, because its disk was slow, says nothing of what the store let go.
#[test]
fn what_the_store_let_go_is_not_taken_from_an_older_file() {
    let mut ward = Ward::new();
    ward.measure("b", 1000, VERY_LOW);
    ward.keep(1000);
    ward.measure("b", 1100, WELL);
    ward.store(1100);
    let unwritten = ward.whole(1250);
    ward.measure("a", 1300, VERY_LOW);
    ward.store(1300);
    let mut kept = KeptBeds::load(ward.run_dir.path(), ward.store.as_deref());
    assert!(kept.take(&name("b")).is_none(), "the alarm in the file is over");
    ward.write(&unwritten);
    assert!(ward.is_found("b") && ward.is_found("a"), "the file is whole again");
}

/// One millisecond has many states: the later is believed, wherever it lies.
#[test]
fn of_one_millisecond_the_later_state_is_believed() {
    let mut ward = Ward::new();
    ward.measure("b", 1000, VERY_LOW);
    ward.store(1000);
    ward.measure("b", 1000, LOW);
    ward.keep(1000);
    assert!(ward.is_found("b"), "the file is newer");
    ward.measure("b", 1000, WELL);
    ward.store(1000);
    assert!(ward.is_found("b"), "the store is newer");
}

/// A run counts from one again: between runs the clock decides.
#[test]
fn the_state_of_an_earlier_run_is_older() {
    let mut ward = Ward::new();
    ward.measure("b", 2000, WELL);
    ward.run = "two";
    let second = ward.whole(2000);
    ward.write(&second);
    // Encoded after it, and so of a greater number.
    ward.run = "one";
    ward.store = Some(durable(&mut BTreeMap::new(), &ward.own, ward.run, at(1000)));
    assert!(ward.is_found("b"));
}

#[test]
fn a_bed_is_encoded_again_only_when_its_engine_has_changed() {
    let mut ward = Ward::new();
    ward.measure("a", 1000, LOW);
    ward.measure("b", 1000, LOW);
    let before = ward.document(1000);
    assert_eq!(ward.encoded_anew(&before, 1250), Vec::<String>::new());
    // The store is given the same pieces.
    ward.measure("b", 1300, VERY_LOW);
    let before = ward.document(1300);
    ward.store(1400);
    assert_eq!(ward.encoded_anew(&before, 1400), Vec::<String>::new());

    ward.measure("b", 1500, WELL);
    assert_eq!(ward.encoded_anew(&before, 1500), ["b"]);
    // A frame without numbers touches nothing that must be written at once, and it ends a silence.
    let before = ward.document(1500);
    let state = ward.beds.get_mut(&name("a")).unwrap();
    state.handle_word(at(1600), &name("a"), Word::Alive, &mut ward.ids);
    assert_eq!(ward.encoded_anew(&before, 1600), ["a"]);
    let before = ward.document(1600);
    ward.beds.values_mut().for_each(|it| it.handle_stall(at(1600), at(9000)));
    assert_eq!(ward.encoded_anew(&before, 9000), ["a", "b"]);
    let before = ward.document(9000);
    ward.beds.get_mut(&name("a")).unwrap().handle_timeout(at(30_000), &mut ward.ids);
    assert_eq!(ward.encoded_anew(&before, 30_000), ["a"]);
}

/// E34: silence counts only while somebody listens, and somebody did until the document was written, though the bed's engine
/// had been asked for nothing since its last word.
#[test]
fn a_restart_counts_from_the_document_and_not_from_the_last_change() {
    let mut ward = Ward::new();
    ward.measure("a", 1000, WELL);
    ward.keep(1000);
    // Silent at 6.000: two seconds before that the process ends.
    ward.keep(4000);
    let mut kept = KeptBeds::load(ward.run_dir.path(), None);
    let kept = kept.take(&name("a")).unwrap();
    assert_eq!(kept.snapshot.at, at(4000));
    let mut after = BedState::new(bed("a"), sources("a"), Some(&kept), at(10_000));
    let mut silent = |millis| {
        after.handle_timeout(at(millis), &mut ward.ids);
        std::iter::from_fn(|| after.poll_event()).any(|it| it.code == Code::NoData)
    };
    assert!(!silent(11_999));
    assert!(silent(12_000));
}
