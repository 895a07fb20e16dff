//! What must and may alarm against the alarm records in Kafka: missed, late, false. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::record::Alarm;
use crate::expect::limits::Grade;
use crate::expect::{Expected, Must};

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Alarms {
    /// How many had to come.
    pub expected: u64,
    /// How many alarms there are.
    pub raised: u64,
    /// What had to come and did not, in words.
    pub missed: Vec<String>,
    /// What came after its time, in words.
    pub late: Vec<String>,
    /// What nothing explains, in words.
    pub unfounded: Vec<String>,
    /// Alarms of which the truth knows nothing, for or against: of the agent itself, of settings, of people.
    pub others: u64,
}

/// A time in which an alarm was on, at least as far out as `grade`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct On {
    bed: String,
    code: String,
    grade: Grade,
    from_ms: i64,
    until_ms: i64,
    /// Whether it went on from an earlier life of the agent.
    kept: bool,
    id: String,
}

/// Compares; alarms of beds of which nothing was said are others'.
#[must_use]
pub fn compare(expected: &Expected, beds: &BTreeSet<&str>, records: &[Alarm]) -> Alarms {
    let mut lives: BTreeMap<&str, BTreeMap<u32, &Alarm>> = BTreeMap::new();
    let mut others = BTreeSet::new();
    for it in records.iter().filter(|it| beds.contains(it.bed.as_str())) {
        if !expected.codes.contains(&it.code) {
            others.insert(it.id.as_str());
            continue;
        }
        // A `continue` repeats a revision, and after an outage records come again: the first time is what counts.
        let first = lives.entry(&it.id).or_default().entry(it.revision).or_insert(it);
        if it.at_ms < first.at_ms {
            *first = it;
        }
    }
    let mut found = Alarms {
        expected: expected.must.len() as u64,
        raised: lives.len() as u64,
        others: others.len() as u64,
        ..Alarms::default()
    };
    let on: Vec<On> = lives.into_values().flat_map(|life| times_on(&life)).collect();
    for must in &expected.must {
        let mut same = on.iter().filter(|it| it.is_of(must) && it.until_ms >= must.from_ms);
        match same.clone().find(|it| it.from_ms <= must.by_ms) {
            Some(_) => {}
            None => match same.next() {
                Some(it) => found.late.push(format!("{}, {} ms late", must.words(), it.from_ms - must.by_ms)),
                None => found.missed.push(must.words()),
            },
        }
    }
    let founded = |on: &On| {
        let mut of_it = expected.may.iter().filter(|may| may.code == on.code && may.bed == on.bed);
        // What is beyond the extreme limit is beyond the limit as well, without a second delay.
        of_it.any(|may| may.grade >= on.grade && (may.from_ms..=may.until_ms).contains(&on.from_ms))
    };
    found.unfounded = on.iter().filter(|it| !it.kept && !founded(it)).map(On::words).collect();
    found
}

/// When an alarm was on, for each grade.
fn times_on(life: &BTreeMap<u32, &Alarm>) -> Vec<On> {
    let mut times = Vec::new();
    for grade in [Grade::Limit, Grade::Extreme] {
        let mut open: Option<On> = None;
        for it in life.values() {
            let on = it.present && it.grade >= grade;
            match &mut open {
                Some(since) if !on => {
                    since.until_ms = it.at_ms;
                    times.extend(open.take());
                }
                None if on => {
                    open = Some(On {
                        bed: it.bed.clone(),
                        code: it.code.clone(),
                        grade,
                        from_ms: it.at_ms,
                        until_ms: i64::MAX,
                        kept: it.restarted,
                        id: it.id.clone(),
                    });
                }
                _ => {}
            }
        }
        times.extend(open);
    }
    times
}

impl On {
    fn is_of(&self, must: &Must) -> bool {
        (self.bed.as_str(), self.code.as_str(), self.grade) == (&must.bed, &must.code, must.grade)
    }

    fn words(&self) -> String {
        format!("{} {} ({}, {}) at {}", self.bed, self.code, name(self.grade), self.id, time(self.from_ms))
    }
}

impl Must {
    fn words(&self) -> String {
        format!("{} {} ({}) by {}", self.bed, self.code, name(self.grade), time(self.by_ms))
    }
}

fn name(grade: Grade) -> &'static str {
    match grade {
        Grade::Limit => "limit",
        Grade::Extreme => "extreme",
    }
}

fn time(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map_or_else(|_| format!("{ms} ms"), |it| format!("{it:.3}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expect::May;

    fn expected() -> Expected {
        let (bed, code) = (String::from("a"), String::from("spo2_low"));
        let may =
            |grade, from_ms, until_ms| May { bed: bed.clone(), code: code.clone(), grade, from_ms, until_ms };
        let must =
            |grade, from_ms, by_ms| Must { bed: bed.clone(), code: code.clone(), grade, from_ms, by_ms };
        Expected {
            must: vec![must(Grade::Extreme, 3000, 7000), must(Grade::Limit, 13_000, 17_000)],
            may: vec![may(Grade::Extreme, 3000, 30_000), may(Grade::Limit, 13_000, 30_000)],
            codes: ["spo2_low", "heart_rate_low"].map(String::from).into(),
        }
    }

    fn alarm(id: &str, revision: u32, grade: Grade, present: bool, at_ms: i64) -> Alarm {
        Alarm {
            id: id.into(),
            revision,
            bed: "a".into(),
            code: "spo2_low".into(),
            grade,
            present,
            restarted: false,
            at_ms,
        }
    }

    /// Counts: missed, late, false.
    fn counts(records: &[Alarm]) -> (usize, usize, usize) {
        let found = compare(&expected(), &BTreeSet::from(["a"]), records);
        assert_eq!(found.expected, 2);
        (found.missed.len(), found.late.len(), found.unfounded.len())
    }

    #[test]
    fn each_finding_has_its_case() {
        let (limit, extreme) = (Grade::Limit, Grade::Extreme);
        let good = [alarm("1", 1, extreme, true, 5000), alarm("1", 2, extreme, false, 40_000)];
        let continued = alarm("1", 1, extreme, true, 20_000);
        let repeated = [good[1].clone(), continued, good[0].clone(), good[0].clone()];
        let mut other_bed = alarm("2", 1, limit, true, 1000);
        other_bed.bed = "z".into();
        let mut other_code = alarm("3", 1, limit, true, 5000);
        other_code.code = "heart_rate_low".into();
        let mut advisory = alarm("5", 1, limit, true, 5000);
        advisory.code = "alarms_inactive".into();
        let mut kept = alarm("4", 7, limit, true, 90_000);
        kept.restarted = true;
        let cases = [
            ("as it must be", good.to_vec(), (0, 0, 0)),
            ("continued, sent again, out of order", repeated.to_vec(), (0, 0, 0)),
            ("none", vec![], (2, 0, 0)),
            ("late", vec![alarm("1", 1, extreme, true, 20_000)], (0, 2, 0)),
            ("never extreme", vec![alarm("1", 1, limit, true, 15_000)], (1, 0, 0)),
            ("ended before its time", vec![good[0].clone(), alarm("1", 2, extreme, false, 6000)], (1, 0, 0)),
            ("of others", [good.as_slice(), &[other_bed]].concat(), (0, 0, 0)),
            ("false", [good.as_slice(), &[other_code]].concat(), (0, 0, 1)),
            ("of the agent itself", [good.as_slice(), &[advisory]].concat(), (0, 0, 0)),
            ("kept over a restart", [good.as_slice(), &[kept]].concat(), (0, 0, 0)),
        ];
        for (what, records, expected) in cases {
            assert_eq!(counts(&records), expected, "{what}");
        }
    }

    #[test]
    fn an_alarm_that_comes_before_there_is_a_reason_is_false_in_each_grade() {
        let early = [alarm("1", 1, Grade::Extreme, true, 1000)];
        assert_eq!(counts(&early), (0, 0, 2));
    }
}
