//! A device that says something every so often on a line of 9600 8N1, each time when all of the last has left.

use super::line::Line;
use super::{Emission, Observation};

/// 9600 baud, ten bits a byte.
const BYTES_A_SECOND: u64 = 960;

/// When it speaks, and what is on its way out.
#[derive(Debug)]
pub(super) struct Regular {
    every_ms: u64,
    /// How often it has been its turn.
    turns: u64,
    line: Line,
}

/// What happens next.
#[derive(Debug)]
pub(super) enum Turn {
    /// Bytes leave.
    Leaves(Emission),
    /// It is the device's turn to say something, at this moment, ms; its first bytes leave a little later.
    Speaks(u64),
}

impl Regular {
    /// A device that speaks every so many ms.
    pub(super) fn every(every_ms: u64) -> Self {
        Self { every_ms, turns: 0, line: Line::default() }
    }

    /// When the next thing happens, ms.
    pub(super) fn due(&self) -> u64 {
        self.line.due().unwrap_or((self.turns + 1) * self.every_ms)
    }

    pub(super) fn turn(&mut self) -> Turn {
        if let Some(slice) = self.line.next() {
            return Turn::Leaves(slice);
        }
        self.turns += 1;
        Turn::Speaks(self.turns * self.every_ms)
    }

    /// Puts a message on the line.
    pub(super) fn put(&mut self, at_ms: u64, bytes: &[u8], observation: Option<Observation>) {
        self.line.put(at_ms, bytes, observation, BYTES_A_SECOND);
    }
}

impl Default for Regular {
    /// Once a second.
    fn default() -> Self {
        Self::every(1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_speaks_again_when_all_has_left_and_not_before_its_time() {
        let mut regular = Regular::every(2000);
        assert_eq!(regular.due(), 2000);
        assert!(matches!(regular.turn(), Turn::Speaks(2000)));
        regular.put(2000, &[0; 96], None);
        let mut left = 0;
        while regular.due() < 4000 {
            let Turn::Leaves(slice) = regular.turn() else { panic!("too early") };
            left += slice.bytes.len();
        }
        assert_eq!(left, 96);
        assert!(matches!(regular.turn(), Turn::Speaks(4000)));
        // It said nothing this time.
        assert!(matches!(regular.turn(), Turn::Speaks(6000)));
    }
}
