//! What comes out of a driver, counted as it comes: no reading and no fault passes without its counter.

use alloc::collections::VecDeque;

use super::{Counts, Fault};
use crate::notice::{Notice, Notices};
use crate::reading::Reading;

/// Readings and faults on their way out, and how many there were.
///
/// It holds what one call of `handle_bytes` gave; the caller takes it before the next.
#[derive(Debug, Default)]
pub(super) struct Outcomes {
    queue: VecDeque<Result<Reading, Fault>>,
    notices: VecDeque<Notice>,
    /// The last of each kind: what is said again is no news.
    told: Notices,
    counts: Counts,
}

impl Outcomes {
    /// A frame passed every check.
    pub(super) fn good(&mut self) {
        self.counts.frames_good += 1;
    }

    /// A frame gave a reading.
    pub(super) fn reading(&mut self, reading: Reading) {
        self.counts.observations += 1;
        self.queue.push_back(Ok(reading));
    }

    /// The device has said something beside its readings; told if it differs from the last of its kind.
    pub(super) fn notice(&mut self, notice: Notice) {
        if self.told.contains(&notice) {
            return;
        }
        // Whoever hears of another device forgets what the one before had said: all of it is news again.
        if matches!(notice, Notice::Identity(_)) {
            self.told.clear();
        }
        self.told.put(notice.clone());
        self.notices.push_back(notice);
    }

    /// A frame cannot be used.
    pub(super) fn fault(&mut self, fault: Fault) {
        match fault {
            Fault::BadChecksum => self.counts.bad_checksum += 1,
            Fault::BadLength => self.counts.bad_length += 1,
            Fault::Fragment => self.counts.fragments += 1,
        }
        self.queue.push_back(Err(fault));
    }

    /// Bytes that belong to no frame: counted, and told to nobody.
    pub(super) fn skip(&mut self, bytes: usize) {
        self.counts.skipped_bytes += u64::try_from(bytes).unwrap_or(u64::MAX);
    }

    pub(super) fn poll(&mut self) -> Option<Result<Reading, Fault>> {
        self.queue.pop_front()
    }

    pub(super) fn poll_notice(&mut self) -> Option<Notice> {
        self.notices.pop_front()
    }

    pub(super) fn counts(&self) -> Counts {
        self.counts
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::notice::DeviceIdentity;

    #[test]
    fn a_notice_is_told_when_it_differs_and_all_anew_behind_another_identity() {
        let identity = |serial: &str| {
            Notice::Identity(DeviceIdentity { serial: Some(serial.into()), ..DeviceIdentity::default() })
        };
        let mut out = Outcomes::default();
        for notice in [
            Notice::Apnea(true),
            identity("1"),
            Notice::Apnea(true),
            Notice::Apnea(true),
            identity("1"),
            identity("2"),
            Notice::Apnea(true),
            Notice::Apnea(false),
        ] {
            out.notice(notice);
        }
        let told: Vec<Notice> = core::iter::from_fn(|| out.poll_notice()).collect();
        let expected = [
            Notice::Apnea(true),
            identity("1"),
            Notice::Apnea(true),
            identity("2"),
            Notice::Apnea(true),
            Notice::Apnea(false),
        ];
        assert_eq!(told, expected);
    }
}
