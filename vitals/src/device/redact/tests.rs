//! Names and numbers in every format, at every split; clean streams that still say all they said; and what is no frame.

use alloc::string::String;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::device::{ge_s5, intellivue};
use crate::reading::Reading;

fn redact(model: DeviceModel, bytes: &[u8], piece: usize) -> (Vec<u8>, LeftOut) {
    let mut redactor = Redactor::new(model);
    let mut kept = Vec::new();
    for piece in bytes.chunks(piece.max(1)) {
        kept.extend(redactor.handle_bytes(piece));
    }
    redactor.handle_end();
    (kept, redactor.left_out())
}

fn readings(model: DeviceModel, bytes: &[u8]) -> Vec<Reading> {
    let mut driver = driver(model, model.period());
    driver.handle_bytes(Uptime::ZERO, bytes);
    driver.handle_end();
    core::iter::from_fn(|| driver.poll_reading()).filter_map(Result::ok).collect()
}

fn authored(model: DeviceModel) -> Vec<u8> {
    let captures = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/captures/authored");
    std::fs::read(captures.join(alloc::format!("{model}.raw"))).unwrap()
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|it| it == text.as_bytes())
}

#[test]
fn a_clean_stream_says_what_it_said_and_nothing_of_it_is_left_out() {
    for model in DeviceModel::ALL {
        let stream = authored(model);
        let (kept, _) = redact(model, &stream, stream.len());
        assert_eq!(readings(model, &kept), readings(model, &stream), "{model}");
        assert!(!holds(&kept, "DOE") && !holds(&kept, "93112"), "{model}");
    }
}

#[test]
fn a_name_between_two_frames_does_not_pass() {
    for model in DeviceModel::ALL {
        let stream = authored(model);
        let frame = stream.len() / 30;
        let (before, behind) = stream.split_at(frame * 10);
        let stream = [before, b"JANE DOE, MRN 4711 0815\r\n", behind].concat();
        let (kept, left_out) = redact(model, &stream, 7);
        assert!(!holds(&kept, "JANE") && !holds(&kept, "4711"), "{model}");
        assert!(left_out.bytes >= 20, "{model}: {left_out:?}");
        assert!(readings(model, &kept).len() >= 15, "{model}: {left_out:?}");
    }
}

#[test]
fn another_device_than_was_said_gives_nothing_to_read() {
    for model in DeviceModel::ALL.into_iter().filter(|it| *it != DeviceModel::MindrayPds) {
        let (kept, _) = redact(model, &authored(DeviceModel::MindrayPds), 100);
        assert!(!holds(&kept, "DOE"), "{model}");
    }
}

#[test]
fn words_that_are_not_known_become_zeros_or_go() {
    for (model, line, kept) in [
        (
            DeviceModel::MasimoAscii1,
            "03/17/16 19:19:36 SN=0000093112 SPO2=098% BPM=123 PI=00.55 EXC=0000C00\r",
            "03/17/16 19:19:36 SN=0000000000 SPO2=098% BPM=123 PI=00.55 EXC=0000C00\r",
        ),
        (
            DeviceModel::MasimoAscii1,
            "03/17/16 19:19:36 SPO2=098% BPM=123 PATIENT=Doe-4711 EXC=0000C00\r",
            "03/17/16 19:19:36 SPO2=098% BPM=123 X=000-0000 EXC=0000C00\r",
        ),
        (
            DeviceModel::Nellcor,
            "12-NOV-98 14:00:05     100    120    50\r",
            "12-NOV-98 14:00:05     100    120    50\r",
        ),
        (DeviceModel::Nellcor, "Jane Doe VERSION 4711\r", ""),
        (
            DeviceModel::MindrayPds,
            "\u{B}MSH|^~\\&|MON|ST MARY|||2026||ORU^R01|204|P|2.3.1|\rPID|||9917||DOE^JANE\rNK1|1|DOE^JOHN\r\
             OBR||||DR WHO|||20070106191910\rOBX||NM|101^HR|2101|60||||||F|||2007|ST MARY|DR WHO\r\
             OBX||ST|9^Note||DOE||||||F\r\u{1C}",
            "\u{B}MSH|^~\\&|||||||ORU^R01|204|P|2.3.1|\rOBR|||||||20070106191910\r\
             OBX||NM|101^HR|2101|60||||||F|||2007||\rOBX||ST|9^Note||||||||F\r\u{1C}\r",
        ),
        // A device id, and a text message.
        (DeviceModel::Medibus, "\u{1}R0161'ICE'04.03      EF\r", ""),
    ] {
        for piece in 1..line.len() {
            let (found, _) = redact(model, line.as_bytes(), piece);
            assert_eq!(String::from_utf8(found).unwrap(), kept, "{model} in pieces of {piece}");
        }
    }
}

#[test]
fn a_plug_of_the_network_becomes_nothing_and_the_sum_is_right() {
    let frame = &authored(DeviceModel::GeS5Dri)[..];
    let end = frame.iter().skip(1).position(|it| *it == 0x7E).unwrap() + 2;
    let mut record = ge_s5::unframed(&frame[..end]).unwrap();
    (record[4], record[5]) = (0x47, 0x11);
    let (kept, left_out) = redact(DeviceModel::GeS5Dri, &ge_s5::framed(&record), 11);
    (record[4], record[5]) = (0, 0);
    assert_eq!((kept, left_out.bytes), (ge_s5::framed(&record), 0));
    // Records of another kind are not known.
    record[14] = 8;
    let (kept, left_out) = redact(DeviceModel::GeS5Dri, &ge_s5::framed(&record), 11);
    assert_eq!((kept.len(), left_out.frames), (0, 1));
}

/// A poll's result of one object of this class, with these attributes.
fn result(class: u16, attributes: &[(u16, &[u8])]) -> Vec<u8> {
    let with_length = |bytes: &[u8]| [&u16::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat();
    let list = |count: usize, bytes: &[u8]| {
        [&u16::try_from(count).unwrap().to_be_bytes()[..], &with_length(bytes)].concat()
    };
    let avas: Vec<u8> = attributes
        .iter()
        .flat_map(|(id, value)| [id.to_be_bytes().to_vec(), with_length(value)].concat())
        .collect();
    let object = [&[0, 7][..], &list(attributes.len(), &avas)].concat();
    let context = [&[0, 0][..], &list(1, &object)].concat();
    let head = [0, 1, 0, 0, 0, 9, 0x20, 0x18, 8, 2, 0x14, 0x30, 0x20, 0, 0, 1];
    let data = [&head[..], &class.to_be_bytes(), &[0, 0], &list(1, &context)].concat();
    let action = [&[0, 0x21, 0, 0, 0, 0, 0x0C, 0x16][..], &with_length(&data)].concat();
    let invoke = [&[0, 1, 0, 7][..], &with_length(&action)].concat();
    [&[0xE1, 0, 0, 2, 0, 2][..], &with_length(&invoke)].concat()
}

#[test]
fn who_the_patient_is_becomes_zeros_of_its_length() {
    let name: &[u8] = b"\0\x06D\0O\0E\0";
    let value: &[u8] = &[0x4B, 0xB8, 0, 0, 2, 0x20, 0, 0, 0, 0x61];
    let patient = result(0x002A, &[(0x095C, name), (0x095A, b"4711"), (0x0950, value)]);
    let (kept, left_out) = redact(DeviceModel::IntellivueLan, &patient, 5);
    assert_eq!(kept, result(0x002A, &[(0x095C, &[0; 8]), (0x095A, &[0; 4]), (0x0950, &[0; 10])]));
    assert_eq!(left_out, LeftOut::default());
    let numeric = result(0x0006, &[(0x0950, value), (0x0927, name), (0x091E, b"BED 7")]);
    let expected = result(0x0006, &[(0x0950, value), (0x0927, &[0; 8]), (0x091E, &[0; 5])]);
    assert_eq!(redact(DeviceModel::IntellivueLan, &numeric, 1).0, expected);
    let (kept, _) = redact(DeviceModel::Intellivue, &intellivue::framed(&numeric), 3);
    assert_eq!(kept, intellivue::framed(&expected), "with a checksum of its own");
    // A result of something that is never asked for.
    let mut other = numeric;
    other[11] = 3;
    assert_eq!(redact(DeviceModel::IntellivueLan, &other, 9).0.len(), 0);
}

proptest! {
    #[test]
    fn any_split_gives_the_same(
        model in proptest::sample::select(DeviceModel::ALL.to_vec()),
        piece in 1..200_usize,
        at in any::<prop::sample::Index>(),
        noise in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let mut stream = authored(model);
        stream.truncate(3000);
        let at = at.index(stream.len());
        stream.splice(at..at, noise);
        prop_assert_eq!(redact(model, &stream, piece), redact(model, &stream, stream.len()));
    }
}
