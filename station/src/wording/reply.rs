//! What the agent's answer to an operator means, in words.

use vitals::alarm::action::Refusal;
use vitals::reading::Mode;
use vitals::record::action::{ActionRecord, OutcomeName, ReplyReason, ReplyRecord};
use vitals::record::state::{BedRecord, LimitsState};

use super::{mode_mark, printable};

/// One line: the bed, what was asked, and what became of it.
#[must_use]
pub fn line(bed: &BedRecord, asked: &ActionRecord, reply: &ReplyRecord) -> String {
    let mark = if bed.mode == Mode::Live { "" } else { mode_mark(bed.mode) };
    let label = printable(bed.bed_label.as_deref().unwrap_or(&bed.bed));
    let alarm = asked.alarm.as_ref().and_then(|id| bed.alarms.iter().find(|it| it.id == *id));
    let of = alarm.map_or(asked.rule.as_deref(), |it| Some(it.text.as_str()));
    let of = of.map(|it| format!(" {}", printable(it))).unwrap_or_default();
    format!("{mark}{label}  {}{of}: {}", asked.action.name(), outcome(reply))
}

/// That a limit which was changed for a stay does not go along to another bed.
#[must_use]
pub fn left_behind(limits: &LimitsState) -> String {
    let extreme = limits.extreme.map(|it| format!(", extreme {it}")).unwrap_or_default();
    let rule = printable(&limits.rule);
    format!(
        "{rule} was changed to {}{extreme} for this patient: the new bed follows its own limits until it is changed there",
        limits.limit
    )
}

/// The reply as it came, for programs.
#[must_use]
pub fn json(reply: &ReplyRecord) -> String {
    serde_json::to_string(reply).unwrap_or_default()
}

/// Whether it is done, and why not.
#[must_use]
pub fn outcome(reply: &ReplyRecord) -> String {
    let why = reply.reason.map_or("", reason);
    let detail = reply.detail.as_deref().map(|it| format!(" ({})", printable(it))).unwrap_or_default();
    match (reply.outcome, reply.reason) {
        (OutcomeName::Accepted, _) => format!("done{}", unkept(reply)),
        (OutcomeName::Duplicate, None) => {
            format!("done before: the agent knows this action{}", unkept(reply))
        }
        (OutcomeName::Duplicate, Some(_)) => format!("not done, as before: {why}{detail}"),
        (OutcomeName::Refused, _) => format!("not done: {why}{detail}"),
    }
}

/// What must be added where the disk has not taken what was done.
fn unkept(reply: &ReplyRecord) -> &'static str {
    if reply.durable == Some(false) {
        "; but it has not reached the agent's disk: look again after a loss of power or a restart there"
    } else {
        ""
    }
}

fn reason(reason: ReplyReason) -> &'static str {
    match reason {
        ReplyReason::NotUnderstood => "the agent does not understand the action",
        ReplyReason::NotFromHere => "the agent's configuration does not let this be done from here",
        ReplyReason::Refused(it) => refusal(it),
    }
}

fn refusal(it: Refusal) -> &'static str {
    match it {
        Refusal::NoSuchAlarm => "there is no such alarm any more",
        Refusal::Present => "its condition is still there: it can be acknowledged, not reset",
        Refusal::Changed => "it has become more urgent than your screen showed: look again",
        Refusal::Stale => "your screen was more than a minute old: look again",
        Refusal::OtherStay => "another patient is in the bed than your screen showed",
        Refusal::NotAllowed => "your role may not do this, or nobody may",
        Refusal::TooLong => "nobody may ask for so long",
        Refusal::NoSuchRule => "the bed has no such rule",
        Refusal::NothingToPause => "no alarm is on",
        Refusal::NotSensible => "no rule could have these limits",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    fn replied(outcome: &str, reason: Option<&str>, detail: Option<&str>) -> String {
        let mut it = json!({"schema": "vitals.actions.v1", "of": "1", "bed": "b", "agent": "a", "run": "r-1", "up_ms": 1,
            "outcome": outcome});
        for (field, value) in [("reason", reason), ("detail", detail)] {
            if let Some(value) = value {
                it[field] = value.into();
            }
        }
        super::outcome(&serde_json::from_value(it).unwrap())
    }

    #[test]
    fn what_the_disk_has_not_taken_is_said() {
        let reply = json!({"schema": "vitals.actions.v1", "of": "1", "bed": "b", "agent": "a", "run": "r-1", "up_ms": 1,
            "outcome": "accepted", "durable": false});
        let told = super::outcome(&serde_json::from_value(reply).unwrap());
        assert!(told.starts_with("done; but it has not reached the agent's disk"), "{told}");
    }

    #[test]
    fn an_answer_says_whether_it_is_done_and_why_not() {
        assert_eq!(replied("accepted", None, None), "done");
        let changed = "it has become more urgent than your screen showed: look again";
        assert_eq!(replied("refused", Some("changed"), None), format!("not done: {changed}"));
        assert_eq!(replied("duplicate", None, None), "done before: the agent knows this action");
        assert_eq!(replied("duplicate", Some("changed"), None), format!("not done, as before: {changed}"));
        let told = replied("refused", Some("not_understood"), Some("alarm is missing"));
        assert_eq!(told, "not done: the agent does not understand the action (alarm is missing)");
    }
}
