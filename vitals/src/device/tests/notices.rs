//! What devices say beside their readings: two states of each, in bytes written by hand from the documents.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::{hear, samples};
use crate::device::DeviceModel;
use crate::notice::{DeviceAlarm, Notice};

/// Two records of a model that say different things beside readings; none of a model that says none.
fn states(model: DeviceModel) -> Vec<Vec<u8>> {
    match model {
        DeviceModel::NoninDf2
        | DeviceModel::NoninDf7
        | DeviceModel::NoninAscii
        | DeviceModel::ContecV7
        | DeviceModel::Bci
        | DeviceModel::IvyAnsarB => Vec::new(),
        DeviceModel::NoninDf8 => [0, 1].map(|low| alloc::vec![0x80, 72, 97, low]).into(),
        DeviceModel::NoninDf13 => [0, 1].map(spot).into(),
        DeviceModel::MasimoAscii1 => ["0000093112", "----------"].map(masimo).into(),
        DeviceModel::GeS5Dri => [&[("HR LOW", 2_u8)][..], &[]].map(alarm_record).into(),
        DeviceModel::Nellcor => ["PH LB", ""].map(nellcor).into(),
        DeviceModel::Capnostream => [(0x01, 0x80), (0x04, 0x00)].map(numerics).into(),
        DeviceModel::SunTech => {
            [&[0x3E, 5, 0x96, 0, 0x27][..], &[0x3E, 4, 0x4B, 0x73]].map(Into::into).into()
        }
        DeviceModel::Medibus => ["'N98APNEA EVITA ", "'502SpO2 PULSE L"].map(medibus).into(),
        DeviceModel::Intellivue => [0x0028, 0x0C00].map(|it| samples::framed(&alarm_list(it))).into(),
        DeviceModel::IntellivueLan => [0x0028, 0x0C00].map(alarm_list).into(),
        DeviceModel::MindrayPds => ["OBX||CE|2|1|10033^**SpO2 TOO HIGH||||||F\r", ""].map(mindray).into(),
    }
}

/// Both states, over and over.
pub(super) fn stream(model: DeviceModel) -> Vec<u8> {
    states(model).concat().repeat(4)
}

fn spot(low: u8) -> Vec<u8> {
    let data = [0x20, 0x18, 0x07, 0x26, 0x17, 0x06, 0x05, 0, 2, low, 0, 72, 0, 97];
    let sum = data.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    [&[0, 2, 0, 0x0D, 0, 0x0E], &data[..], &[sum, 3]].concat()
}

fn masimo(serial: &str) -> Vec<u8> {
    format!("03/17/16 19:19:36 SN={serial} SPO2=098% BPM=123 PI=00.55 ALARM=000000 EXC=0000C00\r\n")
        .into_bytes()
}

fn nellcor(status: &str) -> Vec<u8> {
    format!("12-NOV-98 14:00:05     100    120    50    {status}\r\n").into_bytes()
}

fn alarm_record(boxes: &[(&str, u8)]) -> Vec<u8> {
    let mut record = alloc::vec![0; 40 + 510];
    record[..4].copy_from_slice(&[0x26, 0x02, 7, 0x0A]);
    (record[14], record[18], record[21], record[42]) = (4, 1, 0xFF, 1);
    for (index, (text, colour)) in boxes.iter().enumerate() {
        let at = 50 + 98 * index;
        record[at..at + text.len()].copy_from_slice(text.as_bytes());
        record[at + 82] = *colour;
    }
    samples::flagged(record)
}

fn numerics((co2, extended): (u8, u8)) -> Vec<u8> {
    let mut body = alloc::vec![28, 1, 0x5B, 0x63, 0x15, 0x7C, 38, 1, 14, 96, 85, 0, 0, 0, 0, co2, 4, 0];
    body.extend([60, 15, 30, 5, 8, 100, 92, 120, 50, 1, extended]);
    body.push(body.iter().fold(0, |sum, byte| sum ^ byte));
    let escaped = body.iter().flat_map(|byte| match byte {
        0x80 | 0x85 => alloc::vec![0x80, byte & 0x7F],
        byte => alloc::vec![*byte],
    });
    core::iter::once(0x85).chain(escaped).collect()
}

fn medibus(alarms: &str) -> Vec<u8> {
    let body = format!("\u{1}{alarms}");
    let sum = body.bytes().fold(0, u8::wrapping_add);
    format!("{body}{sum:02X}\r").into_bytes()
}

/// The result of a poll for alarms with one of the patient's, of high priority, about the saturation.
fn alarm_list(code: u16) -> Vec<u8> {
    let mut entry = alloc::vec![0x4B, 0xB8];
    entry.extend(code.to_be_bytes());
    entry.extend([0x04, 0x00, 0, 0, 0x00, 0x06, 0, 0, 0, 0x55, 0x02, 0x01, 0, 10]);
    entry.extend([0, 1, 0, 2, 0, 0, 0, 0, 0x40, 0]);
    let within =
        |count: u8, body: &[u8]| [&[0, count, 0, u8::try_from(body.len()).unwrap()][..], body].concat();
    let of_length =
        |head: &[u8], body: &[u8]| [head, &[0, u8::try_from(body.len()).unwrap()][..], body].concat();
    let attributes =
        [of_length(&[0x09, 0x02], &within(1, &entry)), of_length(&[0x09, 0x04], &within(0, &[]))].concat();
    let object = [&[0, 1][..], &within(2, &attributes)].concat();
    let context = [&[0, 0][..], &within(1, &object)].concat();
    let mut reply = alloc::vec![0, 1, 0, 0x11, 0x22, 0x33, 0x20, 0x18, 0x08, 0x02, 0x14, 0x30, 0x20, 0];
    reply.extend([0, 1, 0, 0x36, 0, 0]);
    reply.extend(within(1, &context));
    let action = of_length(&[0, 0x21, 0, 0, 0, 0, 0x0C, 0x16], &reply);
    let result = of_length(&[0, 1, 0, 7], &action);
    of_length(&[0xE1, 0, 0, 2, 0, 2], &result)
}

fn mindray(segments: &str) -> Vec<u8> {
    format!("\u{B}MSH|^~\\&|||||||ORU^R01|54|P|2.3.1|\r{segments}\u{1C}\r").into_bytes()
}

fn notices(model: DeviceModel, bytes: &[u8]) -> Vec<Notice> {
    hear(model, bytes, &[bytes.len().max(1)]).notices
}

#[test]
fn each_device_that_says_something_beside_its_readings_is_heard_and_says_it_once() {
    for model in DeviceModel::ALL.into_iter().filter(|it| !states(*it).is_empty()) {
        let [first, second] = states(model).try_into().unwrap();
        let said = notices(model, &first);
        assert!(!said.is_empty(), "{model}");
        assert_eq!(notices(model, &[&first[..], &first, &first].concat()), said, "{model}");
        let both = notices(model, &[&first[..], &second].concat());
        assert!(both.len() > said.len() || model == DeviceModel::MasimoAscii1, "{model}: {both:?}");
        assert_eq!(both[..said.len()], said, "{model}");
    }
}

#[test]
fn nothing_of_a_patient_and_nothing_that_cannot_be_printed_is_in_a_notice() {
    let patient = "PID|||9917||DOE^JANE||19610305|F\rPV1||I|^^ICU&7&1||||||||||||||||A|||\r\
                   OBX||CE|2|1|10033^**SpO2 TOO HIGH||||||F\r";
    let mut said = notices(DeviceModel::MindrayPds, &mindray(patient));
    for model in DeviceModel::ALL {
        said.extend(notices(model, &[stream(model), samples::records(model, 6).concat()].concat()));
    }
    let codes: Vec<String> = said
        .into_iter()
        .flat_map(|it| match it {
            Notice::Alarms(alarms) => alarms.into_iter().map(|it| it.code).collect(),
            Notice::Identity(it) => {
                [it.make, it.model, it.serial, it.software].into_iter().flatten().collect()
            }
            Notice::Limits(_) | Notice::BatteryLow(_) | Notice::Apnea(_) | Notice::CuffInflating(_) => {
                Vec::new()
            }
        })
        .collect();
    assert!(codes.len() > 8, "{codes:?}");
    for code in codes {
        assert!(
            code.len() <= DeviceAlarm::CODE_MAX && code.bytes().all(|it| (b' '..=b'~').contains(&it)),
            "{code}"
        );
        assert!(!["DOE", "JANE", "9917", "1961"].iter().any(|it| code.contains(it)), "{code}");
    }
}

/// Formats whose frames have a checksum, and something to say beside readings.
const SUMMED: [DeviceModel; 6] = [
    DeviceModel::NoninDf13,
    DeviceModel::GeS5Dri,
    DeviceModel::Capnostream,
    DeviceModel::SunTech,
    DeviceModel::Medibus,
    DeviceModel::Intellivue,
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_wrong_bit_makes_no_wrong_notice_where_there_is_a_sum(
        model in proptest::sample::select(SUMMED.to_vec()),
        at in any::<prop::sample::Index>(),
        bit in 0..8_u8,
    ) {
        let mut bytes = stream(model);
        let right = notices(model, &bytes);
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        for notice in notices(model, &bytes) {
            prop_assert!(right.contains(&notice), "{model}, byte {at}, bit {bit}: {notice:?}");
        }
    }
}
