//! What a stretch of a lane holds, without opening it: the facts beside each generation, and gaps made of them.

use std::collections::BTreeSet;

use vitals::record::ledger::{Gap, GapReason, LEDGER};
use vitals::time::Uptime;

use super::entry::Shed;
use super::{Item, RunId};
use crate::envelope::Lane;

/// So many sources are told in a gap; of more, none is, because some would look like all.
const SOURCES_MAX: usize = 64;

/// Whose records: what every gap and every frame says.
#[derive(Debug, Clone)]
pub(super) struct Naming {
    pub(super) agent: String,
    pub(super) run: RunId,
    pub(super) lane: Lane,
}

/// What a generation holds.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Facts {
    /// The run that wrote it.
    pub(super) run: RunId,
    /// The first sequence number it holds, or would have held.
    pub(super) first: u64,
    /// The last it holds; `first - 1` while it is empty.
    pub(super) last: u64,
    /// Records in it; what gaps cover is not counted.
    pub(super) records: u64,
    pub(super) from_up: Option<Uptime>,
    pub(super) to_up: Option<Uptime>,
    /// The sources of its records; `None`: too many to tell.
    pub(super) sources: Option<BTreeSet<Box<str>>>,
    /// Numbers between them that no frame covers: what was damaged.
    #[serde(default)]
    pub(super) holes: Vec<(u64, u64)>,
    /// Its frames were made full ones, or found to be.
    #[serde(default)]
    pub(super) repacked: bool,
    /// What could be merged in it was.
    #[serde(default)]
    pub(super) merged: bool,
    /// CRC-32 of sled's file when it was sealed: sled overwrites parts of a damaged log when it opens it, so that a
    /// damage must be known before.
    pub(super) sum: Option<u32>,
}

impl Facts {
    pub(super) fn begin(run: RunId, first: u64) -> Self {
        let sources = Some(BTreeSet::new());
        Self {
            run,
            first,
            last: first.saturating_sub(1),
            records: 0,
            from_up: None,
            to_up: None,
            sources,
            holes: Vec::new(),
            repacked: false,
            merged: false,
            sum: None,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.last < self.first
    }

    pub(super) fn add(&mut self, item: &Item) {
        self.last = self.last.max(item.range().1);
        let Item::Record(envelope) = item else { return };
        self.records += 1;
        self.from_up.get_or_insert(envelope.up);
        self.to_up = Some(envelope.up);
        if let Some(sources) = &mut self.sources {
            if !sources.contains(&envelope.key) {
                sources.insert(envelope.key.clone());
            }
            if sources.len() > SOURCES_MAX {
                self.sources = None;
            }
        }
    }

    /// The gap that takes the place of what lies behind `after`.
    pub(super) fn to_gap(&self, naming: &Naming, after: u64, reason: GapReason) -> Gap {
        let first = self.first.max(after + 1);
        Gap {
            from_up_ms: self.from_up.filter(|_| first == self.first),
            to_up_ms: self.to_up,
            sources: self.sources.iter().flatten().map(ToString::to_string).collect(),
            ..gap(naming, &self.run, (first, self.last), reason)
        }
    }
}

/// A gap of which nothing but its range is known.
pub(super) fn gap(naming: &Naming, run: &RunId, (first, last): (u64, u64), reason: GapReason) -> Gap {
    Gap {
        schema: LEDGER.into(),
        agent: naming.agent.clone(),
        run: run.to_string(),
        lane: naming.lane,
        first_seq: first,
        last_seq: last,
        count: (last + 1).saturating_sub(first),
        from_up_ms: None,
        to_up_ms: None,
        reason,
        sources: Vec::new(),
    }
}

/// The gap of what memory could not hold.
pub(super) fn shed_gap(naming: &Naming, shed: &Shed) -> Gap {
    Gap {
        from_up_ms: shed.up.map(|(first, _)| first),
        to_up_ms: shed.up.map(|(_, last)| last),
        ..gap(naming, &naming.run, (shed.after + 1, shed.last()), GapReason::StoreStalled)
    }
}
