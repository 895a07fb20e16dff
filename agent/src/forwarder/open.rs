//! The open alarms as Kafka should know them: the newest record of each, and since when one of it waits for Kafka's word.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use vitals::time::Uptime;

use super::LiveAlarm;

/// The open alarms, by their ids.
#[derive(Debug, Default)]
pub(super) struct OpenAlarms(BTreeMap<String, Open>);

#[derive(Debug)]
struct Open {
    /// When its first record of this run was made.
    since: Uptime,
    newest: LiveAlarm,
    /// When the first of its records was made that Kafka has not confirmed.
    unheard: Option<Uptime>,
}

impl OpenAlarms {
    /// Takes a record that was made now.
    pub(super) fn handle_live(&mut self, alarm: &LiveAlarm) {
        if !alarm.open {
            self.0.remove(&alarm.id);
            return;
        }
        let (known, up) = (self.0.get(&alarm.id), alarm.envelope.up);
        let since = known.map_or(up, |it| it.since);
        let unheard = known.and_then(|it| it.unheard).or(Some(up));
        self.0.insert(alarm.id.clone(), Open { since, newest: alarm.clone(), unheard });
    }

    /// Kafka has the record that an alarm made at this time, and with it all that it has to know up to then.
    pub(super) fn handle_heard(&mut self, alarm: &str, up: Uptime) {
        if let Some(it) = self.0.get_mut(alarm) {
            let newest = it.newest.envelope.up;
            it.unheard = (newest > up).then_some(newest);
        }
    }

    /// Kafka will never take this record: while it is the newest, it must not go first after an outage.
    pub(super) fn handle_refused(&mut self, refused: &LiveAlarm) {
        if self.0.get(&refused.id).is_some_and(|it| it.newest.envelope == refused.envelope) {
            self.0.remove(&refused.id);
        }
    }

    /// The newest record of each, and since when something of it is unheard; the most urgent first, of equals the oldest.
    pub(super) fn newest(&self) -> impl Iterator<Item = (&LiveAlarm, Option<Uptime>)> {
        let mut open: Vec<&Open> = self.0.values().collect();
        open.sort_by_key(|it| (Reverse(it.newest.urgency), it.since));
        open.into_iter().map(|it| (&it.newest, it.unheard))
    }
}

#[cfg(test)]
mod tests {
    use vitals::reading::Mode;

    use super::*;
    use crate::envelope::Envelope;
    use crate::forwarder::urgency::Urgency;

    fn at(seconds: u64) -> Uptime {
        Uptime::from_millis(seconds * 1000)
    }

    fn record(id: &str, second: u64, open: bool) -> LiveAlarm {
        let (key, body) = ("bed".into(), Box::default());
        let envelope = Envelope { seq: second, up: at(second), mode: Mode::Live, late: false, key, body };
        LiveAlarm { id: id.into(), open, test: false, urgency: Urgency::LEAST, envelope }
    }

    fn told(open: &OpenAlarms) -> Vec<(&str, u64, Option<Uptime>)> {
        open.newest().map(|(it, unheard)| (it.id.as_str(), it.envelope.seq, unheard)).collect()
    }

    #[test]
    fn an_alarm_waits_from_the_first_record_that_kafka_has_not() {
        let mut open = OpenAlarms::default();
        open.handle_live(&record("a", 1, true));
        open.handle_heard("a", at(1));
        assert_eq!(told(&open), [("a", 1, None)]);
        for second in [10, 25] {
            open.handle_live(&record("a", second, true));
        }
        open.handle_live(&record("b", 12, true));
        assert_eq!(told(&open), [("a", 25, Some(at(10))), ("b", 12, Some(at(12)))]);
        open.handle_heard("a", at(10));
        assert_eq!(told(&open)[0], ("a", 25, Some(at(25))), "the record after it is still on its way");
        open.handle_heard("a", at(25));
        open.handle_live(&record("b", 30, false));
        open.handle_heard("b", at(12));
        assert_eq!(told(&open), [("a", 25, None)]);
        open.handle_live(&record("0", 40, true));
        assert_eq!(told(&open)[0].0, "a", "the oldest first");
        open.handle_refused(&record("a", 10, true));
        assert_eq!(told(&open).len(), 2, "a newer one may be taken");
        open.handle_refused(&record("a", 25, true));
        assert_eq!(told(&open), [("0", 40, Some(at(40)))]);
    }
}
