//! What operators do to the agent's own alarms: they acknowledge them, and nothing else (E36).

use super::{AgentAlarms, TIMING};
use crate::alarm::action::{Action, Outcome, Refusal, Request};
use crate::alarm::engine::{check_seen, remember, repeated};
use crate::alarm::event::{AlarmId, AlarmIds, Priority, Signal};
use crate::alarm::inactive::Cover;
use crate::time::Uptime;

impl AgentAlarms {
    /// Does what an operator asks, or says why not.
    pub fn handle_action(&mut self, now: Uptime, action: &Action, ids: &mut AlarmIds) -> Outcome {
        let now = now.max(self.clock);
        self.advance(now, ids);
        self.clock = now;
        if let Some(repeated) = repeated(&self.answered, action) {
            return repeated;
        }
        let outcome = match self.act(now, action) {
            Ok(()) => Outcome::Accepted,
            Err(refusal) => Outcome::Refused(refusal),
        };
        remember(&mut self.answered, action, outcome);
        outcome
    }

    fn act(&mut self, now: Uptime, action: &Action) -> Result<(), Refusal> {
        check_seen(now, action)?;
        // No patient lies here.
        if action.stay.is_some() {
            return Err(Refusal::OtherStay);
        }
        let Request::Acknowledge { alarm, seen_priority } = &action.request else {
            return Err(Refusal::NotAllowed);
        };
        self.acknowledge(now, alarm, &action.actor, *seen_priority)
    }

    fn acknowledge(&mut self, now: Uptime, id: &AlarmId, by: &str, seen: Priority) -> Result<(), Refusal> {
        let is = |it: &super::AgentAlarm| it.alarm.as_ref().is_some_and(|alarm| alarm.id == *id);
        let found = self.alarms.iter_mut().find(|(_, it)| is(it));
        let (trouble, it) = found.ok_or(Refusal::NoSuchAlarm)?;
        let facts = it.facts(*trouble, self.mode);
        let alarm = it.alarm.as_mut().ok_or(Refusal::NoSuchAlarm)?;
        if seen < alarm.finding.priority {
            return Err(Refusal::Changed);
        }
        if alarm.signal == Signal::On {
            let change = alarm.acknowledge(now, by, &TIMING);
            alarm.settle(now, Cover::NONE, true);
            self.events.push_back(alarm.tell(now, change, facts, &TIMING));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;
    use core::time::Duration;

    use super::*;
    use crate::alarm::action::{Role, Seen};
    use crate::alarm::agent::{AgentTrouble, Report};
    use crate::alarm::event::{AlarmEvent, Phase};
    use crate::alarm::snapshot::Boot;
    use crate::reading::Mode;

    fn at(seconds: u64) -> Uptime {
        Uptime::ZERO + Duration::from_secs(seconds)
    }

    fn action(id: &str, now: u64, request: Request) -> Action {
        let seen = Some(Seen { at: at(now), boot: Boot::Same });
        Action { id: id.into(), actor: "anna".into(), role: Role::Nurse, stay: None, seen, request }
    }

    /// An agent whose store has failed, which is high, and the alarm's id.
    fn failed(ids: &mut AlarmIds) -> (AgentAlarms, AlarmId) {
        let mut alarms = AgentAlarms::new(Mode::Live, at(0));
        alarms.handle_report(at(1), AgentTrouble::StoreFailed, Report::Since(at(1)), None, ids);
        let start = alarms.poll_event().unwrap();
        assert_eq!((start.phase, start.signal), (Phase::Start, Signal::On));
        (alarms, start.id)
    }

    fn told(alarms: &mut AgentAlarms) -> alloc::vec::Vec<(u64, Phase, Signal, bool)> {
        let line = |it: AlarmEvent| (it.at.as_millis() / 1000, it.phase, it.signal, it.reminder);
        core::iter::from_fn(|| alarms.poll_event()).map(line).collect()
    }

    #[test]
    fn what_is_acknowledged_is_attended_to_reminds_and_is_so_after_a_restart() {
        let mut ids = AlarmIds::new("run-1".into());
        let (mut alarms, alarm) = failed(&mut ids);
        let request =
            |alarm: &AlarmId| Request::Acknowledge { alarm: alarm.clone(), seen_priority: Priority::High };
        let asked = action("1", 5, request(&alarm));
        assert_eq!(alarms.handle_action(at(5), &asked, &mut ids), Outcome::Accepted);
        assert_eq!(told(&mut alarms), [(5, Phase::Update, Signal::Acknowledged, false)]);
        assert_eq!(alarms.handle_action(at(6), &asked, &mut ids), Outcome::Duplicate(None));
        assert_eq!(
            alarms.handle_action(at(6), &action("2", 6, request(&alarm)), &mut ids),
            Outcome::Accepted
        );
        assert_eq!(told(&mut alarms), [], "it was so already");
        // Nobody is missed any more (E23a), and after three minutes it reminds (E27).
        alarms.handle_timeout(at(186), &mut ids);
        let told = told(&mut alarms);
        assert!(told.iter().all(|it| it.1 == Phase::Continue && it.2 == Signal::Acknowledged), "{told:?}");
        assert_eq!(told.iter().filter(|it| it.3).map(|it| it.0).collect::<alloc::vec::Vec<_>>(), [185]);
        let kept = alarms.snapshot(at(187));
        let mut next = AgentAlarms::restore(Mode::Live, &kept, Boot::Same, at(190));
        assert_eq!(next.handle_action(at(190), &asked, &mut ids), Outcome::Duplicate(None));
        assert!(self::told(&mut next).iter().all(|it| it.2 == Signal::Acknowledged));
    }

    #[test]
    fn nothing_else_can_be_done_to_them() {
        let mut ids = AlarmIds::new("run-1".into());
        let (mut alarms, alarm) = failed(&mut ids);
        let low = Request::Acknowledge { alarm: alarm.clone(), seen_priority: Priority::Low };
        let unknown = AlarmId { number: alarm.number + 7, ..alarm.clone() };
        let other = Request::Acknowledge { alarm: unknown, seen_priority: Priority::High };
        let reset = Request::Reset { alarm: Some(alarm.clone()), reason: None };
        let off = Request::AudioOff { duration: Duration::from_secs(60), reason: "quiet".to_string() };
        for (n, (request, refusal)) in [
            (low, Refusal::Changed),
            (other, Refusal::NoSuchAlarm),
            (reset, Refusal::NotAllowed),
            (off, Refusal::NotAllowed),
        ]
        .into_iter()
        .enumerate()
        {
            let asked = action(&n.to_string(), 5, request);
            assert_eq!(alarms.handle_action(at(5), &asked, &mut ids), Outcome::Refused(refusal));
        }
        let seen = Request::Acknowledge { alarm, seen_priority: Priority::High };
        let old = action("old", 5, seen.clone());
        assert_eq!(alarms.handle_action(at(66), &old, &mut ids), Outcome::Refused(Refusal::Stale));
        let of_stay =
            Action { stay: Some(crate::name::Name::parse("s-1").unwrap()), ..action("stay", 66, seen) };
        assert_eq!(alarms.handle_action(at(66), &of_stay, &mut ids), Outcome::Refused(Refusal::OtherStay));
        let told = told(&mut alarms);
        assert!(told.iter().all(|it| it.2 == Signal::On), "{told:?}");
    }
}
