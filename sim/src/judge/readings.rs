//! What was said against what is in Kafka: missing, twice, out of order, late, wrong. Pure.

mod stretch;

use std::collections::{BTreeMap, BTreeSet};

use self::stretch::Stretch;
use super::record::{Measured, Reading};
use crate::device::Said;
use crate::truth::Statement;

/// A reading that took longer from the device to the agent came late, ms.
const LATE_MS: i64 = 2000;
/// A statement without a number can only be a record that arrived within this after it, ms.
const NEAR_MS: i64 = 10_000;
/// How many statements in a row may be missing before a source without numbers is out of step.
const LOOK_AHEAD: usize = 256;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Readings {
    /// How many were said.
    pub said: u64,
    /// How many of them are in Kafka, by themselves or in another record that says the same of the same second.
    pub delivered: u64,
    /// Records beyond the first of one reading: at least once is allowed to do that.
    pub duplicate: u64,
    /// Records that came after a later one of their source, for the first time.
    pub out_of_order: u64,
    /// Readings that took longer than 2 s to the agent, or were marked as history.
    pub late: u64,
    /// The statements that are in no record, by index.
    pub missing: Vec<usize>,
    /// What is not as it was said, in words.
    pub wrong: Vec<String>,
    /// Statements and records of ways that were damaged: allowed, whatever they are.
    pub doubtful: u64,
    /// The statements that were marked as history, by index: nobody judges those.
    pub history: BTreeSet<usize>,
}

/// Compares; `records` are in the order of their partition. Records of beds of which nothing was said are others'.
#[must_use]
pub fn compare(said: &[Statement], records: &[Reading]) -> Readings {
    let mut found = Readings { said: said.len() as u64, ..Readings::default() };
    let beds: BTreeSet<&str> = said.iter().map(|it| it.bed.as_str()).collect();
    let mut sources: BTreeMap<&str, (Vec<usize>, Vec<&Reading>)> = BTreeMap::new();
    for (index, it) in said.iter().enumerate() {
        sources.entry(&it.source).or_default().0.push(index);
    }
    for it in records {
        if sources.contains_key(it.source.as_str()) || beds.contains(it.bed.as_str()) {
            sources.entry(&it.source).or_default().1.push(it);
        }
    }
    for (statements, records) in sources.into_values() {
        let records = found.once(records);
        let numbered = statements.iter().filter_map(|it| said.get(*it)).all(|it| it.seq.is_some());
        let pairs = if numbered {
            let (pairs, twice) = by_number(said, &statements, &records);
            found.duplicate += twice;
            pairs
        } else {
            in_order(said, &statements, records)
        };
        let doubts: Vec<i64> = statements
            .iter()
            .filter_map(|it| said.get(*it))
            .filter(|it| it.doubtful)
            .map(|it| it.at_ms)
            .collect();
        let mut missing = Vec::new();
        // What is doubtful and arrived all the same may have been taken for one that did not: they say the same.
        let mut exchanged = 0;
        let mut stretch = Stretch::default();
        for pair in pairs {
            if stretch.excuses(said, pair) {
                found.excuse(pair);
            } else {
                found.judge(said, pair, &doubts, &mut missing, &mut exchanged);
            }
        }
        found.missing.extend(missing.into_iter().skip(exchanged));
    }
    found.missing.sort_unstable();
    found
}

/// A statement, by index, and its record; one of them may be wanting.
type Pair<'a> = (Option<usize>, Option<&'a Reading>);

impl Readings {
    /// The first record of each id; counts the others, and those that are out of order.
    fn once<'a>(&mut self, records: Vec<&'a Reading>) -> Vec<&'a Reading> {
        let mut ids = BTreeSet::new();
        let mut runs: Vec<(&str, u64)> = Vec::new();
        let mut first = Vec::new();
        for it in records {
            if !ids.insert(it.id.as_str()) {
                self.duplicate += 1;
                continue;
            }
            let last = runs.len().saturating_sub(1);
            match runs.iter_mut().enumerate().find(|(_, (run, _))| *run == it.run) {
                Some((place, (_, highest))) => {
                    self.out_of_order += u64::from(place < last || it.seq < *highest);
                    *highest = it.seq.max(*highest);
                }
                None => runs.push((&it.run, it.seq)),
            }
            first.push(it);
        }
        first
    }

    /// Counts what a device that repeats itself said, or an agent stored, once more or once less than the other counted: said
    /// once more it is delivered all the same, and stored once more it is no record that came twice.
    const fn excuse(&mut self, (statement, _): Pair<'_>) {
        if statement.is_some() {
            self.delivered += 1;
        }
    }

    fn judge(
        &mut self,
        said: &[Statement],
        (index, record): Pair<'_>,
        doubts: &[i64],
        missing: &mut Vec<usize>,
        exchanged: &mut usize,
    ) {
        let is_doubtful = |at_ms: i64| doubts.iter().any(|it| (it - NEAR_MS..=it + NEAR_MS).contains(&at_ms));
        match (index.and_then(|it| Some((it, said.get(it)?))), record) {
            (Some((_, it)), record) if it.doubtful => {
                self.doubtful += 1;
                *exchanged += usize::from(record.is_some());
            }
            (Some((index, it)), Some(record)) => {
                self.delivered += 1;
                self.late += u64::from(record.late || record.received_ms - it.at_ms > LATE_MS);
                if record.late {
                    self.history.insert(index);
                }
                if let Some(wrong) = difference(it, record) {
                    self.wrong.push(format!("{}: {wrong}", record.id));
                }
            }
            (Some((index, _)), None) => missing.push(index),
            (None, Some(record)) if is_doubtful(record.received_ms) => self.doubtful += 1,
            (None, Some(record)) => {
                self.wrong.push(format!("{}: {} never said this", record.id, record.source));
            }
            (None, None) => {}
        }
    }
}

/// Pairs by the numbers that the device gave; and how many records tell once more, under another id, what a message
/// said that the broker sent twice. A device that starts anew gives a number again: then the time decides.
fn by_number<'a>(said: &[Statement], statements: &[usize], records: &[&'a Reading]) -> (Vec<Pair<'a>>, u64) {
    let mut twice = 0;
    let mut by_seq: BTreeMap<u64, Vec<&'a Reading>> = BTreeMap::new();
    let mut numbers = BTreeSet::new();
    let mut pairs: Vec<Pair<'a>> = Vec::new();
    for it in records {
        match it.device_seq {
            Some(seq) => by_seq.entry(seq).or_default().push(it),
            None => pairs.push((None, Some(it))),
        }
    }
    for index in statements {
        let Some((seq, at_ms)) = said.get(*index).and_then(|it| Some((it.seq?, it.at_ms))) else { continue };
        numbers.insert(seq);
        let of_seq = by_seq.entry(seq).or_default();
        let nearest = (0..of_seq.len())
            .min_by_key(|it| of_seq.get(*it).map_or(u64::MAX, |record| record.received_ms.abs_diff(at_ms)));
        pairs.push((Some(*index), nearest.map(|it| of_seq.swap_remove(it))));
    }
    for (seq, left) in by_seq {
        if numbers.contains(&seq) {
            twice += left.len() as u64;
        } else {
            pairs.extend(left.into_iter().map(|it| (None, Some(it))));
        }
    }
    (pairs, twice)
}

/// Pairs by order, content and time, for devices that do not count.
fn in_order<'a>(said: &[Statement], statements: &[usize], mut records: Vec<&'a Reading>) -> Vec<Pair<'a>> {
    records.sort_by_key(|it| it.received_ms);
    let fits = |statement: usize, record: usize| {
        let statement = statements.get(statement).and_then(|it| said.get(*it));
        statement.zip(records.get(record)).is_some_and(|(it, record)| {
            let near = (it.at_ms - LATE_MS..=it.at_ms + NEAR_MS).contains(&record.received_ms);
            near && difference(it, record).is_none()
        })
    };
    let (mut next, mut record) = (0, 0);
    let mut pairs = Vec::new();
    while next < statements.len() || record < records.len() {
        let step = (0..LOOK_AHEAD).find_map(|ahead| {
            let left_out = fits(next + ahead, record).then_some((ahead, 0));
            left_out.or_else(|| fits(next, record + ahead).then_some((0, ahead)))
        });
        let (unheard, unsaid) =
            step.unwrap_or_else(|| astray(said, statements.get(next), records.get(record)));
        pairs.extend(statements.iter().skip(next).take(unheard).map(|it| (Some(*it), None)));
        pairs.extend(records.iter().skip(record).take(unsaid).map(|it| (None, Some(*it))));
        (next, record) = (next + unheard, record + unsaid);
        if unheard + unsaid == 0 || step.is_some() {
            pairs.push((statements.get(next).copied(), records.get(record).copied()));
            (next, record) = (next + 1, record + 1);
        }
    }
    pairs
}

/// How many statements and records to pass over where nothing ahead fits: neither, if the two may belong together.
fn astray(said: &[Statement], statement: Option<&usize>, record: Option<&&Reading>) -> (usize, usize) {
    match (statement.and_then(|it| said.get(*it)), record) {
        (Some(it), Some(record)) if record.received_ms < it.at_ms - LATE_MS => (0, 1),
        (Some(it), Some(record)) if record.received_ms > it.at_ms + NEAR_MS => (1, 0),
        (Some(_), Some(_)) => (0, 0),
        (Some(_), None) => (1, 0),
        (None, _) => (0, 1),
    }
}

/// What of a record is not as it was said.
fn difference(it: &Statement, record: &Reading) -> Option<String> {
    if it.bed != record.bed {
        return Some(format!("bed {} was said, {} is stored", it.bed, record.bed));
    }
    for (vital, said) in &it.vitals {
        let measured = record.vitals.get(vital);
        let same = match (said, measured) {
            (Said::Value(value), Some(Measured::Value { thousandths, held: false })) => {
                value.thousandths() == *thousandths
            }
            (Said::Absent { sensor }, Some(Measured::Absent(reason))) => is_of_sensor(reason) == *sensor,
            (Said::Held, None | Some(Measured::Absent(_) | Measured::Value { held: true, .. })) => true,
            _ => false,
        };
        if !same {
            return Some(format!("{}: {said:?} was said, {measured:?} is stored", vital.name()));
        }
    }
    let invented = record.vitals.iter().find(|(vital, measured)| {
        matches!(measured, Measured::Value { .. }) && !it.vitals.contains_key(vital)
    });
    invented.map(|(vital, _)| format!("{}: nothing was said, a value is stored", vital.name()))
}

fn is_of_sensor(reason: &str) -> bool {
    ["sensor_off", "sensor_fault", "lead_off"].contains(&reason)
}

#[cfg(test)]
mod tests;
