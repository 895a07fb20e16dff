//! What a replay came to, for people: each rule with its alarms.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use vitals::alarm::event::{AlarmEvent, Code, Phase, Priority};
use vitals::alarm::policy::AlarmPolicy;
use vitals::time::Uptime;

use super::table::Table;

/// What the records said, rule by rule.
#[derive(Debug, Default)]
pub(super) struct Summary {
    rules: BTreeMap<Code, RuleSummary>,
}

#[derive(Debug, Default)]
struct RuleSummary {
    alarms: u32,
    high: u32,
    longest: Duration,
    open: BTreeMap<u64, (Uptime, bool)>,
}

impl Summary {
    /// Counts a record.
    pub(super) fn note(&mut self, event: &AlarmEvent) {
        let rule = self.rules.entry(event.code).or_default();
        let (since, was_high) = rule.open.remove(&event.id.number).unwrap_or((event.at, false));
        let is_high = was_high || event.peak_priority == Priority::High;
        rule.alarms += u32::from(event.phase == Phase::Start);
        rule.high += u32::from(is_high && !was_high);
        rule.longest = rule.longest.max(event.at.since(since));
        if !matches!(event.phase, Phase::End | Phase::Reset) {
            rule.open.insert(event.id.number, (since, is_high));
        }
    }

    /// Writes a line for each rule; a rule that never alarmed is a line too.
    pub(super) fn write(&self, talk: &mut impl Write, policy: &AlarmPolicy) -> io::Result<()> {
        writeln!(talk, "{:<24} {:>7} {:>7} {:>10} {:>7}", "rule", "alarms", "high", "longest", "open")?;
        let quiet = RuleSummary::default();
        let limits = policy.rules.keys().map(|(vital, direction)| Code::Limit(*vital, *direction));
        let apnea = policy.apnea.keys().map(|vital| Code::Apnea(*vital));
        let technical = [Code::SensorOff, Code::NoValue, Code::NoData];
        let rules: Vec<Code> = limits.chain(apnea).chain(technical).collect();
        let others = self.rules.keys().filter(|it| !rules.contains(it));
        for code in rules.iter().chain(others) {
            let it = self.rules.get(code).unwrap_or(&quiet);
            let (name, longest, open) = (code.to_string(), seconds(it.longest), it.open.len());
            writeln!(talk, "{name:<24} {:>7} {:>7} {longest:>10} {open:>7}", it.alarms, it.high)?;
        }
        Ok(())
    }
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

fn seconds(it: Duration) -> String {
    format!("{}.{:03} s", it.as_secs(), it.subsec_millis())
}
