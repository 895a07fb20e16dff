//! The National Early Warning Score 2 (Royal College of Physicians, 2017): what is measured and entered, to a total.
//!
//! A parameter that is missing is not 0: the total is then a range. Not for children, and not in pregnancy, which this
//! module does not know.

use serde::{Deserialize, Serialize};

use crate::quantity::Quantity;

/// Which table of oxygen saturation holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// The usual one.
    #[default]
    One,
    /// For a target of 88 to 92 % in hypercapnic failure; a clinician's decision alone.
    Two,
}

/// How awake a patient is, as a person saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consciousness {
    /// Awake.
    Alert,
    /// Newly confused.
    Confused,
    /// Answers to a voice.
    Voice,
    /// Answers to pain.
    Pain,
    /// Does not answer.
    Unresponsive,
}

/// What a patient breathes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Breathes {
    /// Air.
    Air,
    /// Added oxygen.
    Oxygen,
}

/// What is known of a patient; `None` is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Parameters {
    /// Respiratory rate, /min.
    pub resp_rate: Option<Quantity>,
    /// Oxygen saturation, %.
    pub spo2: Option<Quantity>,
    /// Its table.
    pub scale: Scale,
    /// Air or oxygen.
    pub breathes: Option<Breathes>,
    /// Systolic pressure, mmHg.
    pub systolic: Option<Quantity>,
    /// Pulse, /min.
    pub pulse: Option<Quantity>,
    /// Consciousness.
    pub consciousness: Option<Consciousness>,
    /// Temperature, °C.
    pub temperature: Option<Quantity>,
}

/// A total, or the range of those possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Score {
    /// The least possible total, 0 to 20.
    pub least: u8,
    /// The greatest possible.
    pub greatest: u8,
    /// Whether a parameter is missing.
    pub partial: bool,
    /// Whether a single parameter scores 3, whatever is missing.
    pub red: bool,
}

impl Score {
    /// The score of a patient.
    #[must_use]
    pub fn of(it: &Parameters) -> Self {
        let oxygenation = oxygenation(it);
        let measured = [
            points(it.resp_rate.map(whole), resp_rate, 3),
            points(it.systolic.map(whole), systolic, 3),
            points(it.pulse.map(whole), pulse, 3),
            points(it.consciousness, consciousness, 3),
            points(it.temperature.map(tenths), temperature, 3),
        ];
        let missing = [
            it.resp_rate.is_none(),
            it.spo2.is_none(),
            it.breathes.is_none(),
            it.systolic.is_none(),
            it.pulse.is_none(),
            it.consciousness.is_none(),
            it.temperature.is_none(),
        ];
        Self {
            least: oxygenation.total.0 + measured.iter().map(|it| it.0).sum::<u8>(),
            greatest: oxygenation.total.1 + measured.iter().map(|it| it.1).sum::<u8>(),
            partial: missing.contains(&true),
            red: oxygenation.saturation_least == 3 || measured.iter().any(|it| it.0 == 3),
        }
    }
}

/// The least and the greatest points of a parameter; what is not known may be any of its scores.
fn points<T>(known: Option<T>, table: impl Fn(T) -> u8, greatest: u8) -> (u8, u8) {
    known.map_or((0, greatest), |it| {
        let points = table(it);
        (points, points)
    })
}

/// Saturation and oxygen belong together: on scale 2 the one's points depend on the other.
struct Oxygenation {
    total: (u8, u8),
    saturation_least: u8,
}

fn oxygenation(it: &Parameters) -> Oxygenation {
    let both = [Breathes::Air, Breathes::Oxygen];
    let possible = both.into_iter().filter(|breathes| it.breathes.is_none_or(|known| known == *breathes));
    let mut sum = Oxygenation { total: (u8::MAX, 0), saturation_least: u8::MAX };
    for breathes in possible {
        let oxygen = if breathes == Breathes::Oxygen { 2 } else { 0 };
        let table = |spo2| match it.scale {
            Scale::One => saturation_1(spo2),
            Scale::Two => saturation_2(spo2, breathes),
        };
        let (least, greatest) = points(it.spo2.map(whole), table, 3);
        sum.total = (sum.total.0.min(least + oxygen), sum.total.1.max(greatest + oxygen));
        sum.saturation_least = sum.saturation_least.min(least);
    }
    sum
}

#[expect(clippy::match_same_arms, reason = "the arms are the columns of the table")]
fn resp_rate(it: i32) -> u8 {
    match it {
        ..=8 => 3,
        9..=11 => 1,
        12..=20 => 0,
        21..=24 => 2,
        25.. => 3,
    }
}

fn saturation_1(it: i32) -> u8 {
    match it {
        ..=91 => 3,
        92..=93 => 2,
        94..=95 => 1,
        96.. => 0,
    }
}

#[expect(clippy::match_same_arms, reason = "the arms are the columns of the table")]
fn saturation_2(it: i32, breathes: Breathes) -> u8 {
    match (it, breathes) {
        (..=83, _) => 3,
        (84..=85, _) => 2,
        (86..=87, _) => 1,
        (88..=92, _) | (93.., Breathes::Air) => 0,
        (93..=94, Breathes::Oxygen) => 1,
        (95..=96, Breathes::Oxygen) => 2,
        (97.., Breathes::Oxygen) => 3,
    }
}

#[expect(clippy::match_same_arms, reason = "the arms are the columns of the table")]
fn systolic(it: i32) -> u8 {
    match it {
        ..=90 => 3,
        91..=100 => 2,
        101..=110 => 1,
        111..=219 => 0,
        220.. => 3,
    }
}

#[expect(clippy::match_same_arms, reason = "the arms are the columns of the table")]
fn pulse(it: i32) -> u8 {
    match it {
        ..=40 => 3,
        41..=50 => 1,
        51..=90 => 0,
        91..=110 => 1,
        111..=130 => 2,
        131.. => 3,
    }
}

fn consciousness(it: Consciousness) -> u8 {
    if it == Consciousness::Alert { 0 } else { 3 }
}

/// In tenths of a degree.
#[expect(clippy::match_same_arms, reason = "the arms are the columns of the table")]
fn temperature(it: i32) -> u8 {
    match it {
        ..=350 => 3,
        351..=360 => 1,
        361..=380 => 0,
        381..=390 => 1,
        391.. => 2,
    }
}

/// Rounded to whole numbers, half away from zero.
fn whole(it: Quantity) -> i32 {
    rounded(it.thousandths(), 1000)
}

/// Rounded to tenths, in tenths.
fn tenths(it: Quantity) -> i32 {
    rounded(it.thousandths(), 100)
}

/// A quotient, rounded half away from zero.
fn rounded(it: i32, by: i32) -> i32 {
    let half = if it < 0 { -by / 2 } else { by / 2 };
    it.saturating_add(half) / by
}

/// The median; of an even number the mean of the two in the middle, rounded half away from zero.
#[must_use]
pub fn median(values: &mut [Quantity]) -> Option<Quantity> {
    values.sort_unstable();
    let upper = values.get(values.len() / 2)?;
    let lower = values.get((values.len() - 1) / 2)?;
    let sum = i64::from(lower.thousandths()) + i64::from(upper.thousandths());
    let mean = sum / 2 + sum % 2;
    i32::try_from(mean).ok().map(Quantity::from_thousandths)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patient() -> Parameters {
        let whole = |it| Some(Quantity::from_whole(it));
        Parameters {
            resp_rate: whole(18),
            spo2: whole(97),
            scale: Scale::One,
            breathes: Some(Breathes::Air),
            systolic: whole(120),
            pulse: whole(80),
            consciousness: Some(Consciousness::Alert),
            temperature: whole(37),
        }
    }

    fn total(it: &Parameters) -> (u8, u8, bool, bool) {
        let it = Score::of(it);
        (it.least, it.greatest, it.partial, it.red)
    }

    #[test]
    fn the_published_examples() {
        assert_eq!(total(&patient()), (0, 0, false, false));
        let ill = Parameters {
            resp_rate: Some(Quantity::from_whole(22)),
            spo2: Some(Quantity::from_whole(93)),
            breathes: Some(Breathes::Oxygen),
            systolic: Some(Quantity::from_whole(105)),
            pulse: Some(Quantity::from_whole(112)),
            temperature: Some(Quantity::from_thousandths(38_400)),
            ..patient()
        };
        assert_eq!(total(&ill), (10, 10, false, false));
        assert_eq!(total(&Parameters { scale: Scale::Two, ..ill }), (9, 9, false, false));
        let rate = Parameters { resp_rate: Some(Quantity::from_whole(25)), ..patient() };
        assert_eq!(total(&rate), (3, 3, false, true));
    }

    #[test]
    fn what_is_missing_makes_a_range_and_no_red_parameter() {
        assert_eq!(total(&Parameters::default()), (0, 20, true, false));
        assert_eq!(total(&Parameters { consciousness: None, ..patient() }), (0, 3, true, false));
        assert_eq!(total(&Parameters { breathes: None, ..patient() }), (0, 2, true, false));
        // 97 % on scale 2: nothing on air, 3 + 2 on oxygen.
        let two = Parameters { scale: Scale::Two, breathes: None, ..patient() };
        assert_eq!(total(&two), (0, 5, true, false));
        let low = Parameters { spo2: Some(Quantity::from_whole(83)), ..two };
        assert_eq!(total(&low), (3, 5, true, true));
    }

    #[test]
    fn each_edge_of_each_table() {
        type Table = fn(i32) -> u8;
        let edges: [(Table, &[(i32, u8)]); 6] = [
            (resp_rate, &[(8, 3), (9, 1), (11, 1), (12, 0), (20, 0), (21, 2), (24, 2), (25, 3)]),
            (saturation_1, &[(91, 3), (92, 2), (93, 2), (94, 1), (95, 1), (96, 0)]),
            (systolic, &[(90, 3), (91, 2), (100, 2), (101, 1), (110, 1), (111, 0), (219, 0), (220, 3)]),
            (
                pulse,
                &[
                    (40, 3),
                    (41, 1),
                    (50, 1),
                    (51, 0),
                    (90, 0),
                    (91, 1),
                    (110, 1),
                    (111, 2),
                    (130, 2),
                    (131, 3),
                ],
            ),
            (temperature, &[(350, 3), (351, 1), (360, 1), (361, 0), (380, 0), (381, 1), (390, 1), (391, 2)]),
            (
                |it| saturation_2(it, Breathes::Oxygen),
                &[
                    (83, 3),
                    (84, 2),
                    (85, 2),
                    (86, 1),
                    (87, 1),
                    (88, 0),
                    (92, 0),
                    (93, 1),
                    (94, 1),
                    (95, 2),
                    (96, 2),
                    (97, 3),
                ],
            ),
        ];
        for (table, edges) in edges {
            for (value, points) in edges {
                assert_eq!(table(*value), *points, "{value}");
            }
        }
        assert_eq!(saturation_2(93, Breathes::Air), 0);
    }

    #[test]
    fn halves_are_rounded_away_from_zero() {
        let of = |it| whole(Quantity::from_thousandths(it));
        assert_eq!((of(8_499), of(8_500), of(-8_500), of(-8_499)), (8, 9, -9, -8));
        assert_eq!(tenths(Quantity::from_thousandths(35_050)), 351);
        let mut values = [Quantity::from_thousandths(3), Quantity::from_thousandths(4)];
        assert_eq!(median(&mut values), Some(Quantity::from_thousandths(4)));
        let mut below = [Quantity::from_thousandths(-3), Quantity::from_thousandths(-4)];
        assert_eq!(median(&mut below), Some(Quantity::from_thousandths(-4)));
        assert_eq!(median(&mut []), None);
    }
}
