//! Which alarms are open, and which records of them are news.

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use vitals::alarm::event::{Condition, Inactivation, Phase, Signal};
use vitals::record::alarm::AlarmRecord;
use vitals::record::state::BedRecord;
use vitals::time::Uptime;

use super::{Change, News};

/// How long the record that ends an alarm may be behind the state of its bed: they travel separately.
const ENDING_GRACE: Duration = Duration::from_secs(5);
/// Alarms whose last revision is remembered after their end, against repeats: a day of a busy ward (200 alarms a
/// bed and day × 20 beds).
const REMEMBERED_MAX: usize = 4096;

/// The alarms of the ward.
#[derive(Debug, Default)]
pub(super) struct Alarms {
    open: BTreeMap<String, Open>,
    ended: Ended,
}

#[derive(Debug)]
struct Open {
    record: AlarmRecord,
    /// When the state of its bed first came without it.
    unlisted_at: Option<Uptime>,
}

/// The last revision of alarms that are over, the oldest forgotten first.
#[derive(Debug, Default)]
struct Ended {
    revisions: BTreeMap<String, u32>,
    order: VecDeque<String>,
}

impl Alarms {
    /// One change of one alarm; `history` if the run that says it is over.
    pub(super) fn handle_alarm(
        &mut self,
        record: Box<AlarmRecord>,
        history: bool,
        late: bool,
    ) -> Option<Change> {
        let known = self.open.get(&record.id).map(|it| it.record.revision);
        if known.or(self.ended.revision(&record.id)).is_some_and(|known| known >= record.revision) {
            return None;
        }
        let over = record.phase.is_over();
        if over || (history && known.is_none()) {
            let told_already = known.is_none() && self.ended.revision(&record.id).is_some() && !history;
            self.open.remove(&record.id);
            self.ended.remember(&record.id, record.revision);
            return (!told_already).then_some(Change::Alarm { record, news: News::Told, late });
        }
        let unlisted_at = None;
        self.open.insert(record.id.clone(), Open { record: (*record).clone(), unlisted_at });
        // It goes on: no news, unless nobody here had heard of it.
        if record.phase == Phase::Continue {
            return known.is_none().then_some(Change::Alarm { record, news: News::Found, late: false });
        }
        Some(Change::Alarm { record, news: News::Told, late })
    }

    /// The state of a bed is authoritative: what it lists is open, what it does not list has ended.
    pub(super) fn handle_bed(&mut self, now: Uptime, bed: &BedRecord) -> Vec<Change> {
        let mut changes = Vec::new();
        for record in &bed.alarms {
            let known = self.open.get(&record.id).map(|it| it.record.revision);
            if known.or(self.ended.revision(&record.id)).is_some_and(|known| known >= record.revision) {
                if let Some(open) = self.open.get_mut(&record.id) {
                    open.unlisted_at = None;
                }
                continue;
            }
            let news = if known.is_some() { News::Told } else { News::Found };
            let before =
                self.open.insert(record.id.clone(), Open { record: record.clone(), unlisted_at: None });
            if before.is_none_or(|before| is_news(&before.record, record)) {
                changes.push(Change::Alarm { record: Box::new(record.clone()), news, late: false });
            }
        }
        changes.extend(self.end_unlisted(now, bed));
        changes
    }

    /// Ends what nobody lists any more and no record has ended.
    pub(super) fn handle_timeout(&mut self, now: Uptime) -> Vec<Change> {
        let due = |open: &Open| open.unlisted_at.is_some_and(|at| now >= at + ENDING_GRACE);
        let ended: Vec<String> =
            self.open.iter().filter(|(_, open)| due(open)).map(|(id, _)| id.clone()).collect();
        ended.iter().filter_map(|id| self.end(id)).collect()
    }

    pub(super) fn poll_timeout(&self) -> Option<Uptime> {
        self.open.values().filter_map(|it| it.unlisted_at).map(|at| at + ENDING_GRACE).min()
    }

    /// Starts all grace anew: nothing could be heard until now.
    pub(super) fn forgive(&mut self, now: Uptime) {
        for at in self.open.values_mut().filter_map(|it| it.unlisted_at.as_mut()) {
            *at = now;
        }
    }

    /// The open alarms, the most urgent first, then the oldest; a test behind every alarm that is one.
    pub(super) fn open(&self) -> Vec<&AlarmRecord> {
        let mut open: Vec<&AlarmRecord> = self.open.values().map(|it| &it.record).collect();
        open.sort_by_key(|it| (it.test, Reverse(it.priority), Reverse(it.present_ms), it.id.clone()));
        open
    }

    /// Another run's alarms end at once; this run's own get time for the record that says how they ended.
    fn end_unlisted(&mut self, now: Uptime, bed: &BedRecord) -> Vec<Change> {
        let mut ended = Vec::new();
        for (id, open) in &mut self.open {
            let theirs = open.record.bed == bed.bed && open.record.agent == bed.agent;
            if !theirs || bed.alarms.iter().any(|it| it.id == *id) {
                continue;
            }
            if open.record.run != bed.run {
                ended.push(id.clone());
            } else if open.record.up_ms <= bed.up_ms {
                open.unlisted_at.get_or_insert(now);
            }
        }
        ended.iter().filter_map(|id| self.end(id)).collect()
    }

    fn end(&mut self, id: &str) -> Option<Change> {
        let mut record = Box::new(self.open.remove(id)?.record);
        self.ended.remember(id, record.revision);
        record.phase = Phase::End;
        record.condition = Condition::Clear;
        record.signal = Signal::Off;
        record.inactivation = Inactivation::None;
        Some(Change::Alarm { record, news: News::Unlisted, late: false })
    }
}

impl Ended {
    fn revision(&self, id: &str) -> Option<u32> {
        self.revisions.get(id).copied()
    }

    fn remember(&mut self, id: &str, revision: u32) {
        if self.revisions.insert(id.into(), revision).is_none() {
            self.order.push_back(id.into());
        }
        if self.order.len() > REMEMBERED_MAX {
            self.order.pop_front().map(|oldest| self.revisions.remove(&oldest));
        }
    }
}

/// Whether anything but the value and the time has changed.
fn is_news(before: &AlarmRecord, after: &AlarmRecord) -> bool {
    (before.priority, before.condition, before.signal, before.inactivation)
        != (after.priority, after.condition, after.signal, after.inactivation)
}
