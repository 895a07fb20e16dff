//! One bed's engine, and the lines as calls of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use vitals::alarm::AlarmEngine;
use vitals::alarm::action::Outcome;
use vitals::alarm::engine::PortState;
use vitals::alarm::event::{AlarmEvent, AlarmId, AlarmIds, Code};
use vitals::alarm::snapshot::Snapshot;
use vitals::name::Name;
use vitals::observation::Observation;
use vitals::reading::{Mode, Reading};
use vitals::time::{ClockQuality, DeviceTime, Timestamp, Uptime};

use crate::act::Act;
use crate::input::{Input, Observe, Port, Restart, name};
use crate::said;
use crate::setup::Setup;

pub(crate) struct Bed {
    engine: AlarmEngine,
    ids: AlarmIds,
    name: Arc<Name>,
    /// How an action names an alarm, and the id of the newest that was told so.
    newest: BTreeMap<Vec<String>, AlarmId>,
}

impl Bed {
    pub(crate) fn new(setup: Setup, t: u64) -> Self {
        let now = Uptime::from_millis(t);
        let engine = AlarmEngine::new(setup.policy(), setup.sources(), setup.prefer(), now);
        let engine = engine.of_stay(setup.stay.clone());
        Self { engine, ids: AlarmIds::new(setup.run.into()), name: name("bed"), newest: BTreeMap::new() }
    }

    /// What one line brings: records, then what is answered.
    pub(crate) fn take(&mut self, t: u64, input: Input) -> Vec<Value> {
        let now = Uptime::from_millis(t);
        let mut answer = None;
        match input {
            Input::Observe(it) => answer = self.observe(now, it),
            Input::Frame(source) => self.engine.handle_frame(now, &name(&source), &mut self.ids),
            Input::Late(source) => self.engine.handle_late(now, &name(&source), &mut self.ids),
            Input::PortGone(it) => {
                let (source, cause) = match it {
                    Port::Source(source) => (source, None),
                    Port::Of { source, cause } => (source, cause),
                };
                let gone = (PortState::Gone, cause.as_deref());
                self.engine.handle_port(now, &name(&source), gone, &mut self.ids);
            }
            Input::Device(source) => self.engine.handle_device(now, &name(&source), &mut self.ids),
            Input::Flag(it) => {
                self.engine.handle_flag(now, &name(&it.source), it.flag, it.on, &mut self.ids);
            }
            Input::Reload(setup) => self.engine.handle_policy(now, setup.policy(), &mut self.ids),
            Input::Poll(()) => self.engine.handle_timeout(now, &mut self.ids),
            Input::Stall(from) => self.engine.handle_stall(Uptime::from_millis(from), now),
            Input::Act(it) => answer = Some(self.act(now, it)),
            Input::Restart(it) => return self.restart(now, *it),
            Input::Setup(_) => {}
        }
        let mut told = self.told();
        told.extend(answer);
        told
    }

    fn told(&mut self) -> Vec<Value> {
        let events: Vec<AlarmEvent> = std::iter::from_fn(|| self.engine.poll_event()).collect();
        for event in &events {
            self.newest.insert(called(event), event.id.clone());
        }
        events.iter().map(said::record).collect()
    }

    fn observe(&mut self, now: Uptime, it: Observe) -> Option<Value> {
        let measurements = it.vitals.iter().map(|(vital, said)| said.measurement(*vital)).collect();
        let device_time = it.device_time.map(|text| DeviceTime::parse(&text).expect("a device's time"));
        let observation = Observation {
            bed: Arc::clone(&self.name),
            source: name(&it.source),
            reading: Reading { measurements, device_time, ..Reading::default() },
            at: now,
            received_at: Timestamp::EPOCH,
            clock: ClockQuality::Unsynced,
            mode: Mode::Simulated,
            late: None,
            redelivered: false,
        };
        let refused = self.engine.handle_observation(&observation, &mut self.ids).is_err();
        refused.then(|| json!({ "t": now.as_millis(), "refused": "observation" }))
    }

    fn act(&mut self, now: Uptime, it: Act) -> Value {
        let nobody = || AlarmId { run: "r0".into(), number: 0 };
        let action = it.action(|called| self.newest.get(called).cloned().unwrap_or_else(nobody));
        let outcome = self.engine.handle_action(now, &action, &mut self.ids);
        let mut answer = json!({ "t": now.as_millis(), "reply_to": action.id });
        match outcome {
            Outcome::Accepted => answer["outcome"] = json!("accepted"),
            Outcome::Refused(why) => {
                answer["outcome"] = json!("refused");
                answer["reason"] = json!(why);
            }
            Outcome::Duplicate(first) => {
                answer["outcome"] = json!("duplicate");
                answer["first"] = first.map_or(json!("accepted"), |why| json!(why));
            }
        }
        answer
    }

    /// The timers run to the end of the old run; what it kept goes the way of text, as on a disk.
    fn restart(&mut self, now: Uptime, it: Restart) -> Vec<Value> {
        let stopped = Uptime::from_millis(it.stopped);
        self.engine.handle_timeout(stopped, &mut self.ids);
        let mut told = self.told();
        let text = serde_json::to_string(&self.engine.snapshot(stopped)).unwrap();
        let snapshot: Snapshot = serde_json::from_str(&text).unwrap();
        let boot = it.boot.boot();
        let setup = it.setup;
        self.engine =
            AlarmEngine::restore(setup.policy(), setup.sources(), setup.prefer(), &snapshot, boot, now);
        self.ids = AlarmIds::new(setup.run.into());
        self.engine.handle_timeout(now, &mut self.ids);
        told.extend(self.told());
        told
    }
}

/// How an action names an alarm: its code, and its source and sensor or its vital where there may be several.
fn called(event: &AlarmEvent) -> Vec<String> {
    let mut words = vec![event.code.to_string()];
    match event.code {
        Code::Limit(..) => {}
        Code::Apnea(vital) | Code::SourcesDisagree(vital) | Code::SourceSwitched(vital) => {
            words.push(vital.name().to_owned());
        }
        Code::SensorOff | Code::Implausible | Code::NoValue => {
            words.extend(event.source.iter().map(ToString::to_string));
            words.extend(event.cause.clone());
        }
        Code::NoData
        | Code::PortGone
        | Code::Suspect
        | Code::NibpStale
        | Code::NibpFailed
        | Code::BadDataRate
        | Code::DeviceBattery
        | Code::ClockSkew
        | Code::DeviceChanged
        | Code::NoPatient
        | Code::News2
        | Code::AlarmsInactive
        | Code::Agent(_)
        | Code::LimitsDiffer
        | Code::Test
        | Code::Device(_) => words.extend(event.source.iter().map(ToString::to_string)),
    }
    words
}
