//! All that a look finds but the records, put together: what `ls` and `verify` tell.

use std::ops::ControlFlow;
use std::path::PathBuf;

use serde::Serialize;

use super::place::Source;
use super::{Progress, ToolError, look};
use crate::buffer::inspect::{Aside, Ask, Depth, Finding, Form, Stretch};
use crate::envelope::Lane;

/// What a store holds.
#[derive(Debug, Default, Serialize)]
pub(super) struct Found {
    /// Of this form; what is added does not change it.
    pub(super) version: u32,
    pub(super) dir: PathBuf,
    /// The run that works on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) run: Option<String>,
    pub(super) lanes: Vec<LaneFound>,
    pub(super) quarantine: Vec<Aside>,
}

/// What a lane holds.
#[derive(Debug, Serialize)]
pub(super) struct LaneFound {
    pub(super) lane: Lane,
    pub(super) records: u64,
    /// Records that are not known to be in Kafka.
    pub(super) pending: u64,
    pub(super) bytes: u64,
    pub(super) generations: u64,
    /// Numbers that nothing readable covers.
    pub(super) missing: u64,
    pub(super) stretches: Vec<Stretch>,
}

impl Found {
    pub(super) fn is_damaged(&self) -> bool {
        let mut stretches = self.lanes.iter().flat_map(|it| &it.stretches);
        stretches.any(|it| !it.holes.is_empty() || it.trouble.is_some())
    }

    fn take(&mut self, finding: Finding) {
        match finding {
            Finding::Store(store) => (self.dir, self.run) = (store.dir, store.run),
            Finding::Stretch(stretch) => self.lane(stretch.lane).take(stretch),
            Finding::Aside(aside) => self.quarantine.push(aside),
            Finding::Record(_)
            | Finding::Gap(_)
            | Finding::Progress(_)
            | Finding::Failed(_)
            | Finding::End => {}
        }
    }

    fn lane(&mut self, lane: Lane) -> &mut LaneFound {
        let place = self.lanes.iter().position(|it| it.lane == lane).unwrap_or_else(|| {
            self.lanes.push(LaneFound::new(lane));
            self.lanes.len() - 1
        });
        &mut self.lanes[place]
    }
}

impl LaneFound {
    fn new(lane: Lane) -> Self {
        Self { lane, records: 0, pending: 0, bytes: 0, generations: 0, missing: 0, stretches: Vec::new() }
    }

    fn take(&mut self, stretch: Stretch) {
        self.records += stretch.records;
        self.pending += stretch.pending;
        self.bytes += stretch.bytes;
        self.generations += u64::from(matches!(stretch.form, Form::Sealed | Form::Open));
        self.missing += stretch.holes.iter().map(|(first, last)| last + 1 - first).sum::<u64>();
        self.stretches.push(stretch);
    }
}

/// Looks at a store without its records.
pub(super) fn collect(source: &Source, depth: Depth, progress: &mut Progress) -> Result<Found, ToolError> {
    let mut found = Found { version: 1, ..Found::default() };
    look(source, Ask { depth, lane: None, pending: false, within: None }, progress, &mut |finding| {
        found.take(finding);
        ControlFlow::Continue(())
    })?;
    progress.clear();
    Ok(found)
}
