//! Mindray monitors: the patient data share (PDS), HL7 v2.3.1 in MLLP over TCP.
//!
//! Document: Mindray PDS HL7 programmer's guide, as far as its pages are public: messages 204 (periodic), 503 (aperiodic,
//! the cuff), 205 (limits), 106 (keep alive), and 54 and 56 (alarms) as public code has them. TCP port 4601; the monitor is the
//! server.
//!
//! ```text
//! 0B  MSH|^~\&|||||||ORU^R01|204|P|2.3.1|  CR  OBX||NM|101^HR|2101|60||||||F  CR  …  1C 0D
//! ```
//!
//! A monitor sends values when it has been asked for them (1203), as public clients of several makers' hands show it.
//!
//! There is no checksum. A message is read a segment at a time, and only MSH and OBX are kept for the time of reading:
//! names and numbers of patients (PID, PV1) are passed over as they come, and the name of a monitor, in OBR, with them.

mod alarm;
mod segment;

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use self::segment::{List, Message, Segment};
use super::codec::Codec;
use super::measured;
use super::outcomes::Outcomes;
use super::schedule::Phrases;
use super::{Fault, alarms};
use crate::notice::DeviceAlarm;

/// How a message begins.
const VT: u8 = 0x0B;
/// How it ends; a CR follows.
const FS: u8 = 0x1C;
const CR: u8 = 0x0D;
/// A longer segment holds no number: it is passed over.
const SEGMENT_MAX: usize = 512;
/// More segments than any bed has parameters.
const SEGMENTS_MAX: usize = 1000;

/// Message 1203: send the values of these parameters as they come, and all alarms. A list has fewer than five numbers; that
/// of all parameters some monitors take, and then send none. The date is the guide's own: the monitor does not look at it.
const QUERY: &[u8] = b"\x0BMSH|^~\\&|||||||QRY^R02|1203|P|2.3.1\rQRD|20060731145557|R|I|Q895211|||||RES\r\
    QRF|MON||||0&0^1^1^0^101&151&160&161\rQRF|MON||||0&0^1^1^0^170&171&172&200\r\
    QRF|MON||||0&0^3^1^1^\rQRF|MON||||0&0^4^1^1^\r\x1C\r";

/// Until it has been asked a monitor sends no value. Message 106: the link is alive.
const PHRASES: Phrases = Phrases {
    opening: &[QUERY],
    at_once: true,
    patience: Duration::from_secs(10),
    repeated: Some((b"\x0BMSH|^~\\&|||||||ORU^R01|106|P|2.3.1|\r\x1C\r", Duration::from_secs(2))),
};

/// Reads messages.
#[derive(Debug, Default)]
pub(super) struct MindrayCodec {
    /// The message at hand; `None` outside any.
    message: Option<Message>,
    segment: Vec<u8>,
    segments: usize,
    /// A stray start has cut the message at hand out of one that is counted already.
    is_counted: bool,
    /// What the monitor raises of the patient, and of the equipment.
    physiological: Vec<DeviceAlarm>,
    technical: Vec<DeviceAlarm>,
    /// Bytes outside any message.
    stray: usize,
    /// Whether a message has been seen, and none has been damaged since.
    in_step: bool,
}

impl Codec for MindrayCodec {
    const PHRASES: &'static Phrases = &PHRASES;

    fn take(&mut self, byte: u8, out: &mut Outcomes) {
        match (byte, &mut self.message) {
            (VT, _) => self.begin(out),
            (FS, Some(_)) => self.end_message(out),
            (FS, None) => self.settle_strays(out),
            (CR | b'\n', None) => {}
            (_, None) => self.stray += 1,
            // Some end their segments with LF, or with both.
            (CR | b'\n', Some(_)) if self.segment.is_empty() => {}
            (CR | b'\n', Some(_)) => self.end_segment(out),
            (_, Some(_)) if self.segment.len() == SEGMENT_MAX => {}
            (byte, Some(_)) => self.segment.push(byte),
        }
    }

    fn end(&mut self, out: &mut Outcomes) {
        self.settle_strays(out);
    }
}

impl MindrayCodec {
    fn begin(&mut self, out: &mut Outcomes) {
        self.settle_strays(out);
        if self.message.replace(Message::default()).is_some() {
            // A message without its end, or one cut in two by a stray start.
            let is_cut = !self.segment.is_empty();
            if !core::mem::replace(&mut self.is_counted, is_cut) {
                self.lose(Fault::Fragment, out);
            }
        }
        self.segment.clear();
        self.segments = 0;
    }

    fn end_segment(&mut self, out: &mut Outcomes) {
        self.segments += 1;
        let overlong = self.segment.len() == SEGMENT_MAX;
        let bytes = core::mem::take(&mut self.segment);
        let Some(message) = &mut self.message else { return };
        if self.segments > SEGMENTS_MAX {
            self.message = None;
            self.lose(Fault::BadLength, out);
            return;
        }
        match Segment::kind(&bytes) {
            Segment::Passed => {}
            Segment::Kept if overlong => message.is_damaged = true,
            // A letter a byte: words may be in any language's.
            Segment::Kept => {
                message.handle_segment(&bytes.iter().map(|it| char::from(*it)).collect::<String>());
            }
        }
    }

    fn end_message(&mut self, out: &mut Outcomes) {
        if !self.segment.is_empty() {
            self.end_segment(out);
        }
        let Some(mut message) = self.message.take() else { return };
        if !message.is_whole() {
            if !core::mem::take(&mut self.is_counted) {
                self.lose(Fault::Fragment, out);
            }
            return;
        }
        (self.in_step, self.is_counted) = (true, false);
        out.good();
        if let Some((list, alarms)) = message.take_alarms() {
            match list {
                List::Physiological => self.physiological = alarms,
                List::Technical => self.technical = alarms,
            }
            out.notice(alarms::raised(self.physiological.iter().chain(&self.technical).cloned()));
        }
        let (measurements, time) = message.into_parts();
        if let Some(reading) = measured::reading(measurements, time) {
            out.reading(reading);
        }
    }

    fn lose(&mut self, fault: Fault, out: &mut Outcomes) {
        out.fault(fault);
        self.in_step = false;
    }

    /// Bytes between messages: one that has lost its start, the rest of a damaged one, or what stood before the first.
    fn settle_strays(&mut self, out: &mut Outcomes) {
        match core::mem::take(&mut self.stray) {
            0 => {}
            // Shorter than any MSH.
            few if few < 16 || !self.in_step => out.skip(few),
            _ => self.lose(Fault::Fragment, out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Counts;
    use crate::notice::Notice;
    use crate::reading::{Absent, Reading};
    use alloc::string::ToString;

    const PERIODIC: &str = "\x0BMSH|^~\\&|||||||ORU^R01|204|P|2.3.1|\rPID|||9917||DOE^JANE||19610305|F\r\
        PV1||I|^^ICU&7&1||||||||||||||||A|||\rOBR||||Monitor|||20070106191910\r\
        OBX||NM|101^HR|2101|60||||||F\rOBX||NM|160^SpO2|2103|97||||||F\rOBX||NM|161^PR|2103|-100||||||F\r\
        OBX||NM|102^PVCs|2101|0||||||F\r\x1C\r";
    const CUFF: &str = "\x0BMSH|^~\\&|||||||ORU^R01|503|P|2.3.1|\r\
        OBX||NM|170^Sys|2105|120||||||F||APERIODIC|20070106191915\r\
        OBX||NM|171^Dia|2105|80||||||F||APERIODIC|20070106191915\r\
        OBX||NM|172^Mean|2105|93||||||F||APERIODIC|20070106191915\r\x1C\r";

    fn hear(text: &[u8]) -> (Vec<Reading>, Counts) {
        crate::device::codec::hear(MindrayCodec::default(), text)
    }

    fn values(reading: &Reading) -> Vec<(&str, Result<String, Absent>)> {
        let measurements = reading.measurements.iter();
        measurements.map(|it| (it.vital.name(), it.value.map(|it| it.to_string()))).collect()
    }

    #[test]
    fn segments_end_with_cr_lf_or_both_and_words_may_be_of_any_language() {
        for end in ["\n", "\r\n", "\r\r"] {
            let text = PERIODIC.replace("DOE^JANE", "DOE^JOS\u{e9}").replace('\r', end);
            let (readings, counts) = hear(text.as_bytes());
            assert_eq!((counts.frames_good, readings.len(), counts.fragments), (1, 1, 0), "{end:?}");
            assert_eq!(values(&readings[0]).len(), 3, "{end:?}");
        }
        let alarm = b"\x0BMSH|^~\\&|||||||ORU^R01|54|P|2.3.1|\rOBX||CE|2|1|10033^**SpO2 trop \xe9lev\xe9e||||||F\r\x1C\r";
        assert_eq!(hear(alarm).1.frames_good, 1);
    }

    #[test]
    fn periodic_and_aperiodic_values_and_nothing_of_the_patient() {
        let limits = PERIODIC.replace("|204|", "|205|");
        let alive = "\x0BMSH|^~\\&|||||||ORU^R01|106|P|2.3.1|\r\x1C\r";
        let (readings, counts) = hear([PERIODIC, CUFF, &limits, alive].concat().as_bytes());
        assert_eq!((counts.frames_good, readings.len(), counts.fragments), (4, 2, 0), "{counts:?}");
        let value = |it: &str| Ok(it.to_string());
        assert_eq!(
            values(&readings[0]),
            [("heart_rate", value("60")), ("pulse_rate", Err(Absent::Invalid)), ("spo2", value("97"))]
        );
        assert_eq!(
            values(&readings[1]),
            [("nibp_systolic", value("120")), ("nibp_diastolic", value("80")), ("nibp_mean", value("93"))]
        );
        assert_eq!(readings[1].device_time.unwrap().to_string(), "2007-01-06T19:19:15");
        assert!(!alloc::format!("{readings:?}").contains("DOE"));
    }

    #[test]
    fn each_list_of_alarms_replaces_the_last_of_its_kind() {
        let list = |number: u8, segments: &str| {
            alloc::format!("\x0BMSH|^~\\&|||||||ORU^R01|{number}|P|2.3.1|\r{segments}\x1C\r")
        };
        let (mut codec, mut out) = (MindrayCodec::default(), Outcomes::default());
        let mut heard = |message: &str| {
            message.bytes().for_each(|byte| codec.take(byte, &mut out));
            let Notice::Alarms(it) = out.poll_notice()? else { return None };
            Some(it.into_iter().map(|it| it.code).collect::<Vec<_>>())
        };
        let spo2 = "OBX||CE|2|1|10033^**SpO2 TOO HIGH||||||F|||20070106193145|\rOBX||CE|2040^||0^||||||F\r";
        let off = "OBX||CE|4||5^ECG Lead Off||||||F|\r";
        assert_eq!(heard(PERIODIC), None);
        assert_eq!(heard(&list(54, "")).unwrap(), [""; 0]);
        assert_eq!(heard(&list(54, spo2)).unwrap(), ["10033 SpO2 TOO HIGH"]);
        assert_eq!(heard(&list(54, spo2)), None, "no news");
        assert_eq!(heard(&list(56, off)).unwrap(), ["10033 SpO2 TOO HIGH", "5 ECG Lead Off"]);
        assert_eq!(heard(&list(54, "OBX||CE|2|1|100")), None, "a damaged message");
        assert_eq!(heard(&list(54, "")).unwrap(), ["5 ECG Lead Off"]);
        let many: Vec<_> = (0..900).map(|it| alloc::format!("OBX||CE|2|1|{it}^**x||||||F\r")).collect();
        assert_eq!(heard(&list(54, &many.concat())).unwrap().len(), alarms::ALARMS_MAX);
    }

    #[test]
    fn a_damaged_message_gives_nothing_and_is_counted_once() {
        let place = |part: &str| CUFF.find(part).unwrap();
        for (at, byte) in [
            (0, b'x'),
            (place("503"), VT),
            (place("120"), VT),
            (place("120") + 1, FS),
            (place("172"), FS),
            (place("171"), 0xB7),
            (place("93"), b'x'),
            (place("\x1C"), b'x'),
            (place("|||F"), CR),
        ] {
            let mut damaged = CUFF.as_bytes().to_vec();
            damaged[at] = byte;
            let (readings, counts) = hear(&[PERIODIC.as_bytes(), &damaged, PERIODIC.as_bytes()].concat());
            assert_eq!(readings.len(), 2, "byte {at} became {byte:02X}: {counts:?}");
            let faults = counts.fragments + counts.bad_length;
            assert_eq!(faults, 1, "byte {at} became {byte:02X}: {counts:?}");
        }
    }

    #[test]
    fn what_never_ends_is_bounded() {
        let endless = "OBX||NM|101^HR|2101|60||||||F\r".repeat(2000);
        let (readings, counts) =
            hear([CUFF, "\x0BMSH|^~\\&|||||||ORU^R01|204|P|2.3.1|\r", &endless, CUFF].concat().as_bytes());
        assert_eq!((readings.len(), counts.bad_length), (2, 1), "{counts:?}");
    }
}
