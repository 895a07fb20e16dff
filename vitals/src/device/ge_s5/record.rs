//! The numbers in a record: displayed values of the basic class, and what the extensions have of our vitals.
//!
//! Offsets are inside the subrecord of 278 bytes. Each group begins with four bytes of status (bit 0: the module exists)
//! and two of label, right before its first value. A group whose module does not exist says nothing at all.
//!
//! Of the extensions, the first has the invasive pressures 7 and 8 and the temperatures 5 and 6; the third the mean airway
//! pressure. The rest is none of our vitals: ST of twelve leads (which of them the three of the basic class are, it does not
//! say), a second oximeter, intervals and counts of beats; relaxation, EEG and entropy (the second); gas exchange, resistance,
//! tonometry and cardiac output (the third).

use alloc::vec::Vec;

use super::frame::HEADER;
use super::{pressure, temperature};
use crate::device::measured::reading;
use crate::quantity::Quantity;
use crate::reading::{Absent, Measurement, Quality, Reading};
use crate::time::DeviceTime;
use crate::vital::Vital;

/// The heart rate's source, of the ECG group's status, bits 3 to 6: not selected, the ECG, and the ECG by another algorithm. The
/// others are invasive pressures and the oximeter.
const SOURCES_OF_ECG: [u32; 3] = [0, 1, 9];

/// Seconds by which the times of a record and of its subrecord may differ.
const AGREE: u32 = 60;

/// A numeric subrecord's length, bytes.
const SUBRECORD: usize = 278;
/// The main type of numeric records.
const NUMERIC: i16 = 0;
/// The type of displayed values; trends repeat what was displayed.
const DISPLAYED: u8 = 1;
/// What ends the list of subrecords.
const END: u8 = 0xFF;

/// How a raw number becomes thousandths of the vital's unit.
#[derive(Debug, Clone, Copy)]
enum Scale {
    /// Whole units.
    One,
    /// Tenths.
    Tenth,
    /// Hundredths.
    Hundredth,
    /// Hundredths of a percent of the ambient pressure, to tenths of mmHg as the monitor shows them.
    OfAmbient,
}

/// Where a vital stands: its group's status, its own value.
struct Field {
    vital: Vital,
    status: usize,
    value: usize,
    scale: Scale,
}

const fn field(vital: Vital, status: usize, value: usize, scale: Scale) -> Field {
    Field { vital, status, value, scale }
}

/// The amplitude of the infra-red signal in per cent is what other makers call the perfusion index.
const FIELDS: [Field; 21] = [
    // The oximeter's own pulse first: the ECG's may be the same one.
    field(Vital::PulseRate, 122, 130, Scale::One),
    field(Vital::HeartRate, 4, 10, Scale::One),
    field(Vital::Spo2, 122, 128, Scale::Hundredth),
    field(Vital::PerfusionIndex, 122, 132, Scale::Hundredth),
    field(Vital::RespRateImpedance, 4, 18, Scale::One),
    field(Vital::RespRateCo2, 136, 146, Scale::One),
    field(Vital::NibpSystolic, 76, 82, Scale::Hundredth),
    field(Vital::NibpDiastolic, 76, 84, Scale::Hundredth),
    field(Vital::NibpMean, 76, 86, Scale::Hundredth),
    field(Vital::Etco2, 136, 142, Scale::OfAmbient),
    field(Vital::Fico2, 136, 144, Scale::OfAmbient),
    field(Vital::Fio2, 150, 158, Scale::Hundredth),
    field(Vital::RespRate, 182, 188, Scale::One),
    field(Vital::AirwayPressurePeak, 182, 190, Scale::Hundredth),
    field(Vital::Peep, 182, 192, Scale::Hundredth),
    field(Vital::AirwayPressurePlateau, 182, 194, Scale::Hundredth),
    // Expired volumes, a tenth of a millilitre and a hundredth of a litre a minute.
    field(Vital::TidalVolume, 182, 198, Scale::Tenth),
    field(Vital::MinuteVolume, 182, 202, Scale::Hundredth),
    // ST comes in hundredths of a millimetre.
    field(Vital::St1, 4, 12, Scale::Hundredth),
    field(Vital::St2, 4, 14, Scale::Hundredth),
    field(Vital::St3, 4, 16, Scale::Hundredth),
];

/// Of the third extension.
const EXTENSION_3: [Field; 1] = [field(Vital::AirwayPressureMean, 18, 26, Scale::Hundredth)];

/// The ambient pressure, in tenths of mmHg.
const AMBIENT: usize = 148;

/// The subrecords of displayed values in a record, of the classes that are read.
pub(super) struct Displayed<'a> {
    /// When the record was sent, in seconds of the monitor's clock.
    seconds: u32,
    pub(super) basic: Option<&'a [u8]>,
    pub(super) ext1: Option<&'a [u8]>,
    pub(super) ext3: Option<&'a [u8]>,
}

/// The displayed values of a record; `None` for a record of another kind.
pub(super) fn displayed(record: &[u8]) -> Option<Displayed<'_>> {
    if i16_at(record, 14)? != NUMERIC {
        return None;
    }
    let seconds = u32::from_le_bytes(record.get(6..10)?.try_into().ok()?);
    let mut found = Displayed { seconds, basic: None, ext1: None, ext3: None };
    for (kind, offset) in subrecords(record) {
        let subrecord = record.get(HEADER + offset..).and_then(|it| it.get(..SUBRECORD));
        let Some(subrecord) = subrecord.filter(|_| kind == DISPLAYED) else { continue };
        // A sum of eight bits lets one damaged record of 256 through; that both times agree, hardly any.
        let its_own = subrecord.get(..4).and_then(|it| it.try_into().ok()).map_or(0, u32::from_le_bytes);
        if its_own != 0 && its_own.abs_diff(seconds) > AGREE {
            continue;
        }
        let place = match i16_at(subrecord, 276).map(|it| it >> 8 & 0x0F) {
            Some(0) => &mut found.basic,
            Some(1) => &mut found.ext1,
            Some(3) => &mut found.ext3,
            _ => continue,
        };
        place.get_or_insert(subrecord);
    }
    Some(found)
}

/// The level of the interface that a record names.
pub(super) fn level(record: &[u8]) -> u8 {
    record.get(3).copied().unwrap_or_default()
}

/// The kind of each subrecord of a record, and where it begins behind the header.
pub(super) fn subrecords(record: &[u8]) -> impl Iterator<Item = (u8, usize)> + '_ {
    let entry = |index: usize| {
        let at = 16 + index * 3;
        Some((*record.get(at + 2)?, i16_at(record, at)?))
    };
    (0..8)
        .map_while(entry)
        .take_while(|(kind, _)| *kind != END)
        .filter_map(|(kind, offset)| Some((kind, usize::try_from(offset).ok()?)))
}

/// The reading of displayed values; `None` if they hold no vital of ours.
pub(super) fn read(displayed: &Displayed<'_>) -> Option<Reading> {
    let device_time = jiff::Timestamp::from_second(i64::from(displayed.seconds)).ok().map(DeviceTime::Utc);
    let (basic, ext1, ext3) = (displayed.basic, displayed.ext1, displayed.ext3);
    let fields = |it| FIELDS.iter().filter_map(move |field| field.read(it));
    let mut said: Vec<Measurement> = basic.into_iter().flat_map(fields).collect();
    said.extend(ext3.into_iter().flat_map(|it| EXTENSION_3.iter().filter_map(|field| field.read(it))));
    let channels = |it, of: &'static [usize]| pressure::pressures(it, of);
    said.extend(basic.into_iter().flat_map(|it| channels(it, &pressure::BASIC)));
    said.extend(ext1.into_iter().flat_map(|it| channels(it, &pressure::EXTENSION_1)));
    said.extend(basic.into_iter().flat_map(|it| temperature::temperatures(it, &temperature::BASIC)));
    said.extend(ext1.into_iter().flat_map(|it| temperature::temperatures(it, &temperature::EXTENSION_1)));
    reading(said, device_time)
}

/// What a raw number is: an amount, or one of the words below -32000.
pub(super) fn value(raw: i16) -> Result<i32, Absent> {
    match raw {
        -32_766 => Err(Absent::Stale),
        -32_765 => Err(Absent::NotMeasured),
        -32_764 => Err(Absent::UnderRange),
        -32_763 => Err(Absent::OverRange),
        -32_762 => Err(Absent::NotCalibrated),
        // -32767 says so, and nobody knows the others.
        ..=-32_001 => Err(Absent::Invalid),
        _ => Ok(i32::from(raw)),
    }
}

impl Field {
    fn read(&self, subrecord: &[u8]) -> Option<Measurement> {
        let status = u32::from_le_bytes(subrecord.get(self.status..self.status + 4)?.try_into().ok()?);
        if status & 1 == 0 {
            return None;
        }
        let vital = self.vital_of(status);
        Some(match value(i16_at(subrecord, self.value)?) {
            Err(reason) => Measurement::absent(vital, reason),
            Ok(raw) => {
                let Some(value) = self.scale.apply(raw, subrecord).map(Quantity::from_thousandths) else {
                    return Some(Measurement::absent(vital, Absent::Invalid));
                };
                // As the monitor has it: a number that no patient could have is the alarm engine's to name.
                Measurement::value(vital, value).with_quality(self.quality(status))
            }
        })
    }

    /// The heart rate of the ECG group may be counted elsewhere: then it is a pulse.
    fn vital_of(&self, status: u32) -> Vital {
        let elsewhere = !SOURCES_OF_ECG.contains(&(status >> 3 & 0x0F));
        if self.vital == Vital::HeartRate && elsewhere { Vital::PulseRate } else { self.vital }
    }

    /// The ECG module marks noise (bit 7), artifact (bit 8) and learning (bit 9) for what it counts.
    fn quality(&self, status: u32) -> Quality {
        if self.vital != Vital::HeartRate {
            return Quality::NONE;
        }
        Quality::QUESTIONABLE
            .when(status & 1 << 7 != 0)
            .union(Quality::ARTIFACT.when(status & 1 << 8 != 0))
            .union(Quality::EARLY.when(status & 1 << 9 != 0))
    }
}

impl Scale {
    fn apply(self, raw: i32, subrecord: &[u8]) -> Option<i32> {
        match self {
            Self::One => raw.checked_mul(1000),
            Self::Tenth => raw.checked_mul(100),
            Self::Hundredth => raw.checked_mul(10),
            Self::OfAmbient => {
                let ambient = i32::from(i16_at(subrecord, AMBIENT).filter(|it| *it > 0)?);
                // 1/100 % × 1/10 mmHg = 10^-5 mmHg; rounded to tenths, halves away from zero.
                let product = raw.checked_mul(ambient)?;
                let half = if product < 0 { -5000 } else { 5000 };
                (product.checked_add(half)? / 10_000).checked_mul(100)
            }
        }
    }
}

pub(super) fn i16_at(bytes: &[u8], at: usize) -> Option<i16> {
    let &[low, high] = bytes.get(at..at + 2)? else { return None };
    Some(i16::from_le_bytes([low, high]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use alloc::vec;

    /// A record of subrecords of these types and classes; `fill` writes into each.
    fn record(subrecords: &[(u8, u8)], fill: impl Fn(&mut [u8])) -> Vec<u8> {
        let mut record = vec![0; HEADER + SUBRECORD * subrecords.len()];
        for (index, (kind, class)) in subrecords.iter().enumerate() {
            let offset = u16::try_from(SUBRECORD * index).unwrap().to_le_bytes();
            record[16 + 3 * index..][..3].copy_from_slice(&[offset[0], offset[1], *kind]);
            let at = HEADER + SUBRECORD * index;
            fill(&mut record[at..at + SUBRECORD]);
            record[at + 277] = *class;
        }
        record[16 + 3 * subrecords.len() + 2] = END;
        record
    }

    fn put(subrecord: &mut [u8], at: usize, value: i16) {
        subrecord[at..at + 2].copy_from_slice(&value.to_le_bytes());
    }

    fn said(record: &[u8]) -> Vec<(Vital, Result<alloc::string::String, Absent>)> {
        let values = displayed(record).and_then(|it| read(&it)).map(|it| it.measurements).unwrap_or_default();
        values.into_iter().map(|it| (it.vital, it.value.map(|it| it.to_string()))).collect()
    }

    #[test]
    fn each_sentinel_is_a_reason_of_its_own() {
        use Absent::{Invalid, NotCalibrated, NotMeasured, OverRange, Stale, UnderRange};
        let reasons = [Invalid, Stale, NotMeasured, UnderRange, OverRange, NotCalibrated];
        for (raw, reason) in (-32_767..).zip(reasons) {
            let record = record(&[(1, 0)], |it| {
                put(it, 90, 3);
                put(it, 96, raw);
            });
            assert_eq!(said(&record), [(Vital::Temperature, Err(reason))], "{raw}");
        }
    }

    #[test]
    fn the_source_of_the_heart_rate_gives_it_its_name() {
        for (source, vital) in [0, 1, 9]
            .map(|it| (it, Vital::HeartRate))
            .into_iter()
            .chain([2, 6, 8, 12].map(|it| (it, Vital::PulseRate)))
        {
            let record = record(&[(1, 0)], |it| {
                put(it, 4, 3 | source << 3);
                put(it, 10, 72);
            });
            let rates: Vec<_> = said(&record).into_iter().filter(|(_, it)| it == &Ok("72".into())).collect();
            assert_eq!(rates, [(vital, Ok("72".into()))], "source {source}");
        }
    }

    #[test]
    fn only_a_labelled_pressure_is_arterial() {
        let labelled = |label: i16, status: i16| {
            said(&record(&[(1, 0)], |it| {
                put(it, 48, status);
                put(it, 52, label);
                for (at, value) in [(54, 12_000), (56, 8_000), (58, 9_300)] {
                    put(it, at, value);
                }
            }))
        };
        let arterial = [
            (Vital::AbpSystolic, Ok("120".into())),
            (Vital::AbpDiastolic, Ok("80".into())),
            (Vital::AbpMean, Ok("93".into())),
        ];
        assert_eq!(labelled(1, 3), arterial);
        assert_eq!(labelled(8, 3), arterial);
        assert_eq!(labelled(2, 3), [(Vital::CvpMean, Ok("93".into()))]);
        for label in [0, 3, 7, 9, 11, 16] {
            assert_eq!(labelled(label, 3), [], "label {label}");
        }
        // No transducer: the channel is there and not in use.
        assert_eq!(labelled(1, 1), []);
    }

    #[test]
    fn the_extensions_have_pressures_temperatures_and_the_mean_airway_pressure() {
        let fill = |it: &mut [u8]| {
            for (at, value) in
                [(96, 3), (100, 8), (102, 12_000), (132, 3), (136, 7), (138, 3250), (18, 3), (26, 1230)]
            {
                put(it, at, value);
            }
        };
        let value = |it: &str| Ok(it.into());
        let invalid = |vital| (vital, Ok("0".into()));
        assert_eq!(
            said(&record(&[(1, 1)], fill)),
            [
                (Vital::AbpSystolic, value("120")),
                invalid(Vital::AbpDiastolic),
                invalid(Vital::AbpMean),
                (Vital::TemperatureSkin, value("32.5")),
            ]
        );
        assert_eq!(said(&record(&[(1, 2)], fill)), []);
        assert_eq!(said(&record(&[(1, 3)], fill)), [(Vital::AirwayPressureMean, value("12.3"))]);
    }

    #[test]
    fn volumes_are_in_the_units_of_the_document() {
        let record = record(&[(1, 0)], |it| {
            for (at, value) in
                [(182, 3), (188, 14), (190, 2100), (192, 500), (194, 1800), (198, 4503), (202, 630)]
            {
                put(it, at, value);
            }
        });
        let of = |vital| said(&record).into_iter().find(|(it, _)| *it == vital).unwrap().1;
        assert_eq!(of(Vital::TidalVolume), Ok("450.3".into()));
        assert_eq!(of(Vital::MinuteVolume), Ok("6.3".into()));
    }

    #[test]
    fn the_displayed_basic_class_is_found_behind_any_other() {
        let fill = |it: &mut [u8]| {
            put(it, 90, 3);
            put(it, 96, 3710);
        };
        let one = [(Vital::Temperature, Ok("37.1".into()))];
        for subrecords in [
            &[(1, 0)][..],
            &[(2, 0), (1, 0)],
            &[(1, 1), (1, 2), (1, 3), (1, 0)],
            &[(1, 0), (1, 1), (1, 2), (1, 3)],
        ] {
            assert_eq!(said(&record(subrecords, fill)), one, "{subrecords:?}");
        }
        for subrecords in [&[(2, 0)][..], &[(3, 0)], &[(4, 0)], &[(1, 1), (1, 2), (1, 3)]] {
            assert_eq!(said(&record(subrecords, fill)), [], "{subrecords:?}");
        }
        let mut alarms = record(&[(1, 0)], fill);
        alarms[14] = 4;
        assert_eq!(said(&alarms), []);
    }
}
