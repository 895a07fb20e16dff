//! What outlives the process: the engine's state out, and back in (E34, E35).

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::rules::{Changes, with_changes};
use super::{AlarmEngine, Flag};
use crate::alarm::apnea::ApneaAlarm;
use crate::alarm::choice::Choice;
use crate::alarm::event::Code;
use crate::alarm::object::{Alarm, Facts};
use crate::alarm::policy::{AlarmPolicy, Preference, SourceSetup};
use crate::alarm::snapshot::{Boot, Moved, Snapshot};
use crate::alarm::source::{Source, SourceState};
use crate::alarm::technical::{Key, TechnicalAlarm, Trouble};
use crate::name::Name;
use crate::time::Uptime;

impl AlarmEngine {
    /// All that must survive the process, pending levels included.
    #[must_use]
    pub fn snapshot(&self, now: Uptime) -> Snapshot {
        Snapshot {
            at: now.max(self.clock),
            mode: self.mode,
            sources: self.sources.iter().map(|it| it.state.clone()).collect(),
            choices: self.choices.iter().map(|(vital, it)| (*vital, it.clone())).collect(),
            limits: self.limits.iter().map(|it| (it.vital, it.direction, it.state.clone())).collect(),
            technical: self.technical.iter().map(|(key, it)| (key.clone(), it.clone())).collect(),
            apneas: self.apneas.iter().map(|it| (it.vital, it.state.clone())).collect(),
            changes: self.changes.iter().map(|(key, it)| (*key, *it)).collect(),
            score: self.score.clone(),
            profile: self.policy.profile.clone(),
            inactive: self.inactive.clone(),
            stay: self.stay.clone(),
            answered: self.answered.iter().cloned().collect(),
        }
    }

    /// The engine as it was at the snapshot. In its first step, due at `now`, each kept alarm says that it goes on
    /// (E35). An alarm whose rule or source is no more is reset.
    #[must_use]
    pub fn restore(
        policy: AlarmPolicy,
        sources: Vec<SourceSetup>,
        prefer: Preference,
        snapshot: &Snapshot,
        boot: Boot,
        now: Uptime,
    ) -> Self {
        let changes: Changes = snapshot.changes.iter().copied().collect();
        let in_force = with_changes(&policy, snapshot.stay.as_ref(), &changes);
        let mut it = Self::new(in_force, sources, prefer, now);
        (it.file, it.changes) = (policy, changes);
        it.mode = it.mode.max(snapshot.mode);
        let moved = Moved { from: snapshot.at, to: now, boot };
        it.inactive = snapshot.inactive.restored(moved);
        it.stay.clone_from(&snapshot.stay);
        it.answered = snapshot.answered.iter().cloned().collect();
        for state in &snapshot.sources {
            it.restore_source(state, moved);
        }
        for (vital, choice) in snapshot.choices.iter().filter(|_| boot == Boot::Same) {
            let choice = it.renumbered(choice, snapshot);
            it.choices.insert(*vital, choice);
        }
        it.score = snapshot.score.restored(it.score, moved);
        it.restore_limits(snapshot, moved);
        it.restore_apneas(snapshot, moved);
        it.restore_technical(snapshot, moved);
        if boot == Boot::Same {
            it.judge_what_others_say(snapshot, moved);
            it.miss_nothing(moved);
        }
        it.catch_up(now);
        it.notice_fallbacks(now);
        it.drop_removed(snapshot, moved);
        it
    }

    /// Values count as long as they would have; silence counts only while somebody listens (E6).
    fn restore_source(&mut self, state: &SourceState, moved: Moved) {
        if state.is_unannounced() && !self.sources.iter().any(|it| it.state.name == state.name) {
            let name = Arc::clone(&state.name);
            self.sources.push(Source::unannounced(name, state.mode, moved.to));
        }
        let Some(source) = self.sources.iter_mut().find(|it| it.state.name == state.name) else {
            return;
        };
        let silent_at = state.silent_at.map(|at| moved.to + at.since(moved.from)).or(source.state.silent_at);
        match moved.boot {
            Boot::Same => {
                // Whether it is announced the configuration of now says.
                let announced = source.state.announced;
                source.state = SourceState { silent_at, unheard: true, announced, ..state.clone() };
                // Who watches the line begins anew, and tells only what changes.
                source.state.flags.retain(|it| !matches!(it, Flag::BadDataRate | Flag::ClockSkew));
            }
            Boot::Other => {
                source.state.mode = state.mode;
                source.state.identity.clone_from(&state.identity);
                source.state.cuff = state.cuff.over_boot();
                source.state.unheard = true;
            }
        }
        source.state.forget_line();
    }

    fn renumbered(&self, choice: &Choice, snapshot: &Snapshot) -> Choice {
        choice.renumbered(|place| {
            let name = &snapshot.sources.get(place)?.name;
            self.sources.iter().position(|it| it.state.name == *name)
        })
    }

    fn restore_limits(&mut self, snapshot: &Snapshot, moved: Moved) {
        for (vital, direction, state) in &snapshot.limits {
            let rule = self.limits.iter_mut().find(|it| (it.vital, it.direction) == (*vital, *direction));
            if let Some(rule) = rule {
                rule.restore(state, moved);
            }
        }
    }

    fn restore_apneas(&mut self, snapshot: &Snapshot, moved: Moved) {
        for (vital, state) in &snapshot.apneas {
            if let Some(rule) = self.apneas.iter_mut().find(|it| it.vital == *vital) {
                rule.state.restore(state, moved);
            }
        }
    }

    fn restore_technical(&mut self, snapshot: &Snapshot, moved: Moved) {
        for (key, kept) in &snapshot.technical {
            if self.knows(key) {
                self.technical.insert(key.clone(), kept.restored(key, moved));
            }
        }
        self.technical.retain(|_, it| !it.is_idle());
    }

    /// Judges anew what a source said that is no more, by those that are there.
    fn judge_what_others_say(&mut self, snapshot: &Snapshot, moved: Moved) {
        let flagged = self.is_flagged();
        self.apneas.iter_mut().skip(usize::from(flagged)).for_each(ApneaAlarm::forget_flag);
        let first = self.apneas.first().filter(|_| flagged && !self.is_resting()).map(|it| it.vital);
        if let Some((input, gap)) = first.map(|vital| self.input(vital)) {
            self.apneas.first_mut().into_iter().for_each(|it| it.take_flag(moved.from, true, input, gap));
        }
        for (vital, choice) in &snapshot.choices {
            let before = choice.current().and_then(|place| snapshot.sources.get(place));
            let after = self.believed(*vital).map(|it| &it.state.name);
            if before.map(|it| &it.name) != after {
                self.judge(moved.from, *vital);
            }
        }
        self.judge_agreement(moved.from);
    }

    /// Of sources that nobody has heard since the start: what they do not name is missed no more (H6). That is no word
    /// for what waits for one.
    fn miss_nothing(&mut self, moved: Moved) {
        let waits = |(key, it): (&Key, &TechnicalAlarm)| it.waits().then(|| key.clone());
        let waiting: Vec<Key> = self.technical.iter().filter_map(waits).collect();
        for place in 0..self.sources.len() {
            self.judge_troubles(moved.from, place);
            self.judge_equipment(moved.from, place, Trouble::Suspect);
        }
        for key in waiting {
            self.technical.get_mut(&key).into_iter().for_each(|it| it.wait(moved.to));
        }
    }

    /// Whether the source of a technical alarm is there.
    fn knows(&self, key: &Key) -> bool {
        let known = |name: &Arc<Name>| self.sources.iter().any(|it| it.state.name == *name);
        key.source.as_ref().is_none_or(known)
    }

    /// Ends the alarms whose rule or source is no more, with what is known of them now.
    fn drop_removed(&mut self, snapshot: &Snapshot, moved: Moved) {
        let mut rules: Vec<(Alarm, Facts)> = Vec::new();
        for (vital, direction, state) in &snapshot.limits {
            let has = self.limits.iter().any(|it| (it.vital, it.direction) == (*vital, *direction));
            if let (Some(alarm), false) = (&state.alarm, has) {
                rules.push((alarm.clone(), self.limit_facts(*vital, *direction)));
            }
        }
        for (vital, state) in &snapshot.apneas {
            let has = self.apneas.iter().any(|it| it.vital == *vital);
            if let (Some(alarm), false) = (&state.alarm, has) {
                rules.push((alarm.clone(), self.apnea_facts(*vital)));
            }
        }
        rules.sort_by_key(|(_, facts)| (facts.code.vital(), matches!(facts.code, Code::Apnea(_))));
        let mut removed: Vec<(Alarm, Facts, &str)> =
            rules.into_iter().map(|(alarm, facts)| (alarm, facts, "rule removed")).collect();
        for (key, kept) in &snapshot.technical {
            if let (Some(alarm), false) = (&kept.alarm, self.knows(key)) {
                removed.push((alarm.clone(), self.technical_facts(key, kept), "source removed"));
            }
        }
        for (mut alarm, facts, reason) in removed {
            alarm.restart(moved);
            let change = alarm.reset(Some(reason));
            Self::settle(&self.inactive, moved.to, facts.code, &mut alarm);
            self.events.push_back(alarm.tell(moved.to, change, facts, &self.policy.timing));
        }
    }

    /// Does what fell due while there was no process, without a word: the first step tells the outcome.
    fn catch_up(&mut self, now: Uptime) {
        while let Some(deadline) = self.poll_timeout().filter(|at| *at < now) {
            self.run_due(deadline);
            self.tell_nobody(deadline);
        }
        // What ends with its rule is told as it is after this step, too.
        self.run_due(now);
        self.first_step = Some(now);
    }
}
