//! The judgement of the ledger: what the agent was given and has acknowledged, against what lies in Kafka.
//!
//! | a message | must lie in Kafka |
//! |---|---|
//! | whose acknowledgement by the agent has passed the [tap](crate::tap) | once, or in a gap |
//! | that the broker gave as a new one *n* times | at most *n* times: MQTT has no other way to say that it is the same |
//! | that the broker took less than a save before it was killed, and that the agent has not acknowledged | or not: the broker lost it |
//! | any other | once |
//!
//! Which messages a kill of the broker excuses is no guess: what it had taken before two saves to its disk is not excused.

use std::fmt;
use std::ops::Range;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::publisher::Load;
use crate::reader::Reader;
use crate::tally::Tally;
use crate::tap::Flow;

/// After the last message wanted has come: time for one that comes twice.
const LINGER: Duration = Duration::from_secs(2);

/// What is known of each message of a load besides what lies in Kafka.
#[derive(Debug)]
pub struct Oracle<'a> {
    /// What was published.
    pub load: &'a Load,
    /// What the tap saw.
    pub flows: &'a [Flow],
    /// Numbers of messages that a killed broker may have lost.
    pub excused: &'a [Range<u64>],
    /// How many records the ledger says are in gaps.
    pub in_gaps: u64,
}

/// What came of all messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Judgement {
    /// Messages in Kafka.
    pub delivered: u64,
    /// Messages that must be in Kafka and are neither there nor in a gap.
    pub missing: u64,
    /// Records that gaps cover.
    pub in_gaps: u64,
    /// Records beyond the first with one id.
    pub doubled_records: u64,
    /// Records of messages beyond as many as the broker gave as new ones.
    pub doubled_messages: u64,
    /// Messages that came after a later one of their bed.
    pub disordered: u64,
    /// Repetitions that say so themselves: without a store nobody can know what was stored.
    pub marked: u64,
    /// Messages that a killed broker lost: never acknowledged by the agent.
    pub lost_by_broker: u64,
    /// Messages that a restarted broker gave as new ones again.
    pub renewed_by_broker: u64,
}

impl Oracle<'_> {
    fn flow(&self, number: u64) -> Flow {
        usize::try_from(number).ok().and_then(|it| self.flows.get(it)).copied().unwrap_or_default()
    }

    /// Whether a message must be in Kafka.
    fn is_owed(&self, number: u64) -> bool {
        self.flow(number).acknowledged || !self.excused.iter().any(|it| it.contains(&number))
    }

    /// How many messages must be in Kafka.
    #[must_use]
    pub fn owed(&self) -> u64 {
        (0..self.load.count).filter(|number| self.is_owed(*number)).count() as u64
    }

    /// Reads until so many messages as must be there have come, or none has for `patience`.
    pub fn read(&self, reader: &Reader, patience: Duration) -> Result<Judgement> {
        let (mut tally, owed) = (Tally::default(), self.owed());
        let mut deadline = Instant::now() + patience;
        // Distinct ones are counted as they come: to count all each time would take hours.
        let (mut distinct, mut delivered) = (0, 0);
        while delivered < owed {
            let Some(record) = reader.next(deadline)? else { break };
            tally.add(&record);
            let number =
                record.number("device_seq").and_then(|seq| self.load.number(record.text("bed"), seq));
            let before = std::mem::replace(&mut distinct, tally.distinct());
            if distinct > before {
                deadline = Instant::now() + patience;
                delivered += u64::from(number.is_some_and(|it| self.is_owed(it)));
            }
        }
        for record in reader.rest(LINGER)? {
            tally.add(&record);
        }
        Ok(self.judge(&tally))
    }

    /// Compares.
    #[must_use]
    pub fn judge(&self, tally: &Tally) -> Judgement {
        let mut it = Judgement {
            doubled_records: tally.doubled_records(),
            disordered: tally.disordered(),
            marked: tally.marked(),
            in_gaps: self.in_gaps,
            ..Judgement::default()
        };
        for (number, (bed, seq)) in (0..).zip(self.load.messages()) {
            let (times, flow) = (u64::from(tally.times(bed, seq)), self.flow(number));
            let given = u64::from(flow.given).max(1);
            it.delivered += u64::from(times > 0);
            it.doubled_messages += times.saturating_sub(given);
            it.renewed_by_broker += times.saturating_sub(1).min(given - 1);
            it.missing += u64::from(times == 0 && self.is_owed(number));
            it.lost_by_broker += u64::from(times == 0 && !self.is_owed(number));
        }
        // A gap names numbers of records; which messages they were, nobody knows any more.
        it.missing = it.missing.saturating_sub(self.in_gaps);
        it
    }
}

impl Judgement {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.missing + self.doubled_records + self.doubled_messages + self.disordered == 0
    }
}

impl fmt::Display for Judgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { delivered, missing, doubled_records, doubled_messages, disordered, .. } = self;
        let Self { in_gaps, marked, lost_by_broker, renewed_by_broker, .. } = self;
        let doubled = doubled_records + doubled_messages;
        write!(
            f,
            "{delivered} readings delivered, {missing} missing, {doubled} doubled, {disordered} out of order; \
             {in_gaps} in gaps, {marked} marked as sent again; the killed MQTT broker itself lost {lost_by_broker} and \
             gave {renewed_by_broker} anew"
        )
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::patient::Patient;
    use crate::reader::Record;

    #[test]
    fn what_the_agent_owes_is_told_from_what_the_broker_lost() {
        let beds = vec!["a".to_owned()];
        let load = Load { beds, count: 6, rate: None, first_seq: 1, patient: Patient::Stable };
        let flow = |given, acknowledged| Flow { given, acknowledged };
        // Delivered; acknowledged and missing; lost by the broker; missing without excuse; given twice; once only.
        let flows =
            [flow(1, true), flow(1, true), flow(0, false), flow(0, false), flow(2, true), flow(1, true)];
        let mut tally = Tally::default();
        for (number, seq) in [(1, 1), (2, 5), (3, 5), (4, 6), (5, 6)] {
            let id = format!("a/run/r/{number}");
            let body = serde_json::json!({"id": id, "bed": "a", "device_seq": seq});
            tally.add(&Record { key: String::new(), headers: BTreeMap::new(), body, bytes: 0, at_ms: 0 });
        }
        let excused = 1..3;
        let judge = |in_gaps| {
            let excused = std::slice::from_ref(&excused);
            Oracle { load: &load, flows: &flows, excused, in_gaps }.judge(&tally)
        };
        let expected = Judgement {
            delivered: 3,
            missing: 2,
            doubled_messages: 1,
            lost_by_broker: 1,
            renewed_by_broker: 1,
            ..Judgement::default()
        };
        assert_eq!(judge(0), expected);
        assert_eq!(judge(2), Judgement { missing: 0, in_gaps: 2, ..expected });
        assert!(!judge(2).is_right(), "a doubled message is in no gap");
        assert!(Judgement { missing: 0, doubled_messages: 0, ..expected }.is_right());
    }
}
