//! Damage of every kind to every format: each undamaged record comes with its values, each damaged one is counted once.

use alloc::string::String;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::{decode, samples};
use crate::device::DeviceModel;
use crate::reading::Reading;
use crate::vital::Vital;

/// Records in a stream.
const RECORDS: u8 = 30;

/// What befalls a record.
#[derive(Debug, Clone, Copy)]
enum Damage {
    /// One bit is turned over.
    Bit(u8),
    /// A byte is lost.
    Lost,
    /// A byte comes into it that its sender did not send.
    Added(u8),
    /// The rest of it is lost; of a long one behind its fifth byte, for less is noise to everybody.
    Cut,
}

/// Formats whose frames have a checksum: whatever befalls one byte is seen.
const SUMMED: [DeviceModel; 8] = [
    DeviceModel::NoninDf2,
    DeviceModel::NoninDf7,
    DeviceModel::NoninDf13,
    DeviceModel::GeS5Dri,
    DeviceModel::Capnostream,
    DeviceModel::SunTech,
    DeviceModel::Medibus,
    DeviceModel::Intellivue,
];
/// Formats without: only what breaks their form is seen.
const MARKED: [DeviceModel; 3] = [DeviceModel::NoninDf8, DeviceModel::ContecV7, DeviceModel::Bci];
/// Lines of text.
const TEXT: [DeviceModel; 3] = [DeviceModel::NoninAscii, DeviceModel::MasimoAscii1, DeviceModel::Nellcor];

fn done(record: &[u8], at: usize, damage: Damage) -> Vec<u8> {
    let mut record = record.to_vec();
    match damage {
        Damage::Bit(bit) => record[at] ^= 1 << bit,
        Damage::Lost => drop(record.remove(at)),
        Damage::Added(byte) => record.insert(at, byte),
        Damage::Cut => record.truncate(at.max(if record.len() > 9 { 5 } else { 1 })),
    }
    record
}

/// A stream with some records damaged, none beside another, and the numbers of those.
fn damaged(
    model: DeviceModel,
    strokes: &[(usize, usize, Damage)],
    from: impl Fn(&[u8]) -> core::ops::Range<usize>,
) -> (Vec<u8>, Vec<usize>) {
    let mut records = samples::records(model, RECORDS);
    let mut numbers: Vec<usize> = Vec::new();
    for (number, at, damage) in strokes {
        let number = 3 + number % (records.len() - 6);
        if numbers.iter().any(|it| it.abs_diff(number) < 2) {
            continue;
        }
        let places = from(&records[number]);
        records[number] = done(&records[number], places.start + at % places.len(), *damage);
        numbers.push(number);
    }
    (records.concat(), numbers)
}

fn expect_only_undamaged(model: DeviceModel, bytes: &[u8], damaged: &[usize]) -> Result<(), TestCaseError> {
    let clean = samples::records(model, RECORDS).concat();
    let (whole, _) = decode(model, &clean, &[clean.len()]);
    let whole: Vec<Reading> = whole.into_iter().filter_map(Result::ok).collect();
    prop_assert_eq!(whole.len(), usize::from(RECORDS), "{}", model);
    let undamaged = whole.iter().enumerate().filter(|(number, _)| !damaged.contains(number));
    let undamaged: Vec<String> = undamaged.map(|(_, it)| super::said(it, Vital::PulseRate)).collect();
    let (outcomes, counts) = decode(model, bytes, &[bytes.len()]);
    let found: Vec<Reading> = outcomes.into_iter().filter_map(Result::ok).collect();
    prop_assert!(found.iter().all(|it| whole.contains(it)), "{}: a wrong value: {:?}", model, found);
    let found: Vec<String> = found.iter().map(|it| super::said(it, Vital::PulseRate)).collect();
    prop_assert_eq!(found, undamaged, "{}: {:?}", model, counts);
    let faults = counts.bad_checksum + counts.bad_length + counts.fragments;
    prop_assert_eq!(faults, u64::try_from(damaged.len()).unwrap(), "{}: {:?}", model, counts);
    Ok(())
}

/// What stands where a frame should may pass a sum of eight bits once in 256 times, and hide the beginning of the next.
fn expect_the_next_lost_at_most(
    model: DeviceModel,
    bytes: &[u8],
    damaged: &[usize],
) -> Result<(), TestCaseError> {
    let (outcomes, counts) = decode(model, bytes, &[bytes.len()]);
    let good = outcomes.iter().filter(|it| it.is_ok()).count();
    let undamaged = usize::from(RECORDS) - damaged.len();
    prop_assert!(
        (undamaged - damaged.len()..=usize::from(RECORDS)).contains(&good),
        "{}: {:?}",
        model,
        counts
    );
    let faults = usize::try_from(counts.bad_checksum + counts.bad_length + counts.fragments).unwrap();
    prop_assert!(faults <= 2 * damaged.len(), "{}: {:?}", model, counts);
    Ok(())
}

fn strokes(damage: impl Strategy<Value = Damage>) -> impl Strategy<Value = Vec<(usize, usize, Damage)>> {
    proptest::collection::vec((any::<usize>(), any::<usize>(), damage), 1..6)
}

fn of(models: &[DeviceModel]) -> impl Strategy<Value = DeviceModel> {
    proptest::sample::select(models.to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn formats_with_a_sum_see_every_bit(
        model in of(&SUMMED),
        strokes in strokes((0..8_u8).prop_map(Damage::Bit)),
    ) {
        let (bytes, numbers) = damaged(model, &strokes, |it| 0..it.len());
        expect_only_undamaged(model, &bytes, &numbers)?;
    }

    #[test]
    fn formats_with_a_sum_see_every_byte_that_is_lost_or_cut(
        model in of(&SUMMED),
        strokes in strokes(prop_oneof![Just(Damage::Lost), Just(Damage::Cut)]),
    ) {
        // A flag that is lost between two frames costs none.
        let (bytes, numbers) = damaged(model, &strokes, |it| 1..it.len() - 1);
        expect_the_next_lost_at_most(model, &bytes, &numbers)?;
    }

    #[test]
    fn formats_with_a_sum_see_every_byte_that_is_added(
        model in of(&SUMMED),
        strokes in strokes(any::<u8>().prop_map(Damage::Added)),
    ) {
        let (bytes, numbers) = damaged(model, &strokes, |it| 1..it.len() - 1);
        expect_the_next_lost_at_most(model, &bytes, &numbers)?;
    }

    #[test]
    fn formats_with_a_marker_see_every_marker(
        model in of(&MARKED),
        strokes in strokes(Just(Damage::Bit(7))),
    ) {
        let (bytes, numbers) = damaged(model, &strokes, |it| 0..it.len());
        expect_only_undamaged(model, &bytes, &numbers)?;
    }

    #[test]
    fn formats_with_a_marker_see_every_byte_that_is_lost(
        model in of(&MARKED),
        strokes in strokes(prop_oneof![Just(Damage::Lost), Just(Damage::Cut)]),
    ) {
        let (bytes, numbers) = damaged(model, &strokes, |it| 1..it.len());
        expect_only_undamaged(model, &bytes, &numbers)?;
    }

    #[test]
    fn formats_with_a_marker_give_every_undamaged_record_of_a_bad_line(
        model in of(&MARKED),
        every in 2..6_usize,
        at in any::<usize>(),
    ) {
        let mut records = samples::records(model, RECORDS);
        // What stands before the first good one belongs to no record.
        let numbers: Vec<usize> = (1..records.len()).step_by(every).collect();
        for number in &numbers {
            let at = at % records[*number].len();
            records[*number] = done(&records[*number], at, Damage::Bit(7));
        }
        expect_only_undamaged(model, &records.concat(), &numbers)?;
    }

    #[test]
    fn text_sees_what_no_device_prints_and_lines_that_end_too_soon(
        model in of(&TEXT),
        strokes in strokes(Just(Damage::Bit(7))),
    ) {
        let (bytes, numbers) = damaged(model, &strokes, |it| 1..it.len() - 2);
        expect_only_undamaged(model, &bytes, &numbers)?;
    }

    #[test]
    fn noise_between_records_costs_none_where_a_record_says_where_it_begins(
        model in of(&[DeviceModel::NoninDf2, DeviceModel::NoninDf7, DeviceModel::NoninDf13, DeviceModel::IvyAnsarB]),
        noise in proptest::collection::vec(2..0x60_u8, 1..20),
        number in 1..29_usize,
    ) {
        let mut records = samples::records(model, RECORDS);
        records[number].splice(0..0, noise);
        let bytes = records.concat();
        let (outcomes, counts) = decode(model, &bytes, &[bytes.len()]);
        prop_assert_eq!(outcomes.iter().filter(|it| it.is_ok()).count(), usize::from(RECORDS), "{:?}", counts);
    }
}
