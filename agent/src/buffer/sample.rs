//! What records will take on disk once their generation is repacked, foretold from some of those that came lately.
//!
//! A generation may take hours to fill, and while Kafka takes everything none is repacked: until then, what its full
//! frames will hold is only known by packing a few hundred records for nothing. A thread of its own does that.

use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tracing::warn;

use super::Item;
use super::codec::Effort;
use super::entry::OVERHEAD;
use super::facts::Naming;
use super::pack::Packer;
use super::progress::Packed;
use crate::clock;

/// Bytes of records in a sample: one full frame, and some more to learn from, where they shrink to a fiftieth.
const SAMPLE: usize = 512 << 10;

/// What a ward sends changes with its devices, not with its minutes.
const EVERY: Duration = Duration::from_secs(1_800);

/// How many times their bytes full frames take on disk: where a generation's fill less than the half MiB that sled takes
/// at least. The most that was measured is 3.9 (`docs/performance.md`).
const BLOCKS: u64 = 4;

/// Takes samples of a lane, and keeps what the last one told.
#[derive(Debug)]
pub(super) struct Sampler {
    items: Vec<Item>,
    weight: usize,
    /// Not before.
    next: Instant,
    thread: Option<JoinHandle<Option<Packed>>>,
    packed: Option<Packed>,
}

impl Sampler {
    pub(super) fn new() -> Self {
        Self { items: Vec::new(), weight: 0, next: clock::instant(), thread: None, packed: None }
    }

    /// Takes what has just become durable, while a sample is wanted.
    pub(super) fn take(&mut self, naming: &Naming, items: &[Item]) {
        if let Some(thread) = self.thread.take_if(|it| it.is_finished()) {
            // A panic has been told by its hook.
            self.packed = thread.join().ok().flatten().or(self.packed);
        }
        if self.thread.is_some() || clock::instant() < self.next {
            return;
        }
        self.items.extend_from_slice(items);
        self.weight += items.iter().map(Item::weight).sum::<usize>();
        if self.weight >= SAMPLE {
            self.next = clock::instant() + EVERY;
            self.weight = 0;
            self.start(naming.clone());
        }
    }

    /// What the last sample told; `None` before the first.
    pub(super) fn packed(&self) -> Option<Packed> {
        self.packed
    }

    fn start(&mut self, naming: Naming) {
        let items = std::mem::take(&mut self.items);
        let thread = thread::Builder::new().name("store-sample".into());
        match thread.spawn(move || measure(&naming, &items)) {
            Ok(thread) => self.thread = Some(thread),
            Err(error) => {
                warn!(%error, "The system gives no thread: how long the store lasts is told too short.");
            }
        }
    }
}

/// What items take in full frames; `None` where there is no record.
fn measure(naming: &Naming, items: &[Item]) -> Option<Packed> {
    let mut packer = Packer::new(Effort::Thorough);
    // How much fits a frame is learned from the ones before.
    packer.pack(naming, items);
    let (mut raw, mut frames, mut rest) = (0, 0, items);
    while !rest.is_empty() {
        let mut made = Vec::new();
        let (now, later) = rest.split_at(packer.pack_next(naming, rest, &mut made));
        if later.is_empty() && raw > 0 {
            // The last is not full.
            break;
        }
        raw += now.iter().map(bytes).sum::<u64>();
        frames += made.iter().map(|(_, it)| it.len() as u64).sum::<u64>();
        rest = later;
    }
    (raw > 0).then_some(Packed { raw, frames, blocks: frames * BLOCKS })
}

/// What a record has before it is packed.
pub(super) fn bytes(item: &Item) -> u64 {
    (item.weight() - OVERHEAD) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::model_tests::{group, naming};

    #[test]
    fn a_sample_is_told_once_and_the_next_comes_later() {
        let mut sampler = Sampler::new();
        let chunk = group(1..=2_000, 60).chunk.unwrap();
        let mut taken = 0;
        while sampler.packed().is_none() {
            sampler.take(&naming(), &chunk.items);
            taken += 1;
            std::thread::yield_now();
        }
        let packed = sampler.packed().unwrap();
        assert!(packed.blocks > 0 && packed.raw > 0, "{packed:?}");
        assert!(taken * chunk.weight() >= SAMPLE, "of {taken} groups");
        sampler.take(&naming(), &chunk.items);
        assert!(sampler.items.is_empty(), "the next sample is half an hour away");
    }

    #[test]
    fn what_shrinks_takes_less_and_only_full_frames_count() {
        let measured = |len| {
            let items = group(1..=3_000, len).chunk.unwrap().items;
            let it = measure(&naming(), &items).unwrap();
            (it, items.iter().map(bytes).sum::<u64>())
        };
        for len in [60, 600] {
            let (it, all) = measured(len);
            assert!(it.raw < all, "the last frame counts: {it:?}");
            assert!(it.raw > all / 2, "{it:?} of {all}");
        }
        assert_eq!(measure(&naming(), &[]), None);
    }
}
