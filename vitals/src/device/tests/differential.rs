//! One record of a stream damaged at every place in every way, compared with the same stream without that record: what is
//! undamaged comes as it was, what is damaged is counted once, and nothing comes that nobody said. Where a format cannot keep
//! that, [`allowed`] says how far and why.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;
use std::collections::BTreeMap;

use super::{VECTORS, capture, decode, samples, vector};
use crate::device::{Counts, DeviceModel};
use crate::reading::Reading;

/// Records before the damaged one and behind it: more than any driver looks back or waits for.
const AROUND: usize = 8;
/// Places tried in one record, and bits of each.
const PLACES: usize = 160;

/// What befalls a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Damage {
    /// One bit is turned over.
    Bit,
    /// A byte is lost.
    Lost,
    /// A byte comes twice.
    Doubled,
    /// The rest of it is lost, and with it its end: it is glued to the next.
    Cut,
    /// Bytes that nobody sent come into it.
    Inserted,
    /// Bytes that nobody sent come before it.
    Before,
}

const DAMAGES: [Damage; 6] =
    [Damage::Bit, Damage::Lost, Damage::Doubled, Damage::Cut, Damage::Inserted, Damage::Before];

/// What came of so many tries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Tally {
    tried: usize,
    /// Everything came, and nothing was counted: the damage changed nothing that is read, or cannot be seen.
    unseen: usize,
    /// A value came that was not said.
    wrong: usize,
    /// An undamaged record did not come.
    lost: usize,
    /// The damaged record is not counted though it did not come.
    uncounted: usize,
    /// It is counted more than once.
    again: usize,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tried, unseen, wrong, lost, uncounted, again } = self;
        write!(
            f,
            "{tried:6} tried {unseen:5} unseen {wrong:4} wrong {lost:4} lost {uncounted:4} uncounted {again:4} again"
        )
    }
}

/// Records of a stream, of which one is damaged.
struct Scene {
    model: DeviceModel,
    records: Vec<Vec<u8>>,
    number: usize,
}

impl Scene {
    fn tried(&self, random: &mut Seeded, tally: &mut BTreeMap<Damage, Tally>, shown: &mut Vec<String>) {
        let whole = self.records.concat();
        let clean = readings(self.model, &whole);
        let mut others = self.records.clone();
        others.remove(self.number);
        let others = readings(self.model, &others.concat());
        let places = places(self.records[self.number].len());
        for damage in DAMAGES {
            for at in places.clone() {
                for step in 0..if damage == Damage::Bit { 8 } else { 1 } {
                    let mut records = self.records.clone();
                    let Some(record) = done(&records[self.number], damage, at, step, random) else {
                        continue;
                    };
                    records[self.number] = record;
                    let bytes = records.concat();
                    if bytes == whole {
                        continue;
                    }
                    let (found, counts) = decoded(self.model, &bytes);
                    let tally = tally.entry(damage).or_default();
                    let before = *tally;
                    tally.add(&found, counts, &clean, &others);
                    if (before.wrong, before.lost, before.uncounted, before.again)
                        != (tally.wrong, tally.lost, tally.uncounted, tally.again)
                    {
                        shown.push(alloc::format!(
                            "{} {damage:?} at {at} step {step}: {counts:?}",
                            self.model
                        ));
                    }
                }
            }
        }
    }
}

impl Tally {
    fn add(&mut self, found: &[Reading], counts: Counts, clean: &[Reading], others: &[Reading]) {
        self.tried += 1;
        let faults = counts.damaged();
        if found == clean {
            self.unseen += usize::from(faults == 0);
            self.again += usize::from(faults > 1);
            return;
        }
        self.wrong += usize::from(!found.iter().all(|it| clean.contains(it)));
        let mut rest = found.iter();
        let has_all = others.iter().all(|it| rest.any(|found| found == it));
        self.lost += usize::from(!has_all);
        self.uncounted += usize::from(faults == 0);
        self.again += usize::from(faults > 1);
    }
}

fn done(record: &[u8], damage: Damage, at: usize, step: usize, random: &mut Seeded) -> Option<Vec<u8>> {
    let mut record = record.to_vec();
    match damage {
        Damage::Bit => record[at] ^= 1 << step,
        Damage::Lost => drop(record.remove(at)),
        Damage::Doubled => record.insert(at, record[at]),
        // Of a long one behind its beginning: less is noise to everybody.
        Damage::Cut if at < least(record.len()) => return None,
        Damage::Cut => record.truncate(at),
        Damage::Inserted if at == 0 => return None,
        Damage::Inserted | Damage::Before => {
            let noise: Vec<u8> = (0..=random.below(12)).map(|_| random.byte()).collect();
            let at = if damage == Damage::Before { 0 } else { at };
            record.splice(at..at, noise);
        }
    }
    Some(record)
}

/// So much of a record is more than noise: its beginning and something behind it.
fn least(length: usize) -> usize {
    match length {
        0..10 => 1,
        10..400 => 5,
        _ => 10,
    }
}

/// All places of a short record; of a long one its beginning, its end, and some between.
fn places(length: usize) -> Vec<usize> {
    if length <= PLACES {
        return (0..length).collect();
    }
    let step = length.div_ceil(PLACES / 2);
    let ends = |it: Range<usize>| it.collect::<Vec<_>>();
    let mut all = [ends(0..PLACES / 4), ends(length - PLACES / 4..length)].concat();
    all.extend((0..length).step_by(step));
    all.sort_unstable();
    all.dedup();
    all
}

fn decoded(model: DeviceModel, bytes: &[u8]) -> (Vec<Reading>, Counts) {
    let (outcomes, counts) = decode(model, bytes, &[bytes.len()]);
    (outcomes.into_iter().filter_map(Result::ok).collect(), counts)
}

fn readings(model: DeviceModel, bytes: &[u8]) -> Vec<Reading> {
    decoded(model, bytes).0
}

/// Bytes that are the same in every run (xorshift).
struct Seeded(u64);

impl Seeded {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[3]
    }
}

/// The authored stream of a model, each of some records damaged.
fn authored(model: DeviceModel) -> Vec<Scene> {
    let records = samples::records(model, 30);
    [12, 13]
        .map(|middle| {
            let records = records[middle - AROUND..=middle + AROUND].to_vec();
            Scene { model, records, number: AROUND }
        })
        .into()
}

/// A device that says each record six times: the first, one in the middle and the last of the same damaged.
fn repeated(model: DeviceModel) -> Vec<Scene> {
    const TIMES: usize = 6;
    // More than one bit apart: half of a change is no wrong number.
    let numbers = [10, 13, 16, 19].into_iter().flat_map(|number| [number; TIMES]);
    let records: Vec<_> = numbers.map(|number| samples::record(model, number)).collect();
    [TIMES, TIMES + 2, 2 * TIMES - 1].map(|number| Scene { model, records: records.clone(), number }).into()
}

/// A vector in the middle of authored records.
fn of_vector(id: &str, model: DeviceModel) -> Scene {
    let mut records = samples::records(model, 30);
    records.truncate(2 * AROUND);
    records.insert(AROUND, vector(id).bytes);
    Scene { model, records, number: AROUND }
}

/// Records of the real monitor, with a wave among them.
fn captured() -> Vec<Scene> {
    let bytes = capture("ge_s5_db02.raw");
    let mut records: Vec<Vec<u8>> = Vec::new();
    for part in bytes.split_inclusive(|byte| *byte == 0x7E) {
        // A flag alone begins a record, the next ends it.
        match records.last_mut() {
            Some(last) if last.len() == 1 => last.extend(part),
            _ => records.push(part.to_vec()),
        }
    }
    [40, 41]
        .map(|number| Scene {
            model: DeviceModel::GeS5Dri,
            records: records[number - AROUND..=number + AROUND].to_vec(),
            number: AROUND,
        })
        .into()
}

/// What may come of so many tries in a hundred, and why not of none.
#[derive(Debug, Clone, Copy, Default)]
struct Allowed {
    wrong: usize,
    lost: usize,
    uncounted: usize,
    again: usize,
}

const NONE: Allowed = Allowed { wrong: 0, lost: 0, uncounted: 0, again: 0 };

fn allowed(model: DeviceModel, damage: Damage) -> Allowed {
    use Damage::{Before, Bit, Cut, Doubled, Inserted, Lost};
    match model {
        // With more bytes than a frame between two good ones nobody knows how many frames they were; and of a packet that is
        // put together anew one sum of eight bits in 256 is right by chance.
        DeviceModel::NoninDf2 | DeviceModel::NoninDf7 => match damage {
            Inserted => Allowed { again: 80, ..NONE },
            Before => Allowed { again: 10, ..NONE },
            Doubled | Cut => Allowed { wrong: 1, lost: 1, uncounted: 1, ..NONE },
            Bit | Lost => NONE,
        },
        DeviceModel::NoninDf13 => match damage {
            Inserted => Allowed { again: 30, ..NONE },
            Doubled => Allowed { again: 10, ..NONE },
            Bit | Lost | Cut | Before => NONE,
        },
        // The beginning of a frame among the bytes that nobody sent makes two of one; a sum of eight bits as above.
        DeviceModel::GeS5Dri
        | DeviceModel::Intellivue
        | DeviceModel::Medibus
        | DeviceModel::SunTech
        | DeviceModel::Capnostream => match damage {
            Inserted => Allowed { wrong: 2, uncounted: 2, again: 5, ..NONE },
            Before => Allowed { again: 5, ..NONE },
            Bit | Lost | Doubled | Cut => NONE,
        },
        // Without a sum a number is what it says, and a marker that nobody sent begins a frame.
        DeviceModel::NoninDf8 => match damage {
            Bit => Allowed { wrong: 45, uncounted: 45, ..NONE },
            Inserted => Allowed { wrong: 20, again: 85, ..NONE },
            Before => Allowed { again: 50, ..NONE },
            Lost | Doubled | Cut => NONE,
        },
        // The same where each record says another number, which no such device does: beside `repeated`, the worst there is.
        DeviceModel::ContecV7 | DeviceModel::Bci => match damage {
            Bit => Allowed { wrong: 30, uncounted: 30, ..NONE },
            Inserted => Allowed { wrong: 5, again: 70, ..NONE },
            Before => Allowed { again: 40, ..NONE },
            Lost | Doubled | Cut => NONE,
        },
        DeviceModel::NoninAscii | DeviceModel::MasimoAscii1 | DeviceModel::Nellcor => match damage {
            Bit => Allowed { wrong: 15, uncounted: 15, again: 2, ..NONE },
            Lost | Doubled => Allowed { wrong: 5, uncounted: 5, ..NONE },
            Inserted | Before => Allowed { wrong: 1, again: 5, ..NONE },
            Cut => NONE,
        },
        DeviceModel::IvyAnsarB | DeviceModel::MindrayPds => match damage {
            Bit | Lost | Doubled => Allowed { wrong: 15, uncounted: 15, ..NONE },
            Inserted => Allowed { wrong: 1, uncounted: 1, ..NONE },
            Cut | Before => NONE,
        },
        // A datagram comes whole or not at all: a network has its own sums and borders, a stream of messages has none.
        DeviceModel::IntellivueLan => Allowed { wrong: 40, lost: 100, uncounted: 40, again: 60 },
    }
}

impl Allowed {
    fn holds(self, tally: Tally) -> bool {
        let within = |count: usize, percent: usize| count * 100 <= tally.tried * percent;
        within(tally.wrong, self.wrong)
            && within(tally.lost, self.lost)
            && within(tally.uncounted, self.uncounted)
            && within(tally.again, self.again)
    }
}

/// The records of the captures and the vectors of a model.
fn scenes(model: DeviceModel) -> Vec<Scene> {
    let mut scenes = authored(model);
    let of_model = VECTORS.iter().filter(|(id, it)| *it == model && !id.contains("badsum"));
    scenes.extend(of_model.map(|(id, it)| of_vector(id, *it)));
    if model == DeviceModel::GeS5Dri {
        scenes.extend(captured());
    }
    scenes
}

/// What may come of the tries in a hundred where each record is said some times, of formats without a sum.
fn allowed_of_repeated(damage: Damage) -> Allowed {
    match damage {
        Damage::Bit | Damage::Lost | Damage::Doubled | Damage::Cut => NONE,
        // How many frames so many bytes were nobody knows: up to twelve, where a frame has nine or five.
        Damage::Inserted => Allowed { again: 90, ..NONE },
        Damage::Before => Allowed { again: 50, ..NONE },
    }
}

#[test]
fn of_a_device_that_repeats_itself_no_damage_makes_a_wrong_number() {
    let mut random = Seeded(0x9E37_79B9_7F4A_7C15);
    for model in [DeviceModel::ContecV7, DeviceModel::Bci] {
        let (mut tallies, mut shown) = (BTreeMap::new(), Vec::new());
        for scene in repeated(model) {
            scene.tried(&mut random, &mut tallies, &mut shown);
        }
        for (damage, tally) in tallies {
            std::println!("repeated {model:15} {:9} {tally}", alloc::format!("{damage:?}"));
            assert!(allowed_of_repeated(damage).holds(tally), "{model} {damage:?}: {tally}\n{shown:#?}");
        }
    }
}

#[test]
fn one_damaged_record_costs_itself_alone_and_is_counted_once() {
    let mut random = Seeded(0x2545_F491_4F6C_DD1D);
    let mut failed = Vec::new();
    for model in DeviceModel::ALL {
        let (mut tallies, mut shown) = (BTreeMap::new(), Vec::new());
        for scene in scenes(model) {
            scene.tried(&mut random, &mut tallies, &mut shown);
        }
        for (damage, tally) in tallies {
            std::println!("{model:15} {:9} {tally}", alloc::format!("{damage:?}"));
            if !allowed(model, damage).holds(tally) {
                let found = shown.iter().filter(|it| it.contains(&alloc::format!("{damage:?} at"))).take(6);
                failed.push(alloc::format!("{model} {damage:?}: {tally}\n{:#?}", found.collect::<Vec<_>>()));
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
