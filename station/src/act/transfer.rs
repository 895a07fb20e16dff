//! A patient goes from one bed to another, of the same agent or of another one.
//!
//! The new bed first: between the two answers both beds watch the patient, and never none.

use vitals::record::action::{ActionName, ActionRecord};
use vitals::record::state::{BedRecord, LimitsState};
use vitals::time::Timestamp;

use super::place::Desk;
use super::{ActError, Actor, Done, PerformError, plain};

/// The admission to the one bed and the discharge from the other, each as its screen showed it.
pub(super) fn records(
    actor: &Actor,
    from: &BedRecord,
    to: &BedRecord,
    id: &str,
    now: Timestamp,
) -> Result<[ActionRecord; 2], ActError> {
    let bed = |it: &BedRecord| it.bed.clone();
    let Some(stay) = &from.stay else { return Err(ActError::NobodyThere { bed: bed(from) }) };
    if from.bed == to.bed {
        return Err(ActError::SameBed { bed: bed(to) });
    }
    // Whoever is not sure that the first try was done tries again: then the stay is there already.
    if to.stay.as_ref().is_some_and(|it| it != stay) {
        return Err(ActError::Occupied { bed: bed(to) });
    }
    let stay = Some(stay.clone());
    let reason = actor.reason.clone().or_else(|| Some(format!("transfer to {}", to.bed)));
    let admit = plain(ActionName::Admit, actor, to, &format!("{id}-0"), now);
    let discharge = plain(ActionName::Discharge, actor, from, &format!("{id}-1"), now);
    Ok([ActionRecord { stay: stay.clone(), ..admit }, ActionRecord { stay, reason, ..discharge }])
}

/// What operators changed for the stay and does not come along.
fn left_behind(from: &BedRecord) -> Vec<LimitsState> {
    from.limits.iter().filter(|it| it.changed).cloned().collect()
}

/// Admits, and discharges once that is done.
pub(super) fn perform(
    desk: &Desk,
    actor: &Actor,
    (from, to): (&BedRecord, &BedRecord),
    id: &str,
    now: Timestamp,
) -> Result<Done, PerformError> {
    let [admit, discharge] = records(actor, from, to, id, now).map_err(PerformError::Screen)?;
    let mut done = Done::default();
    done.ask(desk, to, &[admit]).map_err(PerformError::Place)?;
    if !done.is_all_done() {
        return Ok(done);
    }
    let (old, new) = (from.bed.clone(), to.bed.clone());
    let halfway = |source| PerformError::Halfway { old, new, source: Box::new(source) };
    done.ask(desk, from, &[discharge]).map_err(halfway)?;
    done.left_behind = left_behind(from);
    Ok(done)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use vitals::alarm::action::Role;

    use super::*;
    use crate::example;

    fn bed(id: &str, stay: Option<&str>) -> BedRecord {
        BedRecord { bed: id.into(), stay: stay.map(Into::into), ..example::bed("r1", 93_000, &[]) }
    }

    fn ask(from: &BedRecord, to: &BedRecord) -> Result<[ActionRecord; 2], ActError> {
        let by = "anna".to_owned();
        let actor = Actor { by, role: Role::Nurse, reason: None, workstation: "desk-1".into() };
        records(&actor, from, to, "a", Timestamp::EPOCH)
    }

    #[test]
    fn who_goes_is_admitted_and_then_discharged() {
        for there in [None, Some("s-1")] {
            let asked = ask(&bed("7", Some("s-1")), &bed("8", there)).unwrap();
            let told = asked.map(|it| (it.id, it.bed, it.action, it.stay, it.reason));
            let stay = || Some("s-1".to_owned());
            let expected = [
                ("a-0".into(), "8".into(), ActionName::Admit, stay(), None),
                ("a-1".into(), "7".into(), ActionName::Discharge, stay(), Some("transfer to 8".into())),
            ];
            assert_eq!(told, expected);
        }
    }

    #[test]
    fn nobody_is_put_on_another() {
        for (from, to, why) in [
            (bed("7", None), bed("8", None), "nobody is admitted to 7"),
            (bed("7", Some("s-1")), bed("7", Some("s-1")), "7 is the bed where the patient lies"),
            (
                bed("7", Some("s-1")),
                bed("8", Some("s-2")),
                "another patient is in 8: discharge or transfer that one first",
            ),
        ] {
            assert_eq!(ask(&from, &to).unwrap_err().to_string(), why);
        }
    }

    #[test]
    fn what_was_changed_for_the_stay_is_told() {
        let mut from = bed("7", Some("s-1"));
        from.limits = serde_json::from_value(json!([
            {"rule": "spo2_low", "limit": 88, "changed": true}, {"rule": "spo2_high", "limit": 100},
        ]))
        .unwrap();
        assert_eq!(left_behind(&from).iter().map(|it| it.rule.as_str()).collect::<Vec<_>>(), ["spo2_low"]);
    }
}
