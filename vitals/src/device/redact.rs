//! Takes out of recorded bytes what tells who the patient is, and the serial numbers of devices.
//!
//! Nothing passes but what the format's own driver takes for a whole frame: stray bytes, damaged frames and whatever
//! another device said are left out, for nobody can say what stands in them. Of a frame that passes, each format
//! keeps what it is known to mean: texts and fields beside that are overwritten, with checksums computed anew, or the frame
//! is left out. What is left out is counted.

mod exchange;
mod hl7;
mod record;
mod words;

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{Counts, DeviceModel, Driver, driver};
use crate::time::Uptime;

/// A longer frame is none: a message of HL7 with a thousand segments is shorter.
const FRAME_MAX: usize = 64 * 1024;

/// Redacts one stream of one device. Its memory is bounded by the largest frame.
pub struct Redactor {
    model: DeviceModel,
    driver: Box<dyn Driver>,
    /// What has come since the last whole frame.
    span: Vec<u8>,
    counts: Counts,
    left_out: LeftOut,
}

/// What did not pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct LeftOut {
    /// Whole frames that could not be redacted, or carry nothing but who somebody is.
    pub frames: u64,
    /// Bytes, with those of these frames.
    pub bytes: u64,
}

impl Redactor {
    /// A redactor before the stream's first byte.
    #[must_use]
    pub fn new(model: DeviceModel) -> Self {
        let driver = driver(model, model.period());
        Self { model, driver, span: Vec::new(), counts: Counts::default(), left_out: LeftOut::default() }
    }

    /// Takes the next bytes and gives what may be kept of the frames that they complete.
    ///
    /// The same bytes, however split, give the same output.
    pub fn handle_bytes(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut kept = Vec::new();
        for byte in bytes {
            self.span.push(*byte);
            self.driver.handle_bytes(Uptime::ZERO, &[*byte]);
            // A frame ends where it ends, not where the next one shows that it did.
            self.driver.handle_pause();
            self.forget_what_was_read();
            let before = core::mem::replace(&mut self.counts, self.driver.counts());
            if losses(self.counts) > losses(before) || self.span.len() > FRAME_MAX {
                // The byte that shows that something is damaged may be the first of a frame.
                let lost = self.span.len() - 1;
                self.leave_out(lost);
                self.span.drain(..lost);
            }
            if self.counts.frames_good > before.frames_good {
                let frame = core::mem::take(&mut self.span);
                if let Some(redacted) = redacted(self.model, &frame) {
                    kept.extend(redacted);
                } else {
                    self.left_out.frames += 1;
                    self.leave_out(frame.len());
                }
            }
        }
        kept
    }

    /// Takes the end of the stream: a frame that has not been finished does not pass.
    pub fn handle_end(&mut self) {
        let rest = core::mem::take(&mut self.span).len();
        self.leave_out(rest);
    }

    /// What has not passed so far.
    #[must_use]
    pub fn left_out(&self) -> LeftOut {
        self.left_out
    }

    fn leave_out(&mut self, bytes: usize) {
        self.left_out.bytes += u64::try_from(bytes).unwrap_or(u64::MAX);
    }

    /// The driver is here to find frames: what they say, and what it would answer, is nobody's business.
    fn forget_what_was_read(&mut self) {
        while self.driver.poll_reading().is_some() {}
        while self.driver.poll_notice().is_some() {}
        while self.driver.poll_transmit().is_some() {}
    }
}

/// What the driver has counted that is no good frame.
fn losses(counts: Counts) -> u64 {
    counts.bad_checksum + counts.bad_length + counts.fragments + counts.skipped_bytes
}

/// What may be kept of a frame, or of some of them; `None` if nothing.
fn redacted(model: DeviceModel, frame: &[u8]) -> Option<Vec<u8>> {
    let whole = |length: usize| (frame.len() % length == 0).then(|| frame.to_vec());
    match model {
        // Numbers and flags alone, and in format 13 the time.
        DeviceModel::NoninDf2 | DeviceModel::NoninDf7 | DeviceModel::Bci => whole(5),
        DeviceModel::NoninDf8 => whole(4),
        DeviceModel::NoninDf13 => whole(22),
        DeviceModel::NoninAscii => words::nonin(frame),
        DeviceModel::MasimoAscii1 => words::masimo(frame),
        DeviceModel::Nellcor => words::nellcor(frame),
        DeviceModel::IvyAnsarB => record::ivy(frame),
        DeviceModel::ContecV7 => record::contec(frame),
        DeviceModel::Capnostream => record::capnostream(frame),
        DeviceModel::SunTech => record::suntech(frame),
        DeviceModel::GeS5Dri => record::ge_s5(frame),
        DeviceModel::Medibus => record::medibus(frame),
        DeviceModel::Intellivue => exchange::serial(frame),
        DeviceModel::IntellivueLan => exchange::lan(frame),
        DeviceModel::MindrayPds => hl7::message(frame),
    }
}

#[cfg(test)]
mod tests;
