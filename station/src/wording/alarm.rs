//! The words of one alarm: what, how much, how long, and how it stands.

use std::time::Duration;

use vitals::alarm::event::{Condition, Inactivation, Kind, Phase, Priority, Signal};
use vitals::record::alarm::AlarmRecord;
use vitals::time::ClockQuality;

use super::{Wording, duration, printable};
use crate::ward::News;

impl Wording {
    /// The whole sentence, without time, mark and bed.
    pub(super) fn alarm(&self, record: &AlarmRecord, news: News, late: bool) -> String {
        let what = printable(&record.text);
        let words = if record.phase.is_over() {
            format!("{what}: {}", ending(record, news))
        } else {
            format!("{what}{} ({})", self.lasting(record), self.standing(record))
        };
        match self.moment(record) {
            Some(moment) if late => format!("{words} \u{2014} late, from {moment}"),
            None if late => format!("{words} \u{2014} late"),
            Some(_) | None => words,
        }
    }

    /// How long: a silence is told by its beginning, a value by its duration.
    fn lasting(&self, record: &AlarmRecord) -> String {
        match record.onset_at {
            Some(since) if record.kind == Kind::Technical && is_believed(record) => {
                format!(" since {}", self.told(since))
            }
            Some(_) | None => format!(", for {}", duration(lasted(record))),
        }
    }

    /// How the alarm stands: what changed first, then the signal, then what holds it back.
    fn standing(&self, record: &AlarmRecord) -> String {
        let changed = match record.phase {
            Phase::Escalate => Some(format!("now {} priority", priority(record.priority))),
            Phase::DeEscalate => Some(format!("down to {} priority", priority(record.priority))),
            Phase::Start | Phase::Continue | Phase::Update | Phase::End | Phase::Reset => None,
        };
        let condition = match (record.condition, record.signal) {
            (Condition::Indeterminate, _) => Some("no value: nobody can tell whether it goes on"),
            (Condition::Clear, Signal::Latched) => Some("the value is back within its limits"),
            (Condition::Present | Condition::Clear, _) => None,
        };
        let alone = (record.escalation_level > 0).then_some("nobody has acknowledged it");
        let worse = (record.reason.as_deref() == Some("worse")).then_some("worse since it was acknowledged");
        let restarted = record.restarted.then_some("kept over a restart of the agent");
        changed
            .into_iter()
            .chain([condition, alone, worse].into_iter().flatten().map(Into::into))
            .chain([self.signal(record)])
            .chain(self.inactivation(record))
            .chain(restarted.map(Into::into))
            .collect::<Vec<String>>()
            .join("; ")
    }

    fn signal(&self, record: &AlarmRecord) -> String {
        match record.signal {
            Signal::Off => "signal off".into(),
            Signal::On => "signal on".into(),
            Signal::Latched => "signal latched until somebody resets it".into(),
            Signal::Acknowledged => {
                let by = record.acknowledged_by.as_deref().map(|by| format!(" by {}", printable(by)));
                let at = record.acknowledged_at.map(|at| format!(" at {}", self.told(at)));
                format!("acknowledged{}{}", by.unwrap_or_default(), at.unwrap_or_default())
            }
        }
    }

    fn inactivation(&self, record: &AlarmRecord) -> Option<String> {
        let what = match record.inactivation {
            Inactivation::None => return None,
            Inactivation::AudioPaused => "audio paused",
            Inactivation::AudioOff => "audio off",
            Inactivation::AlarmPaused => "alarm paused",
            Inactivation::AlarmOff => "alarm off",
        };
        let until = record.until.map(|at| format!(" until {}", self.told(at)));
        Some(format!("{what}{}", until.unwrap_or_default()))
    }

    /// When that happened which the record tells, with a word on a clock that cannot be believed.
    fn moment(&self, record: &AlarmRecord) -> Option<String> {
        let at = record.ended_at.or(record.signalled_at).or(record.decided_at)?;
        let doubt = if is_believed(record) { "" } else { " by a clock that was never set" };
        Some(format!("{}{doubt}", self.told(at)))
    }
}

fn ending(record: &AlarmRecord, news: News) -> String {
    let lasted = duration(lasted(record));
    match (news, record.phase, record.reason.as_deref()) {
        (News::Unlisted, ..) => "over (the bed no longer lists it)".into(),
        (_, Phase::Reset, Some(reason)) => format!("reset after {lasted} ({})", printable(reason)),
        (_, Phase::Reset, None) => format!("reset after {lasted}"),
        _ => format!("ended after {lasted}"),
    }
}

/// From its beginning, the condition delay included.
fn lasted(record: &AlarmRecord) -> Duration {
    Duration::from_millis(record.condition_delay_ms.saturating_add(record.present_ms))
}

fn is_believed(record: &AlarmRecord) -> bool {
    record.clock.is_some_and(|it| it != ClockQuality::Unsynced)
}

fn priority(it: Priority) -> &'static str {
    match it {
        Priority::High => "high",
        Priority::Medium => "medium",
        Priority::Low => "low",
    }
}
