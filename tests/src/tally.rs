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
    /// By bed and the device's `seq`.
    messages: BTreeMap<(String, u64), u32>,
    /// By record id.
    ids: BTreeMap<String, u32>,
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
        *self.ids.entry(record.text("id").to_owned()).or_default() += 1;
        self.late += u64::from(record.body.get("late").is_some_and(|late| late == true));
        let Some(seq) = record.number("device_seq") else { return };
        let bed = record.text("bed").to_owned();
        let highest = self.highest.entry(bed.clone()).or_default();
        let seen = self.messages.entry((bed, seq)).or_default();
        self.disordered += u64::from(*seen == 0 && seq < *highest);
        *seen += 1;
        *highest = seq.max(*highest);
    }

    /// How many different messages were seen.
    #[must_use]
    pub fn distinct(&self) -> u64 {
        self.messages.len() as u64
    }

    /// Compares with what was published.
    #[must_use]
    pub fn verdict(&self, load: &Load) -> Verdict {
        let seen = |(bed, seq): (&str, u64)| self.messages.contains_key(&(bed.to_owned(), seq));
        let more_than_once = |times: &u32| u64::from(times.saturating_sub(1));
        let doubled_records = self.ids.values().map(more_than_once).sum();
        let doubled: u64 = self.messages.values().map(more_than_once).sum();
        Verdict {
            missing: load.messages().filter(|message| !seen(*message)).count() as u64,
            doubled_records,
            doubled_messages: doubled.saturating_sub(doubled_records),
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
        Record { key: String::new(), headers: BTreeMap::new(), body, bytes: 0 }
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
            ("1", "a", 1),
            ("2", "a", 3),
            ("3", "a", 2),
            ("4", "b", 1),
            ("4", "b", 1),
            ("5", "b", 2),
            ("6", "b", 2),
        ] {
            tally.add(&record(id, bed, seq));
        }
        let expected =
            Verdict { missing: 1, doubled_records: 1, doubled_messages: 1, disordered: 1, late: 0 };
        assert_eq!(tally.verdict(&load), expected);
    }
}
