//! Records that the code makes keep to the schemas that consumers were given, and the schemas refuse what is wrong.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use vitals::alarm::AlarmEngine;
use vitals::alarm::engine::Inactivity;
use vitals::alarm::event::{AlarmEvent, AlarmIds, Direction, Priority};
use vitals::alarm::policy::{
    AlarmPolicy, LevelRule, LimitRule, SourceSetup, TechnicalPolicy, TechnicalRule, Timing,
};
use vitals::alarm::test_alarm::{TestAlarm, TestExpects, TestRequest};
use vitals::name::Name;
use vitals::notice::{BedsideLimit, BedsideLimits, DeviceIdentity};
use vitals::observation::{Late, Observation};
use vitals::quantity::Quantity;
use vitals::reading::{Absent, Measurement, Mode, Quality, Reading};
use vitals::record::action::ACTIONS;
use vitals::record::alarm::{ALARMS, AlarmContext, AlarmRecord, WallClock};
use vitals::record::evidence::Evidence;
use vitals::record::ledger::{CURSORS, Clock, Cursor, Gap, GapReason, LEDGER, Lane, LedgerRecord, Run};
use vitals::record::reading::{Origin, READINGS, ReadingRecord};
use vitals::record::state::{
    BEDS, BedRecord, InactiveState, LATEST, LatestRecord, LatestValue, LimitsState, STATUS, SourceState,
    StatusRecord,
};
use vitals::time::{ClockQuality, DeviceTime, Timestamp, Uptime};
use vitals::vital::Vital;
use wardline_tests::schema::Schemas;

fn name(text: &str) -> Arc<Name> {
    Arc::new(Name::parse(text).unwrap())
}

fn origin() -> Origin {
    Origin { agent: "icu-3".into(), run: "7f3a9c21-58e1".into() }
}

fn wall_clock() -> Timestamp {
    Timestamp::from_micros(1_795_422_600_250_000).unwrap()
}

fn json_of<T: serde::Serialize>(record: &T) -> Value {
    serde_json::to_value(record).unwrap()
}

/// SpO2 below 90 is an alarm at once, below 80 an urgent one that latches.
fn policy() -> AlarmPolicy {
    let level = |limit, priority, latch| LevelRule {
        limit: Quantity::from_whole(limit),
        delay: Duration::ZERO,
        priority,
        latch,
    };
    let technical = TechnicalRule {
        delay: Duration::from_secs(10),
        priority: Priority::Low,
        escalation: Some((Duration::from_secs(60), Priority::Medium)),
        clear_delay: Duration::from_secs(3),
    };
    let rule = LimitRule {
        limit: level(90, Priority::Medium, false),
        extreme: Some(level(80, Priority::High, true)),
        hysteresis: Quantity::from_whole(1),
        clear_delay: Duration::ZERO,
        worse_by: None,
        fallback_for: None,
    };
    AlarmPolicy {
        profile: "adult".into(),
        hash: "c0ffee".into(),
        rules: BTreeMap::from([((Vital::Spo2, Direction::Low), rule)]),
        apnea: BTreeMap::new(),
        of_stays: BTreeMap::new(),
        news2: false,
        technical: TechnicalPolicy {
            sensor_off: technical.clone(),
            no_value: technical.clone(),
            no_data: technical,
        },
        timing: Timing {
            gap_tolerance: Duration::from_secs(10),
            continue_every: Duration::from_secs(15),
            reminder: Duration::from_secs(180),
        },
    }
}

fn observation(at: u64, value: Result<Quantity, Absent>) -> Observation {
    let spo2 = Measurement { vital: Vital::Spo2, value, quality: Quality::NONE };
    Observation {
        bed: name("icu-3-07"),
        source: name("monitor-07"),
        reading: Reading {
            measurements: vec![spo2],
            device_time: DeviceTime::parse("2026-11-23T08:29:58"),
            device_seq: Some(7),
            device_missed: 2,
            mode: None,
        },
        at: Uptime::from_millis(at),
        received_at: wall_clock(),
        clock: ClockQuality::Synced,
        mode: Mode::Simulated,
        late: None,
        redelivered: false,
    }
}

/// The life of an alarm as the engine tells it: urgent, less so, latched, without a value, silent.
fn events() -> Vec<AlarmEvent> {
    let setup = SourceSetup::new(name("monitor-07"), Duration::from_secs(1), Mode::Simulated);
    let setup = SourceSetup { critical: true, ..setup };
    let mut engine = AlarmEngine::new(policy(), vec![setup], BTreeMap::new(), Uptime::ZERO);
    let mut ids = AlarmIds::new("7f3a9c21-58e1".into());
    let values = [Ok(95), Ok(78), Ok(85), Ok(95), Ok(78), Err(Absent::SensorOff)];
    for (second, value) in (1..).zip(values) {
        let value = value.map(Quantity::from_whole);
        engine.handle_observation(&observation(second * 1000, value), &mut ids).unwrap();
    }
    engine.handle_timeout(Uptime::from_millis(240_000), &mut ids);
    let by = Name::parse("anna").unwrap();
    let request = TestRequest { bed: name("icu-3-07"), priority: Priority::Low, by };
    let expects = TestExpects { annunciators: Vec::new(), stations: false };
    let begin = Uptime::from_millis(240_000);
    let mut test = TestAlarm::begin(begin, request, expects, Mode::Live, &mut ids);
    test.handle_timeout(Uptime::from_millis(250_000));
    let told = std::iter::from_fn(|| engine.poll_event()).chain(std::iter::from_fn(|| test.poll_event()));
    told.collect()
}

pub(crate) fn alarm_records() -> Vec<AlarmRecord> {
    let origin = origin();
    let wall = WallClock { up: Uptime::from_millis(1000), at: wall_clock(), quality: ClockQuality::Holdover };
    let newest = |value: Result<Quantity, Absent>| LatestValue {
        value: value.ok(),
        absent: value.err(),
        quality: Quality::default(),
        age_ms: 250,
        stale_after_ms: 5000,
    };
    let newest = BTreeMap::from([
        (Vital::HeartRate, newest(Ok(Quantity::from_whole(104)))),
        (Vital::RespRate, newest(Err(Absent::LeadOff))),
        (Vital::Temperature, newest(Ok(Quantity::from_whole(37)))),
    ]);
    let nothing = BTreeMap::new();
    let replay = AlarmContext {
        newest: &nothing,
        evidence: None,
        origin: &origin,
        bed: "icu-3-07",
        bed_label: None,
        stay: None,
        profile: "adult",
        rule_hash: "c0ffee",
        wall: None,
        signalled_at: None,
    };
    let stay = name("s-4711");
    let evidence = Evidence { run: "2b36-1".to_owned(), first: 3, last: 9 };
    let events = events();
    let live = events.iter().map(|event| {
        let seq = (event.phase != vitals::alarm::event::Phase::Continue).then_some(1);
        let context = AlarmContext {
            newest: &newest,
            evidence: Some(&evidence),
            wall: Some(wall),
            signalled_at: Some(event.at),
            bed_label: Some("Bed 7"),
            stay: Some(&stay),
            ..replay
        };
        AlarmRecord::new(event, seq, &context)
    });
    live.chain(events.iter().map(|event| AlarmRecord::new(event, None, &replay))).collect()
}

#[test]
fn every_topic_has_a_schema_and_every_schema_a_topic() {
    let mut topics = vec![READINGS, ALARMS, LEDGER, CURSORS, LATEST, BEDS, STATUS, ACTIONS];
    topics.sort_unstable();
    assert_eq!(Schemas::published().unwrap().topics().collect::<Vec<_>>(), topics);
}

#[test]
fn alarm_records_keep_to_their_schema_through_a_whole_life() {
    let schemas = Schemas::published().unwrap();
    let records = alarm_records();
    let phases: std::collections::BTreeSet<_> = records.iter().map(|it| it.phase).collect();
    assert!(phases.len() >= 4, "the life was too dull to prove anything: {phases:?}");
    assert!(records.iter().any(|it| it.test), "no test alarm");
    for record in &records {
        schemas.check(ALARMS, &json_of(record)).unwrap();
    }
}

#[test]
fn reading_records_keep_to_their_schema() {
    let schemas = Schemas::published().unwrap();
    let origin = origin();
    let plain = observation(1000, Ok(Quantity::from_thousandths(96_650)));
    let absent = Observation {
        late: Some(Late::Retained),
        redelivered: true,
        ..observation(1000, Err(Absent::Searching))
    };
    let mut every_vital = observation(1000, Ok(Quantity::ZERO));
    every_vital.reading.measurements =
        Vital::all().map(|vital| Measurement::value(vital, vital.properties().highest)).collect();
    every_vital.reading.device_time = None;
    for it in [plain, absent, every_vital] {
        let stay = name("s-4711");
        for stay in [None, Some(&*stay)] {
            let record = ReadingRecord::new(&origin, 1, "ge-s5-dri", &it).of_stay(stay);
            // What is history may be another patient's.
            assert_eq!(record.stay.is_some(), stay.is_some() && it.late.is_none());
            schemas.check(READINGS, &json_of(&record)).unwrap();
        }
    }
}

#[test]
fn what_proves_completeness_keeps_to_its_schema() {
    let schemas = Schemas::published().unwrap();
    let (agent, run) = (origin().agent, origin().run);
    let gap = |reason| Gap {
        schema: LEDGER.into(),
        agent: agent.clone(),
        run: run.clone(),
        lane: Lane::Readings,
        first_seq: 1,
        last_seq: 3,
        count: 3,
        from_up_ms: Some(Uptime::ZERO),
        to_up_ms: None,
        reason,
        sources: vec!["monitor-07".into()],
    };
    let reasons = [
        GapReason::BufferFull,
        GapReason::StoreStalled,
        GapReason::StoreDamaged,
        GapReason::Refused,
        GapReason::OtherCluster,
        GapReason::Merged,
    ];
    for record in reasons.map(|reason| LedgerRecord::Gap(gap(reason))) {
        schemas.check(LEDGER, &json_of(&record)).unwrap();
    }
    let began = Run {
        schema: LEDGER.into(),
        agent: agent.clone(),
        run: run.clone(),
        previous: Some("7f3a9c21-1".into()),
        previous_last_reading: Some(9),
        previous_last_alarm: None,
        started_at: wall_clock(),
        clock: ClockQuality::Unsynced,
    };
    schemas.check(LEDGER, &json_of(&LedgerRecord::Run(began))).unwrap();
    let clock = Clock {
        schema: LEDGER.into(),
        agent: agent.clone(),
        run: run.clone(),
        up_ms: Uptime::ZERO,
        boot_at: wall_clock(),
        clock: ClockQuality::Synced,
    };
    schemas.check(LEDGER, &json_of(&LedgerRecord::Clock(clock))).unwrap();
    let cursor = Cursor {
        schema: CURSORS.into(),
        agent,
        lane: Lane::Alarms,
        announced: Some(run.clone()),
        run,
        seq: 0,
    };
    schemas.check(CURSORS, &json_of(&cursor)).unwrap();
}

#[test]
fn what_a_screen_needs_keeps_to_its_schema() {
    let schemas = Schemas::published().unwrap();
    let (agent, run, at) = (origin().agent, origin().run, wall_clock());
    let up_ms = Uptime::from_millis(5);
    let value = LatestValue {
        value: Some(Quantity::from_whole(97)),
        absent: None,
        quality: Quality::NONE,
        age_ms: 0,
        stale_after_ms: 5000,
    };
    let latest = LatestRecord {
        schema: LATEST.into(),
        agent: agent.clone(),
        run: run.clone(),
        up_ms,
        at,
        bed: "icu-3-07".into(),
        source: "wearable/icu-3-07".into(),
        mode: Mode::Replay,
        vitals: BTreeMap::from([(Vital::Spo2, value)]),
    };
    schemas.check(&format!("sim.{LATEST}"), &json_of(&latest)).unwrap();
    let limits = BedsideLimit { vital: Vital::Spo2, low: Some(Quantity::from_whole(88)), high: None };
    let source = SourceState {
        source: "monitor-07".into(),
        device: "ge-s5-dri".into(),
        connected: true,
        age_ms: None,
        identity: Some(DeviceIdentity { serial: Some("0000093112".into()), ..DeviceIdentity::default() }),
        bedside_limits: Some(BedsideLimits(vec![limits])),
    };
    let (rule, limit) = ("spo2_low".into(), Quantity::from_whole(88));
    let limit = LimitsState { rule, limit, extreme: None, changed: true };
    let bed = BedRecord {
        schema: BEDS.into(),
        agent,
        run,
        up_ms,
        at,
        clock: ClockQuality::Synced,
        bed: "icu-3-07".into(),
        bed_label: Some("Bed 7".into()),
        profile: "adult".into(),
        mode: Mode::Live,
        alarms: alarm_records(),
        sources: vec![source],
        rule_hash: "c0ffee".into(),
        stay: Some("s-4711".into()),
        inactive: vec![InactiveState {
            what: Inactivity::AlarmAndExtremeOff,
            rule: Some("spo2_low".into()),
            by: "anna".into(),
            reason: Some("probe is moved".into()),
            left_ms: Some(60_000),
        }],
        limits: vec![limit],
        stay_rules: Some(true),
    };
    schemas.check(BEDS, &json_of(&bed)).unwrap();
}

#[test]
fn a_heartbeat_keeps_to_its_schema_and_its_size() {
    let schemas = Schemas::published().unwrap();
    // The longest names, and every number as great as it can be.
    let (name, most) = ("a".repeat(64), u64::MAX);
    let status = StatusRecord {
        schema: STATUS.into(),
        agent: name.clone(),
        run: name,
        version: "0.1.0".into(),
        up_ms: Uptime::from_millis(most),
        at: wall_clock(),
        clock: ClockQuality::Synced,
        rule_hash: Some("0123456789abcdef0123456789abcdef".into()),
        turns: most,
        beds: u32::MAX,
        alarms: u32::MAX,
        accepted: most,
        buffered: most,
        buffer_bytes: most,
        buffer_bytes_max: most,
        store: "ok".into(),
        reading_seq: most,
        alarm_seq: most,
    };
    let status = json_of(&status);
    schemas.check(STATUS, &status).unwrap();
    assert!(status.to_string().len() <= 1024, "a heartbeat is at most 1 KiB");
}

#[test]
fn what_is_wrong_is_refused() {
    let schemas = Schemas::published().unwrap();
    let good = json_of(alarm_records().first().unwrap());
    for (what, field, value) in [
        ("a field that nobody published", "patient", json!("Jane")),
        ("a text for a number", "value", json!("78")),
        ("a vital that does not exist", "vital", json!("spo3")),
        ("an alarm without an id", "id", Value::Null),
        ("a priority of our own", "priority", json!("urgent")),
        ("another schema", "schema", json!("vitals.alarms.v2")),
        ("a time without a zone", "decided_at", json!("2026-11-23T08:30:00.250")),
    ] {
        let mut bad = good.clone();
        bad[field] = value;
        assert!(schemas.check(ALARMS, &bad).is_err(), "{what}");
        let bed = json!({"alarms": [bad]});
        let error = schemas.check(BEDS, &bed).unwrap_err().to_string();
        assert!(
            error.contains("/alarms/0"),
            "the bed's schema does not look into its alarms: {what}: {error}"
        );
    }
    let stored_continue = json!({"phase": "continue", "seq": 1});
    let mut bad = good;
    bad.as_object_mut().unwrap().extend(stored_continue.as_object().unwrap().clone());
    assert!(schemas.check(ALARMS, &bad).is_err(), "a continue is never stored");
    let value_and_absent = json!({"name": "spo2", "unit": "%", "value": 97, "absent": "stale"});
    let origin = origin();
    let reading = observation(1000, Ok(Quantity::ZERO));
    let mut bad = json_of(&ReadingRecord::new(&origin, 1, "bci", &reading));
    bad["vitals"] = json!([value_and_absent]);
    assert!(schemas.check(READINGS, &bad).is_err(), "a value and the reason why there is none");
}
