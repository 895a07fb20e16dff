//! What the judge reads of a record in Kafka, by the published schemas and not by the product's own types.

use std::collections::BTreeMap;

use serde::Deserialize;
use vitals::vital::Vital;

use crate::expect::NO_DATA;
use crate::expect::limits::Grade;

/// A record of `vitals.readings.v1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Its name for ever.
    pub id: String,
    /// The life of the agent's process.
    pub run: String,
    /// Its number in that run.
    pub seq: u64,
    /// The bed.
    pub bed: String,
    /// The source.
    pub source: String,
    /// When it arrived at the agent, ms of the wall clock.
    pub received_ms: i64,
    /// The number that the device gave it.
    pub device_seq: Option<u64>,
    /// Whether it was marked as history.
    pub late: bool,
    /// What was measured.
    pub vitals: BTreeMap<Vital, Measured>,
}

/// One vital of a reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Measured {
    /// A value, thousandths of the unit, and whether it is marked as an old one.
    Value {
        /// The value.
        thousandths: i32,
        /// Whether it is marked as old.
        held: bool,
    },
    /// No value, and why.
    Absent(String),
}

/// A record of `vitals.alarms.v1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarm {
    /// The alarm's name for its life.
    pub id: String,
    /// Counts its records.
    pub revision: u32,
    /// The bed.
    pub bed: String,
    /// Which alarm. That a port is gone is a kind of silence.
    pub code: String,
    /// How far out; `Limit` for technical alarms.
    pub grade: Grade,
    /// Whether the reason is there, or may be there.
    pub present: bool,
    /// Whether it tells of an alarm kept over a restart of the agent.
    pub restarted: bool,
    /// When it was made known at the bedside, ms of the wall clock.
    pub at_ms: i64,
}

/// Why a record cannot be judged.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// Not such a record.
    #[error("it does not keep to its schema")]
    Json(#[source] serde_json::Error),
    /// A time that is none.
    #[error("its time cannot be read")]
    Time(#[source] jiff::Error),
}

#[derive(Deserialize)]
struct ReadingFields {
    id: String,
    run: String,
    seq: u64,
    bed: String,
    source: String,
    received_at: String,
    device_seq: Option<u64>,
    #[serde(default)]
    late: bool,
    vitals: Vec<VitalFields>,
}

#[derive(Deserialize)]
struct VitalFields {
    name: Vital,
    value: Option<f64>,
    absent: Option<String>,
    #[serde(default)]
    quality: Vec<String>,
}

#[derive(Deserialize)]
struct AlarmFields {
    id: String,
    revision: u32,
    bed: String,
    code: String,
    level: Option<LevelField>,
    phase: String,
    condition: String,
    #[serde(default)]
    restarted: bool,
    decided_at: Option<String>,
    signalled_at: Option<String>,
    up_ms: Option<i64>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum LevelField {
    Limit,
    Extreme,
}

impl Reading {
    /// Reads a record.
    pub fn parse(body: &[u8]) -> Result<Self, RecordError> {
        let it: ReadingFields = serde_json::from_slice(body).map_err(RecordError::Json)?;
        Ok(Self {
            received_ms: moment(&it.received_at)?,
            id: it.id,
            run: it.run,
            seq: it.seq,
            bed: it.bed,
            source: it.source,
            device_seq: it.device_seq,
            late: it.late,
            vitals: it.vitals.into_iter().map(|it| (it.name, Measured::from(it))).collect(),
        })
    }
}

impl From<VitalFields> for Measured {
    #[expect(clippy::cast_possible_truncation, reason = "clamped to what a quantity can be")]
    fn from(it: VitalFields) -> Self {
        match it.value {
            Some(value) => Self::Value {
                thousandths: (value * 1000.0).round().clamp(-2e9, 2e9) as i32,
                held: it.quality.iter().any(|it| it == "held"),
            },
            None => Self::Absent(it.absent.unwrap_or_default()),
        }
    }
}

impl Alarm {
    /// Reads a record.
    pub fn parse(body: &[u8]) -> Result<Self, RecordError> {
        let it: AlarmFields = serde_json::from_slice(body).map_err(RecordError::Json)?;
        let at = it.signalled_at.clone().or(it.decided_at.clone()).unwrap_or_default();
        Ok(Self::from_fields(it, moment(&at)?))
    }

    /// Reads a record of a replay, whose clock began at `zero_ms` of the wall clock; a replay knows no beds.
    pub fn parse_replayed(body: &[u8], bed: &str, zero_ms: i64) -> Result<Self, RecordError> {
        let it: AlarmFields = serde_json::from_slice(body).map_err(RecordError::Json)?;
        let at_ms = zero_ms + it.up_ms.unwrap_or(0);
        Ok(Self { bed: bed.into(), ..Self::from_fields(it, at_ms) })
    }

    fn from_fields(it: AlarmFields, at_ms: i64) -> Self {
        let grade = match it.level {
            Some(LevelField::Extreme) => Grade::Extreme,
            Some(LevelField::Limit) | None => Grade::Limit,
        };
        let over = ["end", "reset"].contains(&it.phase.as_str());
        let code = if it.code == "port_gone" { NO_DATA.into() } else { it.code };
        let present = !over && it.condition != "clear";
        let (id, revision, bed, restarted) = (it.id, it.revision, it.bed, it.restarted);
        Self { id, revision, bed, code, grade, present, restarted, at_ms }
    }
}

fn moment(text: &str) -> Result<i64, RecordError> {
    text.parse::<jiff::Timestamp>().map(jiff::Timestamp::as_millisecond).map_err(RecordError::Time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_is_read_by_its_schema() {
        let body = r#"{"schema":"vitals.readings.v1","id":"icu-3/r1/r/7","agent":"icu-3","run":"r1","seq":7,"up_ms":5,
            "bed":"b","source":"s","device":"wardline","mode":"simulated","received_at":"2026-11-23T08:30:00.250Z",
            "clock":"synced","device_seq":9,"vitals":[{"name":"temperature","value":36.7,"unit":"Cel"},
            {"name":"spo2","absent":"sensor_off","unit":"%"},
            {"name":"pulse_rate","value":80,"unit":"/min","quality":["held"]}]}"#;
        let it = Reading::parse(body.as_bytes()).unwrap();
        assert_eq!((it.seq, it.device_seq, it.late), (7, Some(9), false));
        assert_eq!(it.received_ms, 1_795_422_600_250);
        let expected = BTreeMap::from([
            (Vital::Temperature, Measured::Value { thousandths: 36_700, held: false }),
            (Vital::Spo2, Measured::Absent("sensor_off".into())),
            (Vital::PulseRate, Measured::Value { thousandths: 80_000, held: true }),
        ]);
        assert_eq!(it.vitals, expected);
        assert!(Reading::parse(b"{}").is_err());
        assert!(Reading::parse(body.replace("2026-11", "November").as_bytes()).is_err());
    }

    #[test]
    fn an_alarm_counts_from_when_it_was_made_known() {
        let body = r#"{"id":"a/r/1","revision":2,"bed":"b","code":"spo2_low","level":"extreme","phase":"escalate",
            "condition":"present","decided_at":"2026-11-23T08:30:00.000Z","signalled_at":"2026-11-23T08:30:00.010Z"}"#;
        let it = Alarm::parse(body.as_bytes()).unwrap();
        assert_eq!((it.grade, it.present, it.at_ms), (Grade::Extreme, true, 1_795_422_600_010));
        let over = Alarm::parse(body.replace("escalate", "end").as_bytes()).unwrap();
        assert!(!over.present);
        let gone = Alarm::parse(body.replace("spo2_low", "port_gone").as_bytes()).unwrap();
        assert_eq!(gone.code, NO_DATA);
    }
}
