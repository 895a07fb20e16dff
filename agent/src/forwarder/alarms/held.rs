//! Live records that wait: nothing less urgent goes before Kafka has what is more urgent.

use std::time::Duration;

use vitals::time::Uptime;

use crate::forwarder::LiveAlarm;
use crate::forwarder::urgency::{Urgency, most_urgent_first};

/// Nothing waits for Kafka's word on something else for longer than this: a round trip takes a few milliseconds, on a
/// machine that is busy many.
const HELD_MAX: Duration = Duration::from_secs(1);

/// What waits, and since when for the same. It is bounded by the channel that it comes from, and by how many alarms are open.
#[derive(Debug, Default)]
pub(super) struct Held {
    waiting: Vec<(LiveAlarm, Option<Uptime>)>,
    since: Option<Uptime>,
}

impl Held {
    /// Takes a record, and since when something of its alarm is unheard.
    pub(super) fn push(&mut self, alarm: LiveAlarm, unheard: Option<Uptime>) {
        self.waiting.push((alarm, unheard));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Nothing waits any more: what is open, and what is stored, comes again.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// What may go, the most urgent first, while this is the most urgent that is on its way.
    pub(super) fn poll(
        &mut self,
        now: Uptime,
        mut flying: Option<Urgency>,
    ) -> Vec<(LiveAlarm, Option<Uptime>)> {
        most_urgent_first(&mut self.waiting, |(alarm, _)| alarm);
        let is_held_long = self.since.is_some_and(|since| now.since(since) > HELD_MAX);
        let may_go = |(alarm, _): &&(LiveAlarm, Option<Uptime>)| {
            let goes = is_held_long || flying.is_none_or(|most| alarm.urgency >= most);
            flying = flying.max(Some(alarm.urgency));
            goes
        };
        let going = self.waiting.iter().take_while(may_go).count();
        let rest = self.waiting.split_off(going);
        let going = std::mem::replace(&mut self.waiting, rest);
        self.since = match self.since {
            _ if self.waiting.is_empty() => None,
            Some(since) if going.is_empty() => Some(since),
            Some(_) | None => Some(now),
        };
        going
    }
}

#[cfg(test)]
mod tests {
    use vitals::alarm::event::Priority;
    use vitals::reading::Mode;

    use super::*;
    use crate::envelope::Envelope;

    const HIGH: Priority = Priority::High;
    const LOW: Priority = Priority::Low;

    fn at(ms: u64) -> Uptime {
        Uptime::from_millis(ms)
    }

    fn push(held: &mut Held, id: &str, priority: Priority) {
        let (key, body) = ("bed".into(), Box::default());
        let envelope = Envelope { seq: 1, up: at(0), mode: Mode::Live, late: false, key, body };
        let urgency = Urgency::from(priority);
        held.push(LiveAlarm { id: id.into(), open: true, test: false, urgency, envelope }, None);
    }

    fn poll(held: &mut Held, ms: u64, flying: Option<Priority>) -> Vec<String> {
        let going = held.poll(at(ms), flying.map(Urgency::from));
        going.into_iter().map(|(alarm, _)| alarm.id).collect()
    }

    #[test]
    fn what_is_less_urgent_waits_for_what_is_more() {
        let mut held = Held::default();
        for (id, priority) in [("a", LOW), ("b", HIGH), ("c", LOW), ("d", HIGH)] {
            push(&mut held, id, priority);
        }
        assert_eq!(poll(&mut held, 0, None), ["b", "d"]);
        assert_eq!(poll(&mut held, 2, Some(HIGH)), [""; 0]);
        push(&mut held, "e", HIGH);
        assert_eq!(poll(&mut held, 4, Some(HIGH)), ["e"], "the urgent never waits");
        assert_eq!(poll(&mut held, 6, None), ["a", "c"]);
        assert!(held.is_empty());
    }

    #[test]
    fn nothing_waits_for_more_than_a_second() {
        let mut held = Held::default();
        push(&mut held, "a", LOW);
        assert_eq!(poll(&mut held, 5, Some(HIGH)), [""; 0]);
        assert_eq!(poll(&mut held, 1005, Some(HIGH)), [""; 0]);
        assert_eq!(poll(&mut held, 1006, Some(HIGH)), ["a"]);
        push(&mut held, "b", LOW);
        assert_eq!(poll(&mut held, 1007, Some(HIGH)), [""; 0], "its own second");
        held.clear();
        assert!(held.is_empty());
    }
}
