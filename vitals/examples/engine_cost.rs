//! What the alarm engine costs: time of an observation, memory of a bed. Prints `figure NAME VALUE UNIT` lines.
//!
//! `cargo run --release -p vitals --example engine_cost`. Time is that of the processor, memory the growth of the
//! resident set over all beds; both are 0 where the system does not tell them (`/proc/self`).

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use vitals::alarm::AlarmEngine;
use vitals::alarm::event::{AlarmIds, Direction, Priority};
use vitals::alarm::policy::{
    AlarmPolicy, ApneaRule, LevelRule, LimitRule, SourceSetup, TechnicalPolicy, TechnicalRule, Timing,
};
use vitals::name::{Name, ParseNameError};
use vitals::observation::Observation;
use vitals::quantity::Quantity;
use vitals::reading::{Measurement, Mode, Reading};
use vitals::time::{ClockQuality, Timestamp, Uptime};
use vitals::vital::Vital;

/// Beds: an agent of a large hospital floor.
const BEDS: usize = 500;
/// Seconds that each bed lives.
const SECONDS: u64 = 1800;
/// Ticks of a second in `/proc/self/stat`.
const TICKS: u64 = 100;
/// Bytes of a page of memory.
const PAGE: usize = 4096;

/// What a bedside monitor says, with a usual value, and limits on both sides of it.
const MEASURED: [(Vital, i16, i16, i16); 10] = [
    (Vital::HeartRate, 80, 50, 120),
    (Vital::PulseRate, 80, 50, 120),
    (Vital::Spo2, 95, 90, 99),
    (Vital::RespRate, 16, 8, 30),
    (Vital::AbpSystolic, 120, 90, 160),
    (Vital::AbpDiastolic, 70, 50, 90),
    (Vital::AbpMean, 85, 60, 110),
    (Vital::CvpMean, 8, 0, 14),
    (Vital::Temperature, 37, 35, 38),
    (Vital::Etco2, 38, 25, 50),
];

fn main() -> Result<(), ParseNameError> {
    let name = Arc::new(Name::parse("monitor")?);
    let before = resident();
    let mut ids = AlarmIds::new("run".into());
    let mut beds: Vec<AlarmEngine> = (0..BEDS)
        .map(|_| {
            let setup = SourceSetup::new(Arc::clone(&name), Duration::from_secs(1), Mode::Live);
            AlarmEngine::new(policy(), vec![setup], BTreeMap::new(), Uptime::ZERO)
        })
        .collect();
    let mut random = 1;
    let mut events = 0_u64;
    let observations: Vec<Observation> = (0..SECONDS).map(|at| observation(&name, at, &mut random)).collect();
    let begin = spent();
    for observation in &observations {
        for bed in &mut beds {
            // No observation is older than the one before it.
            let _ = black_box(bed.handle_observation(black_box(observation), &mut ids));
            while bed.poll_event().is_some() {
                events += 1;
            }
        }
    }
    let spent = spent().saturating_sub(begin);
    let judged = u64::try_from(BEDS).unwrap_or(u64::MAX).saturating_mul(SECONDS);
    let grown = resident().saturating_sub(before);
    println!("figure engine_observation {} ns", spent.as_nanos() / u128::from(judged));
    println!("figure engine_measurements 10 vitals/observation");
    // Each bed once a second: of the thousand million nanoseconds of a core.
    let share = spent.as_nanos() / u128::from(SECONDS) / 10_000;
    println!("figure engine_{BEDS}_beds_in_real_time {}.{:03} % of a core", share / 1000, share % 1000);
    println!("figure engine_events {events} records");
    println!("figure engine_bed_memory {} bytes", grown.checked_div(BEDS).unwrap_or(0));
    Ok(())
}

/// Time that the process has spent on a processor, whatever else the machine does.
fn spent() -> Duration {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The program's name in brackets may hold spaces; user and system time are the 12th and 13th behind it.
    let fields = text.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).filter_map(|it| it.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks.saturating_mul(1000 / TICKS))
}

/// Bytes of memory that the process holds.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text.split(' ').nth(1).and_then(|it| it.parse::<usize>().ok());
    pages.unwrap_or(0).saturating_mul(PAGE)
}

/// A patient who wanders about its usual values, and now and then beyond a limit.
fn observation(source: &Arc<Name>, second: u64, random: &mut u64) -> Observation {
    let mut wander = |usual: i16| {
        *random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let step = i32::try_from((*random >> 33) % 13_000).unwrap_or(0) - 6_500;
        Quantity::from_whole(usual).saturating_add(Quantity::from_thousandths(step))
    };
    let measurements =
        MEASURED.iter().map(|(vital, usual, ..)| Measurement::value(*vital, wander(*usual))).collect();
    Observation {
        bed: Arc::clone(source),
        source: Arc::clone(source),
        reading: Reading { measurements, ..Reading::default() },
        at: Uptime::from_millis(second * 1000),
        received_at: Timestamp::EPOCH,
        clock: ClockQuality::Synced,
        mode: Mode::Live,
        late: None,
        redelivered: false,
    }
}

fn policy() -> AlarmPolicy {
    let level = |limit, seconds, priority, latch| LevelRule {
        limit: Quantity::from_whole(limit),
        delay: Duration::from_secs(seconds),
        priority,
        latch,
    };
    let rule = |limit, extreme| LimitRule {
        limit: level(limit, 10, Priority::Medium, false),
        extreme: Some(level(extreme, 3, Priority::High, true)),
        hysteresis: Quantity::from_whole(1),
        clear_delay: Duration::from_secs(5),
        worse_by: Some(Quantity::from_whole(5)),
        fallback_for: None,
    };
    let sides = |(vital, _, low, high): &(Vital, i16, i16, i16)| {
        let (low, high) = (rule(*low, low - 5), rule(*high, high + 5));
        [((*vital, Direction::Low), low), ((*vital, Direction::High), high)]
    };
    let technical = |seconds, priority| TechnicalRule {
        delay: Duration::from_secs(seconds),
        priority,
        escalation: None,
        clear_delay: Duration::from_secs(3),
    };
    AlarmPolicy {
        profile: "adult".into(),
        hash: "0".into(),
        rules: MEASURED.iter().flat_map(sides).collect(),
        apnea: BTreeMap::from([(
            Vital::RespRate,
            ApneaRule { time: Duration::from_secs(20), fallback_for: None },
        )]),
        of_stays: BTreeMap::new(),
        news2: true,
        technical: TechnicalPolicy {
            sensor_off: technical(10, Priority::Low),
            no_value: technical(30, Priority::Low),
            no_data: technical(0, Priority::Medium),
        },
        timing: Timing {
            gap_tolerance: Duration::from_secs(10),
            continue_every: Duration::from_secs(15),
            reminder: Duration::from_secs(180),
        },
    }
}
