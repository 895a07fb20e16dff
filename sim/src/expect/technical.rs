//! What a source itself must make known: its sensors, and silence.

use std::collections::BTreeMap;

use vitals::vital::Vital;

use super::limits::{Grade, Limits};
use super::series::{Class, Sample, Watch};
use super::{Expected, Heard, May, Must, NO_DATA, NO_VALUE, SENSOR_OFF, STALE_MS, TOLERANCE_MS, period};
use crate::device::Said;

/// What is measured with one sensor; each has its own alarms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sensor {
    Electrodes,
    Oximeter,
    ArterialLine,
    /// A vital with a sensor of its own.
    Of(Vital),
}

/// The sensor of a vital; a cuff's silence is its own matter.
fn sensor(vital: Vital) -> Option<Sensor> {
    match vital {
        Vital::HeartRate | Vital::RespRateImpedance | Vital::St1 | Vital::St2 | Vital::St3 => {
            Some(Sensor::Electrodes)
        }
        Vital::PulseRate | Vital::Spo2 | Vital::PerfusionIndex => Some(Sensor::Oximeter),
        Vital::AbpSystolic | Vital::AbpDiastolic | Vital::AbpMean => Some(Sensor::ArterialLine),
        it if it.is_discrete() => None,
        it => Some(Sensor::Of(it)),
    }
}

/// Adds what a source calls for by itself.
pub(super) fn technical(bed: &str, said: &[Heard<'_>], limits: &Limits, expected: &mut Expected) {
    let hold_ms = STALE_MS.max(3 * period(said));
    let mut sensors: BTreeMap<Sensor, Vec<(Heard<'_>, Vec<Said>)>> = BTreeMap::new();
    for it in said {
        let mut words: BTreeMap<Sensor, Vec<Said>> = BTreeMap::new();
        for (vital, said) in &it.vitals {
            if let Some(sensor) = sensor(*vital) {
                words.entry(sensor).or_default().push(*said);
            }
        }
        for (sensor, words) in words {
            sensors.entry(sensor).or_default().push((*it, words));
        }
    }
    let cases = [(SENSOR_OFF, true, limits.sensor_off_ms), (NO_VALUE, false, limits.no_value_ms)];
    for words in sensors.values() {
        for (code, of_sensor, delay_ms) in cases {
            let watch = Watch { bed, code, grade: Grade::Limit, delay_ms, slack_ms: 0, hold_ms };
            trouble(&watch, of_sensor, words, expected);
        }
    }
    silence(bed, said, hold_ms, expected);
}

/// A sensor's trouble: its own reason for long enough makes an alarm certain; the delay may have run for another reason.
fn trouble(watch: &Watch<'_>, of_sensor: bool, words: &[(Heard<'_>, Vec<Said>)], expected: &mut Expected) {
    let sample = |(it, words): &(Heard<'_>, Vec<Said>), own: bool| {
        let any = words.iter().any(|it| !matches!(it, Said::Value(_)));
        let of_it = |said: &Said| matches!(said, Said::Absent { sensor } if *sensor == of_sensor);
        let class = match (any, words.iter().any(of_it)) {
            (false, _) => Class::In,
            (true, false) if own => Class::Band,
            (true, _) => Class::Out,
        };
        Sample { at_ms: it.at_ms, class, sure: it.judged }
    };
    let follow = |own: bool| {
        let mut found = Expected::default();
        watch.follow(&words.iter().map(|it| sample(it, own)).collect::<Vec<_>>(), &mut found);
        found
    };
    expected.must.extend(follow(true).must);
    expected.may.extend(follow(false).may);
}

/// A source that says nothing for longer than it may. Before its first word and after its last, nobody knows.
fn silence(bed: &str, said: &[Heard<'_>], hold_ms: i64, expected: &mut Expected) {
    for (before, after) in said.iter().zip(said.iter().skip(1)) {
        if after.at_ms - before.at_ms > hold_ms + TOLERANCE_MS {
            expected.must.push(Must {
                bed: bed.into(),
                code: NO_DATA.into(),
                grade: Grade::Limit,
                from_ms: before.at_ms + hold_ms - TOLERANCE_MS,
                by_ms: before.at_ms + hold_ms + TOLERANCE_MS,
            });
        }
    }
    let mut may = |from_ms: i64, until_ms: i64| {
        let may = May { bed: bed.into(), code: NO_DATA.into(), grade: Grade::Limit, from_ms, until_ms };
        expected.may.push(may);
    };
    // What came as history was silence to whoever judged.
    let judged: Vec<i64> = said.iter().filter(|it| it.judged).map(|it| it.at_ms).collect();
    may(i64::MIN, judged.first().map_or(i64::MAX, |it| it + TOLERANCE_MS));
    for (before, after) in judged.iter().zip(judged.iter().skip(1)) {
        if after - before > hold_ms - TOLERANCE_MS {
            may(*before, after + TOLERANCE_MS);
        }
    }
    if let Some(last) = judged.last() {
        may(*last, i64::MAX);
    }
}
