//! What a Capnostream says beside its numbers: its alarms, its battery, and who it is.
//!
//! The alarm bits name their alarm and not how urgent it is. The bits of slow status (silenced, audible) and the others of
//! extended status (check calibration, check flow, pump off) are no alarms. `No breath` is both an alarm and apnea.

use crate::device::alarms::{alarm, name, raised};
use crate::device::outcomes::Outcomes;
use crate::notice::{About, DeviceIdentity, Notice};
use crate::priority::Direction::{High, Low};
use crate::vital::Vital;

/// CO2 alarms: the first is apnea.
const CO2: [(u8, &str, About); 6] = [
    (NO_BREATH, "NO BREATH", About::Apnea),
    (0x02, "ETCO2 HIGH", About::Limit(Vital::Etco2, High)),
    (0x04, "ETCO2 LOW", About::Limit(Vital::Etco2, Low)),
    (0x08, "RR HIGH", About::Limit(Vital::RespRateCo2, High)),
    (0x10, "RR LOW", About::Limit(Vital::RespRateCo2, Low)),
    (0x20, "FICO2 HIGH", About::Limit(Vital::Fico2, High)),
];
const NO_BREATH: u8 = 0x01;

/// SpO2 alarms.
const SPO2: [(u8, &str, About); 7] = [
    (0x01, "PULSE NOT FOUND", About::Patient),
    (0x02, "SPO2 HIGH", About::Limit(Vital::Spo2, High)),
    (0x04, "SPO2 LOW", About::Limit(Vital::Spo2, Low)),
    (0x08, "PULSE RATE HIGH", About::Limit(Vital::PulseRate, High)),
    (0x10, "PULSE RATE LOW", About::Limit(Vital::PulseRate, Low)),
    (0x20, "SPO2 SENSOR OFF", About::Equipment),
    (0x40, "SPO2 SENSOR DISCONNECTED", About::Equipment),
];

/// Of extended status.
const BATTERY_LOW: u8 = 0x80;

/// What the bits of a frame of numbers say: CO2 alarms, SpO2 alarms, extended status.
pub(super) struct Bits {
    pub(super) co2: u8,
    pub(super) spo2: u8,
    pub(super) extended: u8,
}

impl Bits {
    pub(super) fn tell(&self, out: &mut Outcomes) {
        let of = |bits: u8, table: &'static [(u8, &'static str, About)]| {
            table.iter().filter(move |(bit, ..)| bits & bit != 0)
        };
        let all = of(self.co2, &CO2).chain(of(self.spo2, &SPO2));
        out.notice(raised(all.filter_map(|(_, code, about)| alarm(code, *about, None))));
        out.notice(Notice::Apnea(self.co2 & NO_BREATH != 0));
        out.notice(Notice::BatteryLow(self.extended & BATTERY_LOW != 0));
    }
}

/// Who the device is, of a frame of code 4: `V45.67 02/24/2008 B355987654`, the version of its software, the day of it, and its
/// serial number; `None` for any other text.
pub(super) fn identity(payload: &[u8]) -> Option<DeviceIdentity> {
    let text = core::str::from_utf8(payload).ok()?;
    let mut words = text.strip_prefix('V')?.split_ascii_whitespace();
    let (software, _day, serial) = (words.next()?, words.next()?, words.next()?);
    let plain = |it: &str| it.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
    if words.next().is_some() || !plain(software) || !plain(serial) {
        return None;
    }
    let (software, serial) = (name(software.as_bytes()), name(serial.as_bytes()));
    Some(DeviceIdentity { serial, software, ..DeviceIdentity::default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;
    use alloc::vec::Vec;

    fn said(co2: u8, spo2: u8, extended: u8) -> (Vec<(String, About)>, Vec<Notice>) {
        let mut out = Outcomes::default();
        Bits { co2, spo2, extended }.tell(&mut out);
        let Some(Notice::Alarms(alarms)) = out.poll_notice() else { panic!("no alarms") };
        let rest = core::iter::from_fn(|| out.poll_notice()).collect();
        (alarms.into_iter().map(|it| (it.code, it.about)).collect(), rest)
    }

    #[test]
    fn each_bit_is_its_alarm() {
        for (bit, code, about) in CO2 {
            assert_eq!(said(bit, 0, 0).0, [(code.into(), about)]);
        }
        for (bit, code, about) in SPO2 {
            assert_eq!(said(0, bit, 0).0, [(code.into(), about)]);
        }
        assert_eq!(said(0xC0, 0x80, 0x07).0, []);
        assert_eq!(said(0, 0, 0).1, [Notice::Apnea(false), Notice::BatteryLow(false)]);
        assert_eq!(said(1, 0, 0x80).1, [Notice::Apnea(true), Notice::BatteryLow(true)]);
    }

    #[test]
    fn a_device_says_who_it_is() {
        let it = identity(b"V45.67 02/24/2008 B355987654  ").unwrap();
        assert_eq!((it.software.as_deref(), it.serial.as_deref()), (Some("45.67"), Some("B355987654")));
        for other in
            [&b""[..], b"V45.67 02/24/2008", b"45.67 02/24/2008 B355987654", b"V\xFF", b"V1 2 3 JANE"]
        {
            assert_eq!(identity(other), None);
        }
    }
}
