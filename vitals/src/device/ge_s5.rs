//! GE Datex-Ohmeda S/5 monitors: the Datex Record Interface ("S/5 Computer Interface").
//!
//! Documents: "S/5 Computer Interface Specification" (M1017617) and "Datex-Ohmeda Record Specification" (8005313); checksum, offsets
//! and scaling confirmed on recorded bytes of a real monitor (`tests/captures/ge_s5_db02.raw`). Line: 19200 8E1 with RTS/CTS.
//! Everything little-endian.
//!
//! The monitor is silent until asked: [`dialogue`] asks for displayed values and for alarms, and asks again when they stop.
//! [`frame`] finds records between flags; [`record`] reads the numbers, [`state`] what stands beside them, [`alarms`] the
//! alarms. Waves are good frames without a vital of ours. Who the monitor is, it does not say on this line.

mod alarms;
mod dialogue;
mod frame;
mod pressure;
mod record;
mod state;
mod temperature;

use alloc::vec::Vec;
use core::time::Duration;

use self::dialogue::Dialogue;
use self::frame::Deframer;
use super::alarms::raised;
use super::outcomes::Outcomes;
use super::{Counts, Driver, Fault};
use crate::notice::Notice;
use crate::reading::Reading;
use crate::time::Uptime;

/// The record of a whole frame, without its checksum.
pub(super) fn unframed(frame: &[u8]) -> Option<Vec<u8>> {
    let (mut deframer, mut out) = (Deframer::default(), Outcomes::default());
    // A frame may begin with the flag that ended the one before it.
    [0x7E].iter().chain(frame).find_map(|byte| deframer.take(*byte, &mut out))
}

/// A record as it goes over the line.
pub(super) fn framed(record: &[u8]) -> Vec<u8> {
    frame::enframe(record)
}

/// Speaks with an S/5 monitor.
#[derive(Debug)]
pub(super) struct GeS5Driver {
    deframer: Deframer,
    dialogue: Dialogue,
    /// Whether the monitor sends alarm records: then they alone say what it raises.
    sends_alarms: bool,
    outcomes: Outcomes,
}

impl GeS5Driver {
    /// A driver that asks for displayed values at this interval; the monitor grants no less than 5 s.
    #[must_use]
    pub(super) fn new(interval: Duration) -> Self {
        Self {
            deframer: Deframer::default(),
            dialogue: Dialogue::new(interval),
            sends_alarms: false,
            outcomes: Outcomes::default(),
        }
    }

    fn handle_record(&mut self, now: Uptime, record: &[u8]) {
        let out = &mut self.outcomes;
        if let Some(alarms) = alarms::read(record) {
            self.sends_alarms = true;
            out.notice(raised(alarms));
        }
        let Some(displayed) = record::displayed(record) else { return };
        let Some(reading) = record::read(&displayed) else { return };
        self.dialogue.handle_values(now, record::level(record));
        // Another monitor: below this level none sends alarm records.
        self.sends_alarms &= record::level(record) >= dialogue::LEVEL_OF_ALARMS;
        out.reading(reading);
        if let Some(apnea) = state::apnea(&displayed) {
            out.notice(Notice::Apnea(apnea));
        }
        if let Some(measuring) = state::cuff(&displayed) {
            out.notice(Notice::CuffInflating(measuring));
        }
        if let Some(severe) = state::arrhythmias(&displayed).filter(|_| !self.sends_alarms) {
            out.notice(raised(severe));
        }
    }
}

impl Driver for GeS5Driver {
    fn handle_bytes(&mut self, now: Uptime, bytes: &[u8]) {
        for byte in bytes {
            if let Some(record) = self.deframer.take(*byte, &mut self.outcomes) {
                self.handle_record(now, &record);
            }
        }
    }

    fn handle_timeout(&mut self, now: Uptime) {
        self.dialogue.handle_timeout(now);
    }

    fn poll_reading(&mut self) -> Option<Result<Reading, Fault>> {
        self.outcomes.poll()
    }

    fn poll_notice(&mut self) -> Option<Notice> {
        self.outcomes.poll_notice()
    }

    fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.dialogue.poll_transmit()
    }

    fn poll_timeout(&self) -> Option<Uptime> {
        Some(self.dialogue.poll_timeout())
    }

    fn counts(&self) -> Counts {
        self.outcomes.counts()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notice::DeviceAlarm;
    use crate::priority::Priority;

    /// A record of displayed values of a level, with a CO2 status, the cuff's label and arrhythmias.
    fn values(level: u8, co2: i16, cuff: i16, arrhythmias: u8) -> Vec<u8> {
        let mut record = alloc::vec![0; 40 + 2 * 278];
        let length = u16::try_from(record.len()).unwrap();
        record[..2].copy_from_slice(&length.to_le_bytes());
        record[3] = level;
        record[16..25].copy_from_slice(&[0, 0, 1, 0x16, 1, 1, 0, 0, 0xFF]);
        record[40 + 76] = 3;
        record[40 + 80..40 + 82].copy_from_slice(&cuff.to_le_bytes());
        record[40 + 136..40 + 138].copy_from_slice(&co2.to_le_bytes());
        let extension = 40 + 278;
        record[extension + 4] = 3;
        record[extension + 16] = arrhythmias;
        record[extension + 277] = 1;
        record
    }

    /// An alarm record with one yellow alarm, or with none.
    fn alarm_record(text: Option<&str>) -> Vec<u8> {
        let mut record = alloc::vec![0; 40 + 510];
        record[..4].copy_from_slice(&[0x26, 0x02, 0, 0x0A]);
        (record[14], record[18], record[21]) = (4, 1, 0xFF);
        if let Some(text) = text {
            record[50..50 + text.len()].copy_from_slice(text.as_bytes());
            record[50 + 82] = 2;
        }
        record
    }

    fn driver() -> GeS5Driver {
        GeS5Driver::new(Duration::from_secs(5))
    }

    fn heard(driver: &mut GeS5Driver, record: &[u8]) -> Vec<Notice> {
        driver.handle_bytes(Uptime::from_millis(1000), &frame::enframe(record));
        core::iter::from_fn(|| driver.poll_notice()).collect()
    }

    fn alarm(code: &str, about: crate::notice::About, priority: Option<Priority>) -> Notice {
        Notice::Alarms(alloc::vec![DeviceAlarm { code: code.into(), about, priority }])
    }

    #[test]
    fn the_bits_beside_the_values_are_told_and_alarm_records_outrank_them() {
        use crate::notice::About::{Patient, Unknown};
        let mut driver = driver();
        let none = Notice::Alarms(Vec::new());
        let first = [Notice::Apnea(false), Notice::CuffInflating(false), none.clone()];
        assert_eq!(heard(&mut driver, &values(9, 3, 0x0B, 0)), first);
        assert_eq!(heard(&mut driver, &values(9, 3 | 1 << 2, 0x0B, 0)), [Notice::Apnea(true)]);
        assert_eq!(heard(&mut driver, &values(9, 3 | 1 << 2 | 1 << 8, 0x0B, 0)), [Notice::Apnea(false)]);
        assert_eq!(
            heard(&mut driver, &values(9, 3 | 1 << 7, 0x2B, 0)),
            [Notice::Apnea(true), Notice::CuffInflating(true)]
        );
        let asystole = alarm("ASYSTOLE", Patient, None);
        assert_eq!(heard(&mut driver, &values(9, 3 | 1 << 7, 0x2B, 1)), [asystole]);
        assert_eq!(
            heard(&mut driver, &values(9, 3 | 1 << 7, 0x2B, 0xF0)),
            core::slice::from_ref(&none),
            "none of the severe"
        );
        let record = alarm_record(Some("HR LOW"));
        assert_eq!(heard(&mut driver, &record), [alarm("HR LOW", Unknown, Some(Priority::Medium))]);
        assert_eq!(heard(&mut driver, &values(10, 3 | 1 << 7, 0x2B, 1)), []);
        let mut damaged = frame::enframe(&alarm_record(None));
        damaged[60] ^= 1;
        driver.handle_bytes(Uptime::from_millis(1000), &damaged);
        assert_eq!(driver.poll_notice(), None);
        assert_eq!(heard(&mut driver, &alarm_record(None)), [none]);
    }

    #[test]
    fn asystole_is_told_by_the_ecg_of_a_monitor_without_arrhythmia_analysis_too() {
        use crate::notice::About::Patient;
        let asystole = alarm("ASYSTOLE", Patient, None);
        let ecg = |status: u8, analysis: u8| {
            let mut record = values(9, 3, 0x0B, analysis);
            record[44] = status;
            record
        };
        for (status, analysis, expected) in [
            (0b111, 0, Some(asystole.clone())),
            // Both say so: it is one.
            (0b111, 1, Some(asystole)),
            (0b011, 0, Some(Notice::Alarms(Vec::new()))),
            // It exists, and does not measure.
            (0b101, 0, Some(Notice::Alarms(Vec::new()))),
        ] {
            let told = heard(&mut driver(), &ecg(status, analysis));
            let alarms = told.into_iter().find(|it| matches!(it, Notice::Alarms(_)));
            assert_eq!(alarms, expected, "{status:b}, {analysis}");
        }
        // Without analysis and without an ECG nothing is said of either.
        let mut record = ecg(0, 0);
        record[40 + 278 + 4] = 0;
        assert!(!heard(&mut driver(), &record).iter().any(|it| matches!(it, Notice::Alarms(_))));
    }

    #[test]
    fn only_a_monitor_that_can_send_alarms_is_asked_for_them() {
        for (level, asked) in [(0, 0), (9, 0), (10, 1), (11, 1)] {
            let mut driver = driver();
            driver.handle_timeout(Uptime::from_millis(1));
            while driver.poll_transmit().is_some() {}
            heard(&mut driver, &values(level, 3, 0, 0));
            driver.handle_timeout(Uptime::from_millis(1001));
            assert_eq!(core::iter::from_fn(|| driver.poll_transmit()).count(), asked, "level {level}");
        }
    }
}
