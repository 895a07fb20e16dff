//! Ivy 450C monitors: the ANSAR-B stream, one message a second.
//!
//! There is no vendor's document at hand: the layout is that of a public driver (mdpnp, `cpc/ansarB`), checked there
//! against real bytes. Line: 9600 8N1.
//!
//! ```text
//! FF "ANSAR-B "  400 bytes of waves  text, a parameter a line, CR between them  FE
//! HR=1;72;ECG-II-DIAG;   SPO2=1;97;PR=71 ;   NIBP=4;128;82;97;70;;   P2=3;;;;NO TRANSDUCER;
//! ```
//!
//! There is no checksum: a message whose text does not begin where it must, or holds anything that cannot stand there, is
//! damaged as a whole. What the text says is read in [`text`].

mod text;

use alloc::string::String;
use alloc::vec::Vec;

use super::Fault;
use super::codec::Codec;
use super::outcomes::Outcomes;

/// How a message begins.
const HEAD: &[u8; 9] = b"\xFFANSAR-B ";
/// Bytes of waves behind it.
const WAVES: usize = 400;
/// How a message ends; among the waves it is a sample.
const END: u8 = 0xFE;
/// Longer than any text of a dozen parameters.
const TEXT_MAX: usize = 1024;

/// Reads messages. The device talks by itself; nothing is ever sent to it.
#[derive(Debug, Default)]
pub(super) struct IvyCodec {
    /// How much of the head has been seen.
    head: usize,
    place: Place,
    text: Vec<u8>,
    /// Bytes outside any message.
    stray: usize,
    found: bool,
}

/// Where in a message the next byte stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Place {
    #[default]
    Outside,
    Waves(usize),
    Text,
}

impl Codec for IvyCodec {
    fn take(&mut self, byte: u8, out: &mut Outcomes) {
        if self.is_head(byte) {
            self.begin(out);
            return;
        }
        self.place = match self.place {
            Place::Outside => {
                self.stray += 1;
                Place::Outside
            }
            Place::Waves(count) if count + 1 == WAVES => Place::Text,
            Place::Waves(count) => Place::Waves(count + 1),
            Place::Text if byte == END => {
                self.end_message(out);
                Place::Outside
            }
            Place::Text => {
                self.text.push(byte);
                if self.text.len() <= TEXT_MAX {
                    return;
                }
                self.text.clear();
                out.fault(Fault::BadLength);
                self.found = false;
                Place::Outside
            }
        };
    }

    fn end(&mut self, out: &mut Outcomes) {
        self.settle_strays(out);
    }
}

impl IvyCodec {
    /// Whether a head is complete with this byte.
    fn is_head(&mut self, byte: u8) -> bool {
        // FF begins a head and stands nowhere else in it.
        self.head = match HEAD.get(self.head) {
            Some(expected) if *expected == byte => self.head + 1,
            _ => usize::from(byte == 0xFF),
        };
        self.head == HEAD.len()
    }

    fn begin(&mut self, out: &mut Outcomes) {
        self.head = 0;
        match self.place {
            // All of the head but its last byte was taken for stray.
            Place::Outside => self.stray -= (HEAD.len() - 1).min(self.stray),
            // A message without its end.
            Place::Waves(_) | Place::Text => out.fault(Fault::Fragment),
        }
        self.settle_strays(out);
        self.text.clear();
        self.place = Place::Waves(0);
    }

    fn end_message(&mut self, out: &mut Outcomes) {
        let text = String::from_utf8(core::mem::take(&mut self.text)).ok();
        match text.as_deref().and_then(text::read) {
            None => out.fault(Fault::BadLength),
            Some(reading) => {
                out.good();
                self.found = true;
                if let Some(reading) = reading {
                    out.reading(reading);
                }
            }
        }
    }

    /// Bytes between messages: a message that has lost its head, or what stood before the first.
    fn settle_strays(&mut self, out: &mut Outcomes) {
        match core::mem::take(&mut self.stray) {
            0 => {}
            few if few < WAVES / 2 || !self.found => out.skip(few),
            _ => out.fault(Fault::Fragment),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Counts;
    use crate::reading::Reading;

    const TEXT: &str = "HR=1;72;ECG-II-DIAG;\rRR=1;14;APNEA: 20 SEC;\rETCO2=1;;;\rSPO2=1;97;PR=71 ;\r\
                        NIBP=4;128;82;97;70;;\rP1=3;119;77;91;;\rP2=3;;;;NO TRANSDUCER;\rT1=1;;;\rT2=1;;;\r";

    fn message() -> Vec<u8> {
        let waves: Vec<u8> = (0..WAVES).map(|it| u8::try_from(it % 251).unwrap()).collect();
        [HEAD, &waves[..], TEXT.as_bytes(), &[END]].concat()
    }

    fn hear(bytes: &[u8]) -> (Vec<Reading>, Counts) {
        crate::device::codec::hear(IvyCodec::default(), bytes)
    }

    #[test]
    fn a_stream_may_begin_in_the_middle_of_a_message() {
        let stream = [&message()[300..], &message(), &message()].concat();
        let (readings, counts) = hear(&stream);
        assert_eq!((readings.len(), counts.fragments), (2, 0), "{counts:?}");
        assert_eq!(counts.skipped_bytes, u64::try_from(message().len() - 300).unwrap());
    }

    #[test]
    fn samples_that_look_like_the_end_of_a_message_are_samples() {
        let mut message = message();
        message[20..60].fill(END);
        message[60..100].fill(0xFF);
        assert_eq!(hear(&message).1.observations, 1);
    }

    #[test]
    fn a_lost_or_doubled_byte_costs_one_message_and_gives_no_wrong_value() {
        let good = message();
        let (expected, _) = hear(&good);
        for at in 0..good.len() {
            let mut short = good.clone();
            short.remove(at);
            let mut long = good.clone();
            long.insert(at.max(1), 0x01);
            for damaged in [short, long] {
                let (readings, counts) = hear(&[&good[..], &damaged, &good].concat());
                assert!(readings.len() >= 2, "at {at}: {counts:?}");
                let faults = counts.bad_length + counts.fragments;
                // A digit that is lost out of a number cannot be seen: there is no checksum.
                let in_text = at >= HEAD.len() + WAVES && at + 1 < good.len();
                assert!(faults == 1 || (in_text && faults == 0), "at {at}: {counts:?}");
                assert!(in_text || readings.iter().all(|it| *it == expected[0]), "at {at}: {readings:?}");
            }
        }
    }
}
