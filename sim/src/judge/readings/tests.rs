//! A table of what can happen to readings, each kind found for itself.

use vitals::quantity::Quantity;
use vitals::vital::Vital;

use super::*;

const START_MS: i64 = 1_000_000;

/// Ten statements, one a second, each value another; numbered or not.
fn said(numbered: bool) -> Vec<Statement> {
    let statement = |number: i16| Statement {
        source: "s".into(),
        bed: "a".into(),
        at_ms: START_MS + i64::from(number) * 1000,
        seq: numbered.then(|| u64::try_from(number).unwrap()),
        vitals: BTreeMap::from([
            (Vital::HeartRate, Said::Value(Quantity::from_whole(60 + number))),
            (Vital::Spo2, Said::Absent { sensor: true }),
        ]),
        doubtful: false,
        repeats: false,
        every_ms: None,
    };
    (1..=10).map(statement).collect()
}

fn records(said: &[Statement]) -> Vec<Reading> {
    let record = |(seq, it): (u64, &Statement)| {
        let vitals = it.vitals.iter().map(|(vital, said)| {
            let measured = match said {
                Said::Value(value) => Measured::Value { thousandths: value.thousandths(), held: false },
                Said::Absent { .. } | Said::Held => Measured::Absent("sensor_off".into()),
            };
            (*vital, measured)
        });
        Reading {
            id: format!("agent/run/r/{seq}"),
            run: "run".into(),
            seq,
            bed: it.bed.clone(),
            source: it.source.clone(),
            received_ms: it.at_ms + 20,
            device_seq: it.seq,
            late: false,
            vitals: vitals.collect(),
        }
    };
    (1..).zip(said).map(record).collect()
}

type Change = fn(&mut Vec<Reading>);
type Alteration = Box<dyn Fn(&mut Reading)>;

#[test]
fn each_kind_of_finding_is_found_and_no_other() {
    let clean = Readings { said: 10, delivered: 10, ..Readings::default() };
    let cases: [(&str, Change, Readings); 9] = [
        ("nothing", |_| {}, clean.clone()),
        ("missing", |it| drop(it.remove(4)), Readings { delivered: 9, missing: vec![4], ..clean.clone() }),
        (
            "missing at the end",
            |it| it.truncate(9),
            Readings { delivered: 9, missing: vec![9], ..clean.clone() },
        ),
        ("sent again", |it| it.extend_from_within(3..6), Readings { duplicate: 3, ..clean.clone() }),
        ("shuffled", |it| it.swap(2, 3), Readings { out_of_order: 1, ..clean.clone() }),
        ("late", |it| it[9].received_ms += 3000, Readings { late: 1, ..clean.clone() }),
        (
            "marked as history",
            |it| it[2].late = true,
            Readings { late: 1, history: BTreeSet::from([2]), ..clean.clone() },
        ),
        (
            "of another ward",
            |it| it.push(Reading { bed: "z".into(), source: "y".into(), ..it[0].clone() }),
            clean.clone(),
        ),
        (
            "in the next run",
            |it| it[5..].iter_mut().for_each(|it| (it.run, it.seq) = ("next".into(), it.seq - 5)),
            clean.clone(),
        ),
    ];
    for numbered in [true, false] {
        let said = said(numbered);
        for (what, change, expected) in &cases {
            let mut records = records(&said);
            change(&mut records);
            assert_eq!(compare(&said, &records), *expected, "{what}, numbered: {numbered}");
        }
    }
}

fn with(vital: Vital, measured: Measured) -> Alteration {
    Box::new(move |it| drop(it.vitals.insert(vital, measured.clone())))
}

#[test]
fn a_wrong_value_bed_or_reason_is_found() {
    let new = |thousandths| Measured::Value { thousandths, held: false };
    let cases: [(&str, Alteration); 6] = [
        ("a bed", Box::new(|it| it.bed = "b".into())),
        ("a vital is gone", Box::new(|it| drop(it.vitals.remove(&Vital::Spo2)))),
        ("a value", with(Vital::HeartRate, new(1))),
        ("a vital is new", with(Vital::Etco2, new(1))),
        ("a reason", with(Vital::Spo2, Measured::Absent("invalid".into()))),
        (
            "an old value as a new one",
            with(Vital::HeartRate, Measured::Value { thousandths: 65_000, held: true }),
        ),
    ];
    for numbered in [true, false] {
        let said = said(numbered);
        for (what, change) in &cases {
            let mut records = records(&said);
            change(&mut records[4]);
            let found = compare(&said, &records);
            assert_eq!((found.wrong.len(), found.missing.len()), (1, 0), "{what}, numbered: {numbered}");
            assert_eq!(found.delivered, 10, "{what}");
        }
    }
}

#[test]
fn what_nobody_said_is_wrong() {
    let said = said(true);
    let mut records = records(&said);
    let invented =
        Reading { id: "agent/run/r/11".into(), seq: 11, device_seq: Some(99), ..records[9].clone() };
    records.push(invented);
    let found = compare(&said, &records);
    assert_eq!((found.wrong.len(), found.duplicate, found.delivered), (1, 0, 10));
}

#[test]
fn one_message_under_two_ids_is_a_duplicate() {
    let said = said(true);
    let mut records = records(&said);
    records.push(Reading { id: "agent/run/r/11".into(), seq: 11, ..records[9].clone() });
    let found = compare(&said, &records);
    assert_eq!((found.wrong.len(), found.duplicate, found.delivered), (0, 1, 10));
}

#[test]
fn an_old_value_may_be_stored_as_such_or_left_out() {
    let mut said = said(true);
    said.truncate(3);
    for it in &mut said {
        it.vitals.insert(Vital::HeartRate, Said::Held);
    }
    let mut records = records(&said);
    records[0].vitals.remove(&Vital::HeartRate);
    records[1].vitals.insert(Vital::HeartRate, Measured::Value { thousandths: 60_000, held: true });
    assert_eq!(compare(&said, &records).wrong, Vec::<String>::new());
    records[1].vitals.insert(Vital::HeartRate, Measured::Value { thousandths: 60_000, held: false });
    assert_eq!(compare(&said, &records).wrong.len(), 1);
}

#[test]
fn what_is_doubtful_may_arrive_or_not_or_be_garbage() {
    for numbered in [true, false] {
        let mut said = said(numbered);
        for it in &mut said[3..6] {
            it.doubtful = true;
        }
        let mut found = records(&said);
        // One arrived, one did not, one as something else.
        found[4].vitals.insert(Vital::HeartRate, Measured::Value { thousandths: 250_000, held: false });
        found.remove(3);
        let compared = compare(&said, &found);
        assert_eq!(
            (compared.delivered, compared.missing.len(), compared.wrong.len()),
            (7, 0, 0),
            "{compared:?}"
        );
        // A control: without the doubt both are found.
        for it in &mut said {
            it.doubtful = false;
        }
        let compared = compare(&said, &found);
        assert!(!compared.missing.is_empty() && !compared.wrong.is_empty(), "{compared:?}");
    }
}

#[test]
fn a_device_that_starts_anew_counts_from_one_again() {
    let mut twice = said(true);
    let again = said(true).into_iter().map(|it| Statement { at_ms: it.at_ms + 60_000, ..it });
    twice.extend(again);
    let mut found = records(&twice);
    let compared = compare(&twice, &found);
    assert_eq!((compared.delivered, compared.missing.len(), compared.duplicate), (20, 0, 0), "{compared:?}");
    found.remove(13);
    assert_eq!(compare(&twice, &found).missing, [13]);
}

/// Two minutes of the same from a device that repeats itself, then something else.
fn repeated() -> Vec<Statement> {
    let first = Statement { repeats: true, ..said(false).remove(0) };
    let mut all: Vec<Statement> =
        (0..120).map(|it| Statement { at_ms: START_MS + it * 1000, ..first.clone() }).collect();
    let vitals = BTreeMap::from([(Vital::Spo2, Said::Absent { sensor: true })]);
    all.push(Statement { at_ms: START_MS + 120_000, vitals, ..first });
    all
}

#[test]
fn a_device_that_repeats_itself_may_be_heard_once_more_or_less_in_half_a_minute() {
    let said = repeated();
    let all = records(&said);
    let clean = Readings { said: 121, delivered: 121, ..Readings::default() };
    assert_eq!(compare(&said, &all), clean);
    // An agent that takes a frame more than a second each time.
    let late = |it: &Reading| Reading { received_ms: it.received_ms + 1000, ..it.clone() };
    let fewer: Vec<Reading> = all[..118].iter().map(late).chain(all[120..].iter().cloned()).collect();
    assert_eq!(compare(&said, &fewer), clean);
    let more = Reading { id: "agent/run/r/more".into(), seq: 121, ..all[119].clone() };
    let last = Reading { seq: 122, ..all[120].clone() };
    let more = [&all[..120], &[more, last]].concat();
    assert_eq!(compare(&said, &more), clean);
    // Ten seconds without a word are no difference of clocks.
    let silent = [&all[..60], &all[70..]].concat();
    assert!((5..10).contains(&compare(&said, &silent).missing.len()));
    // A change is never excused.
    assert_eq!(compare(&said, &all[..120]).missing, [120]);
    // Nor is anything of a device that does not repeat itself.
    let once: Vec<Statement> = said.iter().map(|it| Statement { repeats: false, ..it.clone() }).collect();
    assert_eq!(compare(&once, &fewer).missing.len(), 2);
}
