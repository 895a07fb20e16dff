//! An alarm event in the words of the reference: times in ms, amounts in thousandths, nothing that does not apply.

use serde_json::{Map, Value, json};
use vitals::alarm::event::{AlarmEvent, Inactivation};
use vitals::time::Uptime;

pub(crate) fn record(event: &AlarmEvent) -> Value {
    let mut record = Map::new();
    let mut say = |name: &str, value: Option<Value>| {
        if let Some(value) = value.filter(|it| !it.is_null()) {
            record.insert(name.to_owned(), value);
        }
    };
    let ms = |at: Uptime| json!(at.as_millis());
    say("up_ms", Some(ms(event.at)));
    say("id", Some(json!(format!("{}/{}", event.id.run, event.id.number))));
    say("revision", Some(json!(event.revision)));
    say("kind", Some(json!(event.kind)));
    say("code", Some(json!(event.code.to_string())));
    say("vital", event.code.vital().map(|it| json!(it.name())));
    say("phase", Some(json!(event.phase)));
    say("source", event.source.as_ref().map(|it| json!(it.as_str())));
    say("level", event.level.map(|it| json!(it)));
    say("priority", Some(json!(event.priority)));
    say("previous_priority", event.previous_priority.map(|it| json!(it)));
    say("peak_priority", Some(json!(event.peak_priority)));
    say("condition", Some(json!(event.condition)));
    say("signal", Some(json!(event.signal)));
    say("latching", event.latching.then_some(json!(true)));
    let inactivation = (event.inactivation != Inactivation::None).then(|| json!(event.inactivation));
    say("inactivation", inactivation);
    say("until_ms", event.until.map(ms));
    say("value", event.value.map(|it| json!(it.value.thousandths())));
    let age = event.value.map(|it| json!(signed(event.at) - signed(it.at)));
    say("value_age_ms", age);
    say("absent", event.absent.map(|it| json!(it)));
    say("quality", (!event.quality.is_empty()).then(|| json!(event.quality)));
    say("worst", event.worst.map(|it| json!(it.thousandths())));
    say("limit", event.limit.map(|it| json!(it.thousandths())));
    say("onset_ms", Some(ms(event.onset_at)));
    say("decided_ms", Some(ms(event.decided_at)));
    say("ended_ms", event.ended_at.map(ms));
    say("acknowledged_by", event.acknowledged.as_ref().map(|it| json!(it.by)));
    say("acknowledged_ms", event.acknowledged.as_ref().map(|it| ms(it.at)));
    say("reason", event.reason.as_ref().map(|it| json!(it)));
    say("escalation_level", (event.escalation_level > 0).then(|| json!(event.escalation_level)));
    say("cause", event.cause.as_ref().map(|it| json!(it)));
    say("reminder", event.reminder.then_some(json!(true)));
    say("restarted", event.restarted.then_some(json!(true)));
    Value::Object(record)
}

/// A record's age is told as it is, even if it is wrong.
fn signed(at: Uptime) -> i64 {
    i64::try_from(at.as_millis()).unwrap()
}
