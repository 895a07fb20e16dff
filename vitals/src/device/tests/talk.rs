//! Whatever a device says and whatever the clock does: nothing leaves a driver that its table does not hold.

use alloc::vec::Vec;
use core::time::Duration;

use proptest::prelude::*;

use super::{samples, vectors};
use crate::device::{DeviceModel, driver, permits, setup};
use crate::time::Uptime;

/// What happens to a driver.
#[derive(Debug, Clone)]
enum Event {
    Noise(Vec<u8>),
    Record(u8),
    /// Bytes that some protocol knows, be it this one or another.
    Vector(usize),
    Wait(u64),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..100).prop_map(Event::Noise),
        (0..30_u8).prop_map(Event::Record),
        any::<usize>().prop_map(Event::Vector),
        (0..20_000_u64).prop_map(Event::Wait),
    ]
}

proptest! {
    #[test]
    fn nothing_leaves_a_driver_that_its_table_does_not_hold(
        model in proptest::sample::select(DeviceModel::ALL.to_vec()),
        period in 1..400_u64,
        events in proptest::collection::vec(event(), 1..40),
    ) {
        let vectors = vectors();
        let mut driver = driver(model, Duration::from_secs(period));
        let mut now = Uptime::from_millis(1000);
        for event in events {
            match event {
                Event::Noise(bytes) => driver.handle_bytes(now, &bytes),
                Event::Record(number) => driver.handle_bytes(now, &samples::record(model, number)),
                Event::Vector(index) => driver.handle_bytes(now, &vectors[index % vectors.len()].bytes),
                Event::Wait(millis) => now = now + Duration::from_millis(millis),
            }
            if driver.poll_timeout().is_some_and(|at| at <= now) {
                driver.handle_timeout(now);
            }
            while let Some(message) = driver.poll_transmit() {
                prop_assert!(permits(model, &message), "{model} sent {message:02X?}");
                prop_assert!(!setup::configures(&message), "{model} sent {message:02X?}");
            }
            while driver.poll_reading().is_some() {}
        }
    }
}

#[test]
fn a_driver_that_asks_is_heard_and_its_table_is_closed() {
    let asks = |model: DeviceModel| {
        let mut driver = driver(model, model.period());
        driver.handle_timeout(Uptime::from_millis(1000));
        driver.handle_timeout(Uptime::from_millis(60_000));
        core::iter::from_fn(|| driver.poll_transmit()).count() > 0
    };
    let asking: Vec<&str> =
        DeviceModel::ALL.into_iter().filter(|it| asks(*it)).map(DeviceModel::name).collect();
    assert_eq!(
        asking,
        [
            "ge-s5-dri",
            "contec-v7",
            "nellcor",
            "capnostream",
            "suntech",
            "medibus",
            "intellivue",
            "intellivue-lan",
            "mindray-pds"
        ]
    );
    // What would change a device, start it or ask for what we must not have.
    for (model, message) in [
        (DeviceModel::SunTech, &[0x3A, 0x20, 0xA6][..]),
        (DeviceModel::ContecV7, &[0x7D, 0x81, 0xB1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80]),
        (DeviceModel::NoninDf8, &[0x02, 0x70, 0x02, 0x02, 0x08, 0x03]),
        (DeviceModel::Capnostream, &[0x85, 0x01, 0x02, 0x03]),
        (DeviceModel::Nellcor, &[0x13]),
        // Realtime configuration, a setting, texts, trends, and a command of one device alone.
        (DeviceModel::Medibus, b"\x1BT6F\r"),
        (DeviceModel::Medibus, b"\x1BJ65\r"),
        (DeviceModel::Medibus, b"\x1B*45\r"),
        (DeviceModel::Medibus, b"\x1Bj85\r"),
        (DeviceModel::Medibus, b"\x1B)44\r"),
        // A query for who lies there.
        (DeviceModel::MindrayPds, b"\x0BMSH|^~\\&|||||||QRY^R02|1203|P|2.3.1\rQRF|MON||||0&0^2^1^1^\r\x1C\r"),
        (DeviceModel::IntellivueLan, &[0xE1, 0, 0, 2, 0, 1, 0, 4, 0, 1, 0, 5]),
        (DeviceModel::GeS5Dri, &[0x7E, 0x31, 0x7E]),
    ] {
        assert!(!permits(model, message), "{model}: {message:02X?}");
    }
    // What else is asked for, exactly: limits, alarms and who it is; the alarms that are there now, and not their other modes.
    for code in [0x25, 0x26, 0x27, 0x2E, 0x52] {
        let message = alloc::format!("\x1B{}{:02X}\r", char::from(code), 0x1B + code);
        assert!(permits(DeviceModel::Medibus, message.as_bytes()), "{code:02X}");
    }
    for command in 0..=3 {
        let mut message = alloc::vec![0; 55];
        for (at, byte) in
            [(0, 0x7E), (1, 52), (15, 4), (22, 0xFF), (41, command), (53, 0x37 + command), (54, 0x7E)]
        {
            message[at] = byte;
        }
        assert_eq!(permits(DeviceModel::GeS5Dri, &message), command == 0, "{command}");
    }
}
