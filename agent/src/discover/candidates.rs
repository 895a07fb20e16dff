//! Which device says these bytes: every driver that could reads the same ones, and the one that understands them is it.

use vitals::device::{self, Counts, DeviceModel, Driver};
use vitals::time::Uptime;

/// Good frames that are a device; more where a frame is four bytes, or nine, without a sum.
const FRAMES: u64 = 2;
const SHORT_FRAMES: u64 = 3;

/// How sure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sureness {
    /// The format has no checksum: other bytes may look the same.
    Likely,
    /// Every frame had its checksum.
    Sure,
}

/// A device that was understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Recognised {
    pub(super) model: DeviceModel,
    pub(super) sure: Sureness,
    /// Good frames.
    pub(super) frames: u64,
}

/// The drivers that hear the same bytes.
pub(super) struct Candidates {
    drivers: Vec<(DeviceModel, Box<dyn Driver>)>,
    bytes: u64,
}

impl Candidates {
    pub(super) fn new(models: impl Iterator<Item = DeviceModel>) -> Self {
        let drivers = models.map(|it| (it, device::driver(it, it.period()))).collect();
        Self { drivers, bytes: 0 }
    }

    pub(super) fn handle_bytes(&mut self, bytes: &[u8]) {
        self.bytes += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        for (_, driver) in &mut self.drivers {
            // Nothing is asked, so no time passes; what is read is nobody's business here.
            driver.handle_bytes(Uptime::ZERO, bytes);
            while driver.poll_reading().is_some() {}
            while driver.poll_notice().is_some() {}
            while driver.poll_transmit().is_some() {}
        }
    }

    /// The one that understands them, if one does.
    pub(super) fn best(&self) -> Option<Recognised> {
        let counted = self.drivers.iter().map(|(model, driver)| (*model, driver.counts()));
        let understood = counted.filter_map(|(model, counts)| recognised(model, counts, self.bytes));
        understood.max_by_key(|it| (it.sure, it.frames))
    }

    /// The same of messages, each of which is a whole: one frame with its checksum and nothing beside it is enough.
    pub(super) fn best_of_messages(&self) -> Option<Recognised> {
        let whole = |(model, driver): &(DeviceModel, Box<dyn Driver>)| {
            let counts = driver.counts();
            let clean = Counts { frames_good: 0, observations: 0, ..counts } == Counts::default();
            let sure = sureness(*model);
            let one = clean && counts.frames_good > 0 && sure == Sureness::Sure;
            one.then_some(Recognised { model: *model, sure, frames: counts.frames_good })
        };
        self.best().or_else(|| self.drivers.iter().find_map(whole))
    }

    /// How much has come at all.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// What the counters of a driver say of these many bytes: enough good frames, few damaged ones, and little beside them. One
/// is damaged because nobody listened when it began.
pub(super) fn recognised(model: DeviceModel, counts: Counts, bytes: u64) -> Option<Recognised> {
    let sure = sureness(model);
    let is_short = matches!(model, DeviceModel::NoninDf8 | DeviceModel::ContecV7 | DeviceModel::Bci);
    let needed = if is_short { SHORT_FRAMES } else { FRAMES };
    let damaged = counts.bad_checksum + counts.bad_length + counts.fragments;
    let frames = counts.frames_good;
    let understood =
        frames >= needed && damaged.saturating_sub(1) * 4 <= frames && counts.skipped_bytes * 4 <= bytes;
    understood.then_some(Recognised { model, sure, frames })
}

/// How sure a good frame of this format is.
fn sureness(model: DeviceModel) -> Sureness {
    match model {
        DeviceModel::NoninDf2
        | DeviceModel::NoninDf7
        | DeviceModel::NoninDf13
        | DeviceModel::GeS5Dri
        | DeviceModel::Capnostream
        | DeviceModel::SunTech
        | DeviceModel::Medibus
        | DeviceModel::Intellivue => Sureness::Sure,
        DeviceModel::NoninDf8
        | DeviceModel::NoninAscii
        | DeviceModel::MasimoAscii1
        | DeviceModel::ContecV7
        | DeviceModel::Bci
        | DeviceModel::Nellcor
        | DeviceModel::IvyAnsarB
        | DeviceModel::IntellivueLan
        | DeviceModel::MindrayPds => Sureness::Likely,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn authored(model: DeviceModel) -> Vec<u8> {
        let captures = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/captures/authored");
        std::fs::read(captures.join(format!("{model}.raw"))).unwrap()
    }

    #[test]
    fn every_device_is_told_from_every_other() {
        for model in DeviceModel::ALL {
            let mut candidates = Candidates::new(DeviceModel::ALL.into_iter());
            for piece in authored(model).chunks(7) {
                candidates.handle_bytes(piece);
            }
            assert_eq!(candidates.best().map(|it| it.model), Some(model));
        }
    }

    /// In the five seconds that a port is listened to at 9600 baud, from the middle of a line on.
    #[test]
    fn two_rows_are_an_oximeter_that_speaks_every_two_seconds() {
        let rows = authored(DeviceModel::Nellcor);
        let mut candidates = Candidates::new(DeviceModel::ALL.into_iter());
        candidates.handle_bytes(&rows[20..rows.len() / 10]);
        assert_eq!(candidates.best().map(|it| it.model), Some(DeviceModel::Nellcor));
    }

    #[test]
    fn noise_is_no_device() {
        let mut seed = 7_u32;
        let mut candidates = Candidates::new(DeviceModel::ALL.into_iter());
        for _ in 0..20_000 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            candidates.handle_bytes(&[seed.to_be_bytes()[0]]);
        }
        assert_eq!(candidates.best(), None);
    }
}
