//! Bytes as they stand on disk: what was written once must be read for ever, and no change of the format goes unnoticed.
//!
//! The vectors were made outside this program, from `docs/storage-format.md` and with the zstd command. Who must change
//! one has made a new format: give it a number, keep these, and add its own.

use vitals::reading::Mode;
use vitals::record::ledger::{Gap, GapReason};
use vitals::time::Uptime;

use super::Item;
use super::facts::{Naming, gap};
use super::frame::{Head, Kind, assemble, encode, parse};
use super::generation::Key;
use super::{pack, records};
use crate::envelope::{Envelope, Lane};

/// Version 1, no dictionary: two readings with their whole bodies.
const V1: &str = "d7574c4601520100720d0000000100000002000000000002d093000000000002d094000002c9022d4bf30000013a37663361\
     396332312d3538653128b52ffd00588d0900161441308035690e33c0d8ac4c8c489801608da3d54d44089b107a62f665f736\
     af1126a1536277b3b69b08697bbaa12b55ffbf0d3800310032008c634a55583b86620d3aded2d0288b82a03c3fcaa7b36861\
     2154c6d775619d776574fe9b1d81f6928100cd52f5b9923eb34081306002802297352a86550d9151c7a79fdfb0428f7d7ab3\
     54333c356631d61607dfcec703f4c48768fbf4f329549f7e6943ded39b0613f3d14b14f8e9b12195b0e73bc0c7814f4f588c\
     b6588bd7c26e1d2c4d31a61a6db5f3ef7bc48e64c3ae4fef483ae7777ce6538dc32de704b8a56adf9e32e2315010084c1626\
     8d710dc3f830cea7533995f3afa4d0d372fc869c173dbdefab8f5b5f47ceef0f0020e2e06c69c88c01803bd0318008e03cc8\
     662bcf44b032e63423f6b06683be570d51aa233945a828b073be98";

/// Version 2, dictionary 1: the same readings without their usual beginning.
const V2: &str = "d7574c4602520101720d0000000100000002000000000002d093000000000002d094000001c7898ed8100000005737663361\
     396332312d3538653128b52ffd0058750200f800c4a6f258080a3705cb01303737312d3233323530305d7d0103080bcc3937\
     10f000a29a17ed4630ea6e5fde3184011b8f51f343905c095a7367c2896373e40e067faa069f9fe0bb6c40c1f03f5501bb26";

/// Version 2, an alarm record that does not get smaller.
const PLAIN: &str = "d7574c4602520000610d0000000100000001000000000000000700000000000000070000000ae623e5c70000000a37663361\
     396332312d3538653100800105016b03616263bb4e9bca";

/// The same alarm record, and the two behind it merged away.
const MERGED: &str = "d7574c4602520000610d000000010000000100000000000000070000000000000009000000150ed1f6fb0000001537663361\
     396332312d3538653100800105016b03616263010410056963752d33020c0e1f1b76";

fn bytes(hex: &str) -> Vec<u8> {
    hex.as_bytes()
        .chunks(2)
        .map(|it| u8::from_str_radix(std::str::from_utf8(it).unwrap(), 16).unwrap())
        .collect()
}

fn reading(seq: u64, up: u64, key: &str, bed: &str, value: u32) -> Envelope {
    let body = format!(
        r#"{{"schema":"vitals.readings.v1","id":"icu-3/7f3a9c21-58e1/r/{seq}","agent":"icu-3","run":"7f3a9c21-58e1","seq":{seq},"up_ms":{up},"bed":"{bed}","source":"{key}","device":"ge-s5-dri","mode":"live","received_at":"2026-11-23T08:30:00.250Z","clock":"synced","vitals":[{{"name":"heart_rate","value":{value},"unit":"/min","mdc":147842}}]}}"#
    );
    let (up, key, body) = (Uptime::from_millis(up), key.into(), body.into_bytes().into());
    Envelope { seq, up, mode: Mode::Live, late: false, key, body }
}

#[test]
fn frames_of_every_version_are_read() {
    let expected = [
        reading(184_467, 93_211_042, "monitor-07", "icu-3-07", 80),
        reading(184_468, 93_211_040, "oximeter-08", "icu-3-08", 97),
    ];
    for (version, hex) in [(1, V1), (2, V2)] {
        let frame = bytes(hex);
        assert_eq!(frame[4], version);
        let (head, raw) = assemble(&[parse(&frame).unwrap()]).unwrap();
        let expected = expected.clone().map(Item::Record);
        assert_eq!(records::decode(&head, &raw).unwrap(), expected, "version {version}");
        let (run, lane) = (&*head.run, head.lane);
        assert_eq!((run, lane, head.kind), ("7f3a9c21-58e1", Lane::Readings, Kind::Records));
        assert_eq!((head.count, head.first, head.last), (2, 184_467, 184_468));
    }
}

#[test]
fn what_is_written_has_this_format() {
    let naming = Naming { agent: "icu-3".into(), run: "7f3a9c21-58e1".into(), lane: Lane::Alarms };
    let (key, body) = ("k".into(), b"abc".to_vec().into());
    let envelope =
        Envelope { seq: 7, up: Uptime::from_millis(64), mode: Mode::Simulated, late: true, key, body };
    let mut raw = Vec::new();
    let before = records::encode(&mut raw, &naming.run, (7, 0), &Item::Record(envelope));
    let head: Head = pack::head(&naming, Kind::Records, 1, (7, 7));
    assert_eq!(encode(&head, &raw), [bytes(PLAIN)]);
    let (from, to) = (Some(Uptime::from_millis(66)), Some(Uptime::from_millis(72)));
    let merged = gap(&naming, &naming.run, (8, 9), GapReason::Merged);
    let merged = Item::Gap(Gap { from_up_ms: from, to_up_ms: to, ..merged });
    records::encode(&mut raw, &naming.run, before, &merged);
    let head = pack::head(&naming, Kind::Records, 1, (7, 9));
    assert_eq!(encode(&head, &raw), [bytes(MERGED)]);
    assert_eq!(records::decode(&head, &raw).unwrap()[1], merged);
    let same = reading(184_467, 93_211_042, "monitor-07", "icu-3-07", 80);
    let mut raw = Vec::new();
    records::encode(&mut raw, "7f3a9c21-58e1", (184_467, 0), &Item::Record(same));
    let (_, expected) = assemble(&[parse(&bytes(V2)).unwrap()]).unwrap();
    assert!(expected.starts_with(&raw), "entries have another form than they had");
}

#[test]
fn keys_sort_by_number_kind_and_part() {
    let key = Key { seq: 0x0102_0304_0506_0708, kind: Kind::Records, part: 0x090A };
    assert_eq!(key.to_bytes(), *b"\x01\x02\x03\x04\x05\x06\x07\x08R\x09\x0A");
    assert_eq!(Key::special(Kind::State, 1).to_bytes(), *b"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFFS\x00\x01");
    let letters = [Kind::Records, Kind::Gap, Kind::State, Kind::Manifest, Kind::Cursor, Kind::Facts];
    assert_eq!(letters.map(Kind::letter), *b"RGSMCF");
}
