//! Alarm burden: which rules make most noise, and what another delay would have done to these very numbers.
//!
//! Each figure is a run of the engine over the whole table with one delay changed, and no estimate from how long alarms
//! lasted: a longer delay also lets some alarms fall together. Whether an alarm that would have gone was wanted, the
//! numbers alone cannot say.

use std::io::{self, Write};
use std::time::Duration;

use vitals::alarm::event::Code;
use vitals::alarm::policy::AlarmPolicy;

use super::error::ReplayError;
use super::summary::{Summary, per_day};
use super::table::Table;

/// How many rules are looked at.
const LOUDEST: usize = 3;
/// What is added to a delay.
const LONGER: [Duration; 3] = [Duration::from_secs(5), Duration::from_secs(15), Duration::from_secs(30)];

/// The burden of a table under a policy.
#[derive(Debug)]
pub(super) struct Burden {
    rules: Vec<RuleBurden>,
    all: u32,
    /// How many there would have been without any delay.
    at_once: u32,
    length: Duration,
}

#[derive(Debug)]
struct RuleBurden {
    code: Code,
    alarms: u32,
    /// Its delay, and how many alarms there would have been with each other; none: it has no delay.
    delays: Option<(Duration, Vec<(Duration, u32)>)>,
}

/// Weighs a table; `again` plays it with another policy.
pub(super) fn weigh(
    policy: &AlarmPolicy,
    summary: &Summary,
    table: &Table,
    again: impl Fn(AlarmPolicy) -> Result<Summary, ReplayError>,
) -> Result<Burden, ReplayError> {
    let mut rules = Vec::new();
    for code in summary.loudest().into_iter().take(LOUDEST) {
        let mut changed = policy.clone();
        let delays = match delay(&mut changed, code).copied() {
            None => None,
            Some(own) => {
                let mut others = Vec::new();
                for other in std::iter::once(Duration::ZERO).chain(LONGER.map(|it| own + it)) {
                    let mut changed = policy.clone();
                    if let Some(delay) = delay(&mut changed, code) {
                        *delay = other;
                    }
                    others.push((other, again(changed)?.alarms(code)));
                }
                Some((own, others))
            }
        };
        rules.push(RuleBurden { code, alarms: summary.alarms(code), delays });
    }
    let at_once = again(without_delays(policy))?.all();
    Ok(Burden { rules, all: summary.all(), at_once, length: table.length() })
}

/// The delay of a rule's alarm limit, where it has one that counts. That of the extreme limit is never touched: it is
/// there so that no longer delay hides what is grave.
fn delay(policy: &mut AlarmPolicy, code: Code) -> Option<&mut Duration> {
    match code {
        Code::Limit(vital, _) if vital.is_discrete() => None,
        Code::Limit(vital, direction) => {
            policy.rules.get_mut(&(vital, direction)).map(|it| &mut it.limit.delay)
        }
        Code::SensorOff => Some(&mut policy.technical.sensor_off.delay),
        Code::NoValue => Some(&mut policy.technical.no_value.delay),
        _ => None,
    }
}

/// The same limits, each at once.
fn without_delays(policy: &AlarmPolicy) -> AlarmPolicy {
    let mut policy = policy.clone();
    for rule in policy.rules.values_mut() {
        rule.limit.delay = Duration::ZERO;
        if let Some(extreme) = &mut rule.extreme {
            extreme.delay = Duration::ZERO;
        }
    }
    policy.technical.sensor_off.delay = Duration::ZERO;
    policy.technical.no_value.delay = Duration::ZERO;
    policy
}

impl Burden {
    /// Writes a line for each of the loudest rules, and one for all delays together.
    pub(super) fn write(&self, talk: &mut impl Write) -> io::Result<()> {
        writeln!(talk, "what makes most noise, and what another delay of the alarm limit would have done:")?;
        for it in &self.rules {
            let name = it.code.to_string();
            match &it.delays {
                None => writeln!(talk, "  {name:<22} {:>5} alarms; it has no delay", it.alarms)?,
                Some((own, others)) => {
                    let told = others.iter().map(|(delay, alarms)| {
                        format!("{} s {alarms} ({})", delay.as_secs(), change(it.alarms, *alarms))
                    });
                    let told = told.collect::<Vec<_>>().join(", ");
                    writeln!(talk, "  {name:<22} {:>5} alarms at {} s: {told}", it.alarms, own.as_secs())?;
                }
            }
        }
        let Self { all, at_once, length, .. } = self;
        writeln!(
            talk,
            "  without any delay: {at_once} alarms, {} a patient-day; with them: {all}, {} ({})",
            per_day(*at_once, *length),
            per_day(*all, *length),
            change(*at_once, *all),
        )
    }
}

/// What share more or less the second is.
fn change(from: u32, to: u32) -> String {
    let difference = (i64::from(to) - i64::from(from)) * 100;
    difference.checked_div(i64::from(from)).map_or("-".into(), |it| format!("{it:+} %"))
}
