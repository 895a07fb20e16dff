//! How much of a lane is in Kafka.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::Look;
use super::contents::Contents;
use super::shape::{LaneFiles, StretchFiles};
use crate::envelope::{Position, RunId};

/// How far Kafka has a lane.
pub(super) struct Done {
    upto: Option<Position>,
    /// The runs of the lane, in order.
    runs: Vec<RunId>,
}

impl Done {
    /// What the agent says, or the newest cursor that the lane's last runs left.
    pub(super) fn of(
        files: &LaneFiles,
        acknowledged: Option<&Position>,
        look: &mut Look<'_>,
    ) -> ControlFlow<(), Self> {
        let mut runs: Vec<RunId> = Vec::new();
        for it in &files.stretches {
            let gap = it.gap.as_ref().map(|it| RunId::from(it.run.as_str()));
            let run = gap.or_else(|| it.facts().map(|it| it.run.clone()));
            runs.extend(run.filter(|it| runs.last() != Some(it)));
        }
        let mut cursors: BTreeMap<RunId, u64> = BTreeMap::new();
        if let Some(Position { run, seq }) = acknowledged {
            cursors.insert(run.clone(), *seq);
        } else {
            for it in files.stretches.iter().rev().filter(|it| it.gap.is_none()) {
                cursors = Contents::read(&it.path, look)?.cursors;
                if !cursors.is_empty() {
                    break;
                }
            }
        }
        let newest = runs.iter().rposition(|it| cursors.contains_key(it));
        let upto = newest.map(|at| Position { run: runs[at].clone(), seq: cursors[&runs[at]] });
        ControlFlow::Continue(Self { upto, runs })
    }

    /// The last number of a run that is in Kafka; 0: none, all for a run that is over.
    pub(super) fn after(&self, run: &str) -> u64 {
        let Some(upto) = &self.upto else { return 0 };
        if *upto.run == *run {
            return upto.seq;
        }
        let place = |run: &str| self.runs.iter().position(|it| **it == *run);
        if place(run) < place(&upto.run) { u64::MAX - 1 } else { 0 }
    }

    pub(super) fn has(&self, run: &str, seq: u64) -> bool {
        self.after(run) >= seq
    }

    pub(super) fn covers(&self, files: &StretchFiles) -> bool {
        let sealed = files.seal.as_ref().map(|it| (it.run.to_string(), it.last));
        let end = sealed.or_else(|| files.gap.as_ref().map(|it| (it.run.clone(), it.last_seq)));
        end.is_some_and(|(run, last)| self.has(&run, last))
    }

    /// Of so many records that end with a number: those that are not known to be in Kafka.
    pub(super) fn pending(&self, run: &str, last: u64, records: u64) -> u64 {
        records.min(last.saturating_sub(self.after(run)))
    }
}
