//! The count at the end: what was published against what a consumer saw.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::publisher::Load;
use crate::reader::{Reader, Record};

/// After the last message wanted has come: time for one that comes twice.
const LINGER: Duration = Duration::from_secs(2);

/// How often each message, and each record id, was seen.
#[derive(Debug, Default)]
pub struct Tally {
    /// Under how many ids each message was seen, by bed and the device's `seq`.
    messages: BTreeMap<String, BTreeMap<u64, u32>>,
    /// How often each record was seen, by run and number.
    ids: BTreeMap<String, BTreeMap<u64, u32>>,
    /// Records beyond the first of their message which say that the broker may have sent them again.
    marked: u64,
    /// Records marked as history.
    late: u64,
    /// Records whose device `seq` is smaller than one of the same source before it, seen for the first time.
    disordered: u64,
    /// The highest device `seq` of each bed.
    highest: BTreeMap<String, u64>,
}

/// What a tally says of a load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Messages of the load that nobody saw.
    pub missing: u64,
    /// Records beyond the first with one id: the same record sent twice.
    pub doubled_records: u64,
    /// Messages stored under more than one id: taken again from the broker after a crash.
    pub doubled_messages: u64,
    /// Messages that came after a later one of their bed.
    pub disordered: u64,
    /// Records marked as history.
    pub late: u64,
}

impl Tally {
    /// Counts a reading record.
    pub fn add(&mut self, record: &Record) {
        let (run, number) = record.text("id").rsplit_once('/').unwrap_or_default();
        let seen =
            self.ids.entry(run.to_owned()).or_default().entry(number.parse().unwrap_or(0)).or_default();
        *seen += 1;
        if *seen > 1 {
            return;
        }
        self.late += u64::from(record.body.get("late").is_some_and(|late| late == true));
        let Some(seq) = record.number("device_seq") else { return };
        let bed = record.text("bed").to_owned();
        let highest = self.highest.entry(bed.clone()).or_default();
        let seen = self.messages.entry(bed).or_default().entry(seq).or_default();
        if *seen > 0 && record.body.get("redelivered").is_some_and(|it| it == true) {
            self.marked += 1;
            return;
        }
        self.disordered += u64::from(*seen == 0 && seq < *highest);
        *seen += 1;
        *highest = seq.max(*highest);
    }

    /// How many different messages were seen.
    #[must_use]
    pub fn distinct(&self) -> u64 {
        self.messages.values().map(|it| it.len() as u64).sum()
    }

    /// Under how many ids a message was seen, marked repetitions left out.
    #[must_use]
    pub fn times(&self, bed: &str, seq: u64) -> u32 {
        self.messages.get(bed).and_then(|it| it.get(&seq)).copied().unwrap_or(0)
    }

    /// Records beyond the first of their message which say that the broker may have sent them again.
    #[must_use]
    pub fn marked(&self) -> u64 {
        self.marked
    }

    /// Records beyond the first with one id.
    #[must_use]
    pub fn doubled_records(&self) -> u64 {
        beyond_the_first(&self.ids)
    }

    /// Messages that came after a later one of their bed.
    #[must_use]
    pub fn disordered(&self) -> u64 {
        self.disordered
    }

    /// Compares with what was published.
    #[must_use]
    pub fn verdict(&self, load: &Load) -> Verdict {
        Verdict {
            missing: load.messages().filter(|(bed, seq)| self.times(bed, *seq) == 0).count() as u64,
            doubled_records: self.doubled_records(),
            doubled_messages: beyond_the_first(&self.messages),
            disordered: self.disordered,
            late: self.late,
        }
    }

    /// Reads until every message of `load` has come, or none has for `patience`.
    pub fn read(&mut self, reader: &Reader, load: &Load, patience: Duration) -> Result<Verdict> {
        let mut deadline = Instant::now() + patience;
        while self.distinct() < load.count {
            let before = self.distinct();
            let Some(record) = reader.next(deadline)? else { break };
            self.add(&record);
            if self.distinct() > before {
                deadline = Instant::now() + patience;
            }
        }
        for record in reader.rest(LINGER)? {
            self.add(&record);
        }
        Ok(self.verdict(load))
    }
}

fn beyond_the_first(times: &BTreeMap<String, BTreeMap<u64, u32>>) -> u64 {
    times.values().flat_map(BTreeMap::values).map(|it| u64::from(it.saturating_sub(1))).sum()
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { missing, doubled_records, doubled_messages, disordered, late } = self;
        write!(
            f,
            "{missing} missing, {doubled_records} records doubled, {doubled_messages} messages doubled, \
             {disordered} out of order, {late} marked late"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patient::Patient;

    fn record(id: &str, bed: &str, seq: u64) -> Record {
        let body = serde_json::json!({"id": id, "bed": bed, "device_seq": seq});
        Record { key: String::new(), headers: BTreeMap::new(), body, bytes: 0, at_ms: 0 }
    }

    #[test]
    fn what_is_missing_doubled_or_out_of_order_is_seen() {
        let load = Load {
            beds: vec!["a".into(), "b".into()],
            count: 6,
            rate: None,
            first_seq: 1,
            patient: Patient::Stable,
        };
        let mut tally = Tally::default();
        for (id, bed, seq) in [
            ("a/run/r/1", "a", 1),
            ("a/run/r/2", "a", 3),
            ("a/run/r/3", "a", 2),
            ("a/run/r/4", "b", 1),
            ("a/run/r/4", "b", 1),
            ("a/run/r/5", "b", 2),
            ("a/run/r/6", "b", 2),
        ] {
            tally.add(&record(id, bed, seq));
        }
        let expected =
            Verdict { missing: 1, doubled_records: 1, doubled_messages: 1, disordered: 1, late: 0 };
        assert_eq!(tally.verdict(&load), expected);
        let mut again = record("a/run/r/7", "b", 2);
        again.body["redelivered"] = true.into();
        tally.add(&again);
        assert_eq!((tally.verdict(&load), tally.marked()), (expected, 1), "it says so itself");
    }
}
