//! A small language for what happens at a bed.
//!
//! ```text
//! spo2 92@0..9, 88@10..40, sensor_off@41..    one sample each period; `89/90@0..9` alternates; open ends go to `until`
//! ack@18   ack low@18   reset@60   reset all@60   kill@20..22   boot@20..22   gone@5   back@9   late@3   stall@5..9
//! nibp_interval 60   same_limb   prefer spo2 monitor b   b.spo2 97@0..   device_time 2026-01-01T00:00:00@0..9
//! raises SL+PH:high@5   raises nothing@9   set spo2=88-none@5   identity 93112@5   flag device_battery on@5   lost mqtt@5   device@5   device b@5   audio_paused 60@5   physician alarm_off! spo2_low 60@5
//! until 60                                    timers run up to and with this second
//! ```
//! A record is one line, `seconds code phase priority condition signal`, and an expected line may name further fields,
//! or those that must not be there: `!by`.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use alloc::{format, vec};
use core::time::Duration;

use crate::alarm::AlarmEngine;
use crate::alarm::action::{Action, Outcome, Refusal, Request, Role, Seen};
use crate::alarm::engine::PortState;
use crate::alarm::event::{AlarmEvent, AlarmId, AlarmIds, Code, Direction, Inactivation, Priority};
use crate::alarm::policy::{
    AlarmPolicy, ApneaRule, LevelRule, LimitRule, Preference, SourceSetup, TechnicalPolicy, TechnicalRule,
    Timing,
};
use crate::alarm::score::Observed;
use crate::alarm::snapshot::{Boot, Snapshot};
use crate::name::Name;
use crate::observation::Observation;
use crate::quantity::Quantity;
use crate::reading::{Absent, Measurement, Mode, Quality, Reading};
use crate::time::{ClockQuality, DeviceTime, Timestamp, Uptime};
use crate::vital::Vital;

/// Runs a script and compares its records with those expected.
pub(super) fn check(script: &str, expected: &str) {
    check_policy(policy(), script, expected);
}

pub(super) fn check_policy(policy: AlarmPolicy, script: &str, expected: &str) {
    compare(&run(policy, script), expected);
}

/// The same with `policy 1@5`: from then on the rules of that place; with `next 1@5`: from the next restart on.
/// So `announce b@5` and `remove b@5`: there is a source then, or none.
pub(super) fn check_policies(policies: &[AlarmPolicy], script: &str, expected: &str) {
    let (inputs, until, period) = parse(script);
    let mut bed = Bed::with(policies[0].clone(), Setup::parse(script, period));
    bed.others = policies.to_vec();
    bed.play(&inputs, until);
    compare(&bed.told, expected);
}

fn compare(told: &[AlarmEvent], expected: &str) {
    let told: Vec<String> = told.iter().map(render).collect();
    let expected: Vec<&str> = expected.lines().map(str::trim).filter(|it| !it.is_empty()).collect();
    let matches = |(told, expected): (&String, &&str)| {
        let fields: Vec<&str> = told.split(' ').collect();
        let holds = |field: &str| match field.strip_prefix('!') {
            Some(name) => !fields.iter().any(|it| it.split('=').next() == Some(name)),
            None => fields.contains(&field),
        };
        expected.split_whitespace().all(holds)
    };
    let all = told.len() == expected.len() && told.iter().zip(&expected).all(matches);
    assert!(all, "told:\n{}\nexpected:\n{}", told.join("\n"), expected.join("\n"));
}

/// Runs a script and compares what its actions were answered: `seconds accepted`, or the refusal.
pub(super) fn check_answers(script: &str, expected: &str) {
    let word = |outcome: &Outcome| match outcome {
        Outcome::Accepted => "accepted".to_string(),
        Outcome::Refused(it) => refusal(*it),
        Outcome::Duplicate(None) => "duplicate".into(),
        Outcome::Duplicate(Some(it)) => format!("duplicate {}", refusal(*it)),
    };
    let bed = play(policy(), script);
    let told: Vec<String> =
        bed.answers.iter().map(|(at, it)| format!("{} {}", seconds(*at), word(it))).collect();
    let expected: Vec<&str> = expected.lines().map(str::trim).collect();
    assert_eq!(told, expected);
}

fn refusal(it: Refusal) -> String {
    serde_json::to_value(it).unwrap().as_str().unwrap().into()
}

/// All records of a script.
pub(super) fn run(policy: AlarmPolicy, script: &str) -> Vec<AlarmEvent> {
    play(policy, script).told
}

pub(super) fn play(policy: AlarmPolicy, script: &str) -> Bed {
    let (inputs, until, period) = parse(script);
    let mut bed = Bed::with(policy, Setup::parse(script, period));
    bed.play(&inputs, until);
    bed
}

/// Something that happens at one moment.
#[derive(Debug, Clone)]
pub(super) enum Input {
    Sample(Vec<Measurement>),
    /// The same of a named source, with the device's own time.
    Said(String, Vec<Measurement>, Option<DeviceTime>),
    Do(String),
    Restart(Boot, Uptime),
    Stall(Uptime),
}

fn parse(script: &str) -> (BTreeMap<Uptime, Vec<Input>>, Uptime, u64) {
    let lines = || script.lines().map(str::trim).filter(|it| !it.is_empty());
    let number = |key: &str| lines().find_map(|it| it.strip_prefix(key)).map(|it| millis(it.trim()));
    let (period, until) = (number("period").unwrap_or(1000), number("until").unwrap());
    let mut samples: BTreeMap<(u64, &str), Vec<Measurement>> = BTreeMap::new();
    let mut times_of_device: Vec<(u64, u64, DeviceTime)> = vec![];
    let mut inputs: BTreeMap<Uptime, Vec<Input>> = BTreeMap::new();
    for line in lines() {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let (source, name) = word.split_once('.').unwrap_or((MONITOR, word));
        if let Some(vital) = Vital::from_name(name) {
            for item in rest.split(',') {
                let (values, times) = item.trim().split_once('@').unwrap();
                let values: Vec<&str> = values.split('/').collect();
                let (first, last) = range(times, until);
                let times = (0..).map(|n| first + n * period).take_while(|at| *at <= last);
                for (at, value) in times.zip(values.iter().cycle()) {
                    samples.entry((at, source)).or_default().push(measurement(vital, value));
                }
            }
        } else if let Some((what, times)) = line.split_once('@') {
            let (first, last) = range(times, until);
            if let Some(time) = what.strip_prefix("device_time ") {
                times_of_device.push((first, last, DeviceTime::parse(time).unwrap()));
                continue;
            }
            let (at, last) = (Uptime::from_millis(first), Uptime::from_millis(last));
            let input = match what {
                "kill" => Input::Restart(Boot::Same, last),
                "boot" => Input::Restart(Boot::Other, last),
                "stall" => Input::Stall(last),
                _ => Input::Do(what.into()),
            };
            inputs.entry(at).or_default().push(input);
        }
    }
    for ((at, source), mut measurements) in samples.into_iter().rev() {
        measurements.sort_by_key(|it| it.vital);
        let time = times_of_device.iter().find(|(first, last, _)| (*first..=*last).contains(&at));
        let said = Input::Said(source.into(), measurements, time.map(|it| it.2));
        inputs.entry(Uptime::from_millis(at)).or_default().insert(0, said);
    }
    (inputs, Uptime::from_millis(until), period)
}

fn range(times: &str, until: u64) -> (u64, u64) {
    match times.split_once("..") {
        Some((first, "")) => (millis(first), until),
        Some((first, last)) => (millis(first), millis(last)),
        None => (millis(times), millis(times)),
    }
}

fn millis(seconds: &str) -> u64 {
    u64::try_from(Quantity::parse(seconds).unwrap().thousandths()).unwrap()
}

fn measurement(vital: Vital, value: &str) -> Measurement {
    let (value, quality) = value.split_once('!').unwrap_or((value, ""));
    let quality = Quality::from_name(quality).unwrap_or(Quality::NONE);
    match Absent::from_name(value) {
        Some(reason) => Measurement::absent(vital, reason).with_quality(quality),
        None => Measurement::value(vital, Quantity::parse(value).unwrap()).with_quality(quality),
    }
}

/// The source of every script.
const MONITOR: &str = "monitor";

/// The sources of a bed.
#[derive(Debug, Clone)]
struct Setup {
    sources: Vec<SourceSetup>,
    prefer: Preference,
}

impl Setup {
    /// One critical source.
    fn new(period: u64) -> Self {
        let source = Arc::new(Name::parse(MONITOR).unwrap());
        let setup = SourceSetup::new(source, Duration::from_millis(period), Mode::Live);
        Self { sources: vec![SourceSetup { critical: true, ..setup }], prefer: BTreeMap::new() }
    }

    fn parse(script: &str, period: u64) -> Self {
        let mut it = Self::new(period);
        for words in script.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()) {
            match words[..] {
                ["nibp_interval", interval] => {
                    it.sources[0].nibp_interval = Some(Duration::from_millis(millis(interval)));
                }
                ["same_limb"] => it.sources[0].same_limb = true,
                ["prefer", vital, ref names @ ..] => {
                    let names = names.iter().map(|it| Arc::new(Name::parse(it).unwrap()));
                    it.prefer.insert(Vital::from_name(vital).unwrap(), names.clone().collect());
                    for name in names.filter(|name| name.as_str() != MONITOR) {
                        it.sources.push(SourceSetup::new(name, Duration::from_secs(1), Mode::Live));
                    }
                }
                _ => {}
            }
        }
        it
    }
}

/// One bed.
pub(super) struct Bed {
    policy: AlarmPolicy,
    setup: Setup,
    pub(super) engine: AlarmEngine,
    pub(super) ids: AlarmIds,
    pub(super) told: Vec<AlarmEvent>,
    actions: u32,
    stay: Option<Name>,
    seen: Option<u64>,
    boot: Boot,
    others: Vec<AlarmPolicy>,
    pub(super) answers: Vec<(Uptime, Outcome)>,
}

impl Bed {
    pub(super) fn new(policy: AlarmPolicy, period: u64) -> Self {
        Self::with(policy, Setup::new(period))
    }

    /// A bed that has everything: two sources, a cuff with an interval on the probe's limb, apnea, NEWS2.
    pub(super) fn full() -> Self {
        let mut setup = Setup::parse("prefer spo2 monitor b\nnibp_interval 120\nsame_limb", 1000);
        setup.prefer.insert(Vital::HeartRate, setup.prefer[&Vital::Spo2].clone());
        let rule = |fallback_for| ApneaRule { time: Duration::from_secs(20), fallback_for };
        let apnea = BTreeMap::from([
            (Vital::RespRate, rule(None)),
            (Vital::RespRateImpedance, rule(Some(Vital::RespRate))),
        ]);
        let policy = AlarmPolicy { apnea, news2: true, ..policy() };
        let mut other = policy.clone();
        other.rules.remove(&(Vital::HeartRate, Direction::High));
        other.apnea.remove(&Vital::RespRate);
        other.news2 = false;
        if let Some(rule) = other.rules.get_mut(&(Vital::Spo2, Direction::Low)) {
            rule.limit.limit = Quantity::from_whole(85);
        }
        let mut it = Self::with(policy.clone(), setup);
        it.others = vec![policy, other];
        it
    }

    fn with(policy: AlarmPolicy, setup: Setup) -> Self {
        let Setup { sources, prefer } = setup.clone();
        let engine = AlarmEngine::new(policy.clone(), sources, prefer, Uptime::ZERO);
        Self {
            policy,
            setup,
            engine,
            ids: AlarmIds::new("run".into()),
            told: vec![],
            actions: 0,
            stay: None,
            seen: None,
            boot: Boot::Same,
            others: vec![],
            answers: vec![],
        }
    }

    fn play(&mut self, inputs: &BTreeMap<Uptime, Vec<Input>>, until: Uptime) {
        for (at, inputs) in inputs {
            for input in inputs {
                self.apply(*at, input);
            }
        }
        self.engine.handle_timeout(until, &mut self.ids);
        self.drain();
    }

    pub(super) fn apply(&mut self, at: Uptime, input: &Input) {
        match input {
            Input::Sample(measurements) => {
                self.engine
                    .handle_observation(&observation(at, measurements.clone()), &mut self.ids)
                    .unwrap();
            }
            Input::Said(source, measurements, device_time) => {
                let mut it = observation(at, measurements.clone());
                it.source = Arc::new(Name::parse(source).unwrap());
                it.reading.device_time = *device_time;
                self.engine.handle_observation(&it, &mut self.ids).unwrap();
            }
            Input::Do(what) => self.act(at, what),
            Input::Restart(boot, up) => self.restart(at, *boot, *up),
            Input::Stall(to) => self.engine.handle_stall(at, *to),
        }
        self.drain();
    }

    fn act(&mut self, at: Uptime, what: &str) {
        let name = Name::parse(MONITOR).unwrap();
        match what.split(' ').collect::<Vec<_>>()[..] {
            ["flag", flag, on] => {
                let flag = serde_json::from_value(flag.into()).unwrap();
                return self.engine.handle_flag(at, &name, flag, on == "on", &mut self.ids);
            }
            ["lost", link] => {
                return self.engine.handle_port(at, &name, (PortState::Gone, Some(link)), &mut self.ids);
            }
            ["policy", place] => {
                let policy = self.others[place.parse::<usize>().unwrap()].clone();
                self.policy = policy.clone();
                return self.engine.handle_policy(at, policy, &mut self.ids);
            }
            ["next", place] => {
                self.policy = self.others[place.parse::<usize>().unwrap()].clone();
                return;
            }
            ["announce", name] => {
                let name = Arc::new(Name::parse(name).unwrap());
                let setup = SourceSetup::new(name, Duration::from_secs(1), Mode::Live);
                return self.setup.sources.push(setup);
            }
            ["remove", name] => return self.setup.sources.retain(|it| it.source.as_str() != name),
            ["device"] => return self.engine.handle_device(at, &name, &mut self.ids),
            ["device", source] => {
                return self.engine.handle_device(at, &Name::parse(source).unwrap(), &mut self.ids);
            }
            [kind @ ("raises" | "identity" | "set"), said] => {
                return self.engine.handle_notice(
                    at,
                    (&Arc::new(name), Mode::Live),
                    super::notice::of(kind, said),
                    &mut self.ids,
                );
            }
            _ => {}
        }
        let newest = || self.engine.open().map(|it| it.id).max().unwrap();
        let reset = |alarm| Request::Reset { alarm, reason: None };
        let request = match what {
            "gone" => return self.engine.handle_port(at, &name, (PortState::Gone, None), &mut self.ids),
            "back" => return self.engine.handle_port(at, &name, (PortState::Present, None), &mut self.ids),
            "late" => return self.engine.handle_late(at, &name, &mut self.ids),
            "frame" => return self.engine.handle_frame(at, &name, &mut self.ids),
            what if what.contains(' ') && !what.starts_with("ack ") && what != "reset all" => {
                return self.ask(at, what);
            }
            "standby" => Request::Standby { reason: "asked".into() },
            "resume" => Request::Resume,
            "discharge" => Request::Discharge { reason: "asked".into() },
            "ack" => Request::Acknowledge { alarm: newest(), seen_priority: Priority::High },
            "ack low" => Request::Acknowledge { alarm: newest(), seen_priority: Priority::Low },
            "reset" => reset(Some(newest())),
            "reset all" => reset(None),
            other => panic!("no such action: {other}"),
        };
        self.handle(at, Role::Nurse, request);
    }

    /// Actions with arguments: `audio_paused 120`, `alarm_off spo2_low 3600`, `physician alarm_off! spo2_low 3600`.
    fn ask(&mut self, at: Uptime, what: &str) {
        if let Some(id) = what.strip_prefix("again ") {
            let request = Request::Resume;
            return self.handle_as(at, id.to_string(), Role::Nurse, request);
        }
        self.seen =
            what.strip_prefix("seen ").and_then(|it| it.split_once(' ')).map(|(seen, _)| millis(seen));
        let what = if self.seen.is_some() { what.splitn(3, ' ').nth(2).unwrap() } else { what };
        let named = what.strip_prefix("of ").and_then(|it| it.split_once(' '));
        self.stay = named.map(|(stay, _)| Name::parse(stay).unwrap());
        let what = named.map_or(what, |(_, what)| what);
        let (role, what) = match what.split_once(' ') {
            Some(("otherboot", rest)) => {
                self.boot = Boot::Other;
                (Role::Nurse, rest)
            }
            Some(("physician", rest)) => (Role::Physician, rest),
            Some(("technician", rest)) => (Role::Technician, rest),
            _ => (Role::Nurse, what),
        };
        let words: Vec<&str> = what.split(' ').collect();
        let duration = |word: usize| Duration::from_millis(millis(words[word]));
        let reason = || "asked".to_string();
        let request = match words[0] {
            "audio_paused" => Request::AudioPaused { duration: duration(1) },
            "audio_off" => Request::AudioOff { duration: duration(1), reason: reason() },
            "alarm_paused" => Request::AlarmPaused { duration: duration(1) },
            "alarm_off" | "alarm_off!" => Request::AlarmOff {
                rule: Code::of_rule(words[1]).unwrap(),
                include_extreme: words[0].ends_with('!'),
                duration: duration(2),
                reason: reason(),
            },
            "admit" => Request::Admit { stay: Name::parse(words[1]).unwrap() },
            "observe" => Request::Observe(Observed::parse(words[1], words[2]).unwrap()),
            "limits" => Request::Limits {
                vital: Vital::from_name(words[1]).unwrap(),
                direction: if words[2] == "low" { Direction::Low } else { Direction::High },
                limit: Quantity::parse(words[3]).unwrap(),
                extreme: words.get(4).map(|it| Quantity::parse(it).unwrap()),
                reason: reason(),
            },
            "reset" => Request::Reset { alarm: Some(Self::number(words[1])), reason: None },
            "acknowledge" => {
                Request::Acknowledge { alarm: Self::number(words[1]), seen_priority: Priority::High }
            }
            other => panic!("no such action: {other}"),
        };
        self.handle(at, role, request);
    }

    fn number(number: &str) -> AlarmId {
        AlarmId { run: "run".into(), number: number.parse().unwrap() }
    }

    fn handle(&mut self, at: Uptime, role: Role, request: Request) {
        self.actions += 1;
        self.handle_as(at, self.actions.to_string(), role, request);
    }

    fn handle_as(&mut self, at: Uptime, id: String, role: Role, request: Request) {
        let boot = core::mem::replace(&mut self.boot, Boot::Same);
        let seen = Some(Seen { at: self.seen.take().map_or(at, Uptime::from_millis), boot });
        let action = Action { id, actor: "n-1".into(), role, stay: self.stay.take(), seen, request };
        let outcome = self.engine.handle_action(at, &action, &mut self.ids);
        self.answers.push((at, outcome));
    }

    pub(super) fn restart(&mut self, at: Uptime, boot: Boot, up: Uptime) {
        self.engine.handle_timeout(at, &mut self.ids);
        self.drain();
        let text = serde_json::to_string(&self.engine.snapshot(at)).unwrap();
        let kept = serde_json::from_str(&text).unwrap();
        self.resume(&kept, boot, up);
    }

    pub(super) fn resume(&mut self, kept: &Snapshot, boot: Boot, up: Uptime) {
        let Setup { sources, prefer } = self.setup.clone();
        self.engine = AlarmEngine::restore(self.policy.clone(), sources, prefer, kept, boot, up);
        self.ids = AlarmIds::new("run2".into());
        self.engine.handle_timeout(up, &mut self.ids);
    }

    pub(super) fn drain(&mut self) {
        while let Some(event) = self.engine.poll_event() {
            self.told.push(event);
        }
    }
}

pub(super) fn observation(at: Uptime, measurements: Vec<Measurement>) -> Observation {
    Observation {
        bed: Arc::new(Name::parse("bed").unwrap()),
        source: Arc::new(Name::parse("monitor").unwrap()),
        reading: Reading { measurements, ..Reading::default() },
        at,
        received_at: Timestamp::EPOCH,
        clock: ClockQuality::Synced,
        mode: Mode::Live,
        late: None,
        redelivered: false,
    }
}

/// The policy of the worked table, with rules for three more vitals.
pub(super) fn policy() -> AlarmPolicy {
    let low = |vital| (vital, Direction::Low);
    let mut hr = rule((50, 10, Priority::Medium, false), Some((35, 3, Priority::High, true)), 2, 20);
    let mut pulse = hr.clone();
    pulse.fallback_for = Some(Vital::HeartRate);
    hr.worse_by = None;
    let spo2 = rule((90, 15, Priority::Medium, false), Some((80, 5, Priority::High, true)), 1, 3);
    let cuff = rule((90, 7, Priority::Medium, false), None, 4, 15);
    let fast = rule((120, 10, Priority::Medium, false), Some((160, 3, Priority::High, true)), 2, 20);
    AlarmPolicy {
        profile: "adult".into(),
        hash: "0".into(),
        rules: BTreeMap::from([
            (low(Vital::HeartRate), hr),
            ((Vital::HeartRate, Direction::High), fast),
            (low(Vital::PulseRate), pulse),
            (low(Vital::Spo2), spo2),
            (low(Vital::NibpSystolic), cuff),
        ]),
        apnea: BTreeMap::new(),
        of_stays: BTreeMap::new(),
        news2: false,
        technical: TechnicalPolicy {
            sensor_off: equipment(10, Priority::Low, Some((60, Priority::Medium)), 3),
            no_value: equipment(30, Priority::Low, Some((60, Priority::Medium)), 3),
            no_data: equipment(0, Priority::Medium, Some((180, Priority::High)), 0),
        },
        timing: Timing {
            gap_tolerance: Duration::from_secs(10),
            continue_every: Duration::from_secs(15),
            reminder: Duration::from_secs(180),
        },
    }
}

type Level = (i16, u64, Priority, bool);

pub(super) fn rule(limit: Level, extreme: Option<Level>, hysteresis: i16, worse_by: i16) -> LimitRule {
    let level = |(limit, delay, priority, latch): Level| LevelRule {
        limit: Quantity::from_whole(limit),
        delay: Duration::from_secs(delay),
        priority,
        latch,
    };
    LimitRule {
        limit: level(limit),
        extreme: extreme.map(level),
        hysteresis: Quantity::from_whole(hysteresis),
        clear_delay: Duration::from_secs(5),
        worse_by: Some(Quantity::from_whole(worse_by)),
        fallback_for: None,
    }
}

fn equipment(delay: u64, priority: Priority, later: Option<(u64, Priority)>, clear: u64) -> TechnicalRule {
    TechnicalRule {
        delay: Duration::from_secs(delay),
        priority,
        escalation: later.map(|(after, priority)| (Duration::from_secs(after), priority)),
        clear_delay: Duration::from_secs(clear),
    }
}

fn seconds(at: Uptime) -> String {
    format!("{}.{:03}", at.as_millis() / 1000, at.as_millis() % 1000)
}

/// One record in one line.
pub(super) fn render(event: &AlarmEvent) -> String {
    let word = |json: serde_json::Value| json.as_str().unwrap().to_string();
    let word_of = |it: &dyn Fn() -> serde_json::Result<serde_json::Value>| word(it().unwrap());
    let mut line = format!(
        "{} {} {} {} {} {}",
        seconds(event.at),
        event.code,
        word_of(&|| serde_json::to_value(event.phase)),
        word_of(&|| serde_json::to_value(event.priority)),
        word_of(&|| serde_json::to_value(event.condition)),
        word_of(&|| serde_json::to_value(event.signal)),
    );
    let mut add = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            line.extend([" ", name, "=", &value]);
        }
    };
    add("id", Some(format!("{}/{}", event.id.run, event.id.number)));
    add("rev", Some(event.revision.to_string()));
    add("onset", Some(seconds(event.onset_at)));
    add("decided", Some(seconds(event.decided_at)));
    add("delay", Some(event.condition_delay.as_millis().to_string()));
    add("level", event.level.map(|it| word_of(&|| serde_json::to_value(it))));
    add("was", event.previous_priority.map(|it| word_of(&|| serde_json::to_value(it))));
    add("value", event.value.map(|it| it.value.to_string()));
    add("absent", event.absent.map(|it| it.name().into()));
    add("limit", event.limit.map(|it| it.to_string()));
    add("worst", event.worst.map(|it| it.to_string()));
    add("source", event.source.as_ref().map(ToString::to_string));
    add("cause", event.cause.clone().map(|it| it.replace(' ', "_")));
    add("reason", event.reason.clone().map(|it| it.replace(' ', "_")));
    add("text", event.text.clone().map(|it| it.replace(' ', "_")));
    add("latching", event.latching.then(|| "yes".into()));
    add("reminder", event.reminder.then(|| "yes".into()));
    add("escalation", (event.escalation_level > 0).then(|| event.escalation_level.to_string()));
    let covered = (event.inactivation != Inactivation::None).then_some(event.inactivation);
    add("by", covered.map(|it| word_of(&|| serde_json::to_value(it))));
    add("until", event.until.map(seconds));
    add("restarted", event.restarted.then(|| "yes".into()));
    line
}
