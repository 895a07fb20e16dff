//! How long the store goes on taking readings if Kafka takes none: what is left of its bound, by what came lately.

use std::collections::VecDeque;
use std::time::Duration;

use vitals::time::Uptime;

use super::progress::{LaneProgress, Sealed};
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
    /// Bytes of frames.
    stored: u64,
    /// Bytes of records.
    raw: u64,
}

impl Outage {
    /// Takes how the store is, once a second or less often.
    pub fn handle_progress(&mut self, now: Uptime, store: &Progress) {
        if self.marks.back().is_none_or(|it| now.since(it.at) >= STEP) {
            let LaneProgress { stored_bytes: stored, raw_bytes: raw, .. } = store.readings;
            self.marks.push_back(Mark { at: now, stored, raw });
        }
        while self.marks.len() > 1 && self.marks.front().is_some_and(|it| now.since(it.at) > WINDOW) {
            self.marks.pop_front();
        }
    }

    /// How long it takes until the oldest readings must make room, at the rate of the last ten minutes; at most
    /// [`OUTAGE_MAX`], also where nothing comes. `None` until there is a rate: in the first ten seconds.
    ///
    /// Two reckonings hold, and the longer counts: as if nothing more were repacked, and as if all were but for what may
    /// wait for that at the end. So it is told too short rather than too long.
    #[must_use]
    pub fn lasts(&self, now: Uptime, store: &Progress) -> Option<Duration> {
        let oldest = self.marks.front().filter(|it| now.since(it.at) >= STEP)?;
        let (span, lane) = (now.since(oldest.at), &store.readings);
        let stored = lane.stored_bytes.saturating_sub(oldest.stored);
        let raw = lane.raw_bytes.saturating_sub(oldest.raw);
        let as_sealed = time(lane.room, as_sealed(stored, lane.last_sealed), span);
        let as_packed = lane
            .packed
            .map(|it| time(lane.room.saturating_sub(lane.unpacked_max), share(raw, it.blocks, it.raw), span));
        Some(as_packed.map_or(as_sealed, |it| it.max(as_sealed)))
    }
}

/// How long room lasts of which so much is used in a span.
fn time(room: u64, used: u128, span: Duration) -> Duration {
    let millis = (u128::from(room) * span.as_millis()).checked_div(used);
    let lasts = millis.map(|it| Duration::from_millis(u64::try_from(it).unwrap_or(u64::MAX)));
    lasts.or((room == 0).then_some(Duration::ZERO)).unwrap_or(OUTAGE_MAX).min(OUTAGE_MAX)
}

fn share(of: u64, part: u64, whole: u64) -> u128 {
    u128::from(of) * u128::from(part) / u128::from(whole.max(1))
}

/// What the readings may take of a store's bound.
pub(super) const fn readings_max(size: u64) -> u64 {
    size - size / 8
}

/// What frames take on disk with what sled adds: as in the last generation that was filled, which depends on how large the
/// groups are. Before there is one, as where one comes a second, the most that was measured (`docs/performance.md`).
fn as_sealed(frames: u64, last: Option<Sealed>) -> u128 {
    let Sealed { frames: of, blocks } =
        last.filter(|it| it.frames > 0).unwrap_or(Sealed { frames: 10, blocks: 32 });
    share(frames, blocks, of)
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
    use super::super::progress::Packed;
    use super::*;

    const SIZE: u64 = 64 << 20;

    fn store(stored: u64, on_disk: u64) -> Progress {
        let mut it = Progress::new(StoreState::Ok, &"run".into(), SIZE);
        (it.readings.stored_bytes, it.readings.raw_bytes) = (stored, 20 * stored);
        it.readings.room = readings_max(SIZE).saturating_sub(on_disk);
        it.readings.unpacked_max = 1 << 20;
        it
    }

    fn at(secs: u64) -> Uptime {
        Uptime::from_millis(secs * 1_000)
    }

    /// What is told ten seconds after the beginning, in which a thousand bytes of frames came.
    fn told_of(change: impl FnOnce(&mut LaneProgress)) -> u64 {
        let mut outage = Outage::default();
        outage.handle_progress(at(0), &store(0, 0));
        let mut store = store(1_000, 0);
        change(&mut store.readings);
        outage.lasts(at(10), &store).unwrap().as_secs()
    }

    #[test]
    fn what_is_left_is_divided_by_what_came_lately() {
        let room = readings_max(SIZE);
        // Seconds, bytes stored until then, bytes on disk then, and how many seconds it lasts.
        let table = [
            (0, 0, 0, None),
            (9, 900, 0, None),
            (10, 1_000, 0, Some(room * 10 / 3_200)),
            (20, 2_000, room / 2, Some(room / 2 * 20 / 6_400)),
            (20, 2_000, room, Some(0)),
            (20, 2_000, room + 5, Some(0)),
            (30, 0, 0, Some(OUTAGE_MAX.as_secs())),
            (30, 0, room, Some(0)),
            (3_000, 1, 0, Some(OUTAGE_MAX.as_secs())),
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
        assert_eq!(told, readings_max(SIZE) / 320);
    }

    #[test]
    fn a_generation_that_was_filled_says_what_frames_take() {
        let told = told_of(|it| it.last_sealed = Some(Sealed { frames: 2_000, blocks: 6_000 }));
        assert_eq!(told, readings_max(SIZE) * 10 / 3_000);
    }

    #[test]
    fn what_is_repacked_counts_but_for_what_may_wait_for_it() {
        let packed = Packed { raw: 100, frames: 2, blocks: 3 };
        let told = told_of(|it| it.packed = Some(packed));
        assert_eq!(told, (readings_max(SIZE) - (1 << 20)) * 10 / 600);
        let little_room = 9 << 17;
        let told = told_of(|it| (it.packed, it.room) = (Some(packed), little_room));
        assert_eq!(told, little_room * 10 / 3_200, "it would be over before anything is repacked");
        assert_eq!(told_of(|it| (it.packed, it.room) = (Some(packed), 0)), 0);
    }

    #[test]
    fn the_default_is_foretold_in_days() {
        let told = foretold(super::super::SIZE_DEFAULT);
        assert!(told.ends_with("an outage of 17 days and 9 hours"), "{told}");
    }
}
