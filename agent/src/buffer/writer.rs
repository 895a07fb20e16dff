//! The thread that owns a lane: groups what is offered, makes it durable, and feeds the reader.

use std::fs::File;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tracing::error;
use vitals::record::ledger::Lane;

use super::disk::DiskLane;
use super::durable::StoreError;
use super::entry::{Command, Load, Receipts, Shed};
use super::facts::Naming;
use super::feed::Feed;
use super::group::Pending;
use super::memory::MemoryLane;
use super::offers::{Offers, Wanted};
use super::progress::{LaneProgress, Progress, StoreState};
use super::rescue::Rescue;
use super::{Chunk, Mark};
use crate::clock;
use crate::envelope::Position;

/// So many receipts close a group at once: half of the in-flight window of 1024 that the broker is configured with.
const RECEIPTS_MAX: usize = 512;
/// Alarms that come together share a group.
pub(super) const ALARMS_COALESCE: Duration = Duration::from_millis(3);

/// Where a lane keeps its records.
pub(super) enum Medium {
    Disk(Box<DiskLane>),
    Memory(MemoryLane),
}

/// The thread's state.
pub(super) struct Owner {
    pub(super) naming: Naming,
    pub(super) commands: Receiver<Command>,
    pub(super) offers: Arc<Offers>,
    pub(super) load: Arc<Load>,
    pub(super) shed: Arc<watch::Sender<Option<Shed>>>,
    pub(super) medium: Medium,
    pub(super) feed: Feed,
    // Before the progress, whose end says that the directory is free.
    #[expect(
        dead_code,
        reason = "held, not read: nobody else may use the directory while this thread lives"
    )]
    pub(super) lock: Option<Arc<File>>,
    pub(super) progress: Arc<watch::Sender<Progress>>,
    pub(super) marks: Vec<watch::Sender<Mark>>,
    /// A group waits at most this long.
    pub(super) age: Duration,
    pub(super) rescue: Rescue,
    pub(super) pending: Pending,
    pub(super) course: Course,
}

/// How far a lane's thread has come.
#[derive(Default)]
pub(super) struct Course {
    /// The reader has been fed everything durable.
    caught_up: bool,
    /// Nothing more will be offered.
    ending: bool,
    /// For ever.
    failed: bool,
}

impl Owner {
    /// Until the intake and the reader are gone.
    pub(super) fn run(mut self) {
        self.publish();
        while self.listen() {
            self.take_shed();
            if self.is_due() {
                self.commit();
            }
            self.rest();
            self.feed();
        }
        match self.medium {
            Medium::Disk(disk) if !self.course.failed => disk.close(),
            Medium::Disk(_) => {}
            Medium::Memory(memory) => {
                let (after, rest) = memory.into_rest();
                self.rescue.keep(&self.naming, after, rest);
            }
        }
    }

    /// Waits for a command, or for the time to act; takes all that have come. False when nobody is left.
    fn listen(&mut self) -> bool {
        self.take_offers();
        let deadline =
            if self.offers.may_sleep(self.wanted()) { self.next_deadline() } else { Some(clock::instant()) };
        let first = match deadline {
            Some(at) => self.commands.recv_timeout(at.saturating_duration_since(clock::instant())),
            None => self.commands.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match first {
            Ok(command) => self.handle(command),
            Err(RecvTimeoutError::Timeout) => {}
            // What was offered before everybody went is kept all the same, group by group.
            Err(RecvTimeoutError::Disconnected) => return !self.pending.is_empty() && self.may_commit(),
        }
        while let Ok(command) = self.commands.try_recv() {
            self.handle(command);
        }
        self.take_offers();
        true
    }

    fn take_offers(&mut self) {
        for entry in self.offers.take() {
            self.pending.take(entry);
        }
    }

    /// What must be offered so that there is something to do before the next deadline.
    fn wanted(&self) -> Wanted {
        match (self.pending.since, self.may_commit()) {
            (None, _) => Wanted::ANYTHING,
            (Some(_), false) => Wanted::NOTHING,
            (Some(_), true) => Wanted {
                receipts: RECEIPTS_MAX.saturating_sub(self.pending.receipts),
                weight: (self.group_weight() / 2).saturating_sub(self.pending.weight),
            },
        }
    }

    fn handle(&mut self, command: Command) {
        match command {
            Command::End => self.course.ending = true,
            Command::Rewind { to, epoch } => {
                // Who knows no position of its own begins behind what was acknowledged here.
                let to = match &self.medium {
                    Medium::Disk(disk) if to == Position::none() => disk.acknowledged().clone(),
                    Medium::Disk(_) | Medium::Memory(_) => to,
                };
                self.feed.rewind(to, epoch);
                self.course.caught_up = false;
            }
            Command::Acknowledge { upto, delivered } => {
                let released = match &mut self.medium {
                    Medium::Disk(disk) => {
                        disk.acknowledge(&upto, delivered);
                        Receipts::default()
                    }
                    Medium::Memory(memory) => memory.acknowledge(&upto, delivered),
                };
                self.release(&released);
                self.publish();
            }
            Command::Offered | Command::Consumed => {}
        }
    }

    /// Fetches what memory could not hold, if all that stands before it has been taken.
    fn take_shed(&mut self) {
        let taken = self.pending.taken;
        if self.shed.borrow().as_ref().is_none_or(|it| it.after > taken) {
            return;
        }
        if let Some(shed) = self.shed.send_replace(None) {
            self.load.add(self.pending.take_shed(shed));
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        let commit = self
            .pending
            .since
            .filter(|_| self.may_commit())
            .map(|since| if self.is_due() { since } else { since + self.age });
        let rest = match &self.medium {
            Medium::Disk(disk) if !self.course.failed => disk.next_rest(),
            _ => None,
        };
        commit.into_iter().chain(rest).min()
    }

    /// A store that failed takes nothing more, and a full one that was told to wait does not yet.
    fn may_commit(&self) -> bool {
        !self.course.failed && !matches!(&self.medium, Medium::Disk(disk) if disk.must_wait())
    }

    fn is_due(&self) -> bool {
        let pending = &self.pending;
        let Some(since) = pending.since.filter(|_| self.may_commit()) else { return false };
        self.course.ending
            || pending.receipts >= RECEIPTS_MAX
            || pending.weight >= self.group_weight() / 2
            || since.elapsed() >= self.age
    }

    fn group_weight(&self) -> usize {
        match &self.medium {
            Medium::Disk(disk) => disk.group_weight(),
            Medium::Memory(_) => 1 << 20,
        }
    }

    fn commit(&mut self) {
        let group = self.pending.cut(self.group_weight(), &self.naming);
        let weight = group.weight;
        let kept = match &mut self.medium {
            Medium::Disk(disk) => disk.keep(group),
            Medium::Memory(memory) => Ok(memory.keep(group)),
        };
        match kept {
            Ok(kept) => {
                self.load.remove(weight);
                self.publish();
                self.release(&kept.receipts);
                self.hand_over(kept.fresh);
            }
            Err(error) => self.fail(&error),
        }
    }

    fn release(&mut self, receipts: &Receipts) {
        for (link, mark) in receipts.iter() {
            if let Some(sender) = self.marks.get(link) {
                sender.send_if_modified(|it| {
                    let moved = mark > *it;
                    *it = mark.max(*it);
                    moved
                });
            }
        }
    }

    /// A reader that has caught up gets from memory what has just become durable.
    fn hand_over(&mut self, fresh: Option<Chunk>) {
        let Some(chunk) = fresh.filter(|_| self.course.caught_up) else { return };
        if self.feed.has_room() {
            self.feed.push(chunk);
        } else {
            self.course.caught_up = false;
        }
    }

    fn feed(&mut self) {
        while !self.course.caught_up && self.feed.has_room() && !self.course.failed {
            let next = match &mut self.medium {
                Medium::Disk(disk) => disk.next_after(self.feed.position()),
                Medium::Memory(memory) => Ok(memory.next_after(self.feed.position())),
            };
            match next {
                Ok(Some(chunk)) => self.feed.push(chunk),
                Ok(None) => self.course.caught_up = true,
                Err(error) => {
                    error!(lane = %self.naming.lane.letter(), %error, "The store cannot be read on.");
                    self.feed.fail(error.to_string());
                }
            }
        }
        if self.course.ending && self.pending.is_empty() && self.course.caught_up {
            self.feed.end();
        }
    }

    fn rest(&mut self) {
        let mut was_repacking = false;
        if let (Medium::Disk(disk), false) = (&mut self.medium, self.course.failed) {
            was_repacking = disk.is_repacking();
            if let Err(error) = disk.rest() {
                self.fail(&error);
            }
        }
        if was_repacking || self.course.ending && self.pending.is_empty() {
            self.publish();
        }
    }

    /// For ever: what the kernel could not write once, it may have forgotten.
    fn fail(&mut self, error: &StoreError) {
        let reason = error.chain();
        error!(lane = %self.naming.lane.letter(), %reason, "The store has failed: nothing more is acknowledged.");
        self.course.failed = true;
        self.progress.send_modify(|it| {
            if !matches!(it.state, StoreState::Failed { .. }) {
                it.state = StoreState::Failed { since: clock::uptime(), reason, full: error.is_full() };
            }
        });
    }

    fn publish(&mut self) {
        let pending = &self.pending;
        let medium = &self.medium;
        let ended = self.course.ending && pending.is_empty() && !self.course.failed;
        let lane = self.naming.lane;
        self.progress.send_if_modified(|progress| {
            let before = progress.clone();
            let mine: &mut LaneProgress = match lane {
                Lane::Readings => &mut progress.readings,
                Lane::Alarms => &mut progress.alarms,
            };
            match medium {
                Medium::Disk(disk) => disk.describe(mine),
                Medium::Memory(memory) => memory.describe(mine),
            }
            mine.shed = mine.shed.max(pending.shed);
            mine.unaccounted += pending.skipped;
            mine.ended = ended;
            if progress.state == StoreState::Stalled && before.commits_of(lane) != progress.commits_of(lane) {
                progress.state = StoreState::Ok;
            }
            progress.add_up();
            before != *progress
        });
    }
}

/// Where a reader stands that has read nothing.
pub(super) fn beginning(naming: &Naming) -> Position {
    Position { run: naming.run.clone(), seq: 0 }
}
