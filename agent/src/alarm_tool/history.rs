//! What the store still has of alarms: the records of those that are over, and of the ones that go on.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use vitals::record::alarm::AlarmRecord;
use vitals::record::ledger::Lane;

use crate::buffer::inspect::{Ask, Finding};
use crate::buffer_tool::{Progress, Source, ToolError, look};

/// Alarms of which the newest record is kept while the store is read: a month of one bed.
const KEPT_MAX: usize = 2000;

/// The newest record of each alarm in the store, the newest alarm first.
pub(super) fn newest(source: &Source, progress: &mut Progress) -> Result<Vec<AlarmRecord>, ToolError> {
    let mut all: BTreeMap<String, (u64, AlarmRecord)> = BTreeMap::new();
    let mut order = 0;
    each(source, progress, |record| {
        order += 1;
        all.insert(record.id.clone(), (order, record));
        if all.len() > KEPT_MAX {
            let oldest = all.iter().min_by_key(|(_, (order, _))| *order).map(|(id, _)| id.clone());
            oldest.map(|id| all.remove(&id));
        }
    })?;
    let mut all: Vec<_> = all.into_values().collect();
    all.sort_by_key(|(order, _)| std::cmp::Reverse(*order));
    Ok(all.into_iter().map(|(_, record)| record).collect())
}

/// Every record of the alarms whose id is asked for, in order.
pub(super) fn of(
    source: &Source,
    is_meant: impl Fn(&str) -> bool,
    progress: &mut Progress,
) -> Result<Vec<AlarmRecord>, ToolError> {
    let mut all = Vec::new();
    each(source, progress, |record| {
        if is_meant(&record.id) {
            all.push(record);
        }
    })?;
    Ok(all)
}

/// Shows every alarm record of the store, in order; what is none is passed over.
fn each(
    source: &Source,
    progress: &mut Progress,
    mut take: impl FnMut(AlarmRecord),
) -> Result<(), ToolError> {
    look(source, Ask::records(Lane::Alarms, None), progress, &mut |finding| {
        if let Finding::Record(body) = finding {
            if let Ok(record) = serde_json::from_str(body.get()) {
                take(record);
            }
        }
        ControlFlow::Continue(())
    })
}
