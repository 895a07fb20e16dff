//! The readings that an alarm rests on, as the store still has them.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use serde::Serialize;
use vitals::alarm::event::Kind;
use vitals::quantity::Quantity;
use vitals::reading::{Absent, Quality};
use vitals::record::alarm::AlarmRecord;
use vitals::record::evidence::Evidence;
use vitals::record::ledger::Lane;
use vitals::record::reading::ReadingRecord;
use vitals::time::{Timestamp, Uptime};

use super::story;
use crate::buffer::inspect::{Ask, Finding, Ranges};
use crate::buffer_tool::{Progress, Source, ToolError, look};

/// What an alarm rests on.
#[derive(Debug, Default)]
pub(super) struct Samples {
    /// The numbers that its records name, of each run.
    pub(super) ranges: Vec<Evidence>,
    /// When the alarm was decided first.
    pub(super) decided: Uptime,
    /// Readings of the bed that were found.
    pub(super) found: u64,
    /// Numbers of which the store has no reading any more.
    pub(super) missing: Vec<Missing>,
    /// What the alarm's vital was, in order.
    pub(super) of_alarm: Vec<Sample>,
    /// For what is no vital's: the last that the source said before the alarm.
    pub(super) heard_last: Option<ReadingRecord<'static>>,
}

/// Numbers of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Missing {
    pub(super) run: String,
    pub(super) first: u64,
    pub(super) last: u64,
}

/// One value, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Sample {
    pub(super) up_ms: Uptime,
    pub(super) at: Timestamp,
    pub(super) source: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) value: Option<Quantity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) absent: Option<Absent>,
    #[serde(skip_serializing_if = "Quality::is_empty")]
    pub(super) quality: Quality,
    /// Whether it was history when it came, and was not judged.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) late: bool,
}

impl Samples {
    /// Reads what the records of an alarm name.
    pub(super) fn read(
        source: &Source,
        records: &[AlarmRecord],
        newest: &AlarmRecord,
        progress: &mut Progress,
    ) -> Result<Self, ToolError> {
        let decided = records.first().map_or(Uptime::ZERO, story::decided);
        let mut it = Self { ranges: ranges(records), decided, ..Self::default() };
        for range in it.ranges.clone() {
            let mut there = Ranges::default();
            let ask = Ask::records(Lane::Readings, Some((range.first, range.last)));
            look(source, ask, progress, &mut |finding| {
                it.take(&finding, &range, newest, &mut there);
                ControlFlow::Continue(())
            })?;
            let holes = there.holes(range.first, range.last).into_iter();
            it.missing.extend(holes.map(|(first, last)| Missing { run: range.run.clone(), first, last }));
        }
        it.of_alarm.sort_by_key(|it| it.up_ms);
        Ok(it)
    }

    fn take(&mut self, finding: &Finding, range: &Evidence, alarm: &AlarmRecord, there: &mut Ranges) {
        let Finding::Record(body) = finding else { return };
        let Ok(reading) = serde_json::from_str::<ReadingRecord<'static>>(body.get()) else { return };
        if *reading.run != *range.run || !(range.first..=range.last).contains(&reading.seq) {
            return;
        }
        there.insert(reading.seq, reading.seq);
        if *reading.bed == *alarm.bed {
            self.found += 1;
            self.note(reading, alarm);
        }
    }

    fn note(&mut self, reading: ReadingRecord<'static>, alarm: &AlarmRecord) {
        let is_its = alarm.source.as_deref().is_none_or(|source| source == &*reading.source);
        if !is_its {
            return;
        }
        for it in reading.vitals.iter().filter(|it| Some(it.name) == alarm.vital) {
            self.of_alarm.push(Sample {
                up_ms: reading.up_ms,
                at: reading.received_at,
                source: reading.source.to_string(),
                value: it.value,
                absent: it.absent,
                quality: it.quality,
                late: reading.late,
            });
        }
        let is_newer = self.heard_last.as_ref().is_none_or(|it| it.up_ms <= reading.up_ms);
        if alarm.kind == Kind::Technical && is_newer && reading.up_ms <= self.decided {
            self.heard_last = Some(reading);
        }
    }
}

/// The numbers that any of the records names, one range for each run.
fn ranges(records: &[AlarmRecord]) -> Vec<Evidence> {
    let mut all: BTreeMap<&str, Evidence> = BTreeMap::new();
    for it in records.iter().filter_map(|it| it.evidence.as_ref()) {
        let range = all.entry(&it.run).or_insert_with(|| it.clone());
        range.first = range.first.min(it.first);
        range.last = range.last.max(it.last);
    }
    all.into_values().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use serde_json::value::RawValue;

    use super::super::super::example::alarm;
    use super::*;

    fn reading(seq: u64, bed: &str, vitals: &serde_json::Value) -> Finding {
        let body = json!({"schema": "vitals.readings.v1", "id": format!("icu-3/r1/r/{seq}"), "agent": "icu-3", "run": "r1",
            "seq": seq, "up_ms": seq * 1000, "bed": bed, "source": "monitor-07", "device": "nonin-df8", "mode": "live",
            "received_at": "2026-11-23T14:01:55.000Z", "clock": "synced", "vitals": vitals});
        Finding::Record(RawValue::from_string(body.to_string()).unwrap())
    }

    #[test]
    fn only_what_the_bed_said_of_the_vital_is_a_sample_and_what_is_gone_is_counted() {
        let alarm = alarm(&json!({}));
        let range = alarm.evidence.clone().unwrap();
        let (mut it, mut there) = (Samples::default(), Ranges::default());
        let spo2 = json!([{"name": "spo2", "value": 88, "unit": "%"}, {"name": "pulse_rate", "value": 70, "unit": "/min"}]);
        let off = json!([{"name": "spo2", "absent": "sensor_off", "unit": "%"}]);
        for finding in [
            reading(100, "icu-3-07", &spo2),
            reading(101, "icu-3-07", &spo2),
            reading(102, "icu-3-08", &spo2),
            reading(103, "icu-3-07", &off),
            Finding::End,
        ] {
            it.take(&finding, &range, &alarm, &mut there);
        }
        assert_eq!((it.found, there.holes(101, 116)), (2, vec![(104, 116)]));
        let said: Vec<_> = it.of_alarm.iter().map(|it| (it.up_ms.as_millis(), it.value, it.absent)).collect();
        let low = Some(Quantity::from_whole(88));
        assert_eq!(said, [(101_000, low, None), (103_000, None, Some(Absent::SensorOff))]);
    }

    #[test]
    fn of_a_silence_the_last_word_before_it_is_told() {
        let silence =
            alarm(&json!({"code": "no_data", "kind": "technical", "vital": null, "up_ms": 108_000}));
        let range = silence.evidence.clone().unwrap();
        let (mut it, mut there) = (Samples::default(), Ranges::default());
        it.decided = story::decided(&silence);
        let spo2 = json!([{"name": "spo2", "value": 97, "unit": "%"}]);
        for seq in [101, 102, 116] {
            it.take(&reading(seq, "icu-3-07", &spo2), &range, &silence, &mut there);
        }
        assert_eq!(it.heard_last.map(|it| it.seq), Some(102), "116 ended it");
    }

    #[test]
    fn an_alarm_that_lived_through_a_restart_rests_on_the_readings_of_both_runs() {
        let of = |run: &str, first: u64, last: u64| {
            alarm(&json!({"evidence": {"run": run, "first": first, "last": last}}))
        };
        let all =
            ranges(&[of("r1", 5, 9), of("r1", 5, 20), of("r2", 1, 3), alarm(&json!({"evidence": null}))]);
        let told: Vec<_> = all.iter().map(|it| (it.run.as_str(), it.first, it.last)).collect();
        assert_eq!(told, [("r1", 5, 20), ("r2", 1, 3)]);
    }
}
