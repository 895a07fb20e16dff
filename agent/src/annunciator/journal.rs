//! The journal: one line a change, for whoever stands before the machine and for who asks afterwards.

use tracing::{info, warn};
use vitals::alarm::event::Priority;

use super::Announcement;

/// Tells a change. Values of patients are not for the journal: bed, code and state are.
pub(super) fn tell(announcement: &Announcement) {
    let it = &announcement.record;
    let (bed, code, id) = (announcement.bed.as_str(), it.code.as_str(), it.id.as_str());
    let (phase, signal, mode) = (it.phase, it.signal, it.mode.name());
    let test = it.test.then_some(true);
    match it.priority {
        Priority::High | Priority::Medium => {
            warn!(bed, code, id, priority = ?it.priority, ?phase, condition = ?it.condition, ?signal, mode, test, "Alarm.");
        }
        Priority::Low => {
            info!(bed, code, id, priority = ?it.priority, ?phase, condition = ?it.condition, ?signal, mode, test, "Alarm.");
        }
    }
}
