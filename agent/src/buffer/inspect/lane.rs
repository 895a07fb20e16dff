//! One lane: its stretches in order, what they hold, what is missing in and between them, and how much Kafka has.

use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use serde_json::value::RawValue;
use vitals::record::ledger::{GapReason, Lane, LedgerRecord};

use super::contents::Contents;
use super::done::Done;
use super::ranges::Ranges;
use super::shape::{LaneFiles, StretchFiles, db_bytes};
use super::{Ask, Depth, Finding, Form, Look, Stretch};
use crate::buffer::Item;
use crate::buffer::facts::{Facts, Naming, gap};
use crate::buffer::frame::Head;
use crate::buffer::generation::blocks;
use crate::buffer::pack::unpack;
use crate::envelope::{Position, RunId};

/// A lane that is looked at.
pub(super) struct LaneLook<'a> {
    files: &'a LaneFiles,
    /// The last durable record and the last in Kafka, of a store at work.
    live: Option<(&'a Position, &'a Position)>,
}

impl<'a> LaneLook<'a> {
    pub(super) fn new(files: &'a LaneFiles, live: Option<(&'a Position, &'a Position)>) -> Self {
        Self { files, live }
    }

    /// Bytes that will be read, nearly.
    pub(super) fn bytes_to_read(&self, depth: Depth) -> u64 {
        let read = self.files.stretches.iter().filter(|it| it.gap.is_none() && must_read(it, depth));
        read.map(|it| db_bytes(&it.path)).sum()
    }

    pub(super) fn run(&self, look: &mut Look<'_>) -> ControlFlow<()> {
        let done = Done::of(self.files, self.live.map(|it| it.1), look)?;
        let mut before: Option<(RunId, u64)> = None;
        for files in &self.files.stretches {
            if look.ask.pending && look.ask.depth == Depth::Records && done.covers(files) {
                continue;
            }
            // What says of itself that it has none of the numbers asked for need not be read.
            if let Some(seal) = files.seal.as_ref().filter(|it| is_outside(look.ask, (it.first, it.last))) {
                before = Some((seal.run.clone(), seal.last));
                continue;
            }
            let Some((mut found, contents)) = self.stretch(files, &done, look)? else { continue };
            if let Some((_, last)) =
                before.filter(|(run, last)| **run == *found.run && last + 1 < found.first)
            {
                self.missing(&found, last, &done, look)?;
            }
            before = Some((found.run.as_str().into(), found.last));
            if look.ask.depth == Depth::Records {
                let unreadable = self.show(files, &found, &contents, &done, look)?;
                found.holes.extend(unreadable);
            }
            (look.sink)(Finding::Stretch(found))?;
        }
        ControlFlow::Continue(())
    }

    /// What a stretch holds; none of what vanished while it was looked for.
    fn stretch(
        &self,
        files: &StretchFiles,
        done: &Done,
        look: &mut Look<'_>,
    ) -> ControlFlow<(), Option<(Stretch, Contents)>> {
        let said = empty(self.files.lane, files);
        if let Some(gap) = &files.gap {
            let (run, reason) = (gap.run.clone(), Some(gap.reason));
            let (first, last) = (gap.first_seq, gap.last_seq);
            let gap = Stretch { form: Form::Gap, run, first, last, bytes: 4096, reason, ..said };
            return ControlFlow::Continue(Some((gap, Contents::default())));
        }
        if let (Some(facts), false) = (&files.seal, must_read(files, look.ask.depth)) {
            let sealed = Stretch {
                run: facts.run.to_string(),
                first: facts.first,
                last: facts.last,
                records: facts.records,
                pending: done.pending(&facts.run, facts.last, facts.records),
                holes: facts.holes.clone(),
                ..said
            };
            return ControlFlow::Continue(Some((sealed, Contents::default())));
        }
        let mut at = place(&files.path);
        let contents = loop {
            let contents = Contents::read(&at.0, look)?;
            let before = std::mem::replace(&mut at, place(&files.path));
            // A repacked one may have taken its place meanwhile.
            if at == before {
                break contents;
            }
        };
        if !at.0.exists() {
            return ControlFlow::Continue(None);
        }
        let found = self.read(files, &contents, done, look.ask.depth);
        ControlFlow::Continue(Some((found, contents)))
    }

    /// What the frames of a generation say.
    fn read(&self, files: &StretchFiles, contents: &Contents, done: &Done, depth: Depth) -> Stretch {
        let facts = files.facts();
        let run = facts.map(|it| it.run.clone()).or_else(|| contents.run.clone());
        let run = run.unwrap_or_else(|| "unknown".into());
        let durable = self.durable(&run, files);
        let Tally { covered, records } = match depth {
            Depth::Frames => Tally::of(contents, durable),
            // By their heads: what is inside is either not asked, or shows when it is shown.
            Depth::Facts | Depth::Records => {
                Tally { covered: contents.covered(), records: contents.records(durable) }
            }
        };
        let ends = covered.ends();
        let first = facts.map(|it| it.first).or(ends.map(|it| it.0)).unwrap_or(1);
        let found = ends.map_or(first.saturating_sub(1), |it| it.1.min(durable));
        let last = files.seal.as_ref().map_or(found, |it| it.last.max(found));
        let is_unfinished = |it: &(u64, u64)| files.seal.is_none() && contents.is_last_batch_behind(it.0);
        let (unfinished, holes) = covered.holes(first, last).into_iter().partition(is_unfinished);
        let is_empty = facts.is_none() && contents.bodies() == 0;
        let nothing = || is_empty.then(|| "nothing in it can be read".to_owned());
        Stretch {
            pending: done.pending(&run, last, records),
            run: run.to_string(),
            first,
            last,
            records,
            frames: Some(contents.bodies()),
            holes,
            unfinished,
            trouble: contents.trouble.clone().or_else(nothing),
            ..empty(self.files.lane, files)
        }
    }

    /// The last number of a run that counts.
    fn durable(&self, run: &RunId, files: &StretchFiles) -> u64 {
        match self.live {
            Some((durable, _)) if durable.run == *run && files.seal.is_none() => durable.seq,
            _ => u64::MAX,
        }
    }

    /// Numbers between two stretches of a run.
    fn missing(&self, next: &Stretch, before: u64, done: &Done, look: &mut Look<'_>) -> ControlFlow<()> {
        let after = before.max(if look.ask.pending { done.after(&next.run) } else { 0 });
        let (first, last) = (before + 1, next.first - 1);
        if look.ask.depth == Depth::Records && after < last {
            self.tell_hole(&next.run, (after + 1, last), look)?;
        }
        (look.sink)(Finding::Stretch(Stretch {
            name: String::new(),
            form: Form::Missing,
            first,
            last,
            records: 0,
            pending: 0,
            bytes: 0,
            frames: None,
            from_up_ms: None,
            to_up_ms: None,
            reason: None,
            holes: vec![(first, last)],
            unfinished: Vec::new(),
            trouble: None,
            ..next.clone()
        }))
    }

    /// The records of a stretch, and a gap for each hole; what looked whole and cannot be read.
    fn show(
        &self,
        files: &StretchFiles,
        found: &Stretch,
        contents: &Contents,
        done: &Done,
        look: &mut Look<'_>,
    ) -> ControlFlow<(), Vec<(u64, u64)>> {
        let after = if look.ask.pending { done.after(&found.run) } else { 0 };
        let mut unreadable = Vec::new();
        if let Some(gap) = &files.gap {
            (look.sink)(Finding::Gap(LedgerRecord::Gap(gap.clone())))?;
            return ControlFlow::Continue(unreadable);
        }
        let (from, to) = look.ask.within.unwrap_or((1, u64::MAX));
        let mut next = found.first.max(after.saturating_add(1)).max(from);
        let last = found.last.min(to);
        contents.each(|head, raw| {
            if head.first > last || head.last < next {
                return ControlFlow::Continue(());
            }
            if head.first > next {
                self.tell_hole(&found.run, (next, head.first - 1), look)?;
            }
            unreadable.extend(self.show_body(head, raw, (next.max(head.first), last), look)?);
            next = head.last.saturating_add(1);
            ControlFlow::Continue(())
        })?;
        if next <= last {
            self.tell_hole(&found.run, (next, last), look)?;
        }
        ControlFlow::Continue(unreadable)
    }

    /// The records of a body from one number to another; which of them are none of ours.
    fn show_body(
        &self,
        head: &Head,
        raw: &[u8],
        (first, last): (u64, u64),
        look: &mut Look<'_>,
    ) -> ControlFlow<(), Vec<(u64, u64)>> {
        let all = vec![(first, head.last.min(last))];
        let Some(items) = unpack(head, raw) else {
            self.tell_hole(&head.run, all[0], look)?;
            return ControlFlow::Continue(all);
        };
        let mut unreadable = Vec::new();
        for item in items.into_iter().filter(|it| it.range().0 <= last && it.range().1 >= first) {
            let range = item.range();
            let body = match item {
                Item::Gap(gap) => {
                    (look.sink)(Finding::Gap(LedgerRecord::Gap(gap)))?;
                    continue;
                }
                Item::Record(envelope) => String::from_utf8(envelope.body.into_vec()).ok(),
            };
            if let Some(body) = body.and_then(|it| RawValue::from_string(it).ok()) {
                (look.sink)(Finding::Record(body))?;
            } else {
                self.tell_hole(&head.run, range, look)?;
                unreadable.push(range);
            }
        }
        ControlFlow::Continue(unreadable)
    }

    fn tell_hole(&self, run: &str, range: (u64, u64), look: &mut Look<'_>) -> ControlFlow<()> {
        // The files do not say whose they are; the records beside the gap do.
        let naming = Naming { agent: String::new(), run: run.into(), lane: self.files.lane };
        let gap = gap(&naming, &naming.run, range, GapReason::StoreDamaged);
        (look.sink)(Finding::Gap(LedgerRecord::Gap(gap)))
    }
}

/// Whether none of these numbers are asked for.
fn is_outside(ask: Ask, (first, last): (u64, u64)) -> bool {
    ask.within.is_some_and(|(from, to)| last < from || first > to)
}

/// Whether a stretch's own word is not enough.
fn must_read(files: &StretchFiles, depth: Depth) -> bool {
    files.gap.is_none() && (depth != Depth::Facts || files.seal.is_none())
}

/// Where a generation is now, and which file that is: what is made anew moves from beside into its place.
fn place(path: &Path) -> (PathBuf, Option<u64>) {
    let settled = path.with_extension("");
    let file = |dir: &Path| fs::metadata(dir.join("db")).ok().map(|it| it.ino());
    match file(path) {
        None if settled.exists() => (settled.clone(), file(&settled)),
        found => (path.to_owned(), found),
    }
}

fn empty(lane: Lane, files: &StretchFiles) -> Stretch {
    let seal: Option<&Facts> = files.seal.as_ref();
    Stretch {
        lane,
        name: files.path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        form: if seal.is_some() { Form::Sealed } else { Form::Open },
        run: String::new(),
        first: 1,
        last: 0,
        records: 0,
        pending: 0,
        bytes: blocks(&files.path),
        frames: None,
        from_up_ms: seal.and_then(|it| it.from_up),
        to_up_ms: seal.and_then(|it| it.to_up),
        reason: None,
        holes: Vec::new(),
        unfinished: Vec::new(),
        trouble: None,
    }
}

/// What the bodies of a generation cover.
#[derive(Default)]
struct Tally {
    covered: Ranges,
    records: u64,
}

impl Tally {
    fn of(contents: &Contents, durable: u64) -> Self {
        let mut tally = Self::default();
        // Nobody breaks it off.
        let _ = contents.each(|head, raw| {
            tally.add(head, raw, durable);
            ControlFlow::Continue(())
        });
        tally
    }

    fn add(&mut self, head: &Head, raw: &[u8], durable: u64) {
        let Some(items) = unpack(head, raw) else { return };
        let is_durable = |it: &&Item| matches!(it, Item::Record(envelope) if envelope.seq <= durable);
        self.records += items.iter().filter(is_durable).count() as u64;
        self.covered.insert(head.first, head.last);
    }
}
