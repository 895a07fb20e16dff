//! The pace of a serial line: a byte takes its start, data, parity and stop bits.

use std::collections::VecDeque;

use super::{Emission, Observation};

/// Bytes leave in slices of this many ms: as fine as a reader can tell apart, and fifty wake-ups a second at most.
const SLICE_MS: u64 = 20;

/// A message on its way out of a slow line.
#[derive(Debug, Default)]
pub(super) struct Line {
    slices: VecDeque<Emission>,
}

impl Line {
    /// When the next slice has left.
    pub(super) fn due(&self) -> Option<u64> {
        self.slices.front().map(|it| it.at_ms)
    }

    /// The next slice.
    pub(super) fn next(&mut self) -> Option<Emission> {
        self.slices.pop_front()
    }

    /// Puts a message on the line at `now_ms`; what it says is said with its last byte.
    pub(super) fn put(
        &mut self,
        now_ms: u64,
        bytes: &[u8],
        observation: Option<Observation>,
        bytes_a_second: u64,
    ) {
        let start = self.slices.back().map_or(now_ms, |it| it.at_ms.max(now_ms));
        let slice = usize::try_from((bytes_a_second * SLICE_MS / 1000).max(1)).unwrap_or(1);
        let mut left = 0_u64;
        let count = bytes.len().div_ceil(slice);
        let mut observation = observation;
        for (index, chunk) in bytes.chunks(slice).enumerate() {
            left += u64::try_from(chunk.len()).unwrap_or(0);
            self.slices.push_back(Emission {
                at_ms: start + left * 1000 / bytes_a_second.max(1),
                first_ms: start,
                bytes: chunk.to_vec(),
                observation: if index + 1 == count { observation.take() } else { None },
                doubtful: false,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_takes_the_time_of_its_bytes() {
        let mut line = Line::default();
        line.put(1000, &[0; 960], Some(Observation::default()), 960);
        line.put(1500, &[1; 96], None, 960);
        let slices: Vec<_> = std::iter::from_fn(|| line.next()).collect();
        assert_eq!(slices.iter().map(|it| it.bytes.len()).sum::<usize>(), 1056);
        let said = slices.iter().position(|it| it.observation.is_some()).unwrap();
        assert_eq!(slices[said].at_ms, 2000);
        assert_eq!(slices.last().unwrap().at_ms, 2100);
        assert!(slices.windows(2).all(|it| it[0].at_ms <= it[1].at_ms));
    }
}
