//! Where an alarm is made known at once, before it is stored or sent.

use std::sync::Arc;

use vitals::name::Name;
use vitals::record::alarm::AlarmRecord;

/// One change of an alarm, with everything that is open on its bed after the change.
#[derive(Debug, Clone)]
pub struct Announcement {
    /// The bed.
    pub bed: Arc<Name>,
    /// The change.
    pub record: Arc<AlarmRecord>,
    /// The newest record of each open alarm of the bed, the most urgent first.
    pub open: Vec<Arc<AlarmRecord>>,
}
