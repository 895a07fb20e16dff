//! Answers that wait for the disk: what an operator is told is done must outlive the process and a loss of power.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use vitals::name::Name;
use vitals::reading::Mode;
use vitals::record::action::ReplyRecord;
use vitals::time::Uptime;

use crate::actions::Way;

/// A disk that has not taken it for so long is not waited for: whoever asked waits ten seconds for the answer.
const DURABLE_WITHIN: Duration = Duration::from_secs(3);

/// Answers that may wait: a minute of what a hospital asks of one agent. Of more, the oldest is said as it stands.
const WAITING_MAX: usize = 256;

/// An answer, and by which way it goes.
#[derive(Debug)]
pub(super) struct Unsaid {
    pub(super) bed: Arc<Name>,
    pub(super) way: Way,
    pub(super) mode: Mode,
    pub(super) reply: ReplyRecord,
}

/// The answers that wait, in order.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// The number of the last state that was handed to the store for an answer.
    number: u64,
    waiting: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    number: u64,
    since: Uptime,
    unsaid: Unsaid,
}

impl Answers {
    /// Lets an answer wait; the number of the state that must be durable first.
    pub(super) fn wait(&mut self, unsaid: Unsaid, now: Uptime) -> u64 {
        self.number += 1;
        self.waiting.push_back(Waiting { number: self.number, since: now, unsaid });
        self.number
    }

    /// Whether one waits.
    pub(super) fn any(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// The next answer that can be said: `durable` is the number of the last state on the disk, and nothing more will be
    /// where it is `hopeless`.
    pub(super) fn poll(&mut self, now: Uptime, durable: u64, hopeless: bool) -> Option<Unsaid> {
        let first = self.waiting.front()?;
        let is_durable = first.number <= durable;
        let in_vain =
            hopeless || self.waiting.len() > WAITING_MAX || now.since(first.since) >= DURABLE_WITHIN;
        if !is_durable && !in_vain {
            return None;
        }
        let mut unsaid = self.waiting.pop_front()?.unsaid;
        unsaid.reply.durable = Some(is_durable);
        Some(unsaid)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn unsaid(of: &str) -> Unsaid {
        let reply = json!({"schema": "vitals.actions.v1", "of": of, "bed": "b", "agent": "a", "run": "r-1", "up_ms": 1,
            "outcome": "accepted"});
        let reply = serde_json::from_value(reply).unwrap();
        let bed = Arc::new(Name::parse("b").unwrap());
        Unsaid { bed, way: Way::Kafka { live: true }, mode: Mode::Live, reply }
    }

    fn said(answers: &mut Answers, ms: u64, durable: u64, hopeless: bool) -> Vec<(String, bool)> {
        let now = Uptime::from_millis(ms);
        let mut said = Vec::new();
        while let Some(it) = answers.poll(now, durable, hopeless) {
            said.push((it.reply.of, it.reply.durable.unwrap()));
        }
        said
    }

    #[test]
    fn an_answer_is_said_when_its_state_is_durable_and_in_order() {
        let mut answers = Answers::default();
        let at = Uptime::from_millis(0);
        assert_eq!((answers.wait(unsaid("1"), at), answers.wait(unsaid("2"), at)), (1, 2));
        assert_eq!(said(&mut answers, 10, 0, false), []);
        assert_eq!(said(&mut answers, 10, 1, false), [("1".into(), true)]);
        assert!(answers.any());
        assert_eq!(said(&mut answers, 10, 7, false), [("2".into(), true)]);
        assert!(!answers.any());
    }

    #[test]
    fn a_disk_that_does_not_take_it_is_not_waited_for() {
        let mut answers = Answers::default();
        answers.wait(unsaid("1"), Uptime::from_millis(0));
        answers.wait(unsaid("2"), Uptime::from_millis(1000));
        assert_eq!(said(&mut answers, 2999, 0, false), []);
        assert_eq!(said(&mut answers, 3000, 0, false), [("1".into(), false)]);
        assert_eq!(said(&mut answers, 3000, 0, true), [("2".into(), false)]);
        for n in 0..=WAITING_MAX {
            answers.wait(unsaid(&n.to_string()), Uptime::from_millis(4000));
        }
        assert_eq!(said(&mut answers, 4000, 0, false), [("0".into(), false)]);
    }
}
