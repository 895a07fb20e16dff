//! What became of an alarm when: its moments, out of its records.

use serde::Serialize;
use vitals::alarm::event::{Condition, Inactivation, Phase, Signal};
use vitals::record::alarm::AlarmRecord;
use vitals::time::{Timestamp, Uptime};

use super::super::words::{clock, printable, standing};

/// Something that happened to an alarm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Moment {
    /// Which, for machines and for the mark in the chart.
    pub(super) what: What,
    /// On the agent's boot-time clock.
    pub(super) up_ms: Uptime,
    /// On the wall clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) at: Option<Timestamp>,
    /// For a person.
    pub(super) words: String,
}

/// What can happen to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum What {
    Onset,
    Present,
    Signalled,
    Changed,
    Acknowledged,
    Clear,
    Ended,
}

impl What {
    /// Its mark in the chart; none where another says the same.
    pub(super) const fn mark(self) -> Option<char> {
        match self {
            Self::Onset => Some('o'),
            Self::Present => Some('P'),
            Self::Acknowledged => Some('A'),
            Self::Clear => Some('C'),
            Self::Ended => Some('E'),
            Self::Signalled | Self::Changed => None,
        }
    }
}

/// When a record's level became present.
pub(super) fn decided(record: &AlarmRecord) -> Uptime {
    Uptime::from_millis(record.up_ms.as_millis().saturating_sub(record.present_ms))
}

/// The moments of an alarm, from its records in order.
pub(super) fn moments(records: &[AlarmRecord]) -> Vec<Moment> {
    let mut moments = Vec::new();
    let mut before: Option<&AlarmRecord> = None;
    for it in records {
        match before {
            None => moments.extend(beginning(it)),
            Some(before) => moments.extend(change(before, it)),
        }
        before = Some(it);
    }
    moments
}

/// Of the first record: onset, decision, signal; what came between the start and it is not known where it is no start.
fn beginning(it: &AlarmRecord) -> Vec<Moment> {
    let decided = decided(it);
    let onset = Uptime::from_millis(decided.as_millis().saturating_sub(it.condition_delay_ms));
    let mut moments = vec![
        Moment { what: What::Onset, up_ms: onset, at: it.onset_at, words: "its reason began".into() },
        Moment {
            what: What::Present,
            up_ms: decided,
            at: it.decided_at,
            words: format!("present: decided after {} ms of condition delay", it.condition_delay_ms),
        },
    ];
    if it.phase == Phase::Start {
        let delay = it.generation_delay_ms.unwrap_or(0);
        let up_ms = Uptime::from_millis(it.up_ms.as_millis().saturating_add(delay));
        let words = format!("signalled: handed to the annunciators {delay} ms later");
        moments.push(Moment { what: What::Signalled, up_ms, at: it.signalled_at, words });
    } else {
        moments.push(change_of(it, "as it was told first of what is still there"));
    }
    moments
}

/// What one record changed.
fn change(before: &AlarmRecord, it: &AlarmRecord) -> Option<Moment> {
    let told = |what, words: String| Some(moment(it, what, words));
    let why = it.reason.as_deref().map(|it| format!(": {}", printable(it))).unwrap_or_default();
    match it.phase {
        Phase::End => return told(What::Ended, format!("ended{why}")),
        Phase::Reset => return told(What::Ended, format!("reset{why}")),
        Phase::Escalate | Phase::DeEscalate => {
            let limit = it.limit.map(|it| format!(", limit {it}")).unwrap_or_default();
            let words = format!(
                "{} to {:?} priority{limit}",
                if it.phase == Phase::Escalate { "up" } else { "down" },
                it.priority
            );
            return told(What::Changed, words.to_lowercase());
        }
        Phase::Start | Phase::Continue | Phase::Update => {}
    }
    if it.signal == Signal::Acknowledged && before.signal != Signal::Acknowledged {
        let by = it.acknowledged_by.as_deref().map(printable).unwrap_or_default();
        let moment = moment(it, What::Acknowledged, format!("acknowledged by {by}"));
        return Some(Moment { at: it.acknowledged_at.or(moment.at), ..moment });
    }
    if it.condition == Condition::Clear && before.condition != Condition::Clear {
        return told(What::Clear, format!("its reason is gone: {}", standing(it)));
    }
    let words = match () {
        () if it.condition != before.condition => match it.condition {
            Condition::Indeterminate => "no value: nobody can tell whether it goes on".into(),
            Condition::Present => "there is a value again, and it is out".into(),
            Condition::Clear => return None,
        },
        () if it.reason.as_deref() == Some("worse") => "worse than when it was acknowledged".into(),
        () if it.escalation_level > before.escalation_level => {
            format!("nobody has acknowledged it: level {}", it.escalation_level)
        }
        () if it.inactivation != before.inactivation || it.until != before.until => inactivated(it),
        () if it.restarted => "kept over a restart of the agent".into(),
        () if it.phase == Phase::Continue => return None,
        () => return Some(change_of(it, "changed")),
    };
    told(What::Changed, words)
}

fn inactivated(it: &AlarmRecord) -> String {
    match (it.inactivation, it.until) {
        (Inactivation::None, _) => "its signal is heard again".into(),
        (_, Some(until)) => format!("{} until {}", standing(it), clock(until)),
        (_, None) => standing(it),
    }
}

fn change_of(it: &AlarmRecord, words: &str) -> Moment {
    moment(it, What::Changed, format!("{words}: {}, {}", printable(&it.text), standing(it)))
}

fn moment(it: &AlarmRecord, what: What, words: String) -> Moment {
    Moment { what, up_ms: it.up_ms, at: it.ended_at.or(it.signalled_at), words }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::example::alarm;
    use super::*;

    fn told(records: &[AlarmRecord]) -> Vec<(u64, What)> {
        moments(records).iter().map(|it| (it.up_ms.as_millis(), it.what)).collect()
    }

    #[test]
    fn a_life_is_told_moment_by_moment() {
        let at = |revision: u64, up: u64, more: serde_json::Value| {
            let mut it =
                json!({"revision": revision, "up_ms": up, "present_ms": up - 112_000, "phase": "update"});
            it.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            alarm(&it)
        };
        let ack = json!({"signal": "acknowledged", "acknowledged_by": "anna", "acknowledged_at": "2026-11-23T14:02:20Z"});
        let records = [
            alarm(&json!({})),
            at(2, 120_000, json!({"phase": "escalate", "priority": "high", "limit": 80})),
            at(3, 125_000, ack.clone()),
            at(4, 130_000, json!({"condition": "indeterminate", "signal": "acknowledged"})),
            at(
                4,
                145_000,
                json!({"phase": "continue", "condition": "indeterminate", "signal": "acknowledged"}),
            ),
            at(5, 150_000, json!({"signal": "acknowledged"})),
            at(6, 160_000, json!({"phase": "end", "condition": "clear", "signal": "off"})),
        ];
        assert_eq!(
            told(&records),
            [
                (97_000, What::Onset),
                (112_000, What::Present),
                (112_020, What::Signalled),
                (120_000, What::Changed),
                (125_000, What::Acknowledged),
                (130_000, What::Changed),
                (150_000, What::Changed),
                (160_000, What::Ended),
            ]
        );
        let words: Vec<_> = moments(&records).into_iter().map(|it| it.words).collect();
        assert_eq!(words[3], "up to high priority, limit 80");
        assert_eq!(words[4], "acknowledged by anna");
    }

    #[test]
    fn where_the_start_is_gone_its_times_are_told_all_the_same() {
        let latched =
            alarm(&json!({"revision": 3, "up_ms": 150_000, "present_ms": 38_000, "phase": "update",
            "condition": "clear", "signal": "latched"}));
        assert_eq!(
            told(&[latched]),
            [(97_000, What::Onset), (112_000, What::Present), (150_000, What::Changed)]
        );
    }
}
