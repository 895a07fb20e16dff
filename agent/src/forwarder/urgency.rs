//! In which order alarms go that are there at the same moment.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use vitals::alarm::event::Priority;
use vitals::record::alarm::AlarmRecord;

use super::LiveAlarm;

/// How soon a record must go: greater is sooner. A test alarm stands behind every alarm (E37).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Urgency(Option<Priority>);

impl Urgency {
    /// A test alarm's.
    pub(super) const LEAST: Self = Self(None);

    pub(super) fn of(record: &AlarmRecord) -> Self {
        if record.test { Self::LEAST } else { record.priority.into() }
    }
}

impl From<Priority> for Urgency {
    fn from(priority: Priority) -> Self {
        Self(Some(priority))
    }
}

/// The most urgent first; of equals the one that came first. The records of one alarm stay in their order: each is as
/// urgent as the most urgent of them, so that an alarm that escalates takes its beginning along.
pub(super) fn most_urgent_first<T>(items: &mut [T], alarm: impl Fn(&T) -> &LiveAlarm) {
    let mut most: BTreeMap<String, Urgency> = BTreeMap::new();
    for it in items.iter().map(&alarm) {
        let urgency = most.entry(it.id.clone()).or_insert(it.urgency);
        *urgency = it.urgency.max(*urgency);
    }
    items.sort_by_key(|it| Reverse(most.get(&alarm(it).id).copied()));
}

#[cfg(test)]
mod tests {
    use vitals::reading::Mode;
    use vitals::time::Uptime;

    use super::*;
    use crate::envelope::Envelope;

    fn record(id: &str, priority: Option<Priority>) -> LiveAlarm {
        let body = Box::from([]);
        let envelope =
            Envelope { seq: 1, up: Uptime::ZERO, mode: Mode::Live, late: false, key: "a".into(), body };
        LiveAlarm { id: id.into(), open: true, test: false, urgency: Urgency(priority), envelope }
    }

    fn sorted(records: &[(&str, Option<Priority>)]) -> Vec<String> {
        let mut records: Vec<_> = records.iter().map(|(id, priority)| record(id, *priority)).collect();
        most_urgent_first(&mut records, |it| it);
        records.into_iter().map(|it| it.id).collect()
    }

    #[test]
    fn high_goes_before_low_and_a_test_last() {
        let (low, medium, high) = (Some(Priority::Low), Some(Priority::Medium), Some(Priority::High));
        let told =
            [("test", None), ("a", low), ("b", high), ("c", medium), ("d", high), ("e", low), ("f", medium)];
        assert_eq!(sorted(&told), ["b", "d", "c", "f", "a", "e", "test"]);
    }

    #[test]
    fn an_alarm_that_escalates_stays_in_its_order() {
        let mut told = [
            record("x", Some(Priority::Medium)),
            record("y", Some(Priority::High)),
            record("x", Some(Priority::High)),
        ];
        most_urgent_first(&mut told, |it| it);
        let told: Vec<_> = told.iter().map(|it| (it.id.as_str(), it.urgency.0)).collect();
        let (medium, high) = (Some(Priority::Medium), Some(Priority::High));
        assert_eq!(told, [("x", medium), ("y", high), ("x", high)]);
    }
}
