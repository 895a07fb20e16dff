//! How long the store goes on taking readings if Kafka takes none: what is left of its bound, by what came lately.

use std::collections::VecDeque;
use std::time::Duration;

use vitals::time::Uptime;

use super::progress::Sealed;
use super::{Progress, SIZE_MIN};

/// What comes is measured over so long: longer than a ward's rounds, shorter than a shift.
const WINDOW: Duration = Duration::from_secs(600);

/// Between two marks; so there are at most 61 of them. When there are more, the oldest goes.
const STEP: Duration = Duration::from_secs(10);

/// What is longer is not told apart: ten years.
pub const OUTAGE_MAX: Duration = Duration::from_secs(10 * 365 * 86_400);

/// A set of eight vitals on disk, bytes, where fifty come a second and it has been repacked (`docs/performance.md`).
const SET: u64 = 25;

/// How long an outage of Kafka the store can bridge, beginning now.
#[derive(Debug, Default)]
pub struct Outage {
    marks: VecDeque<Mark>,
}

/// What had been stored at some moment.
#[derive(Debug, Clone, Copy)]
struct Mark {
    at: Uptime,
    stored: u64,
}

impl Outage {
    /// Takes how the store is, once a second or less often.
    pub fn handle_progress(&mut self, now: Uptime, store: &Progress) {
        if self.marks.back().is_none_or(|it| now.since(it.at) >= STEP) {
            self.marks.push_back(Mark { at: now, stored: store.readings.stored_bytes });
        }
        while self.marks.len() > 1 && self.marks.front().is_some_and(|it| now.since(it.at) > WINDOW) {
            self.marks.pop_front();
        }
    }

    /// How long it takes until the oldest readings must make room, at the rate of the last ten minutes; at most
    /// [`OUTAGE_MAX`], also where nothing comes. `None` until there is a rate: in the first ten seconds.
    #[must_use]
    pub fn lasts(&self, now: Uptime, store: &Progress) -> Option<Duration> {
        let oldest = self.marks.front().filter(|it| now.since(it.at) >= STEP)?;
        let span = now.since(oldest.at).as_millis();
        let grown = store.readings.stored_bytes.saturating_sub(oldest.stored);
        let room = readings_max(store.bytes_max).saturating_sub(store.readings.bytes_on_disk);
        let millis = u128::from(room) * span / on_disk(grown, store.readings.last_sealed).max(1);
        let lasts = Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX));
        Some(if grown == 0 && room > 0 { OUTAGE_MAX } else { lasts.min(OUTAGE_MAX) })
    }
}

/// What the readings may take of a store's bound.
pub(super) const fn readings_max(size: u64) -> u64 {
    size - size / 8
}

/// What frames take on disk with what sled adds: as the last generation did, which depends on how large the groups are, and
/// on whether it waited long enough to be repacked: so it is told too short rather than too long. Before there is one, as
/// where fifty come a second and nothing is repacked (`docs/performance.md`).
fn on_disk(frames: u64, last: Option<Sealed>) -> u128 {
    let Sealed { frames: of, blocks } =
        last.filter(|it| it.frames > 0).unwrap_or(Sealed { frames: 10, blocks: 24 });
    u128::from(frames) * u128::from(blocks) / u128::from(of)
}

/// The same in advance, in words: what a store of this size bridges.
#[must_use]
pub fn foretold(size: u64) -> String {
    let room = readings_max(if size < SIZE_MIN { SIZE_MIN } else { size });
    let hours = room / SET / 50 / 3_600;
    format!(
        "{room} bytes for readings / ({SET} bytes a set of eight vitals × sets a second): \
         at 50 a second an outage of {} days and {} hours",
        hours / 24,
        hours % 24
    )
}

#[cfg(test)]
mod tests {
    use super::super::StoreState;
    use super::*;

    const SIZE: u64 = 64 << 20;

    fn store(stored: u64, on_disk: u64) -> Progress {
        let mut it = Progress::new(StoreState::Ok, &"run".into(), SIZE);
        (it.readings.stored_bytes, it.readings.bytes_on_disk) = (stored, on_disk);
        it
    }

    fn at(secs: u64) -> Uptime {
        Uptime::from_millis(secs * 1_000)
    }

    #[test]
    fn what_is_left_is_divided_by_what_came_lately() {
        let room = readings_max(SIZE);
        // Seconds, bytes stored until then, bytes on disk then, and how many seconds it lasts.
        let table = [
            (0, 0, 0, None),
            (9, 900, 0, None),
            (10, 1_000, 0, Some(room * 10 / 2_400)),
            (20, 2_000, room / 2, Some(room / 2 * 20 / 4_800)),
            (20, 2_000, room, Some(0)),
            (20, 2_000, room + 5, Some(0)),
            (30, 0, 0, Some(OUTAGE_MAX.as_secs())),
            (30, 0, room, Some(0)),
            (30, 1, 0, Some(OUTAGE_MAX.as_secs())),
        ];
        for (secs, stored, on_disk, lasts) in table {
            let mut outage = Outage::default();
            outage.handle_progress(at(0), &store(0, 0));
            let told = outage.lasts(at(secs), &store(stored, on_disk));
            assert_eq!(told.map(|it| it.as_secs()), lasts, "{secs} s, {stored} stored, {on_disk} on disk");
        }
        assert_eq!(Outage::default().lasts(at(99), &store(1, 1)), None, "nothing was measured");
    }

    #[test]
    fn only_the_last_minutes_count_and_few_marks_are_held() {
        let mut outage = Outage::default();
        let per_second =
            |secs: u64| if secs < 3_600 { secs * 5_000 } else { 18_000_000 + (secs - 3_600) * 100 };
        for secs in 0..7_200 {
            outage.handle_progress(at(secs), &store(per_second(secs), 0));
            assert!(outage.marks.len() <= 61, "{}", outage.marks.len());
        }
        let told = outage.lasts(at(7_200), &store(per_second(7_200), 0)).unwrap().as_secs();
        assert_eq!(told, readings_max(SIZE) / 240);
    }

    #[test]
    fn a_generation_that_was_filled_says_what_frames_take() {
        let mut outage = Outage::default();
        outage.handle_progress(at(0), &store(0, 0));
        let mut store = store(1_000, 0);
        store.readings.last_sealed = Some(Sealed { frames: 2_000, blocks: 6_000 });
        let told = outage.lasts(at(10), &store).unwrap().as_secs();
        assert_eq!(told, readings_max(SIZE) * 10 / 3_000);
    }

    #[test]
    fn the_default_is_foretold_in_days() {
        let told = foretold(super::super::SIZE_DEFAULT);
        assert!(told.ends_with("an outage of 17 days and 9 hours"), "{told}");
    }
}
