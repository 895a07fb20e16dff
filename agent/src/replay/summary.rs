//! What a replay came to, for people: each rule with its alarms, and what that is for a patient and day.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use vitals::alarm::event::{AlarmEvent, Code, Condition, Phase, Priority};
use vitals::alarm::policy::AlarmPolicy;
use vitals::time::Uptime;

use super::table::Table;

/// A patient-day, ms.
const DAY_MS: u128 = 86_400_000;

/// What the records said, rule by rule.
#[derive(Debug, Default)]
pub(super) struct Summary {
    rules: BTreeMap<Code, RuleSummary>,
    /// When the newest record was.
    last: Uptime,
    /// How many conditions are present, and since when at least one is.
    present: usize,
    present_since: Option<Uptime>,
    /// How long at least one was.
    in_alarm: Duration,
    /// Every alarm's life, in order of birth.
    lives: Vec<(Code, u64, Life)>,
}

/// From when to when the condition of an alarm was present first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Life {
    pub(super) decided: Uptime,
    /// `None`: it still is.
    pub(super) until: Option<Uptime>,
}

#[derive(Debug, Default)]
struct RuleSummary {
    alarms: u32,
    /// Alarms by their greatest priority: low, medium, high.
    peaks: [u32; 3],
    longest: Duration,
    /// How long its condition was present, without those that still are.
    lasted: Duration,
    open: BTreeMap<u64, Open>,
}

/// An alarm that has not ended.
#[derive(Debug)]
struct Open {
    /// Since when its condition is present; `None`: only its signal is left.
    since: Option<Uptime>,
    peak: Priority,
}

impl Summary {
    /// Counts a record. In alarm is an alarm while its condition is there or may be there, latched signals apart: in a
    /// replay nobody resets them.
    pub(super) fn note(&mut self, event: &AlarmEvent) {
        self.last = event.at;
        let rule = self.rules.entry(event.code).or_default();
        let before = rule.open.remove(&event.id.number);
        let since = before.as_ref().and_then(|it| it.since);
        rule.alarms += u32::from(event.phase == Phase::Start);
        if event.phase == Phase::Start {
            let life = Life { decided: event.decided_at, until: None };
            self.lives.push((event.code, event.id.number, life));
        }
        let is_over = event.phase.is_over();
        let is_present = !is_over && event.condition != Condition::Clear;
        if let Some(since) = since {
            rule.longest = rule.longest.max(event.at.since(since));
            if !is_present {
                rule.lasted += event.at.since(since);
                end(&mut self.lives, event);
            }
        }
        if is_over {
            rule.peak(event.peak_priority);
        } else {
            let since = is_present.then(|| since.unwrap_or(event.at));
            rule.open.insert(event.id.number, Open { since, peak: event.peak_priority });
        }
        self.present = self.present + usize::from(is_present) - usize::from(since.is_some());
        match (self.present, self.present_since) {
            (0, Some(since)) => {
                self.in_alarm += event.at.since(since);
                self.present_since = None;
            }
            (1.., None) => self.present_since = Some(event.at),
            _ => {}
        }
    }

    /// How many alarms of a rule there were.
    pub(super) fn alarms(&self, code: Code) -> u32 {
        self.rules.get(&code).map_or(0, |it| it.alarms)
    }

    /// The lives of a rule's alarms, in order.
    pub(super) fn lives(&self, code: Code) -> impl Iterator<Item = Life> {
        self.lives.iter().filter(move |(of, ..)| *of == code).map(|(.., life)| *life)
    }

    /// How many alarms there were.
    pub(super) fn all(&self) -> u32 {
        self.rules.values().map(|it| it.alarms).sum()
    }

    /// The rules that alarmed, the loudest first.
    pub(super) fn loudest(&self) -> Vec<Code> {
        let mut rules: Vec<(&Code, u32)> = self.rules.iter().map(|(code, it)| (code, it.alarms)).collect();
        rules.retain(|(_, alarms)| *alarms > 0);
        rules.sort_by_key(|(code, alarms)| (std::cmp::Reverse(*alarms), **code));
        rules.into_iter().map(|(code, _)| *code).collect()
    }

    /// Writes a line for each rule, and one for all; a rule that never alarmed is a line too. Without a table there are no
    /// patient-days.
    pub(super) fn write(
        &self,
        talk: &mut impl Write,
        policy: &AlarmPolicy,
        table: Option<&Table>,
    ) -> io::Result<()> {
        writeln!(
            talk,
            "{:<24} {:>7} {:>8} {:>5} {:>6} {:>5} {:>12} {:>10} {:>5}",
            "rule", "alarms", "per day", "high", "medium", "low", "in alarm", "longest", "open"
        )?;
        let span = Span {
            length: table.map_or(Duration::ZERO, Table::length),
            end: table.and_then(|it| it.rows.last()).map_or(self.last, |row| row.at),
        };
        let quiet = RuleSummary::default();
        let limits = policy.rules.keys().map(|(vital, direction)| Code::Limit(*vital, *direction));
        let apnea = policy.apnea.keys().map(|vital| Code::Apnea(*vital));
        let technical = [Code::SensorOff, Code::NoValue, Code::NoData];
        let rules: Vec<Code> = limits.chain(apnea).chain(technical).collect();
        let others = self.rules.keys().filter(|it| !rules.contains(it));
        for code in rules.iter().chain(others) {
            self.rules.get(code).unwrap_or(&quiet).write(talk, &code.to_string(), span)?;
        }
        let Span { length, end } = span;
        if length.is_zero() {
            return Ok(());
        }
        let in_alarm = self.in_alarm + self.present_since.map_or(Duration::ZERO, |since| end.since(since));
        let all = per_day(self.all(), length);
        let share = in_alarm.as_millis() * 1000 / length.as_millis().max(1);
        writeln!(
            talk,
            "{} alarms, {all} a patient-day over {} of a day; in alarm {} of the time",
            self.all(),
            thousandths(length.as_millis() * 1000 / DAY_MS),
            percent(share),
        )
    }
}

/// Notes that the condition of an alarm is present no longer.
fn end(lives: &mut [(Code, u64, Life)], event: &AlarmEvent) {
    let mut newest = lives.iter_mut().rev();
    let its = newest.find(|(code, number, _)| (*code, *number) == (event.code, event.id.number));
    if let Some((.., life)) = its {
        life.until.get_or_insert(event.at);
    }
}

/// Over what alarms are counted.
#[derive(Debug, Clone, Copy)]
struct Span {
    length: Duration,
    end: Uptime,
}

/// Writes what was played: rows, period, rules, and what was refused.
pub(super) fn write_table(
    talk: &mut impl Write,
    policy: &AlarmPolicy,
    table: &Table,
    period: Duration,
) -> io::Result<()> {
    if !table.refused.is_empty() {
        let lines: Vec<String> = table.refused.iter().take(10).map(ToString::to_string).collect();
        let (count, lines) = (table.refused.len(), lines.join(", "));
        writeln!(talk, "refused {count} rows that are earlier than the row above them: lines {lines}")?;
    }
    let (rows, step) = (table.rows.len(), seconds(period));
    writeln!(talk, "{rows} rows, period {step}, profile {}, rules {}", policy.profile, policy.hash)
}

impl RuleSummary {
    fn peak(&mut self, priority: Priority) {
        let [low, medium, high] = &mut self.peaks;
        match priority {
            Priority::Low => *low += 1,
            Priority::Medium => *medium += 1,
            Priority::High => *high += 1,
        }
    }

    fn write(&self, talk: &mut impl Write, name: &str, Span { length, end }: Span) -> io::Result<()> {
        let mut all = Self { alarms: self.alarms, peaks: self.peaks, ..Self::default() };
        let (mut lasted, mut longest) = (self.lasted, self.longest);
        for it in self.open.values() {
            all.peak(it.peak);
            let still = it.since.map_or(Duration::ZERO, |since| end.since(since));
            lasted += still;
            longest = longest.max(still);
        }
        let ([low, medium, high], open) = (all.peaks, self.open.len());
        let (alarms, day) = (self.alarms, per_day(self.alarms, length));
        let (lasted, longest) = (seconds(lasted), seconds(longest));
        writeln!(
            talk,
            "{name:<24} {alarms:>7} {day:>8} {high:>5} {medium:>6} {low:>5} {lasted:>12} {longest:>10} {open:>5}"
        )
    }
}

/// How many that is for a patient and day, one decimal.
pub(super) fn per_day(alarms: u32, length: Duration) -> String {
    let tenths = (u128::from(alarms) * DAY_MS * 10).checked_div(length.as_millis());
    tenths.map_or("-".into(), |it| format!("{}.{}", it / 10, it % 10))
}

/// A delay as people write it.
pub(super) fn seconds(it: Duration) -> String {
    format!("{}.{:03} s", it.as_secs(), it.subsec_millis())
}

fn thousandths(it: u128) -> String {
    format!("{}.{:03}", it / 1000, it % 1000)
}

fn percent(thousandths: u128) -> String {
    format!("{}.{} %", thousandths / 10, thousandths % 10)
}
