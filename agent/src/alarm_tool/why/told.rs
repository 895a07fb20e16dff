//! The whole answer as a person reads it.

use std::fmt::Write as _;

use vitals::alarm::event::Kind;
use vitals::record::alarm::AlarmRecord;
use vitals::record::reading::{ReadingRecord, VitalRecord};

use super::super::words::{bed, clock, coloured, doubt, duration, kind, mark, printable, standing};
use super::chart::{Chart, Ink};
use super::samples::{Missing, Samples};
use super::{Known, Screen};

/// What it was, why, what was measured, what became of it.
pub(super) fn told(known: &Known, screen: Screen) -> String {
    let it = &known.newest;
    let head = format!("{} {}{}  {}", mark(it.priority), kind(it), bed(it), printable(&it.text));
    let mut text = format!("{}\n", coloured(screen, it.priority, &head));
    let _ = writeln!(text, "{}, {}", it.id, standing(it));
    rule(known, &mut text);
    measured(known, screen, &mut text);
    moments(known, &mut text);
    gone(&known.samples, &mut text);
    text
}

fn rule(known: &Known, text: &mut String) {
    let it = &known.newest;
    let limit = it.limit.map(|limit| {
        let unit = it.unit.as_deref().unwrap_or_default();
        let level = it.level.map(|it| format!(" (level {it:?})").to_lowercase()).unwrap_or_default();
        let side = it.direction.map(|it| format!("{it:?} ").to_lowercase()).unwrap_or_default();
        format!(", {side}limit {limit} {unit}{level}")
    });
    let _ = writeln!(text, "rule     {}{}; rules {}", it.rule.id, limit.unwrap_or_default(), it.rule.hash);
    let measured = format!("as it was: {} ms of condition delay", first(known).condition_delay_ms);
    let _ = match known.delays {
        Some(it) => {
            let hysteresis = it.hysteresis.map(|it| format!(", hysteresis {it}")).unwrap_or_default();
            let (delay, clear) = (it.delay_ms, it.clear_delay_ms);
            writeln!(
                text,
                "delays   {delay} ms to be present, {clear} ms to be clear{hysteresis}; {measured}"
            )
        }
        // A silence has no delay in the file.
        None if it.limit.is_none() => writeln!(text, "delays   {measured}"),
        None => writeln!(
            text,
            "delays   {measured}. Those of the rule are not known here: no configuration that can be read has these rules (--config FILE)"
        ),
    };
    if let Some(cause) = &it.cause {
        let _ = writeln!(text, "cause    {}", printable(cause));
    }
    if let Some(worst) = it.worst {
        let _ = writeln!(text, "worst    {worst}");
    }
}

fn first(known: &Known) -> &AlarmRecord {
    known.records.first().unwrap_or(&known.newest)
}

/// The chart of its vital; for what is no vital's, what was heard last.
fn measured(known: &Known, screen: Screen, text: &mut String) {
    let (it, samples) = (&known.newest, &known.samples.of_alarm);
    let chart = Chart { samples, moments: &known.moments, limit: it.limit, direction: it.direction };
    let ink = if screen.unicode { Ink::UNICODE } else { Ink::ASCII };
    if let (Some(vital), Some(drawn)) = (it.vital, chart.draw(ink)) {
        let properties = vital.properties();
        let (label, unit) = (properties.label, properties.unit);
        let sources: std::collections::BTreeSet<&str> = samples.iter().map(|it| it.source.as_str()).collect();
        let sources = sources.into_iter().collect::<Vec<_>>().join(", ");
        let column = chart.column_ms().unwrap_or_default();
        let _ = writeln!(
            text,
            "\n{label} in {unit}, {} samples of {sources}; a column is {}, with the worst value in it",
            samples.len(),
            if column < 1000 { format!("{column} ms") } else { duration(column) },
        );
        text.push_str(&drawn);
        let _ = writeln!(
            text,
            "          o onset, {} condition delay, P present, A acknowledged, C clear, E ended; {} limit, ? no value",
            ink.delay, ink.limit
        );
    }
    match &known.samples.heard_last {
        Some(reading) => heard(reading, text),
        None if it.kind == Kind::Technical && it.bed != it.agent && !it.test => {
            let _ = writeln!(text, "heard    nothing before it that the store still has");
        }
        None => {}
    }
}

/// What a source said last before the alarm.
fn heard(reading: &ReadingRecord<'_>, text: &mut String) {
    let value = |it: &VitalRecord| match (it.value, it.absent) {
        (Some(value), _) => format!("{} {value}", it.name.properties().label),
        (None, Some(absent)) => format!("{} {}", it.name.properties().label, absent.name()),
        (None, None) => it.name.properties().label.to_owned(),
    };
    let values: Vec<String> = reading.vitals.iter().map(value).collect();
    let _ = writeln!(
        text,
        "heard    last at {}{} from {} ({}), reading {}: {}",
        clock(reading.received_at),
        doubt(Some(reading.clock)),
        reading.source,
        reading.device,
        reading.seq,
        values.join(", ")
    );
}

fn moments(known: &Known, text: &mut String) {
    let doubt = doubt(known.newest.clock);
    let _ = writeln!(text, "\nwhat became of it, UTC{doubt}");
    let mut before = None;
    for it in &known.moments {
        let at = it.at.map_or_else(|| format!("{} ms up", it.up_ms.as_millis()), clock);
        let since = before.map(|before| it.up_ms.since(before));
        let since =
            since.map_or(String::new(), |it| format!("+{}.{:03} s", it.as_secs(), it.subsec_millis()));
        let mark = it.what.mark().unwrap_or(' ');
        let _ = writeln!(text, "  {at:<10} {since:>12}  {mark} {}", it.words);
        before = Some(it.up_ms);
    }
    if !known.newest.phase.is_over() {
        let _ = writeln!(text, "  no end is known of it");
    }
}

/// What of the readings is no longer there, and where it is.
fn gone(samples: &Samples, text: &mut String) {
    if samples.ranges.is_empty() {
        return;
    }
    let named: Vec<String> =
        samples.ranges.iter().map(|it| format!("{}/r/{} to {}", it.run, it.first, it.last)).collect();
    let _ = writeln!(text, "\nreadings {}: {} of this bed found", named.join(", "), samples.found);
    if !samples.missing.is_empty() {
        let gone: Vec<String> = samples.missing.iter().map(range).collect();
        let _ = writeln!(
            text,
            "NO LONGER IN THE STORE: {}. Delivered readings make room: they are in vitals.readings.v1 under these numbers",
            gone.join(", ")
        );
    }
}

fn range(it: &Missing) -> String {
    format!("{}/r/{} to {}", it.run, it.first, it.last)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::example::alarm;
    use super::super::{rule::Delays, story};
    use super::*;

    fn known(changes: &serde_json::Value, samples: Samples, delays: Option<Delays>) -> Known {
        let records = vec![alarm(changes)];
        let newest = records[0].clone();
        Known { moments: story::moments(&records), records, newest, samples, delays }
    }

    #[test]
    fn the_rule_its_delays_and_what_is_gone_are_said() {
        let missing = vec![Missing { run: "r1".into(), first: 101, last: 116 }];
        let ranges = vec![alarm(&json!({})).evidence.unwrap()];
        let delays = Some(Delays { delay_ms: 15_000, clear_delay_ms: 5000, hysteresis: None });
        let text = told(
            &known(&json!({}), Samples { ranges, missing, ..Samples::default() }, delays),
            Screen::default(),
        );
        for words in [
            "!! Bed 7 (icu-3-07)  SpO2 low 88 < 90\n",
            "rule     adult/spo2_low, low limit 90 % (level limit); rules c0ffee\n",
            "delays   15000 ms to be present, 5000 ms to be clear; as it was: 15000 ms of condition delay\n",
            "  14:01:55Z                o its reason began\n",
            "  14:02:10Z     +15.000 s  P present",
            "no end is known of it\n",
            "NO LONGER IN THE STORE: r1/r/101 to 116.",
        ] {
            assert!(text.contains(words), "{words} is not in:\n{text}");
        }
        assert!(text.is_ascii(), "{text}");
    }

    #[test]
    fn colours_come_only_where_they_are_wanted_and_simulated_is_always_said() {
        let simulated = known(&json!({"mode": "simulated"}), Samples::default(), None);
        let colour = Screen { colour: true, unicode: true };
        assert!(told(&simulated, colour).starts_with("\u{1b}[33m!! SIMULATED Bed 7"));
        let plain = told(&simulated, Screen::default());
        assert!(plain.starts_with("!! SIMULATED Bed 7") && plain.contains("not known here"), "{plain}");
    }

    #[test]
    fn a_silence_is_told_by_what_was_heard_last() {
        let reading = json!({"schema": "vitals.readings.v1", "id": "icu-3/r1/r/101", "agent": "icu-3", "run": "r1",
            "seq": 101, "up_ms": 90_000, "bed": "icu-3-07", "source": "monitor-07", "device": "nonin-df8", "mode": "live",
            "received_at": "2026-11-23T14:01:50.000Z", "clock": "synced",
            "vitals": [{"name": "spo2", "value": 97, "unit": "%"}, {"name": "pulse_rate", "absent": "searching", "unit": "/min"}]});
        let heard_last = serde_json::from_value(reading).ok();
        let changes =
            json!({"code": "no_data", "kind": "technical", "vital": null, "limit": null, "text": "No data"});
        let text =
            told(&known(&changes, Samples { heard_last, ..Samples::default() }, None), Screen::default());
        assert!(
            text.contains("heard    last at 14:01:50Z from monitor-07 (nonin-df8), reading 101: SpO2 97, "),
            "{text}"
        );
        let nothing = told(&known(&changes, Samples::default(), None), Screen::default());
        assert!(nothing.contains("heard    nothing before it"), "{nothing}");
    }
}
