//! From a message to a record. What cannot be read is a trouble in words, never an end.

use std::time::Duration;

use rdkafka::message::{BorrowedHeaders, Headers};
use serde::de::DeserializeOwned;
use vitals::record::alarm::{ALARMS, AlarmRecord};
use vitals::record::state::{BEDS, BedRecord, STATUS, StatusRecord};

use super::Trouble;
use crate::ward::{Arrival, Record};

/// Reads one message; the topic's name, whatever its prefix, says what it holds.
pub(super) fn arrival(
    topic: &str,
    payload: &[u8],
    headers: Option<&BorrowedHeaders>,
) -> Result<Arrival, Trouble> {
    let record = record(topic, payload).map_err(|why| Trouble {
        kind: format!("unreadable: {topic}"),
        words: format!(
            "a record of {topic} cannot be read and is skipped ({why}): is the agent newer than this station?"
        ),
    })?;
    let header = |name: &str| {
        let value = headers?.iter().find(|it| it.key == name)?.value?;
        std::str::from_utf8(value).ok()
    };
    let late = header("late").is_some_and(|it| it == "true");
    let age = header("age_ms").and_then(|it| it.parse().ok()).map(Duration::from_millis);
    Ok(Arrival { record, late, age })
}

/// Says why not without a word of the payload: it may hold what does not belong on a screen.
fn record(topic: &str, payload: &[u8]) -> Result<Record, String> {
    if topic.ends_with(ALARMS) {
        let record: AlarmRecord = json(payload)?;
        expect_schema(ALARMS, &record.schema)?;
        Ok(Record::Alarm(Box::new(record)))
    } else if topic.ends_with(BEDS) {
        let record: BedRecord = json(payload)?;
        expect_schema(BEDS, &record.schema)?;
        Ok(Record::Bed(Box::new(record)))
    } else if topic.ends_with(STATUS) {
        let record: StatusRecord = json(payload)?;
        expect_schema(STATUS, &record.schema)?;
        Ok(Record::Status(Box::new(record)))
    } else {
        Err("not a topic that a station reads".into())
    }
}

fn json<T: DeserializeOwned>(payload: &[u8]) -> Result<T, String> {
    serde_json::from_slice(payload)
        .map_err(|error| format!("not such a record, at line {} column {}", error.line(), error.column()))
}

fn expect_schema(expected: &str, found: &str) -> Result<(), String> {
    if expected == found { Ok(()) } else { Err(format!("its schema is not {expected}")) }
}
