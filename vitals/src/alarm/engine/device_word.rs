//! What a device says beside its readings, put before alarms: who it is, what it raises an alarm for itself, what limits are
//! set on it (E38). Its own alarms are told and kept apart; they change no rule, no level and no signal of ours.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::{AlarmEngine, Flag};
use crate::alarm::event::{AlarmIds, Priority};
use crate::alarm::policy::AlarmPolicy;
use crate::alarm::technical::{Key, TechnicalAlarm, Trouble, Word};
use crate::name::Name;
use crate::notice::{About, BedsideLimits, DeviceAlarm, DeviceIdentity, Notice};
use crate::priority::Direction;
use crate::quantity::Quantity;
use crate::reading::Mode;
use crate::time::Uptime;

/// Alarms of one device that are told; what it raises beyond them is not. A monitor shows some ten lines of them.
const DEVICE_ALARMS_MAX: usize = 64;

impl AlarmEngine {
    /// A device has said something beside its readings; `mode` is that of its source.
    pub fn handle_notice(
        &mut self,
        now: Uptime,
        (source, mode): (&Arc<Name>, Mode),
        notice: Notice,
        ids: &mut AlarmIds,
    ) {
        // It may be the first word of a source that nobody announced.
        let place = self.place_of(source, mode, now.max(self.clock));
        match notice {
            Notice::BatteryLow(on) => self.handle_flag(now, source, Flag::DeviceBattery, on, ids),
            Notice::Apnea(on) => self.handle_flag(now, source, Flag::Apnea, on, ids),
            Notice::CuffInflating(on) => self.handle_flag(now, source, Flag::CuffInflating, on, ids),
            Notice::Identity(identity) => self.handle_identity(now, source, identity, ids),
            Notice::Alarms(_) | Notice::Limits(_) => {
                let now = now.max(self.clock);
                self.begin(now, ids);
                self.note_word(now, place, notice);
                self.judge_device(now, place);
                self.tell(now, ids);
            }
        }
    }

    /// Who the device on a source's line is, and what limits are set on it, as far as it has said.
    #[must_use]
    pub fn device_of(&self, source: &Name) -> (Option<&DeviceIdentity>, Option<&BedsideLimits>) {
        let found = self.sources.iter().find(|it| *it.setup.source == *source);
        found.map_or((None, None), |it| (it.state.identity.as_ref(), it.state.bedside_limits.as_ref()))
    }

    /// A device says who it is. Another than the one before it may be beside another patient.
    fn handle_identity(&mut self, now: Uptime, source: &Name, identity: DeviceIdentity, ids: &mut AlarmIds) {
        let Some(known) = self.sources.iter_mut().find(|it| *it.setup.source == *source) else { return };
        let is_other = known.state.identity.as_ref().is_some_and(|it| is_another(it, &identity));
        known.state.identity = Some(identity);
        if is_other {
            self.handle_device(now, source, ids);
        }
    }

    fn note_word(&mut self, now: Uptime, place: usize, notice: Notice) {
        let Some(source) = self.sources.get_mut(place) else { return };
        source.state.heard_at = now;
        match notice {
            Notice::Alarms(mut alarms) => {
                alarms.truncate(DEVICE_ALARMS_MAX);
                source.state.device_alarms = Some(alarms);
            }
            Notice::Limits(limits) => source.state.bedside_limits = Some(limits),
            Notice::Identity(_) | Notice::BatteryLow(_) | Notice::Apnea(_) | Notice::CuffInflating(_) => {}
        }
    }

    /// Puts a device's own alarms, and the limits set on it, before their alarms here.
    pub(super) fn judge_device(&mut self, now: Uptime, place: usize) {
        let Some(source) = self.sources.get(place).filter(|_| !self.is_resting()) else { return };
        let said_nothing = source.state.device_alarms.is_none() && source.state.bedside_limits.is_none();
        if said_nothing && !self.technical.keys().any(Key::is_of_notice) {
            return;
        }
        let (name, said) = (Arc::clone(&source.setup.source), source.state.heard_at);
        let gap = source.gap(self.policy.timing.gap_tolerance);
        let silent = source.state.is_silent();
        let raised = source.state.device_alarms.as_deref().filter(|_| !silent);
        let word = |is_there: Option<bool>| Word { said, ..is_there.map_or(Word::VOID, Word::plain) };

        let keyed = |it: &DeviceAlarm| (Key::of_device(&name, it), it.priority);
        let listed: Vec<(Key, Option<Priority>)> = raised.into_iter().flatten().map(keyed).collect();
        let open = self.technical.keys().filter(|it| it.is_device_alarm() && it.is_of(&name));
        let keys: BTreeSet<Key> = open.cloned().chain(listed.iter().map(|(key, _)| key.clone())).collect();
        let is_known = raised.is_some();
        let difference = source.state.bedside_limits.as_ref().map(|limits| differences(limits, &self.policy));

        for key in keys {
            let found = listed.iter().find(|(it, _)| *it == key);
            let rule = key.rule(&self.policy.technical);
            let it = self
                .technical
                .entry(key.clone())
                .or_insert_with(|| TechnicalAlarm::of_device(key.own_code()));
            if let (Some((_, priority)), Trouble::Device(about)) = (found, key.trouble) {
                it.priority = Some(priority.unwrap_or(assumed(about)));
            }
            it.take(now, word(is_known.then_some(found.is_some())), rule, gap);
        }
        let key = Key::new(Trouble::LimitsDiffer, &name);
        let differs = difference.as_ref().map(|it| !it.is_empty()).filter(|_| !silent);
        if differs == Some(true) || self.technical.contains_key(&key) {
            let rule = key.rule(&self.policy.technical);
            let it = self.technical.entry(key).or_insert_with_key(|key| TechnicalAlarm::new(key.trouble));
            if let Some(words) = difference.filter(|it| !it.is_empty()) {
                it.take_cause(words);
            }
            it.take(now, word(differs), rule, gap);
        }
    }
}

/// Whether a device is certainly not the one before it: something that both say differs. Other software is no other device.
fn is_another(before: &DeviceIdentity, now: &DeviceIdentity) -> bool {
    let differ = |a: &Option<String>, b: &Option<String>| matches!((a, b), (Some(a), Some(b)) if a != b);
    differ(&before.serial, &now.serial)
        || differ(&before.model, &now.model)
        || differ(&before.make, &now.make)
}

/// How urgent an alarm is of which its device does not say it: clinical judgement.
fn assumed(about: About) -> Priority {
    match about {
        About::Apnea => Priority::High,
        About::Limit(..) | About::Patient | About::Unknown => Priority::Medium,
        About::Equipment => Priority::Low,
    }
}

/// Where the limits set on a device are not ours, in words; empty where they agree. A vital without a rule here has nothing
/// to be compared with.
fn differences(limits: &BedsideLimits, policy: &AlarmPolicy) -> String {
    let ours = |vital, side| policy.rules.get(&(vital, side)).map(|it| it.limit.limit);
    let words = |it: Option<Quantity>| it.map_or_else(|| "off".into(), |it| alloc::format!("{it}"));
    let sides = |it: &crate::notice::BedsideLimit| {
        let (vital, low, high) = (it.vital, it.low, it.high);
        [(Direction::Low, "low", low), (Direction::High, "high", high)].into_iter().filter_map(
            move |(side, name, theirs)| {
                let ours = ours(vital, side)?;
                let label = vital.properties().label;
                (theirs != Some(ours))
                    .then(|| alloc::format!("{label} {name} {} there, {ours} here", words(theirs)))
            },
        )
    };
    limits.0.iter().flat_map(sides).collect::<Vec<_>>().join("; ")
}
