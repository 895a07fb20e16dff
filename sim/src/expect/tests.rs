//! Rows of values, and what they call for; times in seconds.

use vitals::quantity::Quantity;

use super::*;

const SENSOR_OFF: i16 = -1;
const SEARCHING: i16 = -2;

fn statements(source: &str, vital: Vital, samples: &[(i64, i16)]) -> Vec<Statement> {
    let said = |value: i16| match value {
        SENSOR_OFF => Said::Absent { sensor: true },
        SEARCHING => Said::Absent { sensor: false },
        value => Said::Value(Quantity::from_whole(value)),
    };
    let statement = |(at, value): &(i64, i16)| Statement {
        source: source.into(),
        bed: "a".into(),
        at_ms: at * 1000,
        seq: None,
        vitals: BTreeMap::from([(vital, said(*value))]),
        doubtful: false,
        repeats: false,
        every_ms: None,
    };
    samples.iter().map(statement).collect()
}

/// One sample a second of each run of `(value, seconds)`.
fn row(runs: &[(i16, usize)]) -> Vec<(i64, i16)> {
    let values = runs.iter().flat_map(|(value, seconds)| std::iter::repeat_n(*value, *seconds));
    (0..).zip(values).collect()
}

/// Codes, grades and windows of what must come, without what belongs to silence; seconds.
fn must(statements: &[Statement]) -> Vec<(String, Grade, i64, i64)> {
    let expected = expected(statements, &BTreeSet::new(), &Limits::load(None, "adult").unwrap());
    let seconds = |it: &Must| (it.code.clone(), it.grade, it.from_ms / 1000, it.by_ms / 1000);
    expected.must.iter().map(seconds).collect()
}

fn may(statements: &[Statement], code: &str, grade: Grade, seconds: i64) -> bool {
    let expected = expected(statements, &BTreeSet::new(), &Limits::load(None, "adult").unwrap());
    let at_ms = seconds * 1000;
    let mut of_it = expected.may.iter().filter(|it| it.code == code && it.grade == grade);
    of_it.any(|it| (it.from_ms..=it.until_ms).contains(&at_ms))
}

#[test]
fn a_saturation_that_stays_low_must_alarm_after_its_delay() {
    let low = |seconds| statements("s", Vital::Spo2, &row(&[(95, 10), (88, seconds), (95, 20)]));
    assert_eq!(must(&low(30)), [("spo2_low".into(), Grade::Limit, 23, 27)]);
    // Between the tolerances nobody is blamed.
    assert!(must(&low(16)).is_empty());
    assert!(may(&low(16), "spo2_low", Grade::Limit, 25));
    assert!(may(&low(14), "spo2_low", Grade::Limit, 24));
    assert!(!may(&low(12), "spo2_low", Grade::Limit, 22));
    // Before its delay, after its end, for another reason.
    assert!(!may(&low(30), "spo2_low", Grade::Limit, 20));
    assert!(!may(&low(30), "spo2_low", Grade::Limit, 45));
    assert!(!may(&low(30), "spo2_low", Grade::Extreme, 25));
    assert!(!may(&low(30), "heart_rate_low", Grade::Limit, 25));
}

#[test]
fn both_levels_are_expected_for_themselves() {
    let said = statements("s", Vital::Spo2, &row(&[(95, 5), (75, 40), (95, 5)]));
    let both = [("spo2_low".into(), Grade::Limit, 18, 22), ("spo2_low".into(), Grade::Extreme, 8, 12)];
    assert_eq!(must(&said), both);
}

#[test]
fn what_is_in_the_band_or_missing_makes_nothing_certain_and_goes_on_counting() {
    for between in [90, SENSOR_OFF] {
        let said = statements("s", Vital::Spo2, &row(&[(88, 9), (between, 3), (88, 9), (95, 5)]));
        assert!(!must(&said).iter().any(|it| it.0 == "spo2_low"), "{between}");
        assert!(may(&said, "spo2_low", Grade::Limit, 19), "{between}");
    }
    // Inside, it begins anew.
    let said = statements("s", Vital::Spo2, &row(&[(88, 9), (91, 1), (88, 9), (95, 5)]));
    assert!(!may(&said, "spo2_low", Grade::Limit, 19));
}

#[test]
fn a_sensor_that_is_off_and_a_value_that_is_missing_are_made_known() {
    let off = statements("s", Vital::Spo2, &row(&[(95, 5), (SENSOR_OFF, 20), (95, 5)]));
    assert_eq!(must(&off), [("sensor_off".into(), Grade::Limit, 13, 17)]);
    assert!(!may(&off, "sensor_off", Grade::Limit, 10));
    let searching = statements("s", Vital::Spo2, &row(&[(95, 5), (SEARCHING, 40), (95, 5)]));
    assert_eq!(must(&searching), [("no_value".into(), Grade::Limit, 33, 37)]);
}

#[test]
fn silence_is_made_known() {
    let mut samples = row(&[(95, 20)]);
    samples.retain(|(at, _)| !(5..=14).contains(at));
    let said = statements("s", Vital::Spo2, &samples);
    assert_eq!(must(&said), [(NO_DATA.into(), Grade::Limit, 7, 11)]);
    assert!(may(&said, NO_DATA, Grade::Limit, 9));
    // Before the first word and after the last it may be; while it talks it may not.
    assert!(may(&said, NO_DATA, Grade::Limit, -20) && may(&said, NO_DATA, Grade::Limit, 100));
    assert!(!may(&said, NO_DATA, Grade::Limit, 18));
}

#[test]
fn a_stand_in_counts_only_while_the_other_is_missing() {
    let fast = row(&[(150, 60)]);
    let pulse = statements("s", Vital::PulseRate, &fast);
    // The wait for the heart rate, the delay of 10 s, and the doubt about when it became stale.
    assert_eq!(must(&pulse), [("pulse_rate_high".into(), Grade::Limit, 18, 27)]);
    let mut both = pulse;
    for (it, (_, value)) in both.iter_mut().zip(&fast) {
        it.vitals.insert(Vital::HeartRate, Said::Value(Quantity::from_whole(*value)));
    }
    assert_eq!(must(&both), [("heart_rate_high".into(), Grade::Limit, 8, 12)]);
    assert!(!may(&both, "pulse_rate_high", Grade::Limit, 40));
}

#[test]
fn history_makes_nothing_certain() {
    let said = statements("s", Vital::Spo2, &row(&[(95, 5), (75, 40), (95, 5)]));
    let expected = expected(&said, &(6..said.len()).collect(), &Limits::load(None, "adult").unwrap());
    assert_eq!(expected.must, []);
    let silence = |it: &&May| it.code == NO_DATA && (it.from_ms..=it.until_ms).contains(&20_000);
    assert_eq!(expected.may.iter().filter(silence).count(), 1);
}

#[test]
fn what_came_over_a_damaged_way_makes_nothing_certain_and_excuses_much() {
    let mut said = statements("s", Vital::Spo2, &row(&[(95, 200), (75, 40), (95, 200)]));
    for it in said.iter_mut().skip(200).take(40) {
        it.doubtful = true;
    }
    assert_eq!(must(&said), []);
    assert!(may(&said, "heart_rate_low", Grade::Extreme, 215));
    assert!(
        !may(&said, "heart_rate_low", Grade::Extreme, 330)
            && !may(&said, "heart_rate_low", Grade::Limit, 190)
    );
}

#[test]
fn a_pause_of_breath_is_expected_where_the_file_watches_for_it() {
    let text = limits::SHIPPED.replacen(
        "[profile.adult.resp_rate]\n",
        "[profile.adult.resp_rate]\napnea = \"20s\"\n",
        1,
    );
    let text = text.lines().filter(|it| !it.starts_with("apnea = \"20s\"  ")).collect::<Vec<_>>().join("\n");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("alarms.toml");
    std::fs::write(&path, text).unwrap();
    let limits = Limits::load(Some(&path), "adult").unwrap();
    let said = statements("s", Vital::RespRate, &row(&[(15, 20), (0, 40), (15, 20)]));
    let expected = expected(&said, &BTreeSet::new(), &limits);
    let apnea: Vec<i64> = expected.must.iter().filter(|it| it.code == "apnea").map(|it| it.by_ms).collect();
    assert_eq!(apnea, [42_000]);
    assert!(expected.codes.contains("apnea"));
}

#[test]
fn sensors_have_delays_of_their_own_and_one_delay_whatever_the_reason() {
    let mut said = statements("s", Vital::Spo2, &row(&[(95, 5), (SENSOR_OFF, 7), (95, 30)]));
    for (it, (_, value)) in said.iter_mut().zip(row(&[(80, 12), (SENSOR_OFF, 7), (80, 23)])) {
        let off = Said::Absent { sensor: true };
        let said = if value == SENSOR_OFF { off } else { Said::Value(Quantity::from_whole(value)) };
        it.vitals.insert(Vital::HeartRate, said);
    }
    // Seven seconds of one sensor and seven of another are no fourteen.
    assert_eq!(must(&said), []);
    assert!(!may(&said, "sensor_off", Grade::Limit, 16));
    // The delay of no value runs while the sensor is off, and its alarm may come when that is the reason.
    let said = statements("s", Vital::Spo2, &row(&[(95, 5), (SENSOR_OFF, 28), (SEARCHING, 5), (95, 30)]));
    assert!(may(&said, "no_value", Grade::Limit, 35) && !may(&said, "no_value", Grade::Limit, 30));
    assert!(!must(&said).iter().any(|it| it.0 == "no_value"));
}
